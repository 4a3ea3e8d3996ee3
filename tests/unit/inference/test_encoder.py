from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.inference import artifact
from nlp_service.inference.encoder import MAX_ROWS, MAX_UNITS, Encoded, OnnxEncoder
from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.inference.lookup import Lookup
from nlp_service.text.normalise import normalise_batch
from nlp_service.wiring import TIERS

TEXTS = [
    "快递一周没到，怎么回事？",
    "好",
    "",
    "今天去了新开的店，环境不错，下次还来[微笑]",
    "退款！！！",
    "\u200b",
    "这款手机用了半年，电池掉得飞快，客服让我自己去修，来回路费谁出？" * 3,
    "ok",
    "天气真好啊，适合出门走走",
]


@pytest.fixture(scope="module")
def encoder() -> OnnxEncoder:
    loaded = artifact.load(TIERS["fast"])
    return OnnxEncoder(loaded.content("encoder.onnx"), Lookup(**loaded.arrays("vocabulary.npz")))


class One(NamedTuple):
    """What the encoder says of one message."""

    logits: np.ndarray
    vector: np.ndarray
    embedding: np.ndarray
    weighed: np.ndarray
    tags: np.ndarray
    states: np.ndarray


def runs(encoder: OnnxEncoder, texts: Sequence[str]) -> list[Encoded]:
    return list(encoder.encode(normalise_batch(texts)))


def encode(encoder: OnnxEncoder, texts: Sequence[str]) -> list[One]:
    """What is said of each message, in the order of the messages."""
    found = []
    for run in runs(encoder, texts):
        for i, (a, b) in enumerate(itertools.pairwise(run.offsets.tolist())):
            own = (part[i] for part in (run.logits, run.vectors, run.embeddings))
            found.append(One(*own, *(part[a:b] for part in (run.weighed, run.tags, run.states))))
    assert len(found) == len(texts)
    return found


def assert_same(one: One, other: One) -> None:
    for part, its in zip(one, other, strict=True):
        np.testing.assert_allclose(part, its, rtol=0, atol=1e-5)


def test_a_message_is_encoded_the_same_alone_and_among_others(encoder: OnnxEncoder) -> None:
    for text, among in zip(TEXTS, encode(encoder, TEXTS), strict=True):
        assert_same(encode(encoder, [text])[0], among)


def test_the_order_of_a_batch_does_not_matter(encoder: OnnxEncoder) -> None:
    for one, other in zip(encode(encoder, TEXTS), encode(encoder, TEXTS[::-1])[::-1], strict=True):
        assert_same(one, other)


def test_a_message_is_encoded_the_same_beside_much_longer_ones(encoder: OnnxEncoder) -> None:
    alone = encode(encoder, ["好评"])[0]
    for others in (["不" * 9 + "错"], ["质量不错，推荐给大家" * 30], [""]):
        assert_same(alone, encode(encoder, ["好评", *others])[0])


@settings(max_examples=25)
@given(st.lists(st.text(alphabet="快递退款好坏ab1 ，？！", max_size=40), min_size=2, max_size=8), st.data())
def test_any_company_leaves_a_message_as_it_is(encoder: OnnxEncoder, texts: list[str], data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(texts) - 1))
    assert_same(encode(encoder, [texts[i]])[0], encode(encoder, texts)[i])


def test_equal_messages_are_encoded_alike(encoder: OnnxEncoder) -> None:
    first, *others = encode(encoder, ["退款退款"] * (2 * MAX_ROWS + 1))
    for other in others:
        assert_same(first, other)


def test_other_words_are_encoded_otherwise(encoder: OnnxEncoder) -> None:
    praise, anger = encode(encoder, ["这家店真好", "这家店真坏"])
    assert np.abs(praise.logits - anger.logits).max() > 1e-3
    assert np.abs(praise.vector - anger.vector).max() > 1e-3
    assert np.abs(praise.embedding - anger.embedding).max() > 1e-3


def test_messages_are_read_in_order_each_in_exactly_one_run(encoder: OnnxEncoder) -> None:
    texts = TEXTS * 9
    rows = [row for run in runs(encoder, texts) for row in range(len(texts))[run.rows]]
    assert rows == list(range(len(texts)))


def test_a_run_says_where_each_of_its_messages_begins(encoder: OnnxEncoder) -> None:
    lengths = [1 + i % 9 for i in range(2 * MAX_ROWS)]
    for run in runs(encoder, ["甲乙丙丁戊己庚辛壬"[:length] for length in lengths]):
        assert np.diff(run.offsets).tolist() == lengths[run.rows]
        assert (run.offsets[0], run.offsets[-1]) == (0, len(run.states))


def test_the_last_unit_of_a_message_and_the_first_of_the_next_are_no_pair(encoder: OnnxEncoder) -> None:
    pair = "退款"
    lookup = Lookup(**artifact.load(TIERS["fast"]).arrays("vocabulary.npz"))
    assert lookup.pair_ids(lookup.unit_ids(normalise_batch([pair])))[1]  # within one message it is a known one
    for one, other in zip(encode(encoder, list(pair)), (encode(encoder, [unit])[0] for unit in pair), strict=True):
        assert_same(one, other)


def test_no_messages_need_no_run(encoder: OnnxEncoder) -> None:
    assert runs(encoder, []) == []


@pytest.mark.parametrize("texts", [[""], ["", ""], ["\u200b", "  ", ""]])
def test_messages_without_units_count_as_one_unit(encoder: OnnxEncoder, texts: list[str]) -> None:
    (run,) = runs(encoder, texts)
    assert run.offsets.tolist() == list(range(len(texts) + 1))
    assert np.isfinite(run.logits).all()
    assert np.isfinite(run.vectors).all()
    np.testing.assert_allclose(run.logits, np.repeat(run.logits[:1], len(texts), 0), atol=1e-5)


def test_nothing_is_not_read_as_an_unknown_character(encoder: OnnxEncoder) -> None:
    nothing, unknown = encode(encoder, ["", "\U0001f9ff"])
    assert np.abs(nothing.logits - unknown.logits).max() > 1e-3


def test_shapes_and_types_are_as_documented(encoder: OnnxEncoder) -> None:
    texts = ["退款", "退货退款"]
    (run,) = runs(encoder, texts)
    width = run.vectors.shape[1]
    assert (run.first, run.rows) == (0, slice(0, 2))
    assert run.offsets.tolist() == [0, 2, 6]
    assert run.logits.shape == (2, N_OUTPUTS)
    assert run.embeddings.shape[0] == 2
    assert run.weighed.shape == run.states.shape == (6, width)
    assert run.tags.shape == (6, 3)
    assert {part.dtype for part in run[2:]} == {np.dtype(np.float32)}


def test_what_the_units_of_a_message_add_makes_up_its_vector(encoder: OnnxEncoder) -> None:
    for one in encode(encoder, TEXTS):
        np.testing.assert_allclose(one.weighed.sum(0), one.vector, rtol=0, atol=1e-5)


def test_each_unit_of_a_message_can_add_to_it(encoder: OnnxEncoder) -> None:
    one = encode(encoder, ["快递一周没到怎么回事"])[0]
    assert (np.abs(one.weighed).max(1) > 0).all()


def test_the_limits_of_a_run_are_kept_and_no_run_is_cut_for_nothing(encoder: OnnxEncoder) -> None:
    texts = ["甲乙丙丁戊"[: 1 + i % 5] * (1 + i % 60) for i in range(300)]
    lengths = np.diff(normalise_batch(texts).offsets)
    found = runs(encoder, texts)
    for run in found:
        assert len(run.logits) <= MAX_ROWS
        assert len(run.states) <= MAX_UNITS
    for run in found[:-1]:
        assert len(run.logits) == MAX_ROWS or len(run.states) + lengths[run.rows.stop] > MAX_UNITS


def test_a_run_is_as_full_as_it_may_be(encoder: OnnxEncoder) -> None:
    assert [len(run.logits) for run in runs(encoder, ["好"] * (MAX_ROWS + 1))] == [MAX_ROWS, 1]
    long = "甲乙" * (MAX_UNITS // 16)  # eight of these are exactly the units of a run
    assert [len(run.logits) for run in runs(encoder, [long] * 9)] == [8, 1]


def test_one_longer_message_passes_by_itself(encoder: OnnxEncoder) -> None:
    longer = "甲乙丙" * (MAX_UNITS // 3 + 1)
    found = runs(encoder, ["好", longer, "坏"])
    assert [len(run.states) for run in found] == [1, len(longer), 1]
    assert len(longer) > MAX_UNITS
    assert np.isfinite(found[1].logits).all()


def test_a_text_of_the_longest_length_is_encoded_the_same_among_others(encoder: OnnxEncoder) -> None:
    longest = ("快递到了，包装完好，客服回复也很快。" * 250)[:4000]
    alone, among = encode(encoder, [longest])[0], encode(encoder, ["好", longest, ""])[1]
    assert len(alone.states) == 4000
    assert_same(alone, among)


def test_more_threads_say_the_same(encoder: OnnxEncoder) -> None:
    loaded = artifact.load(TIERS["fast"])
    other = OnnxEncoder(loaded.content("encoder.onnx"), Lookup(**loaded.arrays("vocabulary.npz")), threads=2)
    for one, its in zip(encode(encoder, TEXTS), encode(other, TEXTS), strict=True):
        assert_same(one, its)
