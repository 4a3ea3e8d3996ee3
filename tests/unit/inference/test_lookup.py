from __future__ import annotations

import itertools

import numpy as np
import pytest

from nlp_service.inference.lookup import EMPTY, FIRST_UNIT, MASK, N_CODES, PAD, UNKNOWN, Lookup
from nlp_service.text.emoticons import EMOTICONS
from nlp_service.text.normalise import EMOTICON_BASE, normalise_batch

NO_PAIRS = np.array([], np.uint32)
SMILE = EMOTICON_BASE + list(EMOTICONS).index("微笑")


def units(text: str) -> np.ndarray:
    return np.array([ord(char) for char in text], np.int32)


def pair(first: int, second: int) -> int:
    return first << 16 | second


def test_units_are_numbered_as_they_are_listed() -> None:
    lookup = Lookup(units("货快到"), NO_PAIRS)
    assert lookup.unit_ids(normalise_batch(["快到货"])).tolist() == [FIRST_UNIT + 1, FIRST_UNIT + 2, FIRST_UNIT]


def test_a_unit_out_of_vocabulary_is_unknown() -> None:
    lookup = Lookup(units("快"), NO_PAIRS)
    # The last but one is beyond the basic plane, the last for private use.
    assert lookup.unit_ids(normalise_batch(["快慢😀\U000f0001"])).tolist() == [FIRST_UNIT, UNKNOWN, UNKNOWN, UNKNOWN]


def test_an_emoticon_is_one_unit_of_the_vocabulary() -> None:
    lookup = Lookup(np.array([ord("好"), SMILE], np.int32), NO_PAIRS)
    assert lookup.unit_ids(normalise_batch(["好[微笑]"])).tolist() == [FIRST_UNIT, FIRST_UNIT + 1]
    other = next(name for name in EMOTICONS if name != "微笑")
    assert lookup.unit_ids(normalise_batch([f"好[{other}]"])).tolist() == [FIRST_UNIT, UNKNOWN]


def test_messages_follow_one_another_and_empty_ones_have_no_ids() -> None:
    lookup = Lookup(units("快慢"), NO_PAIRS)
    assert lookup.unit_ids(normalise_batch(["快", "", "慢"])).tolist() == [FIRST_UNIT, FIRST_UNIT + 1]
    assert lookup.unit_ids(normalise_batch([])).tolist() == []


def test_the_last_code_can_be_known() -> None:
    batch = normalise_batch([f"[{list(EMOTICONS)[-1]}]"])
    assert Lookup(np.array([N_CODES - 1], np.int32), NO_PAIRS).unit_ids(batch).tolist() == [FIRST_UNIT]


def test_tables_need_a_row_for_each_reserved_id_and_for_the_unknown_pair() -> None:
    lookup = Lookup(units("快慢"), np.array([pair(4, 4), pair(4, 5), pair(5, 4)], np.uint32))
    assert (lookup.n_ids, lookup.n_pairs) == (6, 4)


@pytest.mark.parametrize("shape", [(400,), (20, 20), (4, 5, 20)])
def test_pairs_are_those_of_a_dictionary(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    keys = sorted({pair(*rng.integers(FIRST_UNIT, 12, 2).tolist()) for _ in range(20)})
    known = {key: i + 1 for i, key in enumerate(keys)}
    ids = rng.integers(0, 12, shape)
    found = Lookup(units("甲乙丙丁戊己庚辛"), np.array(keys, np.uint32)).pair_ids(ids)
    assert found.shape == shape
    for row, said in zip(ids.reshape(-1, shape[-1]).tolist(), found.reshape(-1, shape[-1]).tolist(), strict=True):
        expected = [known.get(pair(a, b), 0) if min(a, b) >= FIRST_UNIT else 0 for a, b in itertools.pairwise(row)]
        assert said == [0, *expected]


@pytest.mark.parametrize("reserved", [PAD, MASK, UNKNOWN, EMPTY])
def test_reserved_ids_never_pair(reserved: int) -> None:
    every = np.array([pair(a, b) for a in range(FIRST_UNIT, 8) for b in range(FIRST_UNIT, 8)], np.uint32)
    lookup = Lookup(units("甲乙丙丁"), every)
    assert lookup.pair_ids(np.array([5, reserved, 6, 7])).tolist() == [0, 0, 0, 1 + every.tolist().index(pair(6, 7))]


def test_the_first_unit_of_a_row_pairs_with_nothing() -> None:
    lookup = Lookup(units("甲"), np.array([pair(4, 4)], np.uint32))
    assert lookup.pair_ids(np.array([[4, 4], [4, 4]])).tolist() == [[0, 1], [0, 1]]


def test_pairs_of_the_highest_ids_are_found() -> None:
    n = (1 << 16) - FIRST_UNIT
    lookup = Lookup(np.arange(1, n + 1, dtype=np.int32), np.array([pair(0xFFFF, 0xFFFF)], np.uint32))
    for dtype in (np.uint16, np.int64):
        assert lookup.pair_ids(np.array([0xFFFF, 0xFFFF, 0xFFFE], dtype)).tolist() == [0, 1, 0]


def test_without_known_pairs_all_are_unknown() -> None:
    assert Lookup(units("甲"), NO_PAIRS).pair_ids(np.array([[4, 4, 4]])).tolist() == [[0, 0, 0]]


def test_no_ids_make_no_pairs() -> None:
    lookup = Lookup(units("甲"), np.array([pair(4, 4)], np.uint32))
    assert lookup.pair_ids(np.zeros((0, 5), np.int64)).shape == (0, 5)
    assert lookup.pair_ids(np.zeros((2, 0), np.int64)).shape == (2, 0)


@pytest.mark.parametrize("keys", [[pair(5, 4), pair(4, 5)], [pair(4, 5), pair(4, 5)]])
def test_pairs_out_of_order_are_refused(keys: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        Lookup(units("甲乙"), np.array(keys, np.uint32))


def test_more_units_than_sixteen_bits_number_are_refused() -> None:
    n = (1 << 16) - FIRST_UNIT
    assert Lookup(np.arange(1, n + 1, dtype=np.int32), NO_PAIRS).n_ids == 1 << 16
    with pytest.raises(ValueError, match="does not fit"):
        Lookup(np.arange(1, n + 2, dtype=np.int32), NO_PAIRS)


@pytest.mark.parametrize("codes", [[65, N_CODES], [65, -1], [65, 65]])
def test_units_that_no_text_has_or_that_stand_twice_are_refused(codes: list[int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Lookup(np.array(codes, np.int32), NO_PAIRS)


@pytest.mark.parametrize("key", [0, pair(EMPTY, 4), pair(4, EMPTY), pair(4, 6)])
def test_pairs_of_ids_that_are_no_units_are_refused(key: int) -> None:
    with pytest.raises(ValueError, match="pair"):
        Lookup(units("甲乙"), np.array([key], np.uint32))
