"""Messages as they are read: one, a page at a time with a cursor, or all that pass some filters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput
from nlp_service.store.packing import label_mask, label_names, unpack
from nlp_service.store.schema import messages
from nlp_service.types import Action, Analysis

MAX_PAGE = 1_000
"""Messages of a page."""

# What PostgreSQL does not take as text.
_REFUSED = re.compile(r"[\x00\ud800-\udfff]")

_CURSOR = struct.Struct(">B8sq")  # version, filters, id of the last message
_CURSOR_VERSION = 1


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What messages must be like; all that is set must hold.

    Attributes:
        sent_from, sent_to: Written then or later, and before; aware.
        platform, channel, author: Exactly this one.
        labels: At least one of these, names of `packing.LABELS`.
        action: What was decided: pass, review, warn, remove or block.
        min_risk: Risk level, 0 to 3, or above.
        intent: The primary one.
        text: What the text has in it; letters A to Z in either case.
        meta: Fields of the caller at the top with their values; numbers and truth values as JSON writes them.
        include_deleted: Whether rows count of which only the fact is left that they were deleted.
        oldest_first: In the order of arrival instead of the newest first.
    """

    sent_from: datetime | None = None
    sent_to: datetime | None = None
    platform: str | None = None
    channel: str | None = None
    author: str | None = None
    labels: tuple[str, ...] = ()
    action: str | None = None
    min_risk: int | None = None
    intent: str | None = None
    text: str | None = None
    meta: Mapping[str, str] = {}
    include_deleted: bool = False
    oldest_first: bool = False


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message with what was decided on it.

    Attributes:
        id: Of the store; counts arrivals.
        external_id: The platform's.
        sent_at, edited_at: When it was written, and this wording of it. All times are in UTC.
        received_at: When the first wording came.
        revision: Counts wordings, from 1.
        labels: Names of `packing.LABELS`.
        analysis: None for one that was deleted; its text is empty then.
    """

    id: int
    platform: str
    external_id: str
    channel: str
    author: str
    sent_at: datetime
    received_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    revision: int
    text: str
    meta: dict[str, Any]
    labels: tuple[str, ...]
    action: str
    analysis: Analysis | None
    model_version: str
    policy_version: str


class Page(msgspec.Struct, frozen=True):
    """Some messages, and what the next page is asked for with; None at the end."""

    messages: tuple[StoredMessage, ...]
    next_cursor: str | None


def read_one(connection: Connection, tenant: str, named: sa.ColumnElement[bool]) -> StoredMessage | None:
    """The message of a tenant that a condition names."""
    row = connection.execute(sa.select(*_COLUMNS).where(messages.c.tenant == tenant, named)).first()
    return None if row is None else _message(row)


def read_page(connection: Connection, tenant: str, filters: Filters, cursor: str | None, limit: int) -> Page:
    """A page behind a cursor.

    Raises:
        BadInput: A filter, the limit or the cursor cannot be; `param` names it.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise BadInput(f"limit must be 1 to {MAX_PAGE}, got {limit}", param="limit")
    query = select(connection.dialect.name, tenant, filters)
    if cursor is not None:
        last = _read_cursor(cursor, tenant, filters)
        query = query.where(messages.c.id > last if filters.oldest_first else messages.c.id < last)
    # One more than asked for tells whether there is a next page.
    rows = connection.execute(query.limit(limit + 1)).all()
    found = tuple(_message(row) for row in rows[:limit])
    return Page(found, _write_cursor(found[-1].id, tenant, filters) if len(rows) > limit else None)


def select(dialect: str, tenant: str, filters: Filters) -> sa.Select[Any]:
    """The query for messages of a tenant.

    Raises:
        BadInput: A filter cannot be; `param` names it.
    """
    c = messages.c
    query = sa.select(*_COLUMNS).where(c.tenant == tenant, *_conditions(dialect, filters))
    return query.order_by(c.id.asc() if filters.oldest_first else c.id.desc())


def select_named(tenant: str, named: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The query for messages of a tenant that a condition names, in no order."""
    return sa.select(*_COLUMNS).where(messages.c.tenant == tenant, messages.c.deleted_at.is_(None), named)


def read_all(connection: Connection, query: sa.Select[Any], rows_at_a_time: int) -> Iterator[list[StoredMessage]]:
    """All messages that a query of `select` finds, some at a time and never all of them in memory."""
    # Closed also where somebody stops in the middle: PostgreSQL's driver complains of a cursor that is left open.
    with connection.execute(query, execution_options={"yield_per": rows_at_a_time}) as result:
        for rows in result.partitions():
            yield [_message(row) for row in rows]


_NAMES = [name for name in StoredMessage.__struct_fields__ if name in messages.c]
_COLUMNS = [messages.c[name] for name in _NAMES]


def _message(row: sa.Row[Any]) -> StoredMessage:
    values = dict(zip(_NAMES, row, strict=True))
    values["meta"] = values["meta"] or {}
    values["labels"] = label_names(values["labels"])
    values["analysis"] = unpack(values["analysis"]) if values["analysis"] else None
    return StoredMessage(**values)


def _conditions(dialect: str, filters: Filters) -> Iterator[sa.ColumnElement[bool]]:
    c = messages.c
    if filters.sent_from is not None:
        yield c.sent_at >= _aware("sent_from", filters.sent_from)
    if filters.sent_to is not None:
        yield c.sent_at < _aware("sent_to", filters.sent_to)
    for name in ("platform", "channel", "author", "intent"):
        if (value := getattr(filters, name)) is not None:
            yield c[name] == _plain(name, value)
    if filters.labels:
        yield c.labels.bitwise_and(label_mask(filters.labels)) != 0
    if filters.action is not None:
        if filters.action not in set(Action):
            raise BadInput(f"action must be one of {', '.join(Action)}", param="action")
        yield c.action == filters.action
    if filters.min_risk is not None:
        yield c.risk >= filters.min_risk
    if filters.text is not None:
        yield c.text.icontains(_plain("text", filters.text), autoescape=True)
    for name, value in filters.meta.items():
        yield _has_field(dialect, _plain("meta", name), _plain("meta", value))
    if not filters.include_deleted:
        yield c.deleted_at.is_(None)


def _plain(name: str, text: str) -> str:
    if _REFUSED.search(text):
        raise BadInput(f"{name} holds NUL or is not valid Unicode", param=name)
    return text


def _aware(name: str, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise BadInput(f"{name} has no time zone", param=name)
    return at


def _has_field(dialect: str, name: str, value: str) -> sa.ColumnElement[bool]:
    if dialect == "postgresql":
        field = messages.c.meta.op("->>", return_type=sa.Text())(sa.literal(name, sa.Text()))
        return field == value
    # By name and not by path, since a path is a language of its own, in which a name may mean something else.
    each = sa.func.json_each(messages.c.meta).table_valued("key", "value", "type")
    as_json = sa.case(
        (each.c.type.in_(("true", "false")), each.c.type),
        (each.c.type == "null", None),
        else_=sa.cast(each.c.value, sa.Text()),
    )
    return sa.exists().select_from(each).where(each.c.key == name, as_json == value)


def _fingerprint(tenant: str, filters: Filters) -> bytes:
    """What a cursor belongs to: one of other filters would leave messages out."""
    content = msgspec.json.encode((tenant, filters), order="sorted")
    return hashlib.blake2b(content, digest_size=8).digest()


def _write_cursor(last: int, tenant: str, filters: Filters) -> str:
    packed = _CURSOR.pack(_CURSOR_VERSION, _fingerprint(tenant, filters), last)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read_cursor(cursor: str, tenant: str, filters: Filters) -> int:
    """The id in a cursor. A forged one is no danger: it begins elsewhere among the messages that may be seen."""
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, fingerprint, last = _CURSOR.unpack(packed)
    except (binascii.Error, ValueError, struct.error) as error:
        raise BadInput("the cursor is damaged", param="cursor") from error
    if version != _CURSOR_VERSION or fingerprint != _fingerprint(tenant, filters):
        raise BadInput("the cursor belongs to a query with other filters", param="cursor")
    return int(last)
