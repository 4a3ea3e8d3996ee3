"""Knowledge bases and their entries, as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from nlp_service.knowledge.conflicts import Conflict
from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.rows import RowError


class BaseSettings(msgspec.Struct, forbid_unknown_fields=True):
    """What takes effect within two seconds and without a publish.

    Attributes:
        synonyms: Groups of words that mean the same.
    """

    synonyms: list[list[str]] = []


class BaseRequest(msgspec.Struct):
    """A base to make."""

    name: str
    settings: BaseSettings | None = None


class SynonymsRequest(msgspec.Struct):
    """All groups of synonyms; those that were there before are gone."""

    groups: list[list[str]]


class KnowledgeBase(msgspec.Struct):
    """A knowledge base.

    Attributes:
        id: Names it in paths, like its name.
        published: Version that is answered from; 0 before the first.
        draft: Number that the next publish takes.
        settings_version: Counts the changes of `settings` and of calibrations.
        created_at: In UTC.
    """

    id: int
    name: str
    published: int
    draft: int
    settings: dict[str, Any]
    settings_version: int
    created_at: datetime


class BaseResponse(msgspec.Struct):
    """One base; `entries` are those of its draft."""

    request_id: str
    base: KnowledgeBase
    entries: int


class BasesResponse(msgspec.Struct):
    """All bases, the oldest first."""

    request_id: str
    bases: list[KnowledgeBase]


class DeletedResponse(msgspec.Struct):
    """How many things of this name are gone now."""

    request_id: str
    deleted: int


class EntryIn(msgspec.Struct):
    """One answer and the questions that it answers; `question` or `questions`, or both.

    Attributes:
        answer: What is answered.
        id: Without one it follows from the standard wording.
        question: The standard wording.
        questions: Wordings; the first is the standard one unless `question` is.
        valid_from, valid_to: From the one, inclusive, to the other, exclusive; with a time zone.
        audience: Channels in which it may be given; empty is all.
    """

    answer: str
    id: str | None = None
    question: str | None = None
    questions: list[str] | None = None
    category: str = ""
    tags: list[str] = []
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    audience: list[str] = []
    owner: str = ""


class EntriesRequest(msgspec.Struct):
    """Entries to write into the draft, all or none."""

    entries: list[EntryIn]


class EntryResponse(msgspec.Struct):
    """One entry, of a version (null is the draft)."""

    request_id: str
    version: int | None
    entry: Entry


class EntriesResponse(msgspec.Struct):
    """A page of entries, by id.

    Attributes:
        version: Null is the draft.
        next: What ``after`` must be for the next page; null on the last.
    """

    request_id: str
    version: int | None
    entries: list[Entry]
    next: str | None


class WrittenResponse(msgspec.Struct):
    """What a write did to the draft.

    Attributes:
        entry_ids: Of the entries that were sent, in order.
        created, changed, unchanged: How many of them.
        conflicts: With other entries of the draft; a person decides.
        conflicts_checked: False if the draft is too large to look for them at each write; ask for all of them then.
    """

    request_id: str
    entry_ids: list[str]
    created: int
    changed: int
    unchanged: int
    conflicts: list[Conflict]
    conflicts_checked: bool


class ImportResponse(msgspec.Struct):
    """What an import did.

    Attributes:
        rows: Rows of the file that held something, failed ones included.
        created, changed, unchanged: Entries, each made of one row or of several with its id.
        n_failed: Rows that were not taken.
        failed: The first 1,000 of them, in the order of the file.
        is_written: False if nothing was kept because a row failed and all or nothing was asked for.
        ignored: Names of columns or fields that no entry has, the first 20.
    """

    request_id: str
    rows: int
    created: int
    changed: int
    unchanged: int
    n_failed: int
    failed: list[RowError]
    is_written: bool
    ignored: list[str]


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_BASE = KnowledgeBase(1, "shop", 3, 4, {"synonyms": [["退货", "退换"]]}, 2, _AT)
_ENTRY = Entry(
    "refund-time",
    ("退款多久到账？", "钱什么时候退回来"),
    "审核通过后三天内原路退回。",
    category="售后",
    tags=("退款",),
    valid_from=_AT,
    audience=("vip",),
    owner="小王",
)
_CONFLICT = Conflict(
    "contradiction", ("refund-time", "refund"), ("退款多久到账？", "退款多久到账"), True, 1.0, (("3天",), ("7天",))
)


EXAMPLES: tuple[msgspec.Struct, ...] = (
    BaseRequest("shop", BaseSettings([["退货", "退换"]])),
    SynonymsRequest([["退货", "退换"]]),
    BaseResponse(_ID, _BASE, 120),
    BasesResponse(_ID, [_BASE]),
    DeletedResponse(_ID, 1),
    EntriesRequest([EntryIn("审核通过后三天内原路退回。", id="refund-time", questions=["退款多久到账？"])]),
    EntryResponse(_ID, None, _ENTRY),
    EntriesResponse(_ID, 3, [_ENTRY], "refund-time"),
    WrittenResponse(_ID, ["refund-time"], 1, 0, 0, [_CONFLICT], True),
    ImportResponse(_ID, 121, 118, 2, 0, 1, [RowError(17, "answer", "answer must not be empty")], True, ["备注"]),
)
"""One of each type that is a whole body."""
