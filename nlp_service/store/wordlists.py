"""Rows of `lexicons` and `lexicon_versions`: a list is found for its tenant, made, and given its next version.

All functions take an open transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, NotFound, TooLarge
from nlp_service.store import audit, words
from nlp_service.store.bases import insert_new
from nlp_service.store.schema import lexicon_versions, lexicons
from nlp_service.store.tenants import touch_rules
from nlp_service.store.words import Edit

KINDS = ("deny", "allow", "watch")
"""What a word of a list leads to: a decision; none, although a denied word is within it; evidence and nothing else."""

MAX_NAME, MAX_CATEGORY = 100, 50
"""Code points in the name of a list, which stands in paths of requests, and in a category."""

RESERVED = ("test",)
"""Names that paths of requests need for something else."""

MAX_WORDS = 200_000
"""Words of one list: every replica holds them all in memory."""


class Lexicon(msgspec.Struct, frozen=True):
    """A word list.

    Attributes:
        id: Never used again, not even for a list of the same name.
        kind: One of `KINDS`.
        category: What its words stand for, where a word says nothing else; may be empty.
        version: The current one; 0 before the first word.
        n_words: Words of that version.
        created_at: In UTC.
    """

    id: int
    name: str
    kind: str
    category: str
    version: int
    n_words: int
    created_at: datetime


class LexiconVersion(msgspec.Struct, frozen=True):
    """A version of a list: when it was made, by whom, why, and how many words it has."""

    version: int
    at: datetime
    author: str
    note: str
    n_words: int


class Written(NamedTuple):
    """What a write did.

    Attributes:
        version: The one that holds now.
        added, changed, removed, unchanged: How many words.
    """

    version: int
    added: int
    changed: int
    removed: int
    unchanged: int


def read(connection: Connection, tenant: str) -> list[Lexicon]:
    """All lists of a tenant, by the code points of their names."""
    found = [Lexicon(*row) for row in connection.execute(_query(tenant))]
    # Sorted here: databases order letters in ways of their own.
    return sorted(found, key=lambda lexicon: lexicon.name)


def find(connection: Connection, tenant: str, name: str, *, is_locked: bool = False) -> Lexicon:
    """Read a list; locked, no other transaction changes it or its words until this one ends.

    Raises:
        NotFound: The tenant has no such list.
    """
    if is_locked:
        # By itself: PostgreSQL does not lock the outer side of a join.
        chosen = (lexicons.c.tenant == tenant) & (lexicons.c.name == name)
        connection.execute(sa.select(lexicons.c.id).where(chosen).with_for_update())
    row = connection.execute(_query(tenant).where(lexicons.c.name == name)).first()
    if row is None:
        raise NotFound("there is no such list", param="name")
    return Lexicon(*row)


def read_versions(connection: Connection, lexicon: Lexicon) -> list[LexiconVersion]:
    """All versions of a list, the first one first."""
    columns = [lexicon_versions.c[field] for field in LexiconVersion.__struct_fields__]
    query = sa.select(*columns).where(lexicon_versions.c.lexicon_id == lexicon.id)
    return [LexiconVersion(*row) for row in connection.execute(query.order_by(lexicon_versions.c.version))]


def make(
    connection: Connection, tenant: str, name: str, kind: str, category: str, created_at: datetime, actor: str
) -> bool:
    """Make an empty list; False if there is one of this name.

    Raises:
        BadInput: The name, kind or category cannot be taken; `param` names it.
        NotFound: There is no such tenant.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable() or "/" in name or name in RESERVED:
        message = f"the name of a list has 1 to {MAX_NAME} printable characters, no slash, and is not {RESERVED[0]}"
        raise BadInput(message, param="name")
    check_purpose(kind, category)
    row = {"tenant": tenant, "name": name, "kind": kind, "category": category, "version": 0, "created_at": created_at}
    # Two at once must not both find nothing and then both insert, so the database decides.
    if connection.execute(insert_new(connection, lexicons).values(**row).returning(lexicons.c.id)).first() is None:
        return False
    tell(connection, tenant, actor, "create", name, kind=kind, category=category)
    return True


def change(connection: Connection, tenant: str, lexicon: Lexicon, kind: str, category: str, actor: str) -> None:
    """Set what a locked list is for.

    Raises:
        BadInput: The kind or category cannot be taken; `param` names it.
    """
    check_purpose(kind, category)
    if (lexicon.kind, lexicon.category) != (kind, category):
        chosen = lexicons.c.id == lexicon.id
        connection.execute(sa.update(lexicons).where(chosen).values(kind=kind, category=category))
        tell(connection, tenant, actor, "change", lexicon.name, kind=kind, category=category)


def advance(
    connection: Connection, tenant: str, lexicon: Lexicon, edit: Edit, at: datetime, actor: str, note: str
) -> Written:
    """Make the next version of a locked list by an edit; an empty one makes none.

    Raises:
        TooLarge: The list would have more than `MAX_WORDS`.
    """
    if edit.is_empty:
        return Written(lexicon.version, 0, 0, 0, edit.n_unchanged)
    n_words = lexicon.n_words + len(edit.added) - len(edit.removed)
    if n_words > MAX_WORDS:
        raise TooLarge(f"the list would have {n_words} words, at most {MAX_WORDS} are kept", param="words")
    number = lexicon.version + 1
    words.apply(connection, lexicon.id, number, edit)
    row = {"lexicon_id": lexicon.id, "version": number, "at": at, "author": actor, "note": note, "n_words": n_words}
    connection.execute(sa.insert(lexicon_versions).values(**row))
    connection.execute(sa.update(lexicons).where(lexicons.c.id == lexicon.id).values(version=number))
    written = Written(number, len(edit.added), len(edit.changed), len(edit.removed), edit.n_unchanged)
    tell(connection, tenant, actor, "words", lexicon.name, **written._asdict())
    return written


def tell(connection: Connection, tenant: str, actor: str, verb: str, name: str, **detail: object) -> None:
    """Write a change of a list down, and let replicas know of it.

    Raises:
        NotFound: There is no such tenant.
    """
    audit.note(connection, tenant, actor, f"lexicon.{verb}", f"lexicon:{name}", **detail)
    touch_rules(connection, tenant)


def check_purpose(kind: str, category: str) -> None:
    """Refuse a kind or category that no list can have.

    Raises:
        BadInput: `param` names what it is.
    """
    if kind not in KINDS:
        raise BadInput(f"kind must be one of {', '.join(KINDS)}", param="kind")
    if len(category) > MAX_CATEGORY or not category.isprintable():
        raise BadInput(f"a category has at most {MAX_CATEGORY} printable characters", param="category")


def _query(tenant: str) -> sa.Select[Any]:
    current = (lexicon_versions.c.lexicon_id == lexicons.c.id) & (lexicon_versions.c.version == lexicons.c.version)
    n_words = sa.func.coalesce(lexicon_versions.c.n_words, 0)
    columns = lexicons.c
    chosen = sa.select(
        columns.id, columns.name, columns.kind, columns.category, columns.version, n_words, columns.created_at
    )
    return chosen.select_from(lexicons.outerjoin(lexicon_versions, current)).where(columns.tenant == tenant)
