import numpy as np
import pytest

from nlp_service.insight.wording import name, quotes, read, terms
from nlp_service.insight.wording.stripping import strip
from tests.unit.insight.stated import message, table

FILLED = [
    "我说，电梯又坏了",
    "楼上+1 电梯又坏了[捂脸]",
    "电梯又坏了啊😂",
    "@物业 电梯又坏了？？",
    "电梯又坏了 大家怎么看",
    "emm 电梯又坏了",
]


def test_fillers_at_both_ends_make_no_other_statement():
    corpus = read(FILLED)
    assert corpus.cores == ["电梯又坏了"]
    assert corpus.row_core.tolist() == [0] * len(FILLED)


def test_a_filler_is_learnt_from_what_it_stands_with():
    rests = [
        f"{who}今天{what}" for who in ("老张", "小李", "阿花", "隔壁") for what in ("跑步", "钓鱼", "做饭", "加班")
    ]
    texts = [f"啧啧哟，{rest}" for rest in rests] + rests
    assert set(strip(texts)) == set(rests)


def test_a_piece_that_goes_with_one_thing_alone_is_kept():
    assert strip(["物业，电梯坏了"] * 3) == ["物业。电梯坏了"] * 3


@pytest.mark.parametrize("text", ["", "😂🔥", "[捂脸][裂开]", "？？！", "哈哈哈", "@群主 ", "\ud800", "\n\n"])
def test_what_says_nothing_is_the_empty_statement(text):
    assert strip([text])[0].strip("�") == ""


def test_no_rows_make_an_empty_corpus():
    corpus = read([])
    assert (corpus.n_rows, corpus.cores) == (0, [])
    assert terms(corpus, []) == []


def test_phrases_of_a_statement_do_not_cross_stop_words_and_punctuation():
    corpus = read(["停车费涨价，电梯的维修"])
    found = {corpus.spell(int(code)) for code in corpus.phrases(np.array([0]))[0]}
    assert {"停车费", "涨价", "停车费涨价", "电梯", "维修"} <= found
    assert not {"涨价电梯", "电梯维修"} & found


def test_terms_are_what_a_group_says_and_others_do_not():
    texts = ["停车费涨价了今天", "停车费又涨价", "今天天气不错", "今天去公园", "公园天气好"] * 4
    rows = np.array([i for i, text in enumerate(texts) if "停车" in text])
    (found,) = terms(read(texts), [rows])
    assert "停车费" in found[0]
    assert not {"天气", "公园"} & set(found)


def test_a_name_is_one_term_or_two_short_ones():
    assert name(("门禁", "刷不开", "报警")) == "门禁 刷不开"
    assert name(("物业管理费用标准", "收费太高")) == "物业管理费用标准"
    assert name((), "其他") == "其他"


def test_quotes_are_three_wordings_not_three_copies():
    texts = ["门禁卡刷不开"] * 9 + ["门禁卡刷不开！"] * 5 + ["门禁半夜报警", "人脸识别失灵", "钥匙也打不开"]
    facts = table([message(i / 60, f"u{i}", text=text) for i, text in enumerate(texts)])
    found = quotes(facts, np.arange(len(texts)), ("门禁",), read(texts))
    assert len({quote.text.rstrip("！") for quote in found}) == 3
    assert all(quote.text[a:b] == "门禁" for quote in found for a, b in quote.spans)
    assert any(quote.spans for quote in found)


def test_a_long_message_is_quoted_by_its_sentences_that_matter():
    text = "天气很好我们去玩。" * 30 + "然后门禁坏了进不去。" + "回家睡觉了呀。" * 30
    (quote,) = quotes(table([message(text=text)]), np.array([0]), ("门禁",), read([text]))
    assert len(quote.text) <= 120
    assert quote.text in text
    assert "门禁" in quote.text
