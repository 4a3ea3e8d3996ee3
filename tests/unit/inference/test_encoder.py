from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.inference import artifact
from nlp_service.inference.encoder import MAX_CELLS, MAX_ROWS, Encoded, OnnxEncoder
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
    """What the encoder says of one message, without what lies beyond its end."""

    logits: np.ndarray
    vector: np.ndarray
    contributions: np.ndarray
    tags: np.ndarray
    states: np.ndarray


def runs(encoder: OnnxEncoder, texts: Sequence[str]) -> list[Encoded]:
    return list(encoder.encode(normalise_batch(texts)))


def encode(encoder: OnnxEncoder, texts: Sequence[str]) -> list[One]:
    """What is said of each message, in the order of the messages."""
    found: dict[int, One] = {}
    for run in runs(encoder, texts):
        for i, (row, length) in enumerate(zip(run.rows.tolist(), run.lengths.tolist(), strict=True)):
            positions = (part[i, :length] for part in (run.contributions, run.tags, run.states))
            found[row] = One(run.logits[i], run.vectors[i], *positions)
    return [found[i] for i in range(len(texts))]


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


def test_every_message_is_in_exactly_one_run(encoder: OnnxEncoder) -> None:
    texts = TEXTS * 9
    rows = np.concatenate([run.rows for run in runs(encoder, texts)])
    assert sorted(rows.tolist()) == list(range(len(texts)))


def test_no_messages_need_no_run(encoder: OnnxEncoder) -> None:
    assert runs(encoder, []) == []


@pytest.mark.parametrize("texts", [[""], ["", ""], ["\u200b", "  ", ""]])
def test_messages_without_units_count_as_one_position(encoder: OnnxEncoder, texts: list[str]) -> None:
    (run,) = runs(encoder, texts)
    assert run.lengths.tolist() == [1] * len(texts)
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
    assert run.lengths.tolist() == [2, 4]
    assert run.logits.shape == (2, N_OUTPUTS)
    assert run.contributions.shape == (2, 4, N_OUTPUTS)
    assert run.tags.shape == (2, 4, 3)
    assert run.states.shape == (2, 4, width)
    assert {part.dtype for part in run[2:]} == {np.dtype(np.float32)}


def test_nothing_is_contributed_beyond_the_end_of_a_message(encoder: OnnxEncoder) -> None:
    for run in runs(encoder, TEXTS):
        beyond = np.arange(run.contributions.shape[1]) >= run.lengths[:, None]
        assert (run.contributions[beyond] == 0).all()


def test_each_position_of_a_message_can_contribute(encoder: OnnxEncoder) -> None:
    one = encode(encoder, ["快递一周没到怎么回事"])[0]
    assert (np.abs(one.contributions).max(1) > 0).all()


def test_the_limits_of_a_run_are_kept(encoder: OnnxEncoder) -> None:
    texts = ["甲乙丙丁戊"[: 1 + i % 5] * (1 + i % 60) for i in range(300)]
    found = runs(encoder, texts)
    for run in found:
        assert len(run.rows) <= MAX_ROWS
        assert len(run.rows) * int(run.lengths.max()) <= MAX_CELLS
    # Runs are not cut for nothing either: they are about as few as their cells and rows allow.
    assert len(found) <= 1.3 * sum(map(len, texts)) / MAX_CELLS + 300 / MAX_ROWS + 1


def test_a_run_is_as_full_as_it_may_be(encoder: OnnxEncoder) -> None:
    assert [len(run.rows) for run in runs(encoder, ["好"] * (MAX_ROWS + 1))] == [MAX_ROWS, 1]
    long = "甲乙" * (MAX_CELLS // 16)  # eight of these are exactly the cells of a run
    assert [len(run.rows) for run in runs(encoder, [long] * 9)] == [8, 1]


def test_one_longer_message_passes_by_itself(encoder: OnnxEncoder) -> None:
    longer = "甲乙丙" * (MAX_CELLS // 3 + 1)
    found = runs(encoder, ["好", longer, "坏"])
    assert [len(run.rows) for run in found] == [2, 1]
    assert int(found[-1].lengths[0]) == len(longer) > MAX_CELLS
    assert np.isfinite(found[-1].logits).all()


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
