import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nlp_service.text.emoticons import EMOTICONS
from nlp_service.text.normalise import EMOTICON_BASE, MAX_REPEATS, Text, message_of, normalise, normalise_batch, render

ANY = st.text(st.characters(codec=None))  # lone surrogates and NUL included
# What the rules are about, so that they meet one another often.
TRICKY = st.text(
    st.sampled_from("a1微信 \u3000\n[]［］微笑ok…①⑫㎏é\u0301\u200b\u200d\ufe0f\x00\ud800👍🏽👨👩❤ｖ！!繁體"),
    max_size=24,
)
MESSAGES = st.one_of(ANY, TRICKY)


def pieces(text: Text) -> list[str]:
    """What was typed for each unit."""
    return [text.original[a:b] for a, b in zip(text.starts.tolist(), text.ends.tolist(), strict=True)]


@given(MESSAGES)
@example("")
@example("\ud800\x00\udfff")
def test_any_string_has_units_within_it_and_in_order(message: str) -> None:
    text = normalise(message)
    assert text.original == message
    assert len(text) == len(text.units) == len(text.starts) == len(text.ends)
    assert (text.units > 0).all()
    assert (text.starts >= 0).all()
    assert (text.starts < text.ends).all()
    assert (text.ends <= len(message)).all()
    assert (np.diff(text.starts) >= 0).all()
    assert (np.diff(text.ends) >= 0).all()


@given(MESSAGES)
def test_units_of_different_characters_do_not_overlap(message: str) -> None:
    text = normalise(message)
    same = text.starts[1:] == text.starts[:-1]  # one character that stands for several
    assert (same | (text.ends[:-1] <= text.starts[1:])).all()


@given(MESSAGES, st.data())
def test_every_range_of_units_is_a_piece_of_the_original(message: str, data: st.DataObject) -> None:
    text = normalise(message)
    if not len(text):
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = text.span(start, end)
    assert 0 <= first < last <= len(message)
    assert first == text.starts[start]
    assert last == text.ends[end - 1]


@pytest.mark.parametrize(("start", "end"), [(0, 0), (-1, 1), (1, 0), (0, 3)])
def test_a_range_that_leaves_the_units_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not a range within 2"):
        normalise("你好").span(start, end)


@given(st.lists(MESSAGES, max_size=6))
@example(["👨\u200d", "👧你好"])  # a joiner joins nothing across messages
@example(["[微笑", "]"])
@example(["啊啊", "啊啊", "", "  ", " a "])
@example(["⑫", "㎏"])
def test_a_batch_gives_what_its_messages_give_alone(messages: list[str]) -> None:
    batch = normalise_batch(messages)
    assert batch.offsets.tolist()[0] == 0
    assert len(batch.offsets) == len(messages) + 1
    assert batch.offsets[-1] == len(batch.units) == len(batch.starts) == len(batch.ends)
    for number, message in enumerate(messages):
        alone = normalise(message)
        part = slice(batch.offsets[number], batch.offsets[number + 1])
        assert batch.units[part].tolist() == alone.units.tolist()
        assert batch.starts[part].tolist() == alone.starts.tolist()
        assert batch.ends[part].tolist() == alone.ends.tolist()


@given(st.lists(MESSAGES, max_size=4))
def test_a_message_of_a_batch_is_as_if_it_were_alone(messages: list[str]) -> None:
    batch = normalise_batch(messages)
    for number, message in enumerate(messages):
        text, alone = message_of(batch, number, message), normalise(message)
        assert text.original == message
        for name in ("units", "starts", "ends"):
            assert getattr(text, name).tolist() == getattr(alone, name).tolist()


def test_all_arrays_are_int32() -> None:
    for messages in ([], [""], ["你好⑫"]):
        assert {array.dtype for array in normalise_batch(messages)} == {np.dtype(np.int32)}


@given(MESSAGES)
@example("[微\u200b笑]")
@example("［ＯＫ］")
def test_what_is_normalised_stays_as_it_is(message: str) -> None:
    once = normalise(message)
    again = normalise(once.normalised)
    assert again.units.tolist() == once.units.tolist()


def test_every_code_point_settles_at_the_first_pass() -> None:
    points = [point for point in range(sys.maxunicode + 1) if point not in (ord("["), ord("]"))]
    once = normalise_batch(["a" + chr(point) + "b" for point in points])
    again = normalise_batch(
        [render(once.units[a:b]) for a, b in zip(once.offsets[:-1].tolist(), once.offsets[1:].tolist(), strict=True)]
    )
    assert again.units.tolist() == once.units.tolist()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("ＡＢＣ１２３，！", "abc123,!"),  # width and case
        ("ｱｰﾄ", "アート"),
        ("客戶服務態度極差", "客户服务态度极差"),
        ("wēixìn Café", "weixin cafe"),
        ("e\u0301 a\u0489", "e a"),  # combining marks
        ("wеixin", "weixin"),  # with a Cyrillic е
        ("微\u200b信\ufeff号\u2060", "微信号"),  # zero-width characters
        ("①⑫⑴㈠", "112(1)(一)"),
        ("㎏…Ⅷ", "kg...viii"),
        ("“好”「好」‘好’", '"好""好"\'好\''),
        ("a—b–c", "a-b-c"),
        ("\x00你\x07好", "你好"),
        ("\ud800", "\ufffd"),
        ("\ue000", "\ufffd"),  # for private use: it would be taken for an emoticon
    ],
)
def test_writes_the_same_words_in_one_way(message: str, expected: str) -> None:
    assert normalise(message).normalised == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("哈" * 10, "哈" * MAX_REPEATS),
        ("。" * 5, "。" * MAX_REPEATS),
        ("A" * 2 + "ａ" * 3, "a" * MAX_REPEATS),  # they are the same once they are normalised
        ("哈哈", "哈哈"),
        ("1000000元", "1000000元"),  # digits are amounts
        ("１" * 6, "1" * 6),
        ("[微笑]" * 5, "[微笑]" * MAX_REPEATS),
    ],
)
def test_walls_of_one_character_are_cut_but_not_digits(message: str, expected: str) -> None:
    assert normalise(message).normalised == expected


def test_what_was_cut_belongs_to_the_last_that_was_kept() -> None:
    assert pieces(normalise("哈哈哈哈哈吧")) == ["哈", "哈", "哈哈哈", "吧"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("  你好  ", "你好"),
        ("a \t\n\u3000 b", "a b"),
        ("a\r\nb", "a b"),
        ("a\u200b \u200b b", "a b"),
        ("", ""),
        (" \n\u3000", ""),
    ],
)
def test_white_space_is_one_space_between_words(message: str, expected: str) -> None:
    assert normalise(message).normalised == expected


def test_a_unit_holds_the_marks_behind_it_and_not_the_space() -> None:
    assert pieces(normalise("e\u0301\u200b a")) == ["e\u0301\u200b", " ", "a"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("👍🏽👍🏿", "👍👍"),  # skin tones
        ("👨\u200d👩\u200d👧好", "👨好"),  # one picture of several
        ("❤\ufe0f\u200d🔥", "❤"),
        ("🏃🏽\u200d♂\ufe0f", "🏃"),
        ("1\ufe0f\u20e3", "1"),
    ],
)
def test_one_picture_is_one_unit(message: str, expected: str) -> None:
    text = normalise(message)
    assert text.normalised == expected
    assert "".join(pieces(text)) == message


@pytest.mark.parametrize("message", ["微\u200d信", "微信\u200d", "\u200d微信", "微\u200d\u200d信"])
def test_a_joiner_between_characters_hides_none_of_them(message: str) -> None:
    assert normalise(message).normalised == "微信"


def test_a_joiner_between_a_picture_and_a_character_hides_neither() -> None:
    assert normalise("👍\u200d信\u200d👍").normalised == "👍信👍"


@pytest.mark.parametrize("name", ["微笑", "doge", "6" * 3])
def test_a_known_emoticon_code_is_one_unit(name: str) -> None:
    text = normalise(f"好[{name.upper()}]吧")
    assert text.units.tolist() == [ord("好"), EMOTICON_BASE + EMOTICONS.index(name), ord("吧")]
    assert pieces(text) == ["好", f"[{name.upper()}]", "吧"]


@pytest.mark.parametrize("message", ["[没有这个]", "[]", "[微笑", "微笑]", "[", "]["])
def test_other_brackets_are_characters(message: str) -> None:
    assert normalise(message).normalised == message


def test_a_character_that_stands_for_several_is_no_gap_in_a_code() -> None:
    assert normalise("[微…笑]").normalised == "[微...笑]"


def test_the_private_range_of_emoticons_cannot_be_typed() -> None:
    assert normalise(chr(EMOTICON_BASE)).normalised == "\ufffd"
