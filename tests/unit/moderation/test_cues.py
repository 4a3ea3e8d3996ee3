from __future__ import annotations

import time

import pytest

from nlp_service.moderation.cues import find_topics
from nlp_service.text.normalise import normalise

MEDICAL = """
祖传秘方，专治牛皮癣，三个疗程根治
糖尿病也能逆转，不用打针吃药
这款膏药包治关节痛
中药调理没有副作用，放心喝
孩子发烧就吃布洛芬，每次5毫升
头孢一天三次，一次两粒
每天吃 400mg 就够了
优甲乐从50微克加到75微克，吃半片
阿莫西林 2 粒，饭后吃
你这种情况应该是支气管炎
宝宝多半是幼儿急疹，别慌
他肯定得了抑郁症
我上周确诊为甲亢
感觉好了就可以停药
你直接把降压药停了，没事的
印度代购抗癌药，当天发
处方药有货，私聊
代开处方，不用去医院
民间偏方治好了我的鼻炎
得了痔疮不用手术也能治好
安眠药吃3片就睡着了
""".split("\n")[1:-1]

FINANCIAL = """
本群每天荐股，跟上就吃肉
保本保息，随存随取
这个项目稳赚不赔，投资越多赚得越多
年化收益12%，先到先得
承诺收益，亏了我赔
投1万每天返300
这只股必涨，赶紧上车
推荐一只牛股，代码私信
内幕消息，这票要拉升，炒股的来
逢低加仓，目标价58
带单老师一对一，合约稳稳的
搬砖套利日入两千
无抵押贷款，凭身份证
征信花也能下，黑户可贷
征信修复，逾期记录消除
贷款秒批，当天到账
花呗套现，秒到
代还信用卡，养卡提额
日息低至万二
""".split("\n")[1:-1]

NEITHER = """
你们又涨价了，一个月多收我五十块
退款三百块到现在没到账，钱呢
买药的快递少发了两盒布洛芬，退钱
这药太贵了，一盒要八十
多扣了我两次利息，什么时候退
理财亏了两万，心情差
信用卡年费怎么减免
贷款利率是多少
这个包治百病吗，笑死
说什么包治百病，都是骗人的
大家小心，群里有人荐股，是骗子
鼻炎能根治吗
宝宝发烧39度怎么办
孩子咳嗽该吃什么药
布洛芬和泰诺林哪个好
这是湿疹吗，求助
面膜一天一次，一次一片
面包每次吃2片，配牛奶
今天治好了我的强迫症，收纳盒真香
空调漏水修了三次都没根治
这活动稳赚，满减叠券太香了
油价明天必涨，先去加满
股票代码怎么查
你有病吧，天天在群里吵
我妈高血压，想买个血压计
牛奶 250ml 一盒，一天一盒
A股今天跌了
投了三次简历都没消息
刚确诊是个吃货
加量不加价，回购第三次
这家店的方子面包不错
保证明天发货，说好的呢
收益人写错了能改吗
""".split("\n")[1:-1]


@pytest.mark.parametrize("text", MEDICAL)
def test_medical_claims_doses_and_diagnoses_are_found(text: str) -> None:
    assert find_topics(text) == ("medical",)
    assert find_topics(normalise(text).normalised) == ("medical",)


@pytest.mark.parametrize("text", FINANCIAL)
def test_promises_tips_and_loans_are_found(text: str) -> None:
    assert find_topics(text) == ("financial",)
    assert find_topics(normalise(text).normalised) == ("financial",)


@pytest.mark.parametrize("text", NEITHER)
def test_questions_complaints_and_mere_mentions_are_not(text: str) -> None:
    assert find_topics(text) == ()
    assert find_topics(normalise(text).normalised) == ()


def test_other_writings_are_found_once_they_are_normalised() -> None:
    assert find_topics(normalise("保證收益，穩賺不賠的投資").normalised) == ("financial",)
    assert find_topics(normalise("口服５００ＭＧ").normalised) == ("medical",)


def test_a_doubt_elsewhere_in_the_message_does_not_excuse_it() -> None:
    text = "群主能不能置顶一下？今天天气真好，大家周末都去爬山了。顺便说一句，我这里保本保息，月月分红，名额不多。"
    assert find_topics(text) == ("financial",)


def test_who_says_that_nobody_is_cheated_is_not_doubting() -> None:
    assert find_topics("保本保息，绝不骗你") == ("financial",)


def test_a_text_can_be_about_both() -> None:
    assert find_topics("投资包赚\n包治百病") == ("medical", "financial")
    assert find_topics("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "每天" * 2_000,
        "投1" * 2_000,
        "药无" * 2_000,
        "收益稳" * 1_300,
        "布洛芬1" * 1_000,
        "股票" * 2_000,
        "1" * 4_000,
        "癌" * 4_000,
    ],
    ids=lambda text: text[:3],
)
def test_time_is_linear_in_the_length_of_hostile_texts(text: str) -> None:
    find_topics(text)  # a first time, so that nothing is counted but the search
    start = time.process_time()
    find_topics(text)
    assert time.process_time() - start < 0.5  # some ten times what it takes; a quadratic one takes minutes
