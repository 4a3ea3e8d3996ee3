"""Rows of `lexicon_words`: which belong to a version, and what makes the next one of it.

Every change of a list is one version, so an edit closes rows (``until`` becomes its number) and adds rows that begin
with it; nothing else of a row ever changes. All functions take an open transaction; `apply` expects the list to be
locked in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store import bulk
from nlp_service.store.schema import lexicon_words

# Rows that are read at once. Whoever reads 100,000 of them in a thread must let others have the interpreter meanwhile.
_PIECE = 2_000

_rows = lexicon_words
_key = lexicon_words.c


class Word(msgspec.Struct, frozen=True, gc=False):
    """A word of a list.

    Attributes:
        word: As it was entered; unique within the list.
        category: What it stands for; empty for what the list stands for.
        valid_from, valid_to: When it counts, from the one, inclusive, to the other, exclusive; None is open.
        note: Why it is there.
    """

    word: str
    category: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    note: str = ""


class WordChange(msgspec.Struct, frozen=True):
    """A word that differs between two versions: as it is in each, None where it is not in it."""

    word: str
    old: Word | None
    new: Word | None


class Chosen(NamedTuple):
    """Which words of a version to read.

    Attributes:
        search: Only those that hold this, whatever the case of Latin letters.
        category: Only those that name this category themselves; the empty one is that of the list.
        after: Only those behind this one.
        limit: At most so many.
    """

    search: str = ""
    category: str | None = None
    after: str | None = None
    limit: int | None = None


ALL = Chosen()
"""Every word."""


class Edit(NamedTuple):
    """What leads from one version to the next."""

    added: list[Word]
    changed: list[Word]
    removed: list[str]
    n_unchanged: int

    @property
    def is_empty(self) -> bool:
        """Whether both versions would be the same."""
        return not (self.added or self.changed or self.removed)


_COLUMNS = [_key[name] for name in Word.__struct_fields__]


def is_in(version: int) -> sa.ColumnElement[bool]:
    """The condition that a row belongs to a version."""
    return (_key.since <= version) & (_key.until.is_(None) | (_key.until > version))


def read(connection: Connection, lexicon_id: int, version: int, chosen: Chosen = ALL) -> list[Word]:
    """Read the words of a version in the order of code points."""
    query = sa.select(*_COLUMNS).where(_key.lexicon_id == lexicon_id, is_in(version))
    if chosen.search:
        query = query.where(_key.word.icontains(chosen.search, autoescape=True))
    if chosen.category is not None:
        query = query.where(_key.category == chosen.category)
    if chosen.after is not None:
        query = query.where(_key.word > chosen.after)
    return list(_each(connection, query.order_by(_key.word).limit(chosen.limit)))


def plan(connection: Connection, lexicon_id: int, version: int, words: Iterable[Word], *, is_all: bool = False) -> Edit:
    """Find what makes the next version of the current one. Of several equal words the last counts.

    Args:
        connection: The open transaction.
        lexicon_id: The list.
        version: Its current version.
        words: What is to be in the next one.
        is_all: Whether nothing else is to be in it.
    """
    wanted = {word.word: word for word in words}
    now = _current(connection, lexicon_id, version, None if is_all else list(wanted))
    added = [word for text, word in wanted.items() if text not in now]
    changed = [word for text, word in wanted.items() if text in now and now[text] != word]
    removed = [text for text in now if text not in wanted]
    return Edit(added, changed, removed, len(wanted) - len(added) - len(changed))


def plan_removal(connection: Connection, lexicon_id: int, version: int, words: Iterable[str]) -> Edit:
    """Find what the next version is without some words; those that are not in the list count for nothing."""
    return Edit([], [], list(_current(connection, lexicon_id, version, list(dict.fromkeys(words)))), 0)


def apply(connection: Connection, lexicon_id: int, version: int, edit: Edit) -> None:
    """Make an edit; `version` is the number that the next version gets."""
    closed = [*(word.word for word in edit.changed), *edit.removed]
    if closed:
        named = _key.word.in_(sa.select(_named(connection).c.word))
        is_open = (_key.lexicon_id == lexicon_id) & _key.until.is_(None) & named
        connection.execute(sa.update(_rows).where(is_open).values(until=version), _parameter(closed))
    # In the order of the key: at random places of its tree it would take half as long again.
    new = sorted((*edit.added, *edit.changed), key=lambda word: word.word)
    fields = Word.__struct_fields__
    rows = [(lexicon_id, version, *msgspec.structs.astuple(word)) for word in new]
    bulk.append(connection, _rows, ("lexicon_id", "since", *fields), rows)


def compare(connection: Connection, lexicon_id: int, old: int, new: int) -> list[WordChange]:
    """Find the words that differ between two versions, in the order of code points."""
    sides = [_only_in(connection, lexicon_id, *versions) for versions in ((old, new), (new, old))]
    before, after = ({word.word: word for word in side} for side in sides)
    changes = (WordChange(text, before.get(text), after.get(text)) for text in sorted(before.keys() | after.keys()))
    # A word that was removed and put back is the same in another row.
    return [change for change in changes if change.old != change.new]


def _only_in(connection: Connection, lexicon_id: int, version: int, other: int) -> Iterator[Word]:
    chosen = (_key.lexicon_id == lexicon_id) & is_in(version) & ~is_in(other)
    return _each(connection, sa.select(*_COLUMNS).where(chosen))


def _current(connection: Connection, lexicon_id: int, version: int, words: Sequence[str] | None) -> Mapping[str, Word]:
    """Words of the current version by themselves; of some only, unless `words` is None."""
    if words is None:
        return {word.word: word for word in read(connection, lexicon_id, version)}
    named = _key.word.in_(sa.select(_named(connection).c.word))
    query = sa.select(*_COLUMNS).where(_key.lexicon_id == lexicon_id, is_in(version), named)
    return {word.word: word for word in _each(connection, query, _parameter(words))}


def _each(connection: Connection, query: sa.Select[Any], parameter: dict[str, str] | None = None) -> Iterator[Word]:
    for piece in connection.execute(query, parameter).partitions(_PIECE):
        for row in piece:
            yield Word(*row)


def _named(connection: Connection) -> sa.FromClause:
    """Words as a table: with a list of them, each row would be compared one after the other."""
    if connection.dialect.name == "postgresql":
        # It knows nothing of a table that was filled just now, and would compare each row with each of the words.
        connection.execute(sa.text("SET LOCAL enable_nestloop = off"))
    return bulk.given(connection.dialect.name, {"word": sa.Text()})


def _parameter(words: Iterable[str]) -> dict[str, str]:
    return {"given": bulk.as_parameter([{"word": word} for word in words])}
