"""What mining found, item by item, as answers carry it.

Times are in UTC, a share is 0 to 1, and `people` counts different known authors, every message of nobody known as one
person of its own. `messages_url` is where the messages behind an item are, page by page.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class CountChange(msgspec.Struct, frozen=True):
    """A count against that of the period before; `rise` is a share of `before`, null where nothing can be said."""

    now: int
    before: int
    rise: float | None
    known: bool
    p_value: float | None = None


class PeriodBucket(msgspec.Struct, frozen=True):
    """A part of the period."""

    start: datetime
    messages: int
    people: int


class QuoteSpan(msgspec.Struct, frozen=True):
    """What matters in a quote: half-open code points of its text."""

    start: int
    end: int
    text: str


class QuoteView(msgspec.Struct, frozen=True):
    """Words of a message, whole sentences of a long one; `id` is the platform's."""

    message_id: int
    platform: str
    id: str
    channel: str
    at: datetime
    text: str
    spans: list[QuoteSpan]


class SegmentView(msgspec.Struct, frozen=True):
    """Where something is said more or less: `field` has `value` there.

    Attributes:
        messages, total: Of the item there, and all there.
        share_in, share_out: Of the item, there and elsewhere.
        ratio: Of the two; null where `share_out` is 0.
        effect: Cohen's h.
        p_value, q_value: Two-sided, and corrected for all that was looked at.
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


class PainPointView(msgspec.Struct, frozen=True, kw_only=True):
    """A pain or need; fields as `insight` has them, see docs/insight.md."""

    id: str
    kind: str
    name: str
    target: str
    category: str
    terms: list[str]
    people: int
    messages: int
    share: float
    severity: float
    sentiment: float | None
    change: CountChange
    trend: list[PeriodBucket]
    segments: list[SegmentView]
    quotes: list[QuoteView]
    messages_url: str


class TopicView(msgspec.Struct, frozen=True, kw_only=True):
    """What is talked about; the id stays from day to day."""

    id: str
    name: str
    terms: list[str]
    people: int
    messages: int
    share: float
    change: CountChange
    trend: list[PeriodBucket]
    first_at: datetime
    quotes: list[QuoteView]
    messages_url: str


class TopicEventView(msgspec.Struct, frozen=True):
    """What became of a topic: ``born``, ``merged`` (into `other`), ``split`` (off `other`), ``returned``, ``faded``."""

    kind: str
    topic_id: str
    at: datetime
    other: str | None = None


class KeywordView(msgspec.Struct, frozen=True, kw_only=True):
    """A word or phrase that is said more than before, or less; `score` is a log-likelihood ratio with a sign."""

    id: str
    term: str
    messages: int
    people: int
    score: float
    change: CountChange
    messages_url: str


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """Members who are alike by what they say; `source` is ``rule`` or ``cluster``, `members` counts known authors."""

    id: str
    name: str
    source: str
    terms: list[str]
    members: int
    messages: int
    quotes: list[QuoteView]
    messages_url: str


class SegmentLine(msgspec.Struct, frozen=True):
    """A segment of something, by the name of that."""

    item: str
    segment: SegmentView


class SeriesView(msgspec.Struct, frozen=True):
    """A measure over time; `step` is ``hour``, ``day`` or ``week``, and a value is null where it cannot be said."""

    name: str
    step: str
    starts: list[datetime]
    values: list[float | None]
    before: list[float | None]
    same_weekday: list[float | None]


class FigureView(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of health; its messages are those of the numerator. `why` says why there is no value."""

    id: str
    name: str
    value: float | None
    numerator: float | None
    denominator: float | None
    before: float | None
    benchmark: float | None
    why: str | None
    messages_url: str


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a channel, or of all together (null)."""

    channel: str | None
    messages: int
    people: int
    figures: list[FigureView]


class WarningView(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at before it is a crisis; `quadrant` is ``act``, ``plan``, ``watch`` or ``note``."""

    id: str
    kind: str
    channel: str | None
    at: datetime
    value: float
    bound: float
    days: int
    reach: float
    urgency: float
    quadrant: str
    messages_url: str
