from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from nlp_service.inference.lookup import FIRST_UNIT, UNKNOWN, Lookup
from nlp_service.text.normalise import normalise_batch
from training.vocabulary import learn

TEXTS = ["甲乙甲乙丙", "", "乙甲", "丁", "甲乙[微笑]", "丙甲乙"]


def everything(texts: list[str], *, min_count: int = 1, max_units: int = 100, max_pairs: int = 100) -> Lookup:
    return learn([normalise_batch(texts)], max_units=max_units, max_pairs=max_pairs, min_count=min_count)


def pairs(lookup: Lookup) -> set[str]:
    return {
        "".join(chr(lookup.units[index - FIRST_UNIT]) for index in (key >> 16, key & 0xFFFF))
        for key in lookup.pairs.tolist()
    }


def test_units_are_kept_most_frequent_first() -> None:
    lookup = everything(["丙丙乙甲乙丙"])
    assert "".join(map(chr, lookup.units)) == "丙乙甲"


def test_units_and_pairs_are_those_of_a_counter() -> None:
    texts = [normalise_batch([text]).units.tolist() for text in TEXTS]
    counted = Counter(pair for units in texts for pair in itertools.pairwise(units))
    for least in (1, 2, 4):
        lookup = everything(TEXTS, min_count=least)
        units = Counter(unit for row in texts for unit in row)
        kept = {unit for unit, n in units.items() if n >= least}
        assert set(lookup.units.tolist()) == kept
        ids = {unit: FIRST_UNIT + i for i, unit in enumerate(lookup.units.tolist())}
        expected = {ids[a] << 16 | ids[b] for (a, b), n in counted.items() if n >= least and a in kept and b in kept}
        assert set(lookup.pairs.tolist()) == expected


def test_no_pair_crosses_from_one_text_to_the_next() -> None:
    assert pairs(everything(["甲乙", "丙丁", "", "戊"])) == {"甲乙", "丙丁"}


def test_a_pair_that_begins_a_text_counts() -> None:
    assert pairs(everything(["甲乙", "甲乙"], min_count=2)) == {"甲乙"}


def test_only_the_most_frequent_are_kept_when_there_is_no_room() -> None:
    lookup = everything(["甲乙甲乙甲乙", "丙丁", "丁戊"], max_units=2, max_pairs=1)
    assert set(map(chr, lookup.units)) == {"甲", "乙"}
    assert pairs(lookup) == {"甲乙"}
    assert lookup.unit_ids(normalise_batch(["丁"])).tolist() == [UNKNOWN]


def test_how_texts_are_batched_changes_nothing() -> None:
    whole = everything(TEXTS)
    pieces = learn((normalise_batch([text]) for text in TEXTS), max_units=100, max_pairs=100, min_count=1)
    np.testing.assert_array_equal(whole.units, pieces.units)
    np.testing.assert_array_equal(whole.pairs, pieces.pairs)


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_nothing_to_read_gives_an_empty_vocabulary(texts: list[str]) -> None:
    lookup = everything(texts)
    assert (lookup.n_ids, lookup.n_pairs) == (FIRST_UNIT, 1)
