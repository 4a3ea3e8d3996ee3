"""The repository of knowledge bases: entries in a draft, published versions, settings.

One row decides: `publish` inserts a version and moves two numbers of the base in one transaction, so that a crash
leaves the old version or the new one, and a reader sees one of them whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from nlp_service.errors import Conflict, NotFound
from nlp_service.store import bases, publishing, revisions
from nlp_service.store.database import Database
from nlp_service.store.records import Base, Difference, Record, Standing, Version, Written
from nlp_service.store.schema import knowledge_bases


class KnowledgeStore:
    """Knowledge bases in a database; each method is one transaction.

    The tenant comes first everywhere, and a base is named by its id (int) or its name (str). Every method that takes a
    base raises NotFound if the tenant has no such one, and every method that takes a version if the base has not that.
    Where entries of a version are asked for, None is the draft, and 0 the empty state before the first version.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Use `database`; `now` gives the time that is written down."""
        self._database = database
        self._now = now

    def create(self, tenant: str, name: str, settings: dict[str, Any] | None = None) -> Base:
        """Make an empty base.

        Raises:
            BadInput: The name is empty, too long, or holds what is not printed.
            Conflict: The tenant has a base of this name.
        """
        with self._database.write() as connection:
            if not bases.make(connection, tenant, name, settings or {}, self._now()):
                raise Conflict("a knowledge base of this name is there already", param="kb")
            return bases.find(connection, tenant, name)

    def bases(self, tenant: str) -> list[Base]:
        """All bases of a tenant, by id."""
        with self._database.read() as connection:
            query = sa.select(knowledge_bases).where(knowledge_bases.c.tenant == tenant)
            return [Base(**row) for row in connection.execute(query.order_by(knowledge_bases.c.id)).mappings()]

    def get(self, tenant: str, kb: int | str) -> Base:
        """One base."""
        with self._database.read() as connection:
            return bases.find(connection, tenant, kb)

    def delete(self, tenant: str, kb: int | str) -> None:
        """Remove a base with its versions and the replies that were given from it."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            connection.execute(sa.delete(knowledge_bases).where(knowledge_bases.c.id == base.id))

    def entries(
        self,
        tenant: str,
        kb: int | str,
        version: int | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Record]:
        """Entries of a version by id (in the order of code points), those behind `after`, at most `limit`."""
        with self._database.read() as connection:
            base = bases.find(connection, tenant, kb)
            return revisions.read(connection, base.id, _number(base, version), after=after, limit=limit)

    def entry(self, tenant: str, kb: int | str, entry_id: str, version: int | None = None) -> Record:
        """One entry of a version.

        Raises:
            NotFound: There is no such version or entry.
        """
        with self._database.read() as connection:
            base = bases.find(connection, tenant, kb)
            record = revisions.read_one(connection, base.id, _number(base, version), entry_id)
        if record is None:
            raise NotFound("there is no such entry", param="entry_id")
        return record

    def count(self, tenant: str, kb: int | str, version: int | None = None) -> int:
        """How many entries a version has."""
        with self._database.read() as connection:
            base = bases.find(connection, tenant, kb)
            return revisions.count(connection, base.id, _number(base, version))

    def put(self, tenant: str, kb: int | str, records: Sequence[Record], *, may_create: bool = False) -> Written:
        """Write entries into the draft. Of several with one id the last counts; the same content changes nothing.

        Args:
            tenant: Whose base it is.
            kb: The base.
            records: The entries; may be empty.
            may_create: Whether a name that is not there becomes a base, in the same transaction.

        Raises:
            BadInput: The new base cannot have this name.
        """
        with self._database.write() as connection:
            if may_create and isinstance(kb, str):
                bases.make(connection, tenant, kb, {}, self._now())
            return revisions.put(connection, bases.find(connection, tenant, kb, is_locked=True), records)

    def remove(self, tenant: str, kb: int | str, entry_ids: Iterable[str]) -> int:
        """Take entries out of the draft; gives how many of them were in it."""
        with self._database.write() as connection:
            return revisions.remove(connection, bases.find(connection, tenant, kb, is_locked=True), entry_ids)

    def discard(self, tenant: str, kb: int | str) -> None:
        """Make the draft equal to what is published."""
        with self._database.write() as connection:
            revisions.discard(connection, bases.find(connection, tenant, kb, is_locked=True))

    def compare(self, tenant: str, kb: int | str, old: int | None, new: int | None) -> list[Difference]:
        """Entries that differ between two versions, by id."""
        with self._database.read() as connection:
            base = bases.find(connection, tenant, kb)
            return revisions.compare(connection, base.id, _number(base, old), _number(base, new))

    def publish(
        self,
        tenant: str,
        kb: int | str,
        *,
        author: str = "",
        note: str = "",
        figures: dict[str, Any] | None = None,
        calibration: dict[str, Any] | None = None,
        draft: int | None = None,
    ) -> int:
        """Make the draft a version, and give its number.

        Args:
            tenant: Whose base it is.
            kb: The base.
            author: Who publishes.
            note: Why.
            figures: What an evaluation of the draft measured.
            calibration: What turns scores on the draft into probabilities.
            draft: Number of the draft that was looked at; another one now means that somebody published in between.

        Raises:
            Conflict: The draft has no change, or is not the one that was looked at.
        """
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            if draft is not None and draft != base.draft:
                raise Conflict(f"draft {draft} was published meanwhile, the draft is {base.draft} now")
            if not revisions.is_edited(connection, base):
                raise Conflict(f"nothing was changed since version {base.published}")
            told = {"author": author, "note": note, "based_on": base.published}
            measured = {"figures": figures, "calibration": calibration}
            return publishing.publish(connection, base, self._now(), told | measured)

    def roll_back(
        self, tenant: str, kb: int | str, number: int, *, author: str = "", note: str = "", discard: bool = False
    ) -> int:
        """Publish the entries of an earlier version as a new one, with its figures and calibration.

        Args:
            tenant: Whose base it is.
            kb: The base.
            number: The version to go back to.
            author: Who does it.
            note: Why.
            discard: Whether changes of the draft may be lost.

        Raises:
            Conflict: The draft has changes, or the version is equal to the published one.
        """
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            then = publishing.read_one(connection, base, number)
            if discard:
                revisions.discard(connection, base)
            elif revisions.is_edited(connection, base):
                raise Conflict("the draft has changes that are not published; publish or discard them first")
            revisions.restore(connection, base, number)
            if not revisions.is_edited(connection, base):
                raise Conflict(f"version {number} has the same entries as version {base.published}, which is published")
            told = {"author": author, "note": note, "based_on": number}
            measured = {"figures": then.figures, "calibration": then.calibration}
            return publishing.publish(connection, base, self._now(), told | measured)

    def versions(self, tenant: str, kb: int | str) -> list[Version]:
        """All versions that were ever published, the first one first."""
        with self._database.read() as connection:
            return publishing.read(connection, bases.find(connection, tenant, kb))

    def version(self, tenant: str, kb: int | str, number: int) -> Version:
        """One version."""
        with self._database.read() as connection:
            return publishing.read_one(connection, bases.find(connection, tenant, kb), number)

    def calibrate(self, tenant: str, kb: int | str, number: int, calibration: dict[str, Any]) -> None:
        """Give a version another calibration; replicas learn of it as of a change of settings."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            publishing.read_one(connection, base, number)
            publishing.recalibrate(connection, base, number, calibration)

    def change_settings(self, tenant: str, kb: int | str, changes: dict[str, Any]) -> Base:
        """Set some of the settings, at once and without a publish; None removes one. Gives the base as it is then."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            settings = {name: value for name, value in (base.settings | changes).items() if value is not None}
            if settings != base.settings:
                bases.change(connection, base, settings=settings, settings_version=base.settings_version + 1)
            return bases.find(connection, tenant, kb)

    def published_versions(self, tenant: str | None = None) -> dict[int, int]:
        """The published version of each base, by its id; of all tenants for None. Cheap enough for every second."""
        return {kb_id: standing.published for kb_id, standing in self.standings(tenant).items()}

    def standings(self, tenant: str | None = None) -> dict[int, Standing]:
        """As `published_versions`, with the versions of the settings, in the same one query."""
        columns = knowledge_bases.c
        query = sa.select(columns.id, columns.published, columns.settings_version)
        if tenant is not None:
            query = query.where(columns.tenant == tenant)
        with self._database.read() as connection:
            return {kb_id: Standing(*numbers) for kb_id, *numbers in connection.execute(query)}


def _number(base: Base, version: int | None) -> int:
    if version is None:
        return base.draft
    if not 0 <= version <= base.published:
        raise NotFound(f"there is no version {version}", param="version")
    return version
