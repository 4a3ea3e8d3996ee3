"""The values that mining gives: what a report prints, what the API answers, what `crisis` is handed.

Conventions: times are aware and in UTC, periods half-open; a share is in [0, 1]; `people` counts different known
authors, (platform, author), and every message of nobody known as one person of its own; every count comes with the
messages behind it, as `MessageKey`s in the order of (at, platform, id).
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Period(msgspec.Struct, frozen=True):
    """From `start`, included, to `end`, excluded; `zone` is the IANA zone that days and hours are cut in."""

    start: datetime
    end: datetime
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a period needs times with a zone")
        if self.end <= self.start:
            raise ValueError("a period ends before it starts")


class MessageKey(msgspec.Struct, frozen=True, order=True):
    """Names a message: `id` is the platform's, `message_id` that of the store where it is from there."""

    platform: str
    id: str
    message_id: int | None = None


class Quote(msgspec.Struct, frozen=True):
    """Words of a member, as they were written; `spans` are half-open code points of what matters in them."""

    key: MessageKey
    text: str
    at: datetime
    channel: str
    spans: tuple[tuple[int, int], ...] = ()


class Change(msgspec.Struct, frozen=True):
    """A count against that of the period before, of the same length.

    Attributes:
        now, before: Messages. Both are counts over the same kind of membership: `before` is what the very rule that
            gave `now` finds in the period before.
        rise: (now - before) / before; None where `before` is 0 or is not known.
        known: Whether there are messages of the period before at all.
        p_value: Of equal rates per message (two-sided); None where it cannot be said.
    """

    now: int
    before: int
    rise: float | None
    known: bool
    p_value: float | None = None


class Bucket(msgspec.Struct, frozen=True):
    """A part of a period: when it starts, how many messages and people."""

    start: datetime
    messages: int
    people: int


class Segment(msgspec.Struct, frozen=True):
    """That something is said more, or less, where a field of the messages has a value.

    Attributes:
        field, value: ``meta.weather``, ``rain``; also ``channel``, ``platform``.
        messages: Of the item in the segment.
        total: All messages of the segment.
        share_in, share_out: Of the item, among the messages in the segment and among all others.
        ratio: share_in / share_out; None where share_out is 0.
        effect: Cohen's h, 2 asin sqrt(share_in) - 2 asin sqrt(share_out).
        p_value: Two-sided.
        q_value: Corrected for all that were looked at (Benjamini and Hochberg).
    """

    field: str
    value: str
    messages: int
    total: int
    share_in: float
    share_out: float
    ratio: float | None
    effect: float
    p_value: float
    q_value: float


class PainPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A pain that members suffer or a need that they have.

    Attributes:
        id: Of its target and category: the same from run to run while those are.
        kind: ``pain`` or ``need``.
        name: For people, a few words.
        target: The canonical target most of it is about.
        category: A risk category or "need".
        terms: What its messages say more than others do, most telling first.
        people, messages: Different ones.
        share: Of all messages of the period.
        severity: 0 to 1, see docs/insight.md.
        sentiment: Mean of its messages, -1 to 1.
        change: Against the period before.
        trend: By day.
        quotes: Up to three that cover it.
        keys: The messages.
        segments: Where it is said clearly more, strongest first.
    """

    id: str
    kind: str
    name: str
    target: str
    category: str
    terms: tuple[str, ...]
    people: int
    messages: int
    share: float
    severity: float
    sentiment: float | None
    change: Change
    trend: tuple[Bucket, ...]
    quotes: tuple[Quote, ...]
    keys: tuple[MessageKey, ...]
    segments: tuple[Segment, ...] = ()


class Keyword(msgspec.Struct, frozen=True):
    """A word or phrase that is said more than before, or than elsewhere.

    Attributes:
        score: Log-likelihood ratio (Dunning 1993), signed by direction.
        keys: The messages that have it, at most 1,000 of them; `messages` counts all.
    """

    term: str
    messages: int
    people: int
    score: float
    change: Change
    keys: tuple[MessageKey, ...]


class TopicEvent(msgspec.Struct, frozen=True):
    """What became of a topic: ``born``, ``merged`` (into `other`), ``split`` (off `other`), ``returned``, ``faded``."""

    kind: str
    topic_id: str
    at: datetime
    other: str | None = None


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """What is talked about, under an identity that stays from day to day; fields as in `PainPoint`."""

    id: str
    name: str
    terms: tuple[str, ...]
    people: int
    messages: int
    share: float
    change: Change
    trend: tuple[Bucket, ...]
    first_at: datetime
    quotes: tuple[Quote, ...]
    keys: tuple[MessageKey, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Members who are alike by what they say ("成分党", "价格敏感", "新手").

    Attributes:
        name: For people.
        source: ``rule`` or ``cluster``.
        terms: The words that made it.
        authors: (platform, author) of its members, sorted.
        messages: That speak for it.
        quotes: Evidence.
        keys: The messages that speak for it.
    """

    name: str
    source: str
    terms: tuple[str, ...]
    authors: tuple[tuple[str, str], ...]
    messages: int
    quotes: tuple[Quote, ...]
    keys: tuple[MessageKey, ...]


class Figure(msgspec.Struct, frozen=True):
    """One measure of a community's health; the formula of each name is in docs/insight.md.

    Attributes:
        name: Such as ``ugc_share``.
        value: None where it cannot be said, then `why` says why not.
        numerator, denominator: What it was made of, where it is a share.
        before: Of the period before; None where it cannot be said.
        benchmark: What it is held against; None where there is none.
        keys: The messages counted in the numerator.
    """

    name: str
    value: float | None
    numerator: float | None = None
    denominator: float | None = None
    before: float | None = None
    benchmark: float | None = None
    why: str | None = None
    keys: tuple[MessageKey, ...] = ()


class Health(msgspec.Struct, frozen=True):
    """The figures of one channel, or of all of them together (`channel` None)."""

    channel: str | None
    messages: int
    people: int
    figures: tuple[Figure, ...]


class Series(msgspec.Struct, frozen=True):
    """A measure over time.

    Attributes:
        name: Such as ``messages``, ``complaint_rate``.
        step: ``hour``, ``day`` or ``week``.
        starts: Of the buckets, gapless.
        values: One a bucket; None where it cannot be said.
        before: The same buckets of the period before.
        same_weekday: Mean of the same weekdays (and hours) of the four weeks before; None where none is known.
    """

    name: str
    step: str
    starts: tuple[datetime, ...]
    values: tuple[float | None, ...]
    before: tuple[float | None, ...] = ()
    same_weekday: tuple[float | None, ...] = ()


class Warning(msgspec.Struct, frozen=True, kw_only=True):
    """Something an operator should look at before it is a crisis.

    Attributes:
        kind: ``complaint_rate``, ``ugc_share`` or ``satisfaction``.
        channel: None for all of them together.
        at: End of the day that made it.
        value, bound: What was measured and what it is held against.
        days: For how many days now.
        reach: Part of the active members that it touches, 0 to 1.
        urgency: 0 to 1, see docs/insight.md.
        quadrant: ``act``, ``plan``, ``watch`` or ``note``.
        keys: The messages behind it.
    """

    kind: str
    channel: str | None
    at: datetime
    value: float
    bound: float
    days: int
    reach: float
    urgency: float
    quadrant: str
    keys: tuple[MessageKey, ...]


class Mining(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found in a period.

    Attributes:
        period, previous: What was looked at, and what it is held against.
        messages, people: Of the period.
        messages_before: Of the period before.
        notes: What a reader must know ("nothing to compare with"), as codes listed in docs/insight.md.
        model_version: Which model read the messages.
    """

    period: Period
    previous: Period
    messages: int
    people: int
    messages_before: int
    pain_points: tuple[PainPoint, ...]
    topics: tuple[Topic, ...]
    topic_events: tuple[TopicEvent, ...]
    keywords: tuple[Keyword, ...]
    segments: tuple[tuple[str, Segment], ...]
    groups: tuple[Group, ...]
    health: tuple[Health, ...]
    series: tuple[Series, ...]
    warnings: tuple[Warning, ...]
    notes: tuple[str, ...]
    model_version: str
