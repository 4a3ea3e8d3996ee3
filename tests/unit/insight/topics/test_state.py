"""The state as bytes: the same for the same state, and nothing else is taken."""

import numpy as np
import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.topics import TopicState, advance
from tests.unit.insight.topics.talks import OPTIONS, embed, follow, on, talk


@pytest.fixture(scope="module")
def state() -> TopicState:
    return follow([talk(day, ["coffee", "pets"]) for day in range(3)])[0]


def test_a_state_goes_on_from_its_bytes_as_from_itself(state):
    again = TopicState.from_bytes(state.to_bytes())
    assert again.to_bytes() == state.to_bytes()
    next_day = talk(3, ["coffee", "phones"])
    one, two = (advance(each, on(3), next_day, embed, OPTIONS) for each in (state, again))
    assert one[0].to_bytes() == two[0].to_bytes()
    assert (one[1] == two[1]).all()
    assert one[2] == two[2]


def test_the_state_before_the_first_day_has_bytes_too():
    assert TopicState.from_bytes(TopicState().to_bytes()).day == 0


@pytest.mark.parametrize("place", [0, 9, 20, 60, -1])
def test_a_changed_byte_is_found(state, place):
    data = bytearray(state.to_bytes())
    data[place] ^= 1
    with pytest.raises(BadInput) as error:
        TopicState.from_bytes(bytes(data))
    assert error.value.param == "state"


@pytest.mark.parametrize("length", [0, 5, 20, 41, 42, 1000])
def test_a_state_cut_short_is_refused(state, length):
    with pytest.raises(BadInput):
        TopicState.from_bytes(state.to_bytes()[:length])


def test_another_version_is_named(state):
    data = bytearray(state.to_bytes())
    data[8] = 9
    with pytest.raises(BadInput, match="version 9"):
        TopicState.from_bytes(bytes(data))


def test_columns_that_do_not_fit_together_are_refused(state):
    from dataclasses import replace

    broken = replace(state, topics=replace(state.topics, mass=np.zeros(1, np.float32)))
    with pytest.raises(BadInput, match="fit together"):
        TopicState.from_bytes(broken.to_bytes())
