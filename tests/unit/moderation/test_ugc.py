from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from nlp_service.inference.analyser import Analyser
from nlp_service.moderation.ugc import Around, assess, nearest, rate
from nlp_service.store.tenants import UgcWeights
from nlp_service.text.normalise import normalise
from nlp_service.types import INTENTS, Abuse, Analysis, Intent, Label, Message, Risk, Sentiment, UgcQuality

# Each topic has five posts, the best first: a guide or a told experience, a review with grounds, a short tip, bare
# praise or a bare reaction, and the first one again as somebody else posts it later.
TOPICS: dict[str, list[str]] = {
    "bottles": [
        (
            "奶瓶这样洗才不留味，亲测半年。第一步用40度温水冲掉残奶，第二步挤一滴清洁剂转着刷瓶底30下，第三步倒扣晾干再煮5分钟。"
            "注意奶嘴不要超过3分钟，否则会发黏，我就因为这个换过两次。你们家还有什么好办法吗？"
        ),
        "这款奶瓶用了四个月，瓶身很轻，宝宝自己能拿稳。缺点是刻度掉得快，而且瓶盖漏过一次，建议直接买240毫升的",
        "奶瓶刷选硅胶的，海绵的容易掉渣",
        "这个奶瓶太好看了，爱了爱了！",
    ],
    "kettle": [
        (
            "没想到修水壶这么简单。昨天烧水突然跳闸，我本来想扔，后来拆开底座发现是触点发黑，用橡皮擦了十下，装回去一试居然好了。"
            "步骤是先拔电放凉，再拧三颗螺丝，最后擦干。大家遇到过同样的情况吗？"
        ),
        "保温壶装100度开水，8小时以后还有65度，比之前那个好。不过壶嘴窄，倒得慢，适合放办公室",
        "水垢用白醋泡一晚上就掉了",
        "水壶颜值真高，满意",
    ],
    "running": [
        (
            "从跑2公里就喘到跑完半马，我用了五个月。刚开始每周三次，每次20分钟，配速放到7分；第二个月加到5公里；后来膝盖疼，才发现是"
            "鞋底磨平了。总结三个坑：别天天跑，别跟人比，别省热身。欢迎大家交流！"
        ),
        "这双鞋跑了300公里，前掌还有弹性，后跟磨了3毫米。脚宽的人建议买大半号，因为鞋头偏窄",
        "跑完先走五分钟再坐下",
        "今天也跑了，开心！！！",
    ],
    "cooking": [
        (
            "红烧肉不腻的做法：先把一斤五花肉冷水下锅焯3分钟，然后炒糖色，接着加热水没过肉，小火40分钟。关键是最后5分钟大火收汁，"
            "因为油会被逼出来。我第一次没收汁，结果全家都说腻。你们都放冰糖还是白糖？"
        ),
        "试了三家的酱油，对比下来第二家最鲜，但是偏咸，炒菜要少放半勺；第三家适合凉拌",
        "蒸鱼要等水开了再下锅，肉才嫩",
        "好吃好吃，太绝了",
    ],
    "exams": [
        (
            "在职备考八个月，终于过了，说说我的办法。早上6点背一小时，午休做20道题，晚上只看错题。刚开始我贪多，结果两个月什么都没记住；"
            "后来把书拆成90页一周，才跟上。没考过的别灰心，评论区可以提问"
        ),
        "这套题库一共1200道，解析写得细，不过有大概三十道题过期了，建议配合今年的大纲用",
        "错题本按原因分类比按章节好用",
        "老师讲得真好，支持！",
    ],
    "travel": [
        (
            "带老人去海边三天，踩过的坑都在这里。第一，别选离站5公里的酒店，我妈走了40分钟，当时就后悔了；第二，船票要提前2天买；"
            "第三，正午先回去睡再出来。最后一天下雨，没想到反而看到了彩虹，全家笑了一路[图片][图片]你们还有什么想问的吗？"
        ),
        "住了两晚，房间大概20平，隔音一般，但是早餐有十几样，离地铁站走路6分钟，适合赶车的人",
        "上山记得带外套，山顶比山脚冷",
        "风景太美了吧！！",
    ],
    "phones": [
        (
            "为什么你的手机一天两充？我实测了七天。第一天关掉后台定位，多用了2小时；第三天把屏幕从120hz改到60hz，又多了1.5小时；"
            "后来发现是一个软件一直在唤醒，卸了以后从早上8点用到晚上11点还剩30%。步骤我写在评论区，大家对照着试试"
        ),
        "用了两个月，拍照比上一代清楚，夜景尤其明显；可惜发热还是有，玩半小时到43度，不适合打游戏",
        "充电的时候别玩，电池老得慢",
        "新手机到手，哈哈哈哈",
    ],
    "plants": [
        (
            "养死六盆以后，我终于会养绿萝了。之前我天天浇水，结果根全烂了；后来改成手指插进土里2厘米，干了再浇，大概七天一次。"
            "叶子发黄先剪掉，然后放到离窗1米的地方，两周就冒新芽。千万别放空调下面。你们家的活了几年？"
        ),
        "这个花盆底下有储水层，出差十天回来土还是湿的，就是价格贵，要68元，对比普通盆贵了三倍",
        "淘米水要发酵以后再浇，不然招虫",
        "好可爱的小花[玫瑰][玫瑰]",
    ],
}


def posts() -> list[str]:
    return [post for topic in TOPICS.values() for post in topic]


@pytest.fixture(scope="module")
def table(repository: Path) -> dict[str, list[UgcQuality]]:
    """Quality of the posts of each topic by the shipped model, with the copy of the first as the fifth."""
    texts = [*posts(), *(topic[0] for topic in TOPICS.values())]
    analyser = Analyser.load(repository / "models" / "fast")
    analyses = analyser.analyse([Message(None, text) for text in texts], evidence=False)
    rated = [rate(analysis, normalise(text).normalised) for analysis, text in zip(analyses, texts, strict=True)]
    copies = [
        rate(analysis, normalise(text).normalised, Around(nearest=nearest(text, [text + "！转给大家看看"])))
        for analysis, text in list(zip(analyses, texts, strict=True))[-len(TOPICS) :]
    ]
    return {name: [*rated[4 * i : 4 * i + 4], copies[i]] for i, name in enumerate(TOPICS)}


@pytest.mark.parametrize("topic", TOPICS)
def test_an_editor_takes_the_posts_of_a_topic_in_this_order(topic: str, table: dict[str, list[UgcQuality]]) -> None:
    scores = [quality.score for quality in table[topic]]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 5


def test_every_guide_stands_before_every_tip_and_every_review_before_every_reaction(
    table: dict[str, list[UgcQuality]],
) -> None:
    guides, reviews, tips, reactions, copies = zip(*table.values(), strict=True)
    assert min(q.score for q in guides) > max(q.score for q in (*reviews, *tips, *reactions))
    assert min(q.usefulness for q in reviews) > max(q.usefulness for q in (*tips, *reactions))
    assert max(q.usefulness for q in reactions) < 0.1
    assert max(q.score for q in copies) < min(q.score for q in reactions)


def test_a_story_that_asks_for_others_spreads_further(table: dict[str, list[UgcQuality]]) -> None:
    guides, reviews, *_ = zip(*table.values(), strict=True)
    assert min(q.spread for q in guides) > max(q.spread for q in reviews)


def analysis(*labels: str, ugc: float = 0.9, ad: float = 0.0, **fields: Any) -> Analysis:
    """An analysis of a calm contribution but for what is given."""
    chances = dict.fromkeys(INTENTS, 0.0) | {"ugc": ugc, "ad": ad}
    calm: dict[str, Any] = {
        "intent": Intent((labels or ("ugc",))[0], labels or ("ugc",), chances),
        "sentiment": Sentiment("neutral", 0.0),
        "risk": Risk(0, 0.0, 0.0),
        "abuse": Abuse(0.0, False),
        "unsafe": (),
        "pain": (),
    }
    return Analysis(id=None, **calm | fields)


@pytest.mark.parametrize(("labels", "is_rated"), [(("ugc",), True), (("complaint", "ugc"), True), (("chat",), False)])
def test_only_contributions_have_a_quality(labels: tuple[str, ...], is_rated: bool) -> None:
    assert (assess(analysis(*labels), "用了三个月") is not None) is is_rated


def test_a_failed_head_gives_no_quality() -> None:
    assert assess(analysis(intent=None), "用了三个月") is None


def test_the_score_is_the_weighted_sum_of_the_parts() -> None:
    found = rate(analysis(ad=0.25), "用了三个月，因为轻，所以喜欢", Around(nearest=0.5))
    parts = (found.originality, found.usefulness, found.spread, found.compliance)
    assert found.originality == 0.5
    assert found.compliance == 0.75
    assert found.score == pytest.approx(sum(w * p for w, p in zip((0.4, 0.2, 0.3, 0.1), parts, strict=True)), abs=1e-4)


def test_a_tenant_may_weigh_otherwise() -> None:
    weights = UgcWeights(originality=0.0, usefulness=0.0, spread=0.0, compliance=1.0)
    assert rate(analysis(ad=0.25), "用了三个月", weights=weights).score == 0.75


@pytest.mark.parametrize(
    ("fields", "lexicon", "text", "expected"),
    [
        ({}, (), "用了三个月", 1.0),
        ({"ad": 0.3}, (), "用了三个月", 0.7),
        ({"abuse": Abuse(0.4, False), "ad": 0.3}, (), "用了三个月", 0.6),  # the worst counts, not the sum
        ({"unsafe": (Label("scam", 0.2), Label("gambling", 0.9))}, (), "用了三个月", 0.1),
        ({}, ("deny",), "用了三个月", 0.0),
        ({}, ("watch",), "用了三个月", 0.5),
        ({}, ("allow",), "用了三个月", 1.0),
        ({}, (), "祖传的方子", 0.6),
        ({}, (), "祖传秘方，包治百病", 0.3),
        ({"abuse": Abuse(None, False)}, (), "用了三个月", 0.5),  # an outage is not safety
        ({"unsafe": None}, (), "用了三个月", 0.5),
    ],
)
def test_compliance(fields: dict[str, Any], lexicon: tuple[str, ...], text: str, expected: float) -> None:
    found = rate(analysis(**fields), text, Around(lexicon=lexicon))
    assert found.compliance == pytest.approx(expected)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("每天喝3杯水，坚持30天", "每天喝水，坚持下去"),  # numbers
        ("首先洗净，然后切块，接着下锅", "洗净切块下锅"),  # steps
        ("喜欢它是因为轻，不过偏小", "喜欢它，轻，偏小"),  # grounds
        ("木耳焯水以后拌香油、蒜末和花生", "好吃好吃好吃好吃好吃好吃好吃"),  # words that say something
    ],
)
def test_usefulness(better: str, worse: str) -> None:
    assert rate(analysis(), better).usefulness > rate(analysis(), worse).usefulness


def test_an_answer_is_more_useful_than_the_same_words_unasked() -> None:
    text = "去二楼服务台登记身份证，当天就能领到"
    asked = rate(analysis(), text, Around(context=("你好", "请问在哪里办卡")))
    assert asked.usefulness > rate(analysis(), text, Around(context=("早上好",))).usefulness
    assert rate(analysis(), text, Around(context=("早上好",))) == rate(analysis(), text)


def test_usefulness_follows_the_model() -> None:
    assert rate(analysis(ugc=0.9), "用了三个月").usefulness > rate(analysis(ugc=0.3), "用了三个月").usefulness


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("本来不抱希望，后来居然好了，我哭了", "不抱希望，好了，哭了"),  # a story
        ("亲测有用的三个技巧", "有用的技巧"),  # a hook
        ("天天跑步，大家觉得怎么样", "天天跑步，觉得怎么样"),  # a call
        ("风景太好了!!![强]", "风景太好了"),  # excitement
        ("看看这里[图片][图片]", "看看这里"),
    ],
)
def test_spread(better: str, worse: str) -> None:
    assert rate(analysis(), better).spread > rate(analysis(), worse).spread


def test_strong_feeling_spreads() -> None:
    calm, moved = (
        rate(analysis(sentiment=Sentiment("negative", score)), "等了四个小时没有人来").spread for score in (-0.1, -0.9)
    )
    assert moved > calm


@pytest.mark.parametrize(
    ("meta", "is_more"),
    [
        ({"likes": 10}, True),
        ({"replies": 1}, True),
        ({"images": ["a.jpg", "b.jpg"]}, True),
        ({"images": 2}, True),
        ({"likes": -5}, False),
        ({"likes": True}, False),
        ({"likes": "10"}, False),
        ({"likes": math.nan}, False),
        ({"likes": math.inf}, False),
        ({"likes": None, "other": 7}, False),
    ],
)
def test_reactions_count_where_they_are_numbers(meta: dict[str, Any], is_more: bool) -> None:
    plain = rate(analysis(), "用了三个月").spread
    found = rate(analysis(), "用了三个月", Around(meta=meta)).spread
    assert (found > plain) is is_more
    assert is_more or found == plain


def test_parts_stay_in_range_whatever_is_sent() -> None:
    loud = analysis(sentiment=Sentiment("positive", 1.0), ugc=1.0)
    text = normalise("\n".join(topic[0] for topic in TOPICS.values()) * 3).normalised
    for around in (Around(), Around(meta={"likes": 1e308, "replies": 1e308, "shares": 1e308, "images": [0] * 999})):
        found = rate(loud, text, around)
        assert all(0.0 <= value <= 1.0 for value in (found.score, found.usefulness, found.spread, found.compliance))
    assert rate(analysis(), "").usefulness == 0.0


def test_the_nearest_of_earlier_messages_counts() -> None:
    text = TOPICS["bottles"][0]
    assert nearest(text, []) == 0.0
    assert nearest(text, [TOPICS["kettle"][0], text]) == 1.0
    assert 0.2 < nearest(text, [text[:60]]) < 0.9
