"""Mining for tests: groups messages by a word. Light, since every job begins by loading it in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from nlp_service.api.insights.work import Asked
from nlp_service.api.jobs.child import Tell
from nlp_service.errors import BadInput
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
from nlp_service.store.browsing import Filters, StoredMessage
from nlp_service.store.database import Database
from nlp_service.store.messages import MessageStore


def group_by_words(database: Database, tenant: str, asked: Asked, tell: Tell, *, word: str = "慢") -> Mining:
    """Finds a pain in a word, a need in 想要, and every other kind of thing in some messages."""
    if asked.channels == ("broken",):
        raise BadInput("this channel is broken", param="channel")
    filters = Filters(sent_from=asked.start, sent_to=asked.end, oldest_first=True)
    pages = MessageStore(database).stream(tenant, filters)
    said = [one for page in pages for one in page if not asked.channels or one.channel in asked.channels]
    tell(0.5, "grouping")
    slow, wanted = ([one for one in said if word in one.text] for word in (word, "想要"))
    name = slow[0].channel if word == "" and slow else "物流/慢"
    day = timedelta(days=1)
    figure = Figure("complaint_rate", 0.5, float(len(slow)), float(len(said)), keys=_keys(slow))
    of_channel = Figure("complaint_rate", 0.1, 1.0, 10.0, keys=_keys(slow[:1]))
    return Mining(
        period=asked.period,
        previous=Period(asked.start - (asked.end - asked.start), asked.start, asked.zone),
        messages=len(said),
        people=_people(said),
        messages_before=0,
        pain_points=tuple(
            _point(kind, name, members) for kind, name, members in (("pain", name, slow), ("need", "w-1", wanted))
        ),
        topics=(_topic(said),) if said else (),
        topic_events=(TopicEvent("born", "主题", asked.start),),
        keywords=(Keyword(name, len(slow), _people(slow), 9.5, _change(slow), _keys(slow)),),
        segments=((name, Segment("meta.weather", "rain", 1, 2, 0.5, 0.25, 2.0, 0.1, 0.01, 0.02)),),
        groups=(_group(slow),),
        health=(
            Health(None, len(said), _people(said), (figure,)),
            Health(name if word == "" else "vip 群", 1, 1, (of_channel,)),
        ),
        series=(Series(f"messages of {name}", "day", (asked.start,), (float(len(said)),), (None,)),),
        warnings=(
            Warning(
                kind="complaint_rate",
                channel=None,
                at=asked.start + day,
                value=0.5,
                bound=0.1,
                days=3,
                reach=0.2,
                urgency=0.9,
                quadrant="act",
                keys=_keys(slow),
            ),
        ),
        notes=("no_previous",),
        model_version="fast-1",
    )


def _point(kind: str, name: str, members: Sequence[StoredMessage]) -> PainPoint:
    return PainPoint(
        id=name,
        kind=kind,
        name=name,
        target="物流",
        category="delivery_delay" if kind == "pain" else "need",
        terms=("慢",),
        people=_people(members),
        messages=len(members),
        share=0.1,
        severity=0.5,
        sentiment=None,
        change=_change(members),
        trend=tuple(Bucket(one.sent_at, 1, 1) for one in members),
        quotes=_quotes(members),
        keys=_keys(members),
        segments=(Segment("channel", "vip", 1, 2, 0.5, 0.0, None, 0.1, 0.01, 0.02),),
    )


def _topic(members: Sequence[StoredMessage]) -> Topic:
    return Topic(
        id="主题",
        name="闲聊",
        terms=("今天",),
        people=_people(members),
        messages=len(members),
        share=1.0,
        change=_change(members),
        trend=(),
        first_at=members[0].sent_at,
        quotes=_quotes(members),
        keys=_keys(members),
    )


def _group(members: Sequence[StoredMessage]) -> Group:
    authors = sorted({(one.platform, one.author) for one in members if one.author})
    return Group(
        name="急性子",
        source="rule",
        terms=("慢",),
        authors=tuple(authors),
        messages=len(members),
        quotes=_quotes(members),
        keys=_keys(members),
    )


def _quotes(members: Sequence[StoredMessage]) -> tuple[Quote, ...]:
    """Up to two, without the first character of the message."""
    return tuple(Quote(_key(one), one.text[1:], one.sent_at, one.channel, ((0, 1),)) for one in members[:2])


def _keys(members: Sequence[StoredMessage]) -> tuple[MessageKey, ...]:
    return tuple(map(_key, members))


def _key(one: StoredMessage) -> MessageKey:
    return MessageKey(one.platform, one.external_id, one.id)


def _people(members: Sequence[StoredMessage]) -> int:
    known = {(one.platform, one.author) for one in members if one.author}
    return len(known) + sum(not one.author for one in members)


def _change(members: Sequence[StoredMessage]) -> Change:
    return Change(len(members), 0, None, False)
