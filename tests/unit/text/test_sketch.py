import itertools
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nlp_service.text.normalise import normalise_batch
from nlp_service.text.sketch import GROUPS, MIN_LETTERS, MIN_PICTURES, keys, resemblance, resemblances

ANY = st.text(st.characters(codec=None))  # lone surrogates and NUL included

REVIEW = "这款保温壶我用了三个月，早上装的开水到晚上还有六十度，就是壶嘴有点漏，倒水要慢一些"
ADVERT = "专业代办各类证件当天可取，需要的加我微信详谈，老客户介绍有优惠，先看货后付款"


def keys_of(*texts: str) -> list[tuple[int, ...]]:
    return keys(normalise_batch(texts))


def are_copies(a: str, b: str) -> bool:
    one, other = keys_of(a, b)
    return not set(one).isdisjoint(other)


def test_keys_are_the_same_for_ever() -> None:
    # Stored in databases of users: if this fails, VERSION must change and old keys find nothing any more.
    assert keys_of(REVIEW, "买过的都说好用吧") == [
        (-5296675878243879128, 1113934251685860873, 8798840662909634229, 3126659475222340642),
        (3935313972453221739,),
    ]


@pytest.mark.parametrize(
    "copy",
    [
        REVIEW,
        f"  {REVIEW}！！！",
        REVIEW.replace("，", " "),
        "🔥🔥" + REVIEW + "[玫瑰][玫瑰]",
        REVIEW.replace("这", "這").replace("开", "開").replace("装", "裝"),
    ],
)
def test_the_same_letters_have_the_same_keys(copy: str) -> None:
    assert keys_of(copy) == keys_of(REVIEW)


def test_most_near_copies_share_a_key() -> None:
    copies = [text[:i] + "某" + text[i + 1 :] for text in (REVIEW, ADVERT) for i in range(len(text)) if text[i] != "，"]
    originals = [text for text in (REVIEW, ADVERT) for letter in text if letter != "，"]
    shared = [are_copies(*pair) for pair in zip(originals, copies, strict=True)]
    assert sum(shared) / len(shared) > 0.9  # .95 by the formula for an overlap of .89
    assert keys_of(copies[0])[0][0] != keys_of(originals[0])[0][0]  # the first key is of the exact letters


@pytest.mark.parametrize("copy", [ADVERT + "，24小时在线", "各位好，" + ADVERT, ADVERT.replace("有优惠", "优惠")])
def test_near_copies_share_a_key(copy: str) -> None:
    assert are_copies(copy, ADVERT)


def test_numbers_alone_make_no_other_near_key() -> None:
    a, b = (f"本店今日特价{price}元一箱，满{n}箱包邮到家，欢迎来电咨询订购" for price, n in ((99, 3), (108, 10)))
    (first, *near), (other, *same) = keys_of(a, b)
    assert first != other
    assert near == same
    assert len(near) == GROUPS


def test_different_texts_share_no_key() -> None:
    texts = [
        REVIEW,
        ADVERT,
        "宝宝六个月了可以开始加辅食吗，先加米粉还是菜泥，一天加几次比较好呢",
        "昨天下单的咖啡机今天就到了，物流真快，包装也很结实，先用一阵再来说感受",
        "昨天下单的书到现在还没有发货，客服一直说在催，到底什么时候能发出来",
    ]
    assert not any(set(a) & set(b) for a, b in itertools.combinations(keys_of(*texts), 2))


def test_order_makes_another_exact_key() -> None:
    one, other = keys_of("先付款后发货可以吗", "先发货后付款可以吗")
    assert one[0] != other[0]


@pytest.mark.parametrize(
    "text", ["", " ", "。。。！！！", "好的", "谢谢老板", "哈" * 50, "👍👍👍", "[强][强]", "早上好呀"]
)
def test_what_says_too_little_has_no_keys(text: str) -> None:
    assert keys_of(text) == [()]


@pytest.mark.parametrize(
    ("text", "n_keys"),
    [
        ("一" + "二三四五六"[: MIN_LETTERS - 2], 0),
        ("一" + "二三四五六"[: MIN_LETTERS - 1], 1),  # from here on it says something
        ("一二三四五六七八九十", 1),  # nine pairs
        ("一二三四五六七八九十百", 1 + GROUPS),  # ten
        ("🌹" * (MIN_PICTURES - 1), 0),
        ("🌹" * MIN_PICTURES, 1),
        ("[玫瑰]" * MIN_PICTURES, 1),
        ("❤️" * (MIN_PICTURES - 1), 0),  # a picture of two code points is one picture
        ("👨‍👩‍👧" * (MIN_PICTURES - 1), 0),
        ("🌹👍" * 5, 1),
        ("顶顶顶" + "🔥" * 9, 1),
    ],
)
def test_bounds(text: str, n_keys: int) -> None:
    assert len(keys_of(text)[0]) == n_keys


def test_walls_of_any_height_are_copies() -> None:
    assert keys_of("🌹" * 8) == keys_of("🌹" * 300)


def test_pictures_of_a_wall_count() -> None:
    assert keys_of("🌹" * 8) != keys_of("👍" * 8)


@given(st.lists(ANY, max_size=6))
@example(["", "一二三四五六七八九十百千", ""])
@example(["0", "1", "一"])
def test_a_message_has_the_same_keys_in_any_company(texts: list[str]) -> None:
    assert keys_of(*texts) == [keys_of(text)[0] for text in texts]


@given(ANY)
@example("🌹" * 8)
def test_keys_fit_a_column_and_none_comes_twice(text: str) -> None:
    (found,) = keys_of(text)
    assert all(-(2**63) <= key < 2**63 for key in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        (REVIEW, REVIEW, 1.0, 1.0),
        (REVIEW, REVIEW.replace("，", "。"), 1.0, 1.0),
        ("一二三四", "一二三五", 0.5, 0.5),  # two pairs of four
        (REVIEW, REVIEW[:20], 0.4, 0.6),
        (REVIEW, ADVERT, 0.0, 0.05),
        ("好", "好", 1.0, 1.0),
        ("好", "坏", 0.0, 0.0),
        ("", "", 0.0, 0.0),
        ("！！", "！！", 0.0, 0.0),  # nothing to compare
        ("🌹🌹", "🌹", 0.0, 0.0),
    ],
)
def test_resemblance(a: str, b: str, low: float, high: float) -> None:
    assert low <= resemblance(a, b) <= high
    assert resemblance(a, b) == resemblance(b, a)


def test_resemblances_are_those_to_each() -> None:
    others = [REVIEW, ADVERT, "", REVIEW[:20]]
    assert resemblances(REVIEW, others) == [resemblance(REVIEW, other) for other in others]
    assert resemblances(REVIEW, []) == []


@given(ANY, ANY)
def test_resemblance_of_anything_is_a_share(a: str, b: str) -> None:
    assert 0.0 <= resemblance(a, b) <= 1.0


def test_no_messages_no_keys() -> None:
    assert keys_of() == []


def test_it_takes_few_microseconds_a_message() -> None:
    batch = normalise_batch([REVIEW, ADVERT] * 256)
    keys(batch)
    spent = []
    for _ in range(20):
        begun = time.perf_counter()
        keys(batch)
        spent.append(time.perf_counter() - begun)
    assert min(spent) / 512 < 15e-6  # 5 us on one core of 2.5 GHz
