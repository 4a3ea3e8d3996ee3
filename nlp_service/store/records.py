"""What the repositories of knowledge bases take and give."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

import msgspec


class Base(msgspec.Struct, frozen=True):
    """A knowledge base.

    Attributes:
        id: Never used again, not even for a base of the same name.
        published: Version that is answered from; 0 before the first.
        draft: Number that the next publish takes; always ``published + 1``.
        settings: What takes effect without a publish, such as ``synonyms``.
        settings_version: Counts the changes of `settings` and of calibrations.
        created_at: In UTC.
    """

    id: int
    tenant: str
    name: str
    published: int
    draft: int
    settings: dict[str, Any]
    settings_version: int
    created_at: datetime


class Version(msgspec.Struct, frozen=True):
    """A published version.

    Attributes:
        number: Counts from 1.
        published_at: In UTC.
        based_on: The version whose entries the draft began with: the one before, or the one rolled back to.
        figures: What an evaluation measured, if there was one.
        calibration: What turns scores into probabilities, once it was fitted.
    """

    number: int
    published_at: datetime
    author: str
    note: str
    based_on: int
    figures: dict[str, Any] | None
    calibration: dict[str, Any] | None


class Record(NamedTuple):
    """An entry as it is stored: ``content`` is JSON, and equal entries must have equal JSON."""

    entry_id: str
    content: str

    @property
    def digest(self) -> str:
        """The sha256 of the content as 64 hexadecimal digits."""
        return hashlib.sha256(self.content.encode()).hexdigest()


class Written(NamedTuple):
    """How many entries a write made, changed, and found as they were."""

    created: int
    changed: int
    unchanged: int


class Difference(NamedTuple):
    """An entry that differs between two versions: its content in each, None where it is not in it."""

    entry_id: str
    old: str | None
    new: str | None


class Standing(NamedTuple):
    """What a replica compares with what it has loaded: the versions of entries and of settings."""

    published: int
    settings: int
