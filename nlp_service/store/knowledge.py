"""The repository of knowledge bases: entries in a draft, published versions, settings.

One row decides: `publish` inserts a version and moves two numbers of the base in one transaction, so that a crash
leaves the old version or the new one, and a reader sees one of them whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from nlp_service.errors import Conflict, NotFound
from nlp_service.store import bases, publishing, revisions
from nlp_service.store.audit import note as log
from nlp_service.store.database import Database
from nlp_service.store.records import Base, Difference, Record, Standing, Version, Written


class KnowledgeStore:
    """Knowledge bases in a database; each method is one transaction.

    The tenant comes first everywhere, and a base is named by its id (int) or its name (str). Every method that takes a
    base raises NotFound if the tenant has no such one, and every method that takes a version if the base has not that.
    Where entries of a version are asked for, None is the draft, and 0 the empty state before the first version.
    What changes something takes an `actor`, who is written beside the change in the log (`store.audit`).
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Use `database`; `now` gives the time that is written down."""
        self._database = database
        self._now = now

    def create(self, tenant: str, name: str, settings: dict[str, Any] | None = None, *, actor: str = "system") -> Base:
        """Make an empty base.

        Raises:
            BadInput: The name is empty, too long, or holds what is not printed.
            Conflict: The tenant has a base of this name.
        """
        with self._database.write() as connection:
            if not bases.make(connection, tenant, name, settings or {}, self._now()):
                raise Conflict("a knowledge base of this name is there already", param="kb")
            base = bases.find(connection, tenant, name)
            log(connection, tenant, actor, "kb.create", f"kb:{base.id}", name=base.name)
            return base

    def bases(self, tenant: str) -> list[Base]:
        """All bases of a tenant, by id."""
        with self._database.read() as connection:
            return bases.find_all(connection, tenant)

    def get(self, tenant: str, kb: int | str) -> Base:
        """One base."""
        with self._database.read() as connection:
            return bases.find(connection, tenant, kb)

    def delete(self, tenant: str, kb: int | str, *, actor: str = "system") -> None:
        """Remove a base with its versions and the replies that were given from it."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            bases.remove(connection, base)
            log(connection, tenant, actor, "kb.delete", f"kb:{base.id}", name=base.name, published=base.published)

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
            return revisions.read(connection, base.id, bases.number_of(base, version), after=after, limit=limit)

    def entry(self, tenant: str, kb: int | str, entry_id: str, version: int | None = None) -> Record:
        """One entry of a version.

        Raises:
            NotFound: There is no such version or entry.
        """
        with self._database.read() as connection:
            base = bases.find(connection, tenant, kb)
            record = revisions.read_one(connection, base.id, bases.number_of(base, version), entry_id)
        if record is None:
            raise NotFound("there is no such entry", param="entry_id")
        return record

    def count(self, tenant: str, kb: int | str, version: int | None = None) -> int:
        """How many entries a version has."""
        with self._database.read() as connection:
            base = bases.find(connection, tenant, kb)
            return revisions.count(connection, base.id, bases.number_of(base, version))

    def put(
        self,
        tenant: str,
        kb: int | str,
        records: Sequence[Record],
        *,
        may_create: bool = False,
        actor: str = "system",
    ) -> Written:
        """Write entries into the draft. Of several with one id the last counts; the same content changes nothing.

        Args:
            tenant: Whose base it is.
            kb: The base.
            records: The entries; may be empty.
            may_create: Whether a name that is not there becomes a base, in the same transaction.
            actor: Who writes.

        Raises:
            BadInput: The new base cannot have this name.
        """
        with self._database.write() as connection:
            is_new = may_create and isinstance(kb, str) and bases.make(connection, tenant, kb, {}, self._now())
            base = bases.find(connection, tenant, kb, is_locked=True)
            if is_new:
                log(connection, tenant, actor, "kb.create", f"kb:{base.id}", name=base.name)
            written = revisions.put(connection, base, records)
            if written.created or written.changed:
                counts = {"created": written.created, "changed": written.changed}
                log(connection, tenant, actor, "kb.write", f"kb:{base.id}", **counts)
            return written

    def remove(self, tenant: str, kb: int | str, entry_ids: Iterable[str], *, actor: str = "system") -> int:
        """Take entries out of the draft; gives how many of them were in it."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            n_removed = revisions.remove(connection, base, entry_ids)
            if n_removed:
                log(connection, tenant, actor, "kb.remove", f"kb:{base.id}", removed=n_removed)
            return n_removed

    def discard(self, tenant: str, kb: int | str, *, actor: str = "system") -> None:
        """Make the draft equal to what is published."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            revisions.discard(connection, base)
            log(connection, tenant, actor, "kb.discard", f"kb:{base.id}", draft=base.draft)

    def compare(self, tenant: str, kb: int | str, old: int | None, new: int | None) -> list[Difference]:
        """Entries that differ between two versions, by id."""
        with self._database.read() as connection:
            base = bases.find(connection, tenant, kb)
            return revisions.compare(connection, base.id, bases.number_of(base, old), bases.number_of(base, new))

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
        actor: str = "system",
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
            actor: Who is written into the log, whoever `author` is.

        Raises:
            Conflict: The draft has no change, or is not the one that was looked at.
        """
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            publishing.check(connection, base, draft)
            log(connection, tenant, actor, "kb.publish", f"kb:{base.id}", version=base.draft)
            told = {"author": author, "note": note, "based_on": base.published}
            measured = {"figures": figures, "calibration": calibration}
            return publishing.publish(connection, base, self._now(), told | measured)

    def roll_back(
        self,
        tenant: str,
        kb: int | str,
        number: int,
        *,
        author: str = "",
        note: str = "",
        discard: bool = False,
        actor: str = "system",
    ) -> int:
        """Publish the entries of an earlier version as a new one, with its figures and calibration.

        Args:
            tenant: Whose base it is.
            kb: The base.
            number: The version to go back to.
            author: Who does it.
            note: Why.
            discard: Whether changes of the draft may be lost.
            actor: Who is written into the log, whoever `author` is.

        Raises:
            Conflict: The draft has changes, or the version is equal to the published one.
        """
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            then = publishing.bring_back(connection, base, number, discard=discard)
            log(connection, tenant, actor, "kb.roll_back", f"kb:{base.id}", to=number, version=base.draft)
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

    def calibrate(
        self, tenant: str, kb: int | str, number: int, calibration: dict[str, Any], *, actor: str = "system"
    ) -> None:
        """Give a version another calibration; replicas learn of it as of a change of settings."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            publishing.read_one(connection, base, number)
            publishing.recalibrate(connection, base, number, calibration)
            log(connection, tenant, actor, "kb.calibrate", f"kb:{base.id}", version=number)

    def change_settings(self, tenant: str, kb: int | str, changes: dict[str, Any], *, actor: str = "system") -> Base:
        """Set some of the settings, at once and without a publish; None removes one. Gives the base as it is then."""
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb, is_locked=True)
            settings = {name: value for name, value in (base.settings | changes).items() if value is not None}
            if settings != base.settings:
                bases.change(connection, base, settings=settings, settings_version=base.settings_version + 1)
                log(connection, tenant, actor, "kb.settings", f"kb:{base.id}", changed=sorted(changes))
            return bases.find(connection, tenant, kb)

    def standings(self, tenant: str | None = None) -> dict[int, Standing]:
        """What replicas compare, by the id of the base; of all tenants for None. Cheap enough for every second."""
        with self._database.read() as connection:
            return bases.standings(connection, tenant)
