import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.text.normalise import normalise_batch
from nlp_service.text.pii import PersonalDataKind, find, find_pii, find_pii_batch, mask

PHONE, ID_CARD, EMAIL, BANK_CARD, WECHAT, QQ, PLATE, ADDRESS = PersonalDataKind

# Invented numbers: the identity numbers have a right check digit, the card numbers a right Luhn sum.
IDENTITY = "330106199203142510"
CARD = "6222021001123456789"


def found(text: str) -> list[tuple[PersonalDataKind, str]]:
    return [(data.kind, data.span.text) for data in find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("打我电话13812345678谢谢", PHONE, "13812345678"),
        ("tel13812345678", PHONE, "13812345678"),
        ("138-1234-5678", PHONE, "138-1234-5678"),
        ("+86 138 1234 5678", PHONE, "86 138 1234 5678"),
        ("008613812345678", PHONE, "008613812345678"),
        ("1 3 8 1 2 3 4 5 6 7 8", PHONE, "1 3 8 1 2 3 4 5 6 7 8"),
        ("一三八一二三四五六七八", PHONE, "一三八一二三四五六七八"),
        ("幺三八零零幺三八零零零", PHONE, "幺三八零零幺三八零零零"),
        ("座机0571-88889999转8001", PHONE, "0571-88889999"),
        ("(010)8888 9999", PHONE, "010)8888 9999"),
        ("+86 10 88889999", PHONE, "86 10 88889999"),
        (f"身份证{IDENTITY}", ID_CARD, IDENTITY),
        ("330106 19920314 2510", ID_CARD, "330106 19920314 2510"),
        ("11010119900307109X", ID_CARD, "11010119900307109X"),
        ("110101900307123", ID_CARD, "110101900307123"),
        ("发到zhang.san@example.com吧", EMAIL, "zhang.san@example.com"),
        ("邮箱…abc@qq.com", EMAIL, "abc@qq.com"),
        (f"打到{CARD}", BANK_CARD, CARD),
        ("6222 0210 0112 3456 789", BANK_CARD, "6222 0210 0112 3456 789"),
        ("4111111111111111", BANK_CARD, "4111111111111111"),
        ("微信号：zhangsan88", WECHAT, "zhangsan88"),
        ("加V zhang_san", WECHAT, "zhang_san"),
        ("加微信 qiuyuemei", WECHAT, "qiuyuemei"),
        ("vx:abcd1234", WECHAT, "abcd1234"),
        ("我的wxid_a1b2c3d4e5", WECHAT, "wxid_a1b2c3d4e5"),
        ("薇信zhang8812", WECHAT, "zhang8812"),
        ("扣扣 123456789", QQ, "123456789"),
        ("企鹅号：10001000", QQ, "10001000"),
        ("加q88886666", QQ, "88886666"),
        ("车牌粤B12345", PLATE, "粤B12345"),
        ("粤B·D12345", PLATE, "粤B·D12345"),
        ("京A12345D停这里", PLATE, "京A12345D"),
        ("我住在杭州市西湖区文三路128号3幢2单元501室", ADDRESS, "杭州市西湖区文三路128号3幢2单元501室"),
        ("寄到虹桥路500弄12号302室", ADDRESS, "虹桥路500弄12号302室"),
        ("幸福小区8-2-301", ADDRESS, "幸福小区8-2-301"),
        ("阳光花园三号楼二单元四零二室", ADDRESS, "阳光花园三号楼二单元四零二室"),
        ("我在南京东路100号等你", ADDRESS, "南京东路100号"),
    ],
)
def test_finds_personal_data_and_nothing_around_it(text: str, kind: PersonalDataKind, expected: str) -> None:
    assert found(text) == [(kind, expected)]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("１３８１２３４５６７８", PHONE, "１３８１２３４５６７８"),
        ("打1\u200b3\u200b8\u200b12345678吧", PHONE, "1\u200b3\u200b8\u200b12345678"),
        ("①③⑧①②③④⑤⑥⑦⑧", PHONE, "①③⑧①②③④⑤⑥⑦⑧"),
        ("❶❸❽❶❷❸❹❺❻❼❽", PHONE, "❶❸❽❶❷❸❹❺❻❼❽"),
        ("𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", PHONE, "𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖"),
        ("1️⃣3️⃣8️⃣12345678", PHONE, "1️⃣3️⃣8️⃣12345678"),
        ("123456＠ｑｑ．ｃｏｍ", EMAIL, "123456＠ｑｑ．ｃｏｍ"),
        ("ＶＸ：ａｂ１２３４５", WECHAT, "ａｂ１２３４５"),
        ("微\u200b信:ab12345", WECHAT, "ab12345"),
        ("wēixìn号：abc12345", WECHAT, "abc12345"),
        ("粵B12345", PLATE, "粵B12345"),
        ("陽光花園3棟2單元1201", ADDRESS, "陽光花園3棟2單元1201"),
    ],
)
def test_finds_it_in_disguise_and_points_at_what_was_typed(text: str, kind: PersonalDataKind, expected: str) -> None:
    assert found(text) == [(kind, expected)]


@pytest.mark.parametrize(
    "text",
    [
        "订单号13812345678",
        "单号：SF1234567890123",
        "YT13812345678",
        "买5送1，价格1999元",
        "2024-01-15 12:30:45",
        "版本8.0.47.2560",
        "400-820-8820",
        "4008208820",
        "95588或者12315",
        "UID:138123456，游戏id 123456789",
        "https://example.com/item/13812345678.html",
        "0.13812345678",
        "13812345678元",
        "12345678901",  # no network has the prefix 12
        "330106199203142511",  # the check digit is wrong
        "110101199013077715",  # there is no month 13
        "6222021001123456788",  # the Luhn sum is wrong
        "6901234567892",  # an article number
        "@张三 你好。",
        "icon@2x.png",
        "微信支付100000元",
        "微信8.0.47版本",
        "用微信登录iphone",
        "微信20240115更新",
        "装WordPress和wx_navbar_color",
        "qq群123456789",
        "QQ音乐20230101",
        "我有20000只企鹅",
        "新S25Ultra",
        "藏在A1234里",
        "杭州市西湖区",
        "还在路上，5号到货",
        "地铁10号线",
        "这条路12号通车",
        "知道5号，逛街3号",
        "在5号楼下等",
        "我们3楼301",
        "13 14 15 16 17 18",
        "",
        "\x00\ud800",
    ],
)
def test_leaves_other_numbers_and_names_alone(text: str) -> None:
    assert found(text) == []


def test_a_link_is_left_alone_unless_it_names_a_telephone() -> None:
    assert found("https://example.com/?phone=13812345678") == [(PHONE, "13812345678")]
    assert found("https://example.com/?page=13812345678") == []


def test_finds_several_in_order() -> None:
    text = "张三 13812345678，文三路128号，zs@example.com"
    assert [kind for kind, _ in found(text)] == [PHONE, ADDRESS, EMAIL]


def test_find_pii_gives_the_spans_of_find() -> None:
    text = "微信号：zhangsan88，电话１３８１２３４５６７８"
    spans = find_pii(text)
    assert spans == tuple(data.span for data in find(text))
    assert [text[span.start : span.end] for span in spans] == ["zhangsan88", "１３８１２３４５６７８"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("电话13812345678。", "电话138****5678。"),
        ("138 1234 5678", "138 **** 5678"),
        ("1\u200b3\u200b8\u200b12345678", "1\u200b3\u200b8\u200b****5678"),
        ("13⑧⑫34⑤678", "13⑧***⑤678"),
        ("138123㊺678", "138****678"),  # ㊺ is one secret digit and one that could be kept
        ("0571-88889999", "0571-****9999"),
        ("0575-8888999", "0575-***8999"),
        (IDENTITY, "330**************0"),
        ("6222 0210 0112 3456 789", "**** **** **** ***6 789"),
        ("zhangsan@example.com", "z*******@example.com"),
        ("a@example.com", "*@example.com"),
        ("微信号：zhangsan88", "微信号：zh********"),
        ("wxid_a1b2c3d4e5", "wxid_**********"),
        ("扣扣 123456789", "扣扣 12*******"),
        ("粤B·D12345", "粤B·******"),
        ("文三路128号3幢2单元501室", "文三路***号*幢*单元***室"),
        ("今天天气不错", "今天天气不错"),
    ],
)
def test_mask_covers_the_secret_and_keeps_the_shape(text: str, expected: str) -> None:
    assert mask(text) == expected


@given(st.text(), st.sampled_from(["13812345678", IDENTITY, CARD, "vx:abcd1234", "粤B12345", "a1@qq.com"]), st.text())
def test_mask_keeps_the_length_and_changes_nothing_outside_the_spans(before: str, data: str, after: str) -> None:
    text = before + data + after
    masked = mask(text)
    inside = {place for span in find_pii(text) for place in range(span.start, span.end)}
    assert len(masked) == len(text)
    assert all(old == new for place, (old, new) in enumerate(zip(text, masked, strict=True)) if place not in inside)


@given(st.text(alphabet="今天。，\n !的了", max_size=8), st.integers(0, 99_999_999))
def test_mask_leaves_nothing_to_find(filler: str, number: int) -> None:
    masked = mask(f"{filler}138{number:08}{filler}")
    assert f"138****{number % 10_000:04}" in masked
    assert find(masked) == ()


@given(st.text(alphabet="0123456789 -+x@.:a微信vq路号栋室粤①１\u200b"))
def test_spans_are_in_order_and_hold_what_they_say(text: str) -> None:
    spans = find_pii(text)
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert list(spans) == sorted(spans, key=lambda span: span.start)


@pytest.mark.parametrize(
    "hostile",
    [
        "1",
        "1 ",
        "1-",
        "a",
        "a.",
        "a@",
        "a@b.",
        "微信",
        "微信:",
        "加v ",
        "qq ",
        "路1号",
        "1栋",
        "一1-",
        "粤b1",
        "住1-1-1-",
    ],
)
def test_time_grows_no_faster_than_the_text(hostile: str) -> None:
    text = (hostile * 4000)[:4000]
    find("13812345678")  # the tables of the normaliser are made at the first use
    began = time.perf_counter()
    find(text)
    # Measured at 0.1 s at most; anything quadratic in 4,000 characters takes longer by far.
    assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize(
    "text", ["今天天气真好，大家出去玩吧", "今天3月5号发货", "昨天买的手机，3天就坏了，客服不回复"]
)
def test_a_message_without_personal_data_is_never_normalised(
    text: str, benchmark_s: Callable[[Callable[[], object]], float]
) -> None:
    # Normalising alone takes 100 us; the look at the raw text takes 1 to 7.
    assert benchmark_s(lambda: find(text)) < 60e-6


@pytest.fixture
def benchmark_s() -> Callable[[Callable[[], object]], float]:
    def fastest(call: Callable[[], object]) -> float:
        seconds = []
        for _ in range(200):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        return min(seconds)

    return fastest


@given(
    st.lists(
        st.sampled_from(
            ["", "你好", "手机13800138000", "加微信：abc12345", "[微笑]我的QQ 123456", "\ud800", "京A12345"]
        )
    )
)
def test_a_batch_finds_what_single_texts_do(texts: list[str]) -> None:
    assert find_pii_batch(texts, normalise_batch(texts)) == [find_pii(text) for text in texts]
