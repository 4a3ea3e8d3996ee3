"""A week of a made-up community, with something of everything that a report shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nlp_service.insight.report.options import ReportOptions
from nlp_service.insight.results import (
    Bucket,
    Change,
    Figure,
    Group,
    Health,
    Keyword,
    MessageKey,
    Mining,
    PainPoint,
    Period,
    Quote,
    Segment,
    Series,
    Topic,
    TopicEvent,
    Warning,
)

START = datetime(2026, 9, 6, 16, tzinfo=UTC)  # Monday, 7 September, in Shanghai
DAY = timedelta(days=1)
PERIOD = Period(START, START + 7 * DAY)
PREVIOUS = Period(START - 7 * DAY, START)
MADE_AT = datetime(2026, 9, 14, 1, 30, tzinfo=UTC)
OPTIONS = ReportOptions(MADE_AT)


def keys(first: int, n: int, *, is_stored: bool = True) -> tuple[MessageKey, ...]:
    return tuple(MessageKey("wecom", f"m{i:05d}", 1000 + i if is_stored else None) for i in range(first, first + n))


def change(now: int, before: int, p_value: float | None = 0.001) -> Change:
    return Change(now, before, (now - before) / before if before else None, True, p_value)


def trend(*messages: int) -> tuple[Bucket, ...]:
    return tuple(Bucket(START + i * DAY, n, n) for i, n in enumerate(messages))


def quote(text: str, number: int = 1, channel: str = "咖啡一群", spans: tuple[tuple[int, int], ...] = ()) -> Quote:
    return Quote(MessageKey("wecom", f"m{number:05d}", 1000 + number), text, START + number * DAY / 9, channel, spans)


RAIN = Segment("meta.weather", "rain", 61, 2210, 0.0276, 0.0086, 3.2, 0.146, 1e-9, 4e-8)
EAST = Segment("meta.region", "华东", 40, 5100, 0.0078, 0.0031, 2.5, 0.066, 1e-4, 0.003)


def pain(
    id: str, name: str, n: int, people: int, before: int, *, kind: str = "pain", category: str = "delivery_delay",
    quotes: tuple[Quote, ...] = (), segments: tuple[Segment, ...] = (), terms: tuple[str, ...] = (),
    first: int = 0, p_value: float = 0.001,
) -> PainPoint:  # fmt: skip
    days = [n * part // 100 for part in (8, 10, 21, 24, 17, 11)]
    days.append(n - sum(days))
    return PainPoint(
        id=id, kind=kind, name=name, target=name, category="need" if kind == "need" else category, terms=terms,
        people=people, messages=n, share=n / 12_845, severity=min(0.95, 0.3 + n / 300), sentiment=-0.62,
        change=change(n, before, p_value), trend=trend(*days), quotes=quotes, keys=keys(first, n), segments=segments,
    )  # fmt: skip


PAINS = (
    pain(
        "p1", "配送延误", 143, 121, 60, segments=(RAIN, EAST), terms=("三天了", "没到", "物流不动", "催单"),
        quotes=(
            quote("下单三天了还没到，物流一直不动，下雨天就更慢。", 1, spans=((2, 8), (9, 15))),
            quote("催了客服两次，都说“已经在路上了”，结果又等一天……", 3, spans=((0, 6),)),
            quote("雨天配送能不能提前说一声？牛奶都不新鲜了！", 5, "咖啡三群"),
        ),
    ),
    pain("p2", "包装漏液", 97, 84, 44, category="product_quality", terms=("漏了", "瓶盖", "一箱"), first=200,
         quotes=(quote("收到的时候瓶盖松了，漏了半箱，想退货。", 8, spans=((8, 14),)),)),
    pain("n1", "小包装", 66, 60, 48, kind="need", terms=("小份", "一人份"), first=400, p_value=0.2,
         quotes=(quote("能不能出一人份的小包装？每次都喝不完。", 11, spans=((5, 12),)),)),
    pain("p3", "客服不回复", 58, 51, 63, category="service_attitude", first=500, p_value=0.6),
    pain("p4", "优惠券不能用", 41, 40, 0, category="price_dispute", first=600),
    pain("p5", "磨豆机异响", 30, 27, 31, category="product_quality", first=700, p_value=0.9),
    pain("n2", "低因咖啡豆", 25, 25, 12, kind="need", first=800),
)  # fmt: skip

TOPICS = (
    Topic(
        id="t1", name="雨天配送", terms=("下雨", "骑手", "晚到"), people=210, messages=288, share=0.0224,
        change=change(288, 160), trend=trend(20, 31, 66, 70, 48, 30, 23), first_at=START - 12 * DAY,
        quotes=(quote("今天又下雨，骑手说要晚一个小时。", 2),), keys=keys(1000, 288),
    ),
    Topic(
        id="t2", name="手冲参数", terms=("水温", "粉水比", "研磨度"), people=95, messages=164, share=0.0128,
        change=change(164, 170, 0.7), trend=trend(24, 22, 25, 23, 24, 23, 23), first_at=START - 40 * DAY,
        quotes=(), keys=keys(1300, 164),
    ),
)  # fmt: skip

CHANNEL_ONE = Figure("complaint_rate", 0.041, 303, 7400, 0.02, 0.02, None, keys(0, 303))
CHANNEL_THREE = Figure("complaint_rate", 0.018, 98, 5445, 0.017, 0.02, None, keys(303, 98))

MINING = Mining(
    period=PERIOD,
    previous=PREVIOUS,
    messages=12_845,
    people=2_316,
    messages_before=11_470,
    pain_points=PAINS,
    topics=TOPICS,
    topic_events=(
        TopicEvent("born", "t1", START + 2 * DAY),
        TopicEvent("merged", "t9", START + 3 * DAY, "t1"),
    ),
    keywords=(
        Keyword("下雨", 190, 160, 88.1, change(190, 40), keys(1000, 190)),
        Keyword("满减", 22, 20, -31.0, change(22, 90), keys(1500, 22)),
        Keyword("一人份", 31, 30, 40.5, change(31, 0), keys(400, 31)),
    ),
    segments=(("p2", EAST),),
    groups=(
        Group(
            name="成分党", source="rule", terms=("配料表", "添加剂"), authors=(("wecom", "u1"), ("wecom", "u2")),
            messages=9, quotes=(quote("先看配料表再下单。", 4),), keys=keys(1600, 9),
        ),
    ),
    health=(
        Health(
            None, 12_845, 2_316,
            (
                Figure("ugc_share", 0.171, 2196, 12_845, 0.182, 0.15, None, keys(2000, 120)),
                Figure("member_topic_share", 0.64, 32, 50, 0.61),
                Figure("answered_share", 0.81, 648, 800, 0.84, None, None, keys(3000, 60)),
                Figure("answer_time_median_s", 1260.0, None, None, 1500.0),
                Figure("sentiment", -0.04, None, None, 0.02),
                Figure("complaint_rate", 0.0312, 401, 12_845, 0.0188, 0.02, None, keys(0, 401)),
                Figure("ad_rate", 0.012, 154, 12_845, 0.011, None, None, keys(4000, 154)),
                Figure("active_members", 2200.0, 2200.0, None, 2105.0, None, None, keys(5000, 90)),
                Figure("silent_members", None, None, None, None, None, "members_not_known"),
                Figure("satisfaction", 82.4, None, None, 86.9, 85.0),
            ),
        ),
        Health("咖啡一群", 7_400, 1_300, (CHANNEL_ONE,)),
        Health("咖啡三群", 5_445, 1_120, (CHANNEL_THREE,)),
    ),
    series=(
        Series("messages", "day", tuple(START + i * DAY for i in range(7)),
               (1700.0, 1820.0, 2010.0, 2230.0, 1900.0, 1640.0, 1545.0),
               (1600.0, 1650.0, 1700.0, 1690.0, 1680.0, 1600.0, 1550.0)),
        Series("complaint_rate", "day", tuple(START + i * DAY for i in range(7)),
               (0.021, 0.024, 0.045, 0.052, 0.036, None, 0.02), (0.018, 0.019, 0.02, 0.018, 0.019, 0.018, 0.02)),
    ),
    warnings=(
        Warning(kind="satisfaction", channel=None, at=START + 7 * DAY, value=82.4, bound=85.0, days=2, reach=0.42,
                urgency=0.35, quadrant="plan", keys=keys(0, 200)),
        Warning(kind="complaint_rate", channel="咖啡一群", at=START + 4 * DAY, value=0.052, bound=0.04, days=3,
                reach=0.56, urgency=0.83, quadrant="act", keys=keys(0, 303)),
    ),
    notes=("duplicates:12", "something_new"),
    model_version="fast-made-up",
)  # fmt: skip
"""Seven pains and needs, two topics, two warnings, two channels."""
