from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nlp_service.knowledge.claims import Source, check
from nlp_service.knowledge.sentences import Splitter

RETURN = "签收后7天内可以申请退货。"
HOURS = "客服时间9:00-21:00"
DEVICES = "支持iPhone 15和A12芯片"


def source(answer: str, question: str = "怎么办？") -> Source:
    return Source("a", question, answer)


SUPPORTED = [
    # Numbers with units
    (RETURN, "七天内可以退货[1]。"),
    (RETURN, "７ 天内可以退货"),
    (RETURN, "7日内可以退货"),
    ("签收后7日内可以退货", "七天内可以退货"),
    ("一般24小时内发货", "通常24h内发货"),
    ("一般24 h内发货", "通常1天内发货"),
    ("等待半小时", "大约30分钟"),
    ("等待半小时", "大约半个小时"),
    ("等待一个半小时", "大约90分钟"),
    ("每天可以改两次", "每天可改2次"),
    ("积分1.2万", "积分12000"),
    ("积分12000分", "一万二千积分"),
    ("重12kg", "重12公斤"),
    ("身高1.8米", "180cm"),
    ("30多天", "三十多天"),
    ("下单后第2天发货", "第二天发货"),
    ("退款在三个工作日内到账", "3个工作日内到账"),
    # Shares and prices
    ("返还百分之五十", "返还50%"),
    ("享受五折优惠", "享5折"),
    ("享受8.5折优惠", "享八五折"),
    ("享受8.5折优惠", "享85折"),
    ("月卡¥19.9", "月卡19.9元"),
    ("月卡19.9元", "月卡￥19.9"),
    ("月卡19.9元", "月卡 19.9 块钱"),
    ("年卡1,299元", "年卡1299元"),
    ("年卡1299元", "年卡￥1,299.00"),
    ("押金120元", "押金一百二十元"),
    ("押金一百二十元", "押金120元"),
    ("满199减20", "满199元减20元"),
    # Both ends of a range
    ("3-5天到账", "最快3天，最慢5天"),
    ("3-5天到账", "三到五天"),
    ("3-5天到账", "3～5天"),
    # Days
    ("活动3月8日开始", "三月八号开始"),
    ("活动3.8开始", "3月8日开始"),
    ("活动3月8日开始", "活动3.8开始"),
    ("活动3月8日开始", "活动3/8开始"),
    ("活动2026年3月8日开始", "2026-03-08开始"),
    ("活动2026-03-08开始", "3月8日开始"),
    ("活动二〇二六年三月八日开始", "2026年3月8日开始"),
    ("活动3月8日至15日", "3月15日结束"),
    ("周一至周五上班", "星期五上班"),
    # Times
    ("晚上8点截止", "20:00截止"),
    ("晚上8点截止", "晚8点截止"),
    ("8 pm截止", "晚上八点截止"),
    (HOURS, "晚上9点下班"),
    (HOURS, "早上九点到晚上九点"),
    ("下午2点到5点", "17:00结束"),
    ("早上8点半", "8:30开门"),
    ("晚上12点关门", "0:00关门"),
    # Telephones, links, names
    ("客服电话400-800-1234", "请拨打4008001234"),
    ("发邮件到help@example.com", "写信到 Help@Example.com。"),
    ("打开https://example.com/a查看", "见 https://example.com/a 。"),
    ("订单号SF1234567890", "单号为SF1234567890"),
    (DEVICES, "支持iPhone15"),
    (DEVICES, "支持 IPHONE 15"),
    ("在《会员协议》里", "见《会员协议》"),
    ("点击“我的”-「设置」", "点「设置」"),
    ("點擊「設定」", "点击“设定”"),
    # No claims
    ("打开应用", "1. 打开 App"),
    ("打开应用", "① 打开应用；② 登录"),
    ("打开应用", "步骤：1.打开应用；2.登录"),
    ("打开应用", "第一步，打开应用[1]"),
    ("打开应用", "以下3点请注意"),
    ("打开应用", "**一起**来看看，十分抱歉，千万不要着急，一样的"),
    ("打开应用", "请一个一个试一下"),
    # Predicates
    ("不支持退货，支持换货", "支持换货，不支持退货"),
    ("拆封后不可以退货", "拆封后不能退货"),
    ("无需提供发票", "不需要提供发票"),
    ("安装免费", "安装不收费"),
    ("不支持退货", "是否支持退货请看说明"),
]

UNSUPPORTED = [
    (RETURN, "15天内可以退货", "15天"),
    (RETURN, "7个工作日内可以退货", "7个工作日"),
    (RETURN, "7小时内可以退货", "7小时"),
    ("一般24小时内发货", "通常48小时内发货", "48小时"),
    ("退款在三个工作日内到账", "3天内到账", "3天"),
    ("每天可以改两次", "每天可改三次", "3次"),
    ("享受8.5折优惠", "可享9折优惠", "9折"),
    ("月卡19.9元", "月卡29.9元", "29.9元"),
    ("月卡19.9元", "月卡19.9美元", "19.9美元"),
    ("押金一百二十元", "押金一百二十一元", "121元"),
    ("满199减20", "满299减20", "299"),
    ("3-5天到账", "4天到账", "4天"),
    ("活动3月8日开始", "2026年3月8日开始", "2026年3月8日"),
    ("活动3月8日至15日", "3月18日结束", "3月18日"),
    ("周一至周五上班", "周六上班", "周六"),
    (HOURS, "晚上10点下班", "晚上10点"),
    (HOURS, "早上9:30上班", "早上9:30"),
    ("早上8点开门", "晚上8点开门", "晚上8点"),
    ("客服电话400-800-1234", "请拨打400-800-1235", "400-800-1235"),
    ("发邮件到help@example.com", "写信到hepl@example.com", "hepl@example.com"),
    ("打开https://example.com/a查看", "见https://example.com/b", "https://example.com/b"),
    ("打开example.com查看", "见www.example.org", "www.example.org"),
    ("订单号SF1234567890", "单号为SF1234567891", "sf1234567891"),
    (DEVICES, "支持 iPhone 14", "iphone 14"),
    (DEVICES, "支持 iPhone 1", "iphone 1"),
    (DEVICES, "支持A13芯片", "a13"),
    (DEVICES, "支持 Android", "android"),
    ("打开app", "打开app 3天内", "3天"),
    ("在《会员协议》里", "见《隐私政策》", "《隐私政策》"),
    ("点击“我的”", "点「钱包」", '"钱包"'),
    ("不限", "[123]如此", "123"),
    ("打开应用", "第1步，一共123步", "123步"),
    ("不支持七天无理由退货", "支持七天无理由退货", "支持7天"),
    ("不支持退货", "该商品支持退货", "支持退货"),
    ("支持退货", "该商品不支持退货", "不支持退货"),
    ("拆封后不可以退货", "拆封后可以退货", "可以退货"),
    ("无需提供发票", "需要提供发票", "需要提供"),
    ("安装免费", "安装需收费", "收费"),
    ("安装是收费的", "安装免费", "免费"),
]


@pytest.mark.parametrize(("answer", "sentence"), SUPPORTED)
def test_what_a_source_holds_is_supported(answer: str, sentence: str) -> None:
    assert check(sentence, [source(answer)]) == ()


@pytest.mark.parametrize(("answer", "sentence", "claim"), UNSUPPORTED)
def test_what_no_source_holds_is_named(answer: str, sentence: str, claim: str) -> None:
    assert check(sentence, [source(answer)]) == (claim,)


@pytest.mark.parametrize("answer", [case[0] for case in (*SUPPORTED, *UNSUPPORTED)])
def test_an_answer_supports_itself_in_the_middle_of_another_sentence(answer: str) -> None:
    assert check(f"您好，{answer}[1]", [source(answer)]) == ()


def test_without_sources_every_claim_is_unsupported() -> None:
    assert check("您好！", []) == ()
    assert check("您好，7天内可退。", []) == ("7天",)


def test_any_of_several_sources_may_support_a_claim() -> None:
    assert check("7天内可退，运费12元", [source(RETURN), source("运费12元")]) == ()


def test_the_question_of_an_entry_holds_names_but_affirms_nothing() -> None:
    entry = source("请看说明。", "支持不支持iPhone退货？")
    assert check("iPhone支持退货", [entry]) == ()
    assert check("iPhone不支持退货", [entry]) == ()


def test_each_claim_is_named_once() -> None:
    assert check("9天，9天", [source(RETURN)]) == ("9天",)


PIECES = [
    *"3 8 12 19.9 1,299 2026 30 五 十 两 百 半 一 第".split(),
    *"天 元 月 日 号 点 年 % 折 个 次 小时 分 : - ~ 至 / . ¥ ￥".split(),
    *"上午 晚上 周 iPhone A12 app v a@b.cn http://x.cn/ “设置” 《 》 “ ” 「".split(),
    *"支持 不支持 可以 不能 需要 无需 免费 收费 退货 是否 、 ， ： （ ） [1] [2] **".split(),
    " ",
    "\n",
    "。",
    "！",
    "?",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=300, deadline=None)
@example("第8点")
def test_a_sentence_copied_from_an_answer_is_supported_by_it(answer: str) -> None:
    splitter = Splitter()
    entry = source(answer)
    for sentence in splitter.feed(answer) + splitter.flush(is_cut_off=False):
        assert check(sentence, [entry]) == ()


@given(
    st.integers(100, 10**12),
    st.sampled_from(
        ["{}", "一共{}元", "{}天后", "约{}个", "第{}名", "[{}]", "编号{}。", "打开app{}", "{}%的", "¥{}", "是{}-3"]
    ),
    st.sampled_from([RETURN, HOURS, DEVICES, "不限", "1. 打开\n2. 关闭", "满99元，2天", "30.5kg"]),
)
@settings(max_examples=300, deadline=None)
def test_a_foreign_number_of_three_digits_or_more_is_never_supported(number: int, frame: str, answer: str) -> None:
    assert check(frame.format(number), [source(answer)])


HOSTILE = ["1", "1,", "a.", "a-", "a@", "1a", "http://a", '"', "不支持", "- ", "iphone 15 ", "\n1."]


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_is_linear_in_a_hostile_text(unit: str) -> None:
    def seconds(n: int) -> float:
        text = (unit * n)[:n]
        started = time.process_time()
        check(text, [source(RETURN)])
        check("七天", [source(text)])
        return time.process_time() - started

    check("7天", [source(RETURN)])  # builds the tables
    # Square time would take 100 times as long for ten times the text.
    assert seconds(100_000) < 40 * seconds(10_000) + 0.5
