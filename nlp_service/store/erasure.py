"""Removal of all that came from one author, with a receipt of what it was."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store import incidents, insight_removal
from nlp_service.store.audit import note
from nlp_service.store.authors import Author
from nlp_service.store.schema import authors, copies, messages, review_decisions, reviews, strikes


class Erased(msgspec.Struct, frozen=True):
    """How many rows of each kind were removed.

    Attributes:
        vectors: Those of the messages.
        members: Rows that say of a message that it is behind something that mining found, or part of an incident.
    """

    messages: int
    vectors: int
    copies: int
    strikes: int
    reviews: int
    decisions: int
    authors: int
    members: int = 0


class Receipt(msgspec.Struct, frozen=True):
    """What proves an erasure without naming anybody.

    Attributes:
        id: A UUID as text; the line in the log of changes has it too.
        at: When it was done, in UTC.
        erased: What was removed.
        digest: The sha256 of the ids that the platform gave the messages, as 64 hexadecimal digits: of a JSON array
            of texts in the order of code points, in UTF-8 and without spaces.
        author_digest: The sha256 of a JSON array of the receipt's id, the tenant, the platform and the author: who
            knows the name can find the receipt to be theirs, and nobody finds two receipts to be of one author.
    """

    id: str
    at: datetime
    erased: Erased
    digest: str
    author_digest: str


def erase(connection: Connection, tenant: str, author: Author, actor: str) -> Receipt:
    """Remove an author's messages with all that hangs on them, and the author's row.

    What mining found loses these messages, and whatever nobody else said; its other counts stay as they were.
    """
    _lock(connection, tenant, author)
    c = messages.c
    mine = (c.tenant == tenant) & (c.platform == author[0]) & (c.author == author[1])
    rows = connection.execute(sa.select(c.id, c.external_id, c.vector.is_not(None)).where(mine).with_for_update()).all()
    ids = sa.select(c.id).where(mine)
    s = strikes.c
    against = s.message_id.in_(ids) | ((s.tenant == tenant) & (s.platform == author[0]) & (s.author == author[1]))
    opened = sa.select(reviews.c.id).where(reviews.c.message_id.in_(ids))
    erased = Erased(
        decisions=_delete(connection, review_decisions, review_decisions.c.review_id.in_(opened)),
        reviews=_delete(connection, reviews, reviews.c.message_id.in_(ids)),
        strikes=_delete(connection, strikes, against),
        copies=_delete(connection, copies, copies.c.message_id.in_(ids)),
        members=insight_removal.erase_messages(connection, ids) + incidents.remove_messages(connection, ids),
        vectors=sum(bool(row[2]) for row in rows),
        messages=_delete(connection, messages, mine),
        authors=_delete(connection, authors, _is(author) & (authors.c.tenant == tenant)),
    )
    receipt_id = str(uuid.uuid4())
    receipt = Receipt(
        receipt_id,
        datetime.now(UTC),
        erased,
        _digest(*sorted(row.external_id for row in rows)),
        _digest(receipt_id, tenant, *author),
    )
    detail = {"receipt": receipt.id, "digest": receipt.digest, **msgspec.structs.asdict(erased)}
    note(connection, tenant, actor, "author.erase", f"author:{receipt.author_digest}", **detail)
    return receipt


def _lock(connection: Connection, tenant: str, author: Author) -> None:
    """Wait for deliveries that have messages of the author, and let the next ones wait."""
    query = sa.select(authors.c.author).where(authors.c.tenant == tenant, _is(author))
    connection.execute(query.with_for_update()).all()


def _is(author: Author) -> sa.ColumnElement[bool]:
    return (authors.c.platform == author[0]) & (authors.c.author == author[1])


def _delete(connection: Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.delete(table).where(which)).rowcount


def _digest(*texts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(texts)).hexdigest()
