from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.inference.hashed import HashedKeys

WORDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=80)


@given(keys=WORDS, wanted=WORDS)
def test_finds_what_a_dictionary_finds(keys: list[int], wanted: list[int]) -> None:
    distinct = sorted(set(keys))
    known = {key: index for index, key in enumerate(distinct)}
    asked = wanted + keys
    found, at = HashedKeys(np.array(distinct, np.uint32)).find(np.array(asked, np.uint32))
    expected = [(i, known[key]) for i, key in enumerate(asked) if key in known]
    assert list(zip(found.tolist(), at.tolist(), strict=True)) == expected


@pytest.mark.parametrize("n", [1, 5, 40_000])
def test_keys_that_fall_together_are_told_apart(n: int) -> None:
    keys = np.arange(n, dtype=np.uint32) << np.uint32(8)
    found, at = HashedKeys(keys).find(keys)
    assert found.tolist() == at.tolist() == list(range(n))
    missing, _ = HashedKeys(keys).find(keys + np.uint32(1))
    assert not len(missing)


def test_nothing_is_found_among_nothing() -> None:
    found, at = HashedKeys(np.array([7], np.uint32)).find(np.zeros(0, np.uint32))
    assert len(found) == len(at) == 0
