from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.inference.ngrams import LONGEST, Grams, LinearPart, grams
from nlp_service.text.normalise import normalise_batch

TEXTS = ["快递还没到", "", "到", "快递快递", "退款[微笑]", "这家店的快递还没到"]


def of_message(found: Grams, i: int) -> Counter[tuple[int, int, int]]:
    inside = found.message == i
    return Counter(zip(*(part[inside].tolist() for part in (found.keys, found.start, found.length)), strict=True))


def contents(units: list[int]) -> Counter[tuple[int, tuple[Any, ...]]]:
    """Every run of one to four with its start, marks included, counted from the message's first unit."""
    marked = ["begin", *units, "end"]
    runs = [
        (start - 1, tuple(marked[start : start + size]))
        for size in range(1, LONGEST + 1)
        for start in range(len(marked) - size + 1)
    ]
    return Counter(run for run in runs if run[1] not in (("begin",), ("end",)))


@given(st.lists(st.text(alphabet="快递到了ab[微笑] 1", max_size=9), min_size=1, max_size=6))
def test_grams_of_a_batch_are_those_of_its_messages_alone(texts: list[str]) -> None:
    found = grams(normalise_batch(texts))
    for i, text in enumerate(texts):
        assert of_message(found, i) == of_message(grams(normalise_batch([text])), 0)


@pytest.mark.parametrize("text", TEXTS)
def test_grams_are_all_runs_and_start_and_length_say_which(text: str) -> None:
    batch = normalise_batch([text])
    found = grams(batch)
    marked = ["begin", *batch.units.tolist(), "end"]
    said = [
        (start, tuple(marked[start + 1 : start + 1 + length]))
        for start, length in zip(found.start.tolist(), found.length.tolist(), strict=True)
    ]
    assert Counter(said) == contents(batch.units.tolist())


def test_equal_runs_have_one_key_and_others_another() -> None:
    batch = normalise_batch(TEXTS)
    found = grams(batch)
    seen: dict[tuple[Any, ...], set[int]] = {}
    for key, i, start, length in zip(*(part.tolist() for part in found), strict=True):
        marked = ["begin", *batch.units[batch.offsets[i] : batch.offsets[i + 1]].tolist(), "end"]
        seen.setdefault(tuple(marked[start + 1 : start + 1 + length]), set()).add(key)
    assert all(len(keys) == 1 for keys in seen.values())
    assert len(set.union(*seen.values())) == len(seen)


def test_no_run_crosses_from_one_message_to_the_next() -> None:
    # If one did, cutting the same units elsewhere would keep its key.
    one, two = grams(normalise_batch(["甲乙", "丙丁"])), grams(normalise_batch(["甲乙丙丁"]))
    across = {key for (start, run), key in _keyed("甲乙丙丁", two) if start <= 1 < start + len(run) - 1}
    assert across
    assert across.isdisjoint(one.keys.tolist())


def _keyed(text: str, found: Grams) -> list[tuple[tuple[int, str], int]]:
    marked = f"<{text}>"
    rows = zip(found.start.tolist(), found.length.tolist(), found.keys.tolist(), strict=True)
    return [((start, marked[start + 1 : start + 1 + length]), key) for start, length, key in rows]


def test_messages_are_in_order_within_one_length() -> None:
    found = grams(normalise_batch(TEXTS))
    for size in range(1, LONGEST + 1):
        assert (np.diff(found.message[found.length == size]) >= 0).all()


def test_a_message_without_units_has_only_its_marks() -> None:
    found = grams(normalise_batch([""]))
    assert found.start.tolist() == [-1]
    assert found.length.tolist() == [2]


def test_no_messages_have_no_grams() -> None:
    found = grams(normalise_batch([]))
    assert [len(part) for part in found] == [0, 0, 0, 0]


class Made:
    """A linear part over all features of some texts, and its arrays."""

    def __init__(self, texts: list[str], n_outputs: int = 5, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.keys = np.unique(grams(normalise_batch(texts)).keys)
        self.rarity = rng.uniform(0.5, 4, len(self.keys)).astype(np.float32)
        self.weights = rng.integers(-127, 128, (len(self.keys), n_outputs)).astype(np.int8)
        self.steps = rng.uniform(0.001, 0.02, n_outputs).astype(np.float32)
        self.bias = rng.normal(size=n_outputs).astype(np.float32)
        self.part = LinearPart(self.keys, self.rarity, self.weights, self.steps, self.bias)

    def dense(self, texts: list[str]) -> np.ndarray:
        """The logits by matrices of double precision, one message after the other."""
        rows = []
        for text in texts:
            present = np.isin(self.keys, grams(normalise_batch([text])).keys)
            features = present * self.rarity.astype(float)
            features /= np.linalg.norm(features) or 1.0
            rows.append(features @ (self.weights.astype(float) * self.steps) + self.bias)
        return np.array(rows)


def test_logits_are_those_of_a_dense_product() -> None:
    made = Made(["快递还没到", "退款[微笑]"])
    texts = ["你好", *TEXTS, "快递退款还没到", "快快快递", "~"]
    known = made.part.find(grams(normalise_batch(texts)), len(texts))
    np.testing.assert_allclose(made.part.logits(known, len(texts)), made.dense(texts), rtol=1e-4, atol=1e-4)


def test_a_message_without_known_features_gets_the_bias() -> None:
    made = Made(["快递还没到"])
    texts = ["xyz", "快递", "", "uvw"]
    result = made.part.logits(made.part.find(grams(normalise_batch(texts)), 4), 4)
    np.testing.assert_array_equal(result[[0, 2, 3]], np.tile(made.bias, (3, 1)))
    assert not np.array_equal(result[1], made.bias)


def test_a_batch_without_any_known_feature_gets_the_bias() -> None:
    made = Made(["快递还没到"])
    result = made.part.logits(made.part.find(grams(normalise_batch(["xyz"])), 1), 1)
    np.testing.assert_array_equal(result, made.bias[None])


def test_logits_do_not_depend_on_the_other_messages() -> None:
    made = Made(TEXTS)
    together = made.part.logits(made.part.find(grams(normalise_batch(TEXTS)), len(TEXTS)), len(TEXTS))
    for i, text in enumerate(TEXTS):
        alone = made.part.logits(made.part.find(grams(normalise_batch([text])), 1), 1)
        np.testing.assert_allclose(alone[0], together[i], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("column", [0, 4])
def test_contributions_add_up_to_the_logit_less_the_bias(column: int) -> None:
    made = Made(TEXTS)
    known = made.part.find(grams(normalise_batch(TEXTS)), len(TEXTS))
    along = made.part.along(known, slice(None), np.eye(5, dtype=np.float32))[:, column]
    expected = made.part.logits(known, len(TEXTS))[:, column] - made.bias[column]
    np.testing.assert_allclose(np.bincount(known.message, along, len(TEXTS)), expected, rtol=1e-4, atol=1e-5)


def test_what_a_feature_adds_to_a_mix_is_the_mix_of_what_it_adds() -> None:
    made = Made(TEXTS)
    known = made.part.find(grams(normalise_batch(TEXTS)), len(TEXTS))
    features = slice(2, 7)
    mixes = np.array([[1, 0, -1, 0, 0], [0, 2, 0, 0, 0.5], [0, 0, 0, 0, 0]], np.float32)
    each = made.weights[known.row[features]] * made.steps * known.scale[features][:, None]
    np.testing.assert_allclose(made.part.along(known, features, mixes), each @ mixes.T, rtol=1e-5, atol=1e-6)


def test_a_feature_counts_once_a_message_and_points_at_its_first_place() -> None:
    made = Made(["好"])  # three features: the unit, and it with the mark before, after and both
    known = made.part.find(grams(normalise_batch(["不好好", "好"])), 2)
    unit = grams(normalise_batch(["好"])).keys[0]
    rows = np.flatnonzero(made.keys[known.row] == unit)
    assert known.message[rows].tolist() == [0, 1]
    assert known.start[rows].tolist() == [1, 0]
    assert known.length[rows].tolist() == [1, 1]


def test_features_of_a_message_have_unit_length_together() -> None:
    made = Made(["快递还没到"])
    known = made.part.find(grams(normalise_batch(["快递还没到", "快递"])), 2)
    np.testing.assert_allclose(np.bincount(known.message, known.scale**2), 1.0, rtol=1e-5)


def test_features_are_told_in_the_order_of_the_messages() -> None:
    known = Made(TEXTS).part.find(grams(normalise_batch(TEXTS)), len(TEXTS))
    assert (np.diff(known.message) >= 0).all()


KEYS, RARITY = np.array([3, 5, 9], np.uint32), np.ones(3, np.float32)
WEIGHTS, STEPS, BIAS = np.ones((3, 2), np.int8), np.ones(2, np.float32), np.zeros(2, np.float32)


@pytest.mark.parametrize("keys", [[5, 3, 9], [3, 3, 9], [3, 9, 5]])
def test_keys_out_of_order_are_refused(keys: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        LinearPart(np.array(keys, np.uint32), RARITY, WEIGHTS, STEPS, BIAS)


def test_a_part_without_features_is_refused() -> None:
    with pytest.raises(ValueError, match="keys"):
        LinearPart(KEYS[:0], RARITY[:0], WEIGHTS[:0], STEPS, BIAS)


@pytest.mark.parametrize(
    ("rarity", "weights", "steps", "bias"),
    [
        (RARITY[:2], WEIGHTS, STEPS, BIAS),
        (RARITY, WEIGHTS[:2], STEPS, BIAS),
        (RARITY, WEIGHTS[:, :1], STEPS, BIAS),
        (RARITY, WEIGHTS.T, STEPS, BIAS),
        (RARITY, WEIGHTS, STEPS[:1], BIAS),
        (RARITY, WEIGHTS, STEPS, BIAS[:1]),
        (RARITY, WEIGHTS, STEPS, BIAS[None]),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(
    rarity: np.ndarray, weights: np.ndarray, steps: np.ndarray, bias: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="fit"):
        LinearPart(KEYS, rarity, weights, steps, bias)
