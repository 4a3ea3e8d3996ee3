from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nlp_service.errors import ArtifactError
from nlp_service.inference.aspecttagger import Tagged
from nlp_service.insight.aspects import AspectReader, Opinion, Taxonomy
from nlp_service.insight.facts import OPINION
from nlp_service.text.normalise import Batch
from nlp_service.types import Abuse, Analysis, Intent, Pain, Risk, Sentiment, Span

TAXONOMY = Taxonomy.load()

# What a made-up tagger says: words of an aspect ("" for none), words of an opinion, chance of the three polarities.
Triple = tuple[str, str, tuple[float, float, float]]
BAD, GOOD, UNSURE = (0.9, 0.05, 0.05), (0.05, 0.05, 0.9), (0.3, 0.35, 0.35)


class Tagger:
    """Says of each text what it was told, wherever the words stand first."""

    version = "made-up"

    def __init__(self, told: dict[str, list[Triple]]) -> None:
        self._told = told

    def tag(self, texts: Sequence[str], *, batch: Batch | None = None) -> Tagged:
        aspects: list[tuple[int, int, int]] = []
        opinions: list[tuple[int, int, int]] = []
        chances, pairs = [], []
        for i, text in enumerate(texts):
            for aspect, opinion, chance in self._told.get(text, []):
                if aspect:
                    pairs.append((len(aspects), len(opinions)))
                    aspects.append((i, text.index(aspect), text.index(aspect) + len(aspect)))
                opinions.append((i, text.index(opinion), text.index(opinion) + len(opinion)))
                chances.append(chance)
        return Tagged(
            np.array(aspects, np.intp).reshape(-1, 3),
            np.array(opinions, np.intp).reshape(-1, 3),
            np.array(chances, np.float32).reshape(-1, 3),
            np.array(pairs, np.intp).reshape(-1, 2),
        )


def analysis(intent: str = "complaint", feeling: float = -0.6, pain: tuple[Pain, ...] = ()) -> Analysis:
    return Analysis(
        id=1,
        intent=Intent(intent, (intent,), {intent: 0.9}),
        sentiment=Sentiment("neutral", feeling),
        risk=Risk(0, 0.0, 0.0),
        abuse=Abuse(0.0, False),
        unsafe=(),
        pain=pain,
    )


def pain(text: str, words: str, target: str, category: str = "delivery_delay") -> Pain:
    start = text.index(words)
    return Pain(target, Span(start, start + len(words), words), category)


def said(text: str, *triples: Triple, by: Analysis | None = None) -> list[tuple[str, str, str, bool]]:
    """Target, words of the aspect and of the opinion, and whether it is against it."""
    (found,) = AspectReader(Tagger({text: list(triples)}), TAXONOMY).read([text], [by or analysis()])
    return [
        (
            one.target,
            "" if one.aspect_start is None else text[one.aspect_start : one.aspect_end],
            text[one.opinion_start : one.opinion_end],
            one.polarity < 0,
        )
        for one in found
    ]


def test_aspects_go_by_their_canonical_names() -> None:
    text = "快递太慢，包装倒是好"
    found = said(text, ("快递", "太慢", BAD), ("包装", "倒是好", GOOD))
    assert found == [("物流速度", "快递", "太慢", True), ("包装破损", "包装", "倒是好", False)]


def test_fields_are_those_of_the_facts() -> None:
    text = "快递太慢"
    (found,) = AspectReader(Tagger({text: [("快递", "太慢", BAD)]}), TAXONOMY).read([text], [analysis()])
    names = [field.name for field in OPINION]
    rows = pa.array([[{name: getattr(one, name) for name in names} for one in found]], pa.list_(OPINION))
    assert list(Opinion.__struct_fields__) == names
    assert rows.to_pylist()[0][0]["target"] == "物流速度"


def test_one_opinion_of_two_things_is_two() -> None:
    text = "环境服务都好"
    two = [("环境", "都好", GOOD), ("服务", "都好", GOOD)]
    assert [row[0] for row in said(text, *two, by=analysis("ugc", 0.8))] == ["环境卫生", "服务态度"]


def test_what_names_nothing_is_about_what_it_implies() -> None:
    assert said("真是太贵了吧", ("", "太贵了", BAD)) == [("价格", "", "太贵了", True)]


def test_a_word_of_the_taxonomy_right_before_an_opinion_names_what_it_is_about() -> None:
    by = analysis("ugc", 0.6)
    assert said("续航还不错", ("", "还不错", GOOD), by=by) == [("电池续航", "", "还不错", False)]
    assert said("换了电池，还不错", ("", "还不错", GOOD), by=by)[0][0] == "整体"  # of another clause


def test_what_only_the_expressions_find_is_an_opinion_without_an_aspect() -> None:
    assert said("下单三天了还没到") == [("物流速度", "", "三天了还没到", True)]


def test_what_is_implied_does_not_count_twice() -> None:
    text = "快递三天了还没到"
    assert said(text, ("快递", "三天了还没到", BAD)) == [("物流速度", "快递", "三天了还没到", True)]


def test_an_aspect_in_no_tree_goes_by_what_is_implied_of_it() -> None:
    assert said("翡翠卷太贵了", ("翡翠卷", "太贵了", BAD)) == [("价格", "翡翠卷", "太贵了", True)]


def test_what_is_implied_against_the_feeling_of_the_message_is_left_out() -> None:
    assert said("以前觉得太贵，现在嘿嘿", by=analysis("ugc", 0.9)) == []


def test_a_pain_is_merged_with_the_opinion_in_its_span() -> None:
    text = "等外卖等到花儿都谢了"
    by = analysis(pain=(pain(text, "等到花儿都谢了", "送餐速度"),))
    assert said(text, ("", "花儿都谢了", UNSURE), by=by) == [("送餐速度", "", "花儿都谢了", True)]


def test_a_pain_of_its_own_is_an_opinion_against_its_target() -> None:
    text = "手机号被到处卖"
    assert said(text, by=analysis(pain=(pain(text, text, "信息泄露", "privacy_security"),)))[0][::3] == (
        "信息泄露",
        True,
    )


def test_a_pain_takes_no_known_aspect_away() -> None:
    text = "快递太慢客服也不好"
    by = analysis(pain=(pain(text, text, "物流速度"),))
    found = said(text, ("快递", "太慢", BAD), ("客服", "也不好", BAD), by=by)
    assert [row[:2] for row in found] == [("物流速度", "快递"), ("客服态度", "客服")]


def test_praise_inside_the_span_of_a_pain_stays_praise() -> None:
    text = "味道好但是等了半天"
    by = analysis(pain=(pain(text, text, "送餐速度"),))
    found = said(text, ("味道", "好", GOOD), by=by)
    assert ("口味", "味道", "好", False) in found
    assert ("送餐速度", "", text, True) in found


def test_a_need_is_no_opinion() -> None:
    text = "请问怎么改地址"
    assert said(text, by=analysis("question", 0.0, (pain(text, "改地址", "订单修改", "need"),))) == []


def test_praise_in_an_advert_is_nobodys_opinion() -> None:
    text = "面膜超好用"
    assert said(text, ("面膜", "超好用", GOOD), by=analysis("ad", 0.8)) == []


def test_small_talk_says_nothing_of_the_whole() -> None:
    assert said("好的呀", ("", "好", GOOD), by=analysis("chat", 0.1)) == []
    assert said("好极了呀", ("", "好极了", GOOD), by=analysis("chat", 0.8)) == [("整体", "", "好极了", False)]


def test_an_unsure_polarity_follows_the_feeling_of_the_message() -> None:
    text = "快递就那样"
    assert said(text, ("快递", "就那样", UNSURE), by=analysis(feeling=-0.9))[0][3]
    assert not said(text, ("快递", "就那样", UNSURE), by=analysis(feeling=0.9))[0][3]


def test_a_model_that_could_not_say_stops_nothing() -> None:
    by = Analysis(1, None, None, Risk(0, None, None), Abuse(None, False), None, ())
    assert said("快递太慢", ("快递", "太慢", BAD), by=by) == [("物流速度", "快递", "太慢", True)]


def test_messages_keep_their_order_and_their_own() -> None:
    texts = ["快递太慢", "", "你好", "快递太慢"]
    reader = AspectReader(Tagger({"快递太慢": [("快递", "太慢", BAD)]}), TAXONOMY)
    found = reader.read(texts, [analysis() if text else analysis("chat", 0.0) for text in texts])
    assert [len(one) for one in found] == [1, 0, 0, 1]
    assert found[0] == found[3]


def test_no_messages_give_none() -> None:
    assert AspectReader(Tagger({}), TAXONOMY).read([], []) == []


def test_texts_and_analyses_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="2 texts and 1 analyses"):
        AspectReader(Tagger({}), TAXONOMY).read(["a", "b"], [analysis()])


def test_a_folder_without_a_tagger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        AspectReader.load(tmp_path, TAXONOMY)
