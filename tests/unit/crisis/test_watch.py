from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.crisis.incidents import CLOSED, LONE, OPENED, REOPENED, SELF_HARM
from nlp_service.crisis.sightings import Sighting
from nlp_service.crisis.watch import Watch
from nlp_service.errors import BadInput
from tests.unit.crisis.talk import START, arriving, grave, last, ordinary, say, serious, watch

DAY = 1440.0
QUIET = ordinary(3)
EVENT = [grave(2 * DAY + 4 * i, author=f"e{i}") for i in range(8)]


def test_a_quiet_stream_gives_no_incident() -> None:
    assert not serious(watch(arriving(ordinary(14, seed=5))))


def test_an_event_is_one_incident_with_its_messages() -> None:
    (found,) = serious(watch(arriving(QUIET, EVENT)))
    assert found.category == "food_safety"
    assert {name.id for name in found.messages} == {each.id for each in EVENT}
    assert found.people == 8
    assert found.first_message_at == EVENT[0].sent_at
    assert found.channels == ("tea",)
    assert sum(point.messages for point in found.curve) == 8


def test_it_is_opened_by_the_third_message_at_the_latest() -> None:
    (found,) = serious(watch(arriving(QUIET, EVENT)))
    assert found.opened_at is not None
    assert found.opened_at <= EVENT[2].sent_at + timedelta(seconds=31)  # a message waits for 30 s for earlier ones


def test_many_complaints_of_one_kind_are_an_incident_without_any_grave_one() -> None:
    late = [
        say(2 * DAY + 3 * i, author=f"e{i}", level=1, p_watch=0.85, p_high=0.15, categories={"delivery_delay": 0.9})
        for i in range(12)
    ]
    (found,) = serious(watch(arriving(QUIET, late)))
    assert found.category == "delivery_delay"


def test_a_lone_message_of_risk_3_is_for_a_person_to_look_at() -> None:
    alone = grave(2 * DAY, level=3, p_high=0.95, p_watch=0.97)
    found = last(watch(arriving(QUIET, [alone])))
    (incident,) = found.values()
    assert (incident.kind, incident.severity, incident.opened_at) == (LONE, 1, None)
    assert incident.triggers == ("risk_3",)


def test_the_incident_of_a_lone_message_becomes_that_of_the_event() -> None:
    first = grave(2 * DAY - 1, author="e99", level=3, p_high=0.95, p_watch=0.97)
    changes = watch(arriving(QUIET, [first], EVENT))
    (found,) = serious(changes)
    assert len(last(changes)) == 1
    assert found.id == changes[0].incident.id
    assert found.noticed_at < (found.opened_at or found.noticed_at)


def test_a_lone_message_of_risk_2_is_no_incident() -> None:
    assert not watch(arriving(QUIET, [grave(2 * DAY)]))


def test_one_loud_author_is_no_event() -> None:
    loud = [
        say(2 * DAY + i, author="loud", level=1, p_watch=0.8, p_high=0.1, categories={"service_attitude": 0.8})
        for i in range(40)
    ]
    assert not serious(watch(arriving(QUIET, loud)))


def test_a_launch_or_a_match_is_no_event() -> None:
    crowd = [say(2 * DAY + i / 4, author=f"c{i}", p_watch=0.08, p_high=0.01, sentiment=-0.6) for i in range(240)]
    assert not serious(watch(arriving(QUIET, crowd)))


def test_what_is_said_every_day_is_no_event_however_grave_it_reads() -> None:
    joke = [
        grave(
            day * DAY + hour * 60 + 7 * i, author=f"j{i}", text="笑死我了这个锅有毒吧哈哈哈哈", p_high=0.5, p_watch=0.7
        )
        for day in range(12)
        for hour in (2, 9, 16, 22)
        for i in range(1 if day < 11 else 3)
    ]
    changes = watch(arriving(ordinary(12), joke))
    assert not [each for each in serious(changes) if each.noticed_at > START + timedelta(days=11)]


def test_one_event_in_two_channels_is_one_incident() -> None:
    quiet = ordinary(3, channels=("tea", "mugs"))
    event = [grave(2 * DAY + 4 * i, author=f"e{i}", channel="tea" if i % 3 else "mugs") for i in range(12)]
    (found,) = serious(watch(arriving(quiet, event)))
    assert set(found.channels) == {"tea", "mugs"}
    assert found.n_messages == 12


def test_two_events_of_two_kinds_in_two_channels_are_two_incidents() -> None:
    quiet = ordinary(3, channels=("tea", "mugs"))
    one = [grave(2 * DAY + 4 * i, author=f"e{i}") for i in range(8)]
    other = [grave(2 * DAY + 4 * i, "privacy_security", author=f"f{i}", channel="mugs") for i in range(8)]
    found = serious(watch(arriving(quiet, one, other)))
    assert sorted(each.category for each in found) == ["food_safety", "privacy_security"]


def test_a_second_wave_opens_the_incident_again() -> None:
    wave = [grave(2 * DAY + 8 * 60 + 4 * i, author=f"w{i}") for i in range(4)]
    changes = watch(arriving(QUIET, EVENT, wave, [say(3 * DAY)]))
    assert len(serious(changes)) == 1
    kinds = [change.kind for change in changes]
    assert kinds.index(CLOSED) < kinds.index(REOPENED)


def test_another_event_after_the_cool_down_is_another_incident() -> None:
    again = [grave(5 * DAY + 4 * i, author=f"w{i}") for i in range(6)]
    found = serious(watch(arriving(ordinary(6), EVENT, again)))
    assert len(found) == 2
    assert len({each.id for each in found}) == 2


def test_an_incident_is_told_about_less_often_than_it_grows() -> None:
    many = [grave(2 * DAY + i, author=f"e{i}") for i in range(100)]
    changes = watch(arriving(QUIET, many))
    assert len([change for change in changes if change.kind == OPENED]) == 1
    assert len(changes) < 20


def test_self_harm_is_private_and_never_part_of_a_burst() -> None:
    harm = [
        grave(2 * DAY + i, "self_harm", author="quiet", text=f"我第{i}次觉得撑不下去了", level=3, p_high=0.9)
        for i in range(5)
    ]
    found = last(watch(arriving(QUIET, harm)))
    (incident,) = found.values()
    assert (incident.kind, incident.private, incident.people) == (SELF_HARM, True, 1)


def test_two_people_who_may_hurt_themselves_are_two_incidents() -> None:
    harm = [grave(2 * DAY + i, "self_harm", author=f"p{i}") for i in range(2)]
    assert len(last(watch(arriving(QUIET, harm)))) == 2


def test_tenants_do_not_see_one_another() -> None:
    spread = [grave(2 * DAY + i, author=f"e{i}", tenant=f"t{i}") for i in range(6)]
    assert not serious(watch(arriving(QUIET, spread)))


def test_what_the_model_could_not_read_is_counted_and_says_nothing() -> None:
    lost = [say(2 * DAY + i, p_watch=None, p_high=None, level=0) for i in range(50)]
    assert not watch(arriving(QUIET, lost))


def test_a_duplicate_counts_once() -> None:
    twice = [msgspec.structs.replace(each, received_at=each.received_at + timedelta(seconds=40)) for each in EVENT]
    assert watch(arriving(QUIET, EVENT, twice)) == watch(arriving(QUIET, EVENT))


def test_a_message_that_comes_late_is_part_of_its_event() -> None:
    late = msgspec.structs.replace(EVENT[1], received_at=EVENT[1].sent_at + timedelta(minutes=20))
    (found,) = serious(watch(arriving(QUIET, [late], EVENT[:1], EVENT[2:])))
    assert found.n_messages == 8


def test_a_message_from_the_future_does_not_wait_for_it() -> None:
    ahead = [msgspec.structs.replace(each, sent_at=each.sent_at + timedelta(days=900)) for each in EVENT]
    guard = Watch()
    changes = guard.feed(ahead) + guard.pass_time(ahead[-1].received_at + timedelta(minutes=1))
    assert max(each.n_messages for each in last(changes).values()) >= 3


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_arrival_within_lateness_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    moved = [
        msgspec.structs.replace(each, received_at=each.sent_at + timedelta(seconds=chance.uniform(0, 29.9)))
        for each in (*QUIET, *EVENT)
    ]
    assert last(watch(arriving(moved))) == _expected()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 2000))
def test_the_size_of_deliveries_changes_nothing(size: int) -> None:
    assert last(watch(arriving(QUIET, EVENT), size=size)) == _expected()


def _expected(cache: dict[str, object] = {}) -> object:  # noqa: B006 - computed once
    if not cache:
        cache["it"] = last(watch(arriving(QUIET, EVENT)))
    return cache["it"]


@pytest.mark.parametrize("cut", [1_000, 1_300, 1_443, 1_448])
def test_a_watch_that_is_stopped_goes_on_where_it_was(cut: int) -> None:
    sightings = arriving(QUIET, EVENT)
    first = Watch()
    changes = first.feed(sightings[:cut])
    second = Watch.from_state(first.state())
    changes += second.feed(sightings[cut:])
    assert last(changes + second.finish()) == _expected()


def test_a_damaged_state_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        Watch.from_state(Watch().state()[:-3])


def test_time_alone_closes_an_incident() -> None:
    guard = Watch()
    _feed(guard, arriving(EVENT))
    changes = guard.pass_time(START + timedelta(days=2, hours=12))
    assert [change.kind for change in changes][-1] == CLOSED
    assert not serious(changes)[0].outlook


def test_what_is_usual_says_for_how_many_weeks_it_was_seen() -> None:
    guard = Watch()
    _feed(guard, arriving(ordinary(1)))
    fresh = guard.measures("shop", "forum", "tea")[0].usual
    _feed(guard, [msgspec.structs.replace(each, id=f"x{each.id}") for each in arriving(_shifted(ordinary(20), 1))])
    known = guard.measures("shop", "forum", "tea")[0].usual
    assert fresh is not None
    assert fresh.weeks == 0
    assert known is not None
    assert known.weeks >= 1
    assert known.mean == pytest.approx(20, rel=0.4)
    assert guard.measures("shop", "forum", "unknown") == ()


def _shifted(sightings: Sequence[Sighting], days: int) -> list[Sighting]:
    by = timedelta(days=days)
    return [
        msgspec.structs.replace(each, sent_at=each.sent_at + by, received_at=each.received_at + by)
        for each in sightings
    ]


def _feed(guard: Watch, sightings: Sequence[Sighting]) -> None:
    guard.feed(sightings)
    guard.finish()
