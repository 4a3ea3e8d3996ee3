"""Versions of a knowledge base, as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from nlp_service.knowledge.gate import Fall
from nlp_service.knowledge.versions import Change
from nlp_service.store.records import Version

MAX_AUTHOR, MAX_NOTE = 100, 2_000
"""Code points in the name of who did something, and in why."""

VersionNumber = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class PublishRequest(msgspec.Struct):
    """Make the draft the version that is answered from.

    Attributes:
        author, note: For the history.
        draft: Number of the draft that was looked at; if somebody has published in between, nothing is done.
        force: Publish although the draft answers worse than what is published; needs a reason.
        reason: Why it is forced; kept in the history.
    """

    author: str = ""
    note: str = ""
    draft: VersionNumber | None = None
    force: bool = False
    reason: str = ""


class RollbackRequest(msgspec.Struct):
    """Publish the entries of an earlier version as a new one.

    Attributes:
        version: The one to go back to.
        discard: Whether changes of the draft may be lost.
    """

    version: VersionNumber
    discard: bool = False
    author: str = ""
    note: str = ""


class PublishedResponse(msgspec.Struct):
    """What is answered from now, in all processes within two seconds.

    Attributes:
        version: Its number.
        published: All that is kept of it.
        falls: Figures that are worse than before, and were let pass by force.
    """

    request_id: str
    version: int
    published: Version
    falls: list[Fall]


class VersionsResponse(msgspec.Struct):
    """All versions, the first one first; what was published stays."""

    request_id: str
    published: int
    versions: list[Version]


class DiffResponse(msgspec.Struct):
    """What leads from one version to another (null is the draft); entries by id."""

    request_id: str
    old: int | None
    new: int | None
    added: list[str]
    removed: list[str]
    changed: list[Change]


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_VERSION = Version(3, _AT, "小王", "退款时间改了", 2, {"hit_at_1": 0.71}, {"asked": 600})

EXAMPLES: tuple[msgspec.Struct, ...] = (
    PublishRequest("小王", "退款时间改了", 4),
    RollbackRequest(2, note="价格写错了"),
    PublishedResponse(_ID, 3, _VERSION, [Fall("hit_at_1", 0.74, 0.71)]),
    VersionsResponse(_ID, 3, [_VERSION]),
    DiffResponse(_ID, 2, None, ["invoice"], [], [Change("refund-time", ("answer",))]),
)
"""One of each type that is a whole body."""
