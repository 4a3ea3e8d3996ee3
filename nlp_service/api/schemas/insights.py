"""How insights are asked for and answered; the items of an answer are in `findings`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from nlp_service.api.schemas.findings import (
    GroupView,
    HealthView,
    KeywordView,
    PainPointView,
    SegmentLine,
    SeriesView,
    TopicEventView,
    TopicView,
    WarningView,
)
from nlp_service.api.schemas.jobs import CallbackRequest

MAX_ZONE, MAX_CHANNEL, MOST_CHANNELS = 64, 200, 20


class RunRequest(msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """Look at a period.

    Attributes:
        start: Date or time at which it begins; seven days before `to` unless given.
        end: Date or time before which it ends; the beginning of today unless given. Dates begin in `zone`.
        zone: IANA zone of days and hours; the tenant's unless given.
        channels: Only messages of these; of all if empty.
        callback: Whom to tell when it is done.
    """

    start: str | None = None
    end: str | None = None
    zone: str | None = None
    channels: Annotated[list[str], msgspec.Meta(max_length=MOST_CHANNELS)] = []
    callback: CallbackRequest | None = None


class RunView(msgspec.Struct, kw_only=True, rename={"start": "from", "end": "to"}):
    """A look at a period.

    Attributes:
        run_id: Of the run.
        start, end: The period, half-open.
        zone: Where its days begin.
        previous_from, previous_to: What it is held against.
        channels: Only these; all if empty.
        messages, people: Of the period.
        created_at: When it was made; what came later is not in it.
        job_id: What made it.
        is_partial: Whether it was made before its period was over.
    """

    run_id: int
    start: datetime
    end: datetime
    zone: str
    previous_from: datetime
    previous_to: datetime
    channels: list[str]
    messages: int
    people: int
    model_version: str
    created_at: datetime
    job_id: str | None
    is_partial: bool


class MemberView(msgspec.Struct, frozen=True):
    """A message behind an item; `id` is the platform's, `author` empty where nobody is known."""

    message_id: int
    platform: str
    id: str
    channel: str
    author: str
    at: datetime
    text: str


class InsightAnswer(msgspec.Struct, kw_only=True):
    """What all answers have.

    Attributes:
        model_version: That read the messages.
        run: What was looked at.
        notes: What a reader must know, as codes of docs/insight.md.
    """

    request_id: str
    model_version: str
    run: RunView
    notes: list[str]


class PainPointsResponse(InsightAnswer, kw_only=True):
    """Pains and needs, the weightiest first."""

    pain_points: list[PainPointView]


class TopicsResponse(InsightAnswer, kw_only=True):
    """Topics, and what became of them in the period."""

    topics: list[TopicView]
    events: list[TopicEventView]


class KeywordsResponse(InsightAnswer, kw_only=True):
    """Words and phrases."""

    keywords: list[KeywordView]


class TrendsResponse(InsightAnswer, kw_only=True):
    """Measures over time."""

    series: list[SeriesView]


class SegmentsResponse(InsightAnswer, kw_only=True):
    """Where things are said more or less, and groups of members."""

    segments: list[SegmentLine]
    groups: list[GroupView]


class CommunityHealthResponse(InsightAnswer, kw_only=True):
    """Figures of health, and early warnings."""

    health: list[HealthView]
    warnings: list[WarningView]


class MembersResponse(msgspec.Struct, kw_only=True):
    """Messages behind an item, in the order of arrival.

    Attributes:
        run_id: The run; further pages are of the same.
        kind, id: Of the item.
        count, people: What the database counts behind it now; less than the item says where messages were removed. On
            the first page only, null on others.
        next: What ``cursor`` takes for those after these, null at the end.
    """

    request_id: str
    model_version: str
    run_id: int
    kind: str
    id: str
    count: int | None
    people: int | None
    messages: list[MemberView]
    next: str | None


class RunsResponse(msgspec.Struct):
    """Some runs, the newest first; `next` is what ``cursor`` takes for those after them, null at the end."""

    request_id: str
    runs: list[RunView]
    next: str | None
