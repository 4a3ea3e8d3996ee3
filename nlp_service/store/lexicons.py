"""The repository of word lists: what they are for, their words, and every version that there ever was.

Each change of words makes the next version in the transaction that makes the change; a write that changes nothing makes
none. Version 0 is the empty list. What a list is for (its kind and category) holds for all of its words at once and
has no versions; the audit log knows its changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import Conflict, NotFound
from nlp_service.store import wordlists, words
from nlp_service.store.database import Database
from nlp_service.store.schema import lexicons
from nlp_service.store.wordlists import Lexicon, LexiconVersion, Written
from nlp_service.store.words import ALL, Chosen, Edit, Word, WordChange


class LexiconStore:
    """Word lists in a database; each method is one transaction.

    The tenant comes first everywhere. Every method that takes the name of a list raises NotFound if the tenant has no
    such one, and every method that takes a version if the list has not that; None is the current version. Writers of
    one list wait for one another. `actor` is who does it, `note` says why, for the history.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Use `database`; `now` gives the time that is written down."""
        self._database = database
        self._now = now

    def lists(self, tenant: str) -> list[Lexicon]:
        """All lists of a tenant, by the code points of their names."""
        with self._database.read() as connection:
            return wordlists.read(connection, tenant)

    def get(self, tenant: str, name: str) -> Lexicon:
        """One list."""
        with self._database.read() as connection:
            return wordlists.find(connection, tenant, name)

    def create(
        self,
        tenant: str,
        name: str,
        kind: str,
        category: str = "",
        entries: Iterable[Word] = (),
        *,
        actor: str,
        note: str = "",
    ) -> Lexicon:
        """Make a list, with its first words if there are any.

        Raises:
            BadInput: The name, kind or category cannot be taken; `param` names it.
            Conflict: The tenant has a list of this name.
            NotFound: There is no such tenant.
            TooLarge: There are more than `MAX_WORDS`.
        """
        with self._database.write() as connection:
            if not wordlists.make(connection, tenant, name, kind, category, self._now(), actor):
                raise Conflict("a list of this name is there already", param="name")
            lexicon = wordlists.find(connection, tenant, name, is_locked=True)
            self._advance(connection, tenant, lexicon, words.plan(connection, lexicon.id, 0, entries), actor, note)
            return wordlists.find(connection, tenant, name)

    def put(
        self,
        tenant: str,
        name: str,
        kind: str,
        category: str = "",
        entries: Iterable[Word] | None = None,
        *,
        actor: str,
        note: str = "",
    ) -> tuple[Lexicon, bool]:
        """Make a list or set what it is for, and replace its words unless `entries` is None; tells whether it is new.

        Raises:
            BadInput: The name, kind or category cannot be taken; `param` names it.
            NotFound: There is no such tenant.
            TooLarge: There are more than `MAX_WORDS`.
        """
        with self._database.write() as connection:
            is_new = wordlists.make(connection, tenant, name, kind, category, self._now(), actor)
            lexicon = wordlists.find(connection, tenant, name, is_locked=True)
            wordlists.change(connection, tenant, lexicon, kind, category, actor)
            if entries is not None:
                edit = words.plan(connection, lexicon.id, lexicon.version, entries, is_all=True)
                self._advance(connection, tenant, lexicon, edit, actor, note)
            return wordlists.find(connection, tenant, name), is_new

    def delete(self, tenant: str, name: str, *, actor: str) -> None:
        """Remove a list with all its versions."""
        with self._database.write() as connection:
            lexicon = wordlists.find(connection, tenant, name, is_locked=True)
            connection.execute(sa.delete(lexicons).where(lexicons.c.id == lexicon.id))
            told = {"version": lexicon.version, "n_words": lexicon.n_words}
            wordlists.tell(connection, tenant, actor, "delete", name, **told)

    def words(self, tenant: str, name: str, version: int | None = None, chosen: Chosen = ALL) -> list[Word]:
        """Words of a version in the order of code points, all of them or some."""
        with self._database.read() as connection:
            lexicon = wordlists.find(connection, tenant, name)
            return words.read(connection, lexicon.id, _number(lexicon, version), chosen)

    def add(self, tenant: str, name: str, entries: Iterable[Word], *, actor: str, note: str = "") -> Written:
        """Put words into a list; one that is in it becomes what is given. Of several equal words the last counts.

        Raises:
            TooLarge: The list would have more than `MAX_WORDS`.
        """
        with self._database.write() as connection:
            lexicon = wordlists.find(connection, tenant, name, is_locked=True)
            edit = words.plan(connection, lexicon.id, lexicon.version, entries)
            return self._advance(connection, tenant, lexicon, edit, actor, note)

    def replace(self, tenant: str, name: str, entries: Iterable[Word], *, actor: str, note: str = "") -> Written:
        """Make some words all words of a list.

        Raises:
            TooLarge: There are more than `MAX_WORDS`.
        """
        with self._database.write() as connection:
            lexicon = wordlists.find(connection, tenant, name, is_locked=True)
            edit = words.plan(connection, lexicon.id, lexicon.version, entries, is_all=True)
            return self._advance(connection, tenant, lexicon, edit, actor, note)

    def remove(self, tenant: str, name: str, entries: Iterable[str], *, actor: str, note: str = "") -> Written:
        """Take words out of a list; those that are not in it count for nothing."""
        with self._database.write() as connection:
            lexicon = wordlists.find(connection, tenant, name, is_locked=True)
            edit = words.plan_removal(connection, lexicon.id, lexicon.version, entries)
            return self._advance(connection, tenant, lexicon, edit, actor, note)

    def versions(self, tenant: str, name: str) -> list[LexiconVersion]:
        """All versions, the first one first."""
        with self._database.read() as connection:
            return wordlists.read_versions(connection, wordlists.find(connection, tenant, name))

    def compare(self, tenant: str, name: str, old: int | None, new: int | None) -> list[WordChange]:
        """Words that differ between two versions, in the order of code points."""
        with self._database.read() as connection:
            lexicon = wordlists.find(connection, tenant, name)
            return words.compare(connection, lexicon.id, _number(lexicon, old), _number(lexicon, new))

    def roll_back(self, tenant: str, name: str, version: int, *, actor: str, note: str = "") -> Written:
        """Make the words of an earlier version those of a new one; the history stays.

        Raises:
            Conflict: They are those of the current version.
        """
        with self._database.write() as connection:
            lexicon = wordlists.find(connection, tenant, name, is_locked=True)
            then = words.read(connection, lexicon.id, _number(lexicon, version))
            edit = words.plan(connection, lexicon.id, lexicon.version, then, is_all=True)
            if edit.is_empty:
                raise Conflict(f"version {version} has the same words as version {lexicon.version}, the current one")
            return self._advance(connection, tenant, lexicon, edit, actor, note)

    def _advance(
        self, connection: Connection, tenant: str, lexicon: Lexicon, edit: Edit, actor: str, note: str
    ) -> Written:
        return wordlists.advance(connection, tenant, lexicon, edit, self._now(), actor, note)


def _number(lexicon: Lexicon, version: int | None) -> int:
    if version is None:
        return lexicon.version
    if not 0 <= version <= lexicon.version:
        raise NotFound(f"there is no version {version}", param="version")
    return version
