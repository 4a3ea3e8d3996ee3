"""What the repositories of long work take and give."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.engine import RowMapping

STATES = ("queued", "running", "done", "failed", "cancelled")
"""What becomes of a job; the last three are final."""

ACTIVE = STATES[:2]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Something that takes longer than a request.

    Attributes:
        id: Not to be guessed.
        number: Counts jobs of all tenants.
        kind: What is done, such as ``insight``.
        parameters: What it is done to: names, times and numbers, never texts of users.
        state: One of `STATES`.
        progress: 0 to 1; what was done before a worker was lost counts no more.
        what: The step that it is at, as a code; empty before the first.
        result: What it led to, once it is ``done``: ids and numbers.
        error_code, error_message: Why it ``failed``, as an answer of the service would say it.
        actor: Who started it.
        attempts: How often a worker took it.
        callback_state: ``waiting``, ``delivered`` or ``failed``; None where nobody is to be told.
    """

    id: str
    number: int
    tenant: str
    kind: str
    parameters: dict[str, Any]
    state: str
    progress: float
    what: str
    result: dict[str, Any] | None
    error_code: str | None
    error_message: str | None
    actor: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    callback_state: str | None


class Callback(NamedTuple):
    """Whom to tell when a job ends: an address, and the secret that what is told there is signed with."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return "Callback()"  # neither belongs in a log


class Due(NamedTuple):
    """A callback that is to be told now; `tries` counts this one too."""

    job: Job
    callback: Callback
    tries: int


def key_of(kind: str, parameters: Mapping[str, Any]) -> str:
    """What is the same for the same work: a digest of kind and parameters."""
    content = msgspec.json.encode((kind, parameters), order="sorted")
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def read_job(row: RowMapping) -> Job:
    """A job out of its row."""
    return Job(**{name: row[name] for name in Job.__struct_fields__})
