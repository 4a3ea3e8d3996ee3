import pytest

from nlp_service.insight.keywords import KeywordOptions, find_keywords
from tests.unit.insight.pains.community import WEEK, weeks
from tests.unit.insight.stated import message, table

NOTHING = table([])


def said(texts, start=WEEK, authors=None):
    names = authors or [f"u{i}" for i in range(len(texts))]
    return table(
        [
            {**message(start + i / 60, name, text=text), "id": f"{start}-{i}"}
            for i, (text, name) in enumerate(zip(texts, names, strict=True))
        ]
    )


def test_what_is_said_more_than_before_is_first_and_counted():
    now, before = weeks({"门禁": (120, 20), "电梯": (30, 30)})
    first = find_keywords(now, before)[0]
    assert "门禁" in first.term
    # Every fourth says 门禁卡, which is another word.
    assert (first.messages, first.change.now, first.change.before) == (90, 90, 15)


def test_the_longer_phrase_takes_the_place_of_its_parts():
    found = {each.term for each in find_keywords(said(["停车费涨价太快"] * 30), said(["今天吃火锅"] * 30, 0.0))}
    assert any("停车费涨价" in term for term in found)
    assert not any(a != b and a in b for a in found for b in found)


def test_no_stop_word_number_picture_or_filler_is_a_keyword():
    texts = ["我说，电梯坏了 大家怎么看", "楼上+1 电梯坏了[捂脸]", "电梯坏了12345😂", "那个 电梯坏了"] * 20
    terms = [each.term for each in find_keywords(said(texts), said(["今天吃火锅"] * 80, 0.0))]
    assert terms
    assert all(set(term) <= set("电梯坏") for term in terms)


def test_one_who_repeats_a_text_makes_no_keyword():
    texts = ["加我领取福利"] * 500 + ["电梯坏了"] * 20
    authors = ["spam"] * 500 + [f"u{i}" for i in range(20)]
    found = find_keywords(said(texts, authors=authors), said(["今天吃火锅"] * 100, 0.0))
    assert [each.term[:2] for each in found] == ["电梯"]


def test_what_is_said_less_is_given_when_asked_for():
    now, before = said(["电梯坏了"] * 20), said(["今天吃火锅"] * 20, 0.0)
    fading = [each for each in find_keywords(now, before, KeywordOptions(fading=True)) if each.score < 0]
    assert "火锅" in fading[0].term
    assert fading[0].messages == 0


def test_without_a_period_before_words_are_held_against_chance():
    now, _ = weeks({"门禁": (120, 20)})
    found = find_keywords(now, NOTHING)
    assert any("门禁" in each.term for each in found)
    assert not found[0].change.known


@pytest.mark.parametrize("texts", [[], ["😂😂😂"] * 20, ["的了吗"] * 20, ["12345"] * 20])
def test_nothing_said_gives_no_keywords(texts):
    assert find_keywords(said(texts), NOTHING) == ()


def test_keys_are_cut_and_messages_count_all():
    found = find_keywords(said(["电梯坏了"] * 1500), said(["今天吃火锅"] * 50, 0.0))[0]
    assert (found.messages, len(found.keys)) == (1500, 1000)
