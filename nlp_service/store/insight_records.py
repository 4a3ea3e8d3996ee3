"""What the repository of mining takes and gives.

A run is stored in two parts: a document of figures and names, and the messages behind each item as rows. The document
is JSON of the form ``{"head": {…}, "items": {kind: [{"id": …}, …]}}`` and holds no text of a message and no author.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.engine import RowMapping

from nlp_service.errors import ServiceError

KINDS = ("pain", "need", "topic", "keyword", "group", "warning", "figure")
"""What items there are."""

Document = dict[str, Any]


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a period, to be stored.

    Attributes:
        job_id: What found it; None where no job did.
        period_start, period_end, zone: What was looked at, half-open, and where its days begin.
        previous_start, previous_end: What it is held against.
        parameters: What else decides the answer, such as channels.
        model_version: Which model read the messages.
        messages, people: Of the period.
        head: What is said of the whole.
        items: What was found, by kind; each has an `id`, of its own among its kind.
    """

    job_id: str | None
    period_start: datetime
    period_end: datetime
    zone: str
    previous_start: datetime
    previous_end: datetime
    parameters: dict[str, Any]
    model_version: str
    messages: int
    people: int
    head: dict[str, Any]
    items: dict[str, list[dict[str, Any]]]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A stored run without its document; fields as in `NewRun`. `completed_at` is when its last row was written."""

    id: int
    job_id: str | None
    period_start: datetime
    period_end: datetime
    zone: str
    previous_start: datetime
    previous_end: datetime
    parameters: dict[str, Any]
    model_version: str
    messages: int
    people: int
    created_at: datetime
    completed_at: datetime


class Members(NamedTuple):
    """The messages behind an item, by the ids of the store."""

    kind: str
    item: str
    message_ids: list[int]


class MemberMessage(msgspec.Struct, frozen=True):
    """A message behind an item.

    Attributes:
        id: Of the store.
        external_id: The platform's.
        author: Empty where nobody is known.
        at: When it was written.
        revision: Counts wordings, from 1.
    """

    id: int
    platform: str
    external_id: str
    channel: str
    author: str
    at: datetime
    text: str
    revision: int


class Recount(NamedTuple):
    """What the database counts behind an item now: messages, and people as `insight` counts them."""

    messages: int
    people: int


def pack(document: Document) -> bytes:
    """A document as bytes: JSON, compressed."""
    return zlib.compress(msgspec.json.encode(document), 6)


def unpack(packed: bytes) -> Document:
    """What `pack` wrote.

    Raises:
        ServiceError: The bytes are damaged.
    """
    try:
        return msgspec.json.decode(zlib.decompress(packed), type=Document)
    except (zlib.error, msgspec.DecodeError) as error:
        raise ServiceError(f"a stored run of {len(packed)} bytes is damaged ({type(error).__name__})") from None


def read_run(row: RowMapping) -> Run:
    """A run out of its row."""
    return Run(**{name: row[name] for name in Run.__struct_fields__})
