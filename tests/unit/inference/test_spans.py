from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.inference.spans import Locator
from nlp_service.text.normalise import normalise, normalise_batch, render
from nlp_service.types import Span

FAMILY = "👨\u200d👩\u200d👧"

PIECES = [
    "快递",
    "Ａ",
    "ＶＸ",
    "，",
    "！！！！！",
    " ",
    "\n",
    "[微笑]",
    "[没有这个]",
    "[",
    FAMILY,
    "👍🏽",
    "é",
    "e\u0301",
    "z\u0336\u0301\u0489",
    "\u0301",
    "\u200b",
    "\u202e",
    "\u200d",
    "㎏",
    "…",
    "㍿",
    "\ud83d",
    "\ude00",
    "\0",
    "\U000f0000",
    "哈哈哈哈哈哈",
    "111111",
]

TEXTS = st.lists(
    st.lists(st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=())), max_size=12).map("".join),
    min_size=1,
    max_size=4,
)


def locate(text: str, start: int, end: int) -> tuple[Span, str | None]:
    (found,) = Locator(normalise_batch([text]), [text]).locate(*indexes((0, start, end)))
    return found


def indexes(*spans: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Message, start and end of each span, as arrays."""
    columns = np.array(spans, np.intp).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def trimmed(texts: Sequence[str], *spans: tuple[int, int, int]) -> list[tuple[int, int]]:
    locator = Locator(normalise_batch(texts), texts)
    return list(zip(*(part.tolist() for part in locator.trim(*indexes(*spans))), strict=True))


@pytest.mark.parametrize(
    ("text", "units", "sent", "read"),
    [
        ("快递没到", (0, 2), "快递", None),
        ("快递没到", (2, 4), "没到", None),
        ("加ＶＸ聊", (1, 3), "ＶＸ", "vx"),
        ("加VX聊", (1, 3), "VX", "vx"),
        ("差，退款！", (0, 5), "差，退款！", "差,退款!"),
        ("退貨", (0, 2), "退貨", "退货"),
        (f"全家{FAMILY}去吃", (2, 3), FAMILY, "👨"),
        (f"{FAMILY}好", (1, 2), "好", None),
        ("👍🏽好", (0, 1), "👍🏽", "👍"),
        ("好[微笑]吃", (1, 2), "[微笑]", None),
        ("好［微笑］吃", (0, 2), "好［微笑］", "好[微笑]"),
        ("好[微笑]吃", (2, 3), "吃", None),
        ("[没有]", (1, 3), "没有", None),
        ("cafe\u0301好", (0, 4), "cafe\u0301", "cafe"),  # what is drawn over a letter goes with it
        ("cafe\u0301好", (4, 5), "好", None),
        ("加\u200b微\u200b信", (0, 3), "加\u200b微\u200b信", "加微信"),
        ("\u200b加微", (0, 1), "加", None),
        ("重5㎏左右", (2, 4), "㎏", "kg"),
        ("重5㎏左右", (2, 3), "㎏", "k"),  # of half a character the whole is shown
        ("重5㎏左右", (3, 4), "㎏", "g"),
        ("重5㎏左右", (3, 5), "㎏左", "g左"),
        ("好…吧", (1, 4), "…", "..."),
        ("\ud83d快递", (0, 1), "\ud83d", "\ufffd"),
        ("快\ude00递", (0, 3), "快\ude00递", "快\ufffd递"),
        ("哈哈哈哈哈哈好", (0, 3), "哈哈哈哈哈哈", "哈哈哈"),  # a wall that was cut is shown whole
        ("哈哈哈哈哈哈好", (3, 4), "好", None),
        ("好  \n 吃", (0, 3), "好  \n 吃", "好 吃"),
        ("  好", (0, 1), "好", None),
    ],
)
def test_a_span_is_shown_in_the_characters_that_were_sent(
    text: str, units: tuple[int, int], sent: str, read: str | None
) -> None:
    span, said = locate(text, *units)
    assert span.text == sent == text[span.start : span.end]
    assert said == read


def test_positions_are_code_points_of_the_message() -> None:
    span, _ = locate("😀😀，退款", 3, 5)
    assert (span.start, span.end) == (3, 5)


def test_spans_of_several_messages_are_counted_within_each() -> None:
    texts = ["好评", "", "加ＶＸ", "退款"]
    locator = Locator(normalise_batch(texts), texts)
    found = locator.locate(*indexes((3, 0, 2), (0, 1, 2), (2, 1, 3)))
    assert found == [(Span(0, 2, "退款"), None), (Span(1, 2, "评"), None), (Span(1, 3, "ＶＸ"), "vx")]


def test_an_emoticon_is_spelt_out_in_its_own_span_only() -> None:
    texts = ["［微笑］ＶＸ", "ＶＸ"]
    locator = Locator(normalise_batch(texts), texts)
    found = locator.locate(*indexes((0, 0, 1), (0, 1, 3), (0, 0, 3), (1, 0, 2)))
    assert [read for _, read in found] == ["[微笑]", "vx", "[微笑]vx", "vx"]


def test_messages_with_units_are_told_from_those_without() -> None:
    texts = ["好", "", "\u200b", "退款", "  "]
    locator = Locator(normalise_batch(texts), texts)
    assert locator.has_units(slice(0, 5)).tolist() == [True, False, False, True, False]
    assert locator.has_units(slice(2, 4)).tolist() == [False, True]


@pytest.mark.parametrize("span", [(0, 1, 1), (0, 2, 1), (1, 0, 0)])
def test_a_span_of_no_units_is_refused(span: tuple[int, int, int]) -> None:
    texts = ["快递没到", ""]
    with pytest.raises(ValueError, match="no units"):
        Locator(normalise_batch(texts), texts).locate(*indexes(span))


def test_no_spans_are_no_spans_even_of_no_messages() -> None:
    for texts in ([], [""], ["快递"]):
        locator = Locator(normalise_batch(texts), texts)
        assert locator.locate(*indexes()) == []
        assert [part.tolist() for part in locator.trim(*indexes())[:2]] == [[], []]


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [
        ("快递没到", (1, 3), (1, 3)),
        ("，快递，", (0, 4), (1, 3)),
        ("快递，没到", (0, 5), (0, 5)),  # within, they stay
        ("快递，没到", (0, 3), (0, 2)),
        ("快递，没到", (2, 4), (3, 4)),
        ("《快递》", (0, 4), (1, 3)),
        ("好 吃", (0, 2), (0, 1)),
        ("好 吃", (1, 3), (2, 3)),
        ("快！？递", (1, 3), (1, 3)),  # of nothing else: whole
        ("？！？", (0, 2), (0, 2)),
        ("快！？", (2, 3), (2, 3)),
        ("好，👍！", (1, 4), (2, 3)),  # a picture is no punctuation
        ("，[微笑]，", (0, 3), (1, 2)),
        ("，￥5，", (0, 4), (1, 3)),  # nor is a sign of money
    ],
)
def test_spaces_and_punctuation_at_the_ends_are_cut_off(
    text: str, units: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert trimmed([text], (0, *units)) == [expected]


def test_trimming_stays_within_the_message() -> None:
    texts = ["快递", "，，", "，退款", "！"]
    spans = [(0, 0, 2), (1, 0, 2), (2, 0, 1), (2, 0, 3), (3, 0, 1)]
    assert trimmed(texts, *spans) == [(0, 2), (0, 2), (0, 1), (1, 3), (0, 1)]


def test_messages_of_punctuation_only_are_left_whole() -> None:
    assert trimmed(["？！", "……"], (0, 0, 2), (1, 0, 1)) == [(0, 2), (0, 1)]


def draw_spans(texts: list[str], data: st.DataObject) -> list[tuple[int, int, int]]:
    """A span of each message that has units."""
    spans = []
    for i, text in enumerate(texts):
        if n := len(normalise(text)):
            start = data.draw(st.integers(0, n - 1))
            spans.append((i, start, data.draw(st.integers(start + 1, n))))
    return spans


@given(TEXTS, st.data())
def test_every_span_holds_what_the_message_has_there(texts: list[str], data: st.DataObject) -> None:
    spans = draw_spans(texts, data)
    found = Locator(normalise_batch(texts), texts).locate(*indexes(*spans))
    for (i, start, end), (span, read) in zip(spans, found, strict=True):
        text = normalise(texts[i])
        assert 0 <= span.start < span.end <= len(texts[i])
        assert span.text == texts[i][span.start : span.end]
        assert (span.start, span.end) == text.span(start, end)
        spelt = render(text.units[start:end])
        assert read == (spelt if spelt != span.text else None)
        assert (type(span.start), type(span.end)) == (int, int)


@given(TEXTS, st.data())
def test_a_trimmed_span_is_a_part_that_is_not_empty(texts: list[str], data: st.DataObject) -> None:
    spans = draw_spans(texts, data)
    for (_, start, end), (left, right) in zip(spans, trimmed(texts, *spans), strict=True):
        assert start <= left < right <= end


@given(TEXTS, st.data())
def test_trimming_again_changes_nothing(texts: list[str], data: st.DataObject) -> None:
    spans = draw_spans(texts, data)
    once = trimmed(texts, *spans)
    assert trimmed(texts, *((i, *span) for (i, _, _), span in zip(spans, once, strict=True))) == once
