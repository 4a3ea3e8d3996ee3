"""How a knowledge base is used and what it lacks, as answers carry it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from nlp_service.knowledge.conflicts import Conflict
from nlp_service.knowledge.drafts import DraftEntry
from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.gaps import Gap
from nlp_service.knowledge.tallies import ChannelUsage, Count, EntryUsage, Tally, WordingUsage
from nlp_service.knowledge.usage import Alert, StaleEntry, Usage, Waiting


class GapsResponse(msgspec.Struct):
    """What nobody could answer, what most people asked first.

    Attributes:
        days: The period, up to now.
        gaps: At most as many as were asked for.
        n_gaps: All there are.
        opened: Of these gaps, those with an entry in the draft already, and its id.
    """

    request_id: str
    days: int
    gaps: list[Gap]
    n_gaps: int
    opened: dict[str, str]


class GapEntryRequest(msgspec.Struct):
    """What makes an entry of a gap; its questions are there already.

    Attributes:
        answer: Empty takes what people proposed.
        id: Empty is ``gap-`` and the id of the gap.
        category: Null takes the guess.
    """

    answer: str = ""
    id: str = ""
    category: str | None = None
    tags: list[str] = []
    owner: str = ""


class GapEntryResponse(msgspec.Struct):
    """The new entry of the draft, and its conflicts; `conflicts_checked` as in a write."""

    request_id: str
    entry: Entry
    conflicts: list[Conflict]
    conflicts_checked: bool


class UsageResponse(msgspec.Struct):
    """Use of a base; `kb_version` is that of the entries that it is compared with."""

    request_id: str
    kb_version: int
    usage: Usage


class ConflictsResponse(msgspec.Struct):
    """Duplicates and contradictions of a version (null is the draft), contradictions first."""

    request_id: str
    version: int | None
    conflicts: list[Conflict]


class AlertsResponse(msgspec.Struct):
    """Channels in which questions wait for a person, and those in which more than `limit` do."""

    request_id: str
    limit: int
    alerts: list[Alert]
    waiting: list[Waiting]


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_REPLIES = ("6f0c2a52-6f2a-4d0e-9a53-0e0d3c2b1a90", "bb1f4f04-9a0e-4a0c-8a7e-3f2c1d0e9b8a")
_TWO, _ONE = Count(2, _REPLIES), Count(1, _REPLIES[:1])
_TALLY = Tally(asked=_TWO, answered=_ONE, helpful=_ONE)
_GAP = Gap(
    id="9c1185a5c5e9fc54",
    title="会员卡能转给家人吗",
    people=2,
    messages=2,
    reply_ids=_REPLIES,
    examples=("会员卡能转给家人吗", "会员卡可以转给家里人吗"),
    first_asked_at=_AT - timedelta(days=2),
    last_asked_at=_AT,
    channels=("vip",),
    draft=DraftEntry(("会员卡能转给家人吗", "会员卡可以转给家里人吗"), "会员", proposal="不可以转让。"),
)
_ENTRY = Entry(f"gap-{_GAP.id}", _GAP.draft.questions, "不可以转让。", category="会员", owner="小王")
_CONFLICT = Conflict(
    "duplicate", (_ENTRY.id, "card-transfer"), ("会员卡能转给家人吗", "会员卡能转给家人么"), False, 0.97
)
_USAGE = Usage(
    since=_AT - timedelta(days=30),
    until=_AT,
    total=_TALLY,
    answered_share=0.5,
    entries=(EntryUsage("refund-time", _TALLY, (WordingUsage(1, _TALLY),)),),
    never_hit=("invoice",),
    stale=(StaleEntry("spring-sale", "expired", _AT - timedelta(days=1)),),
    channels=(ChannelUsage("vip", _TWO, _ONE, Count()),),
    waiting=(Waiting("vip", _ONE, (_AT,)),),
)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    GapsResponse(_ID, 30, [_GAP], 1, {_GAP.id: _ENTRY.id}),
    GapEntryRequest("不可以转让。", owner="小王"),
    GapEntryResponse(_ID, _ENTRY, [_CONFLICT], True),
    UsageResponse(_ID, 3, _USAGE),
    ConflictsResponse(_ID, None, [_CONFLICT]),
    AlertsResponse(
        _ID, 5, [Alert("vip", Count(6, _REPLIES), _AT, _AT)], [Waiting("vip", Count(6, _REPLIES), (_AT, _AT))]
    ),
)
"""One of each type that is a whole body."""
