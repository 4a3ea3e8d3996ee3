"""Entries of a version, and how two versions differ."""

from __future__ import annotations

import msgspec

from nlp_service.knowledge.entries import Entry, from_record
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Difference, Record

_FIELDS = tuple(name for name in Entry.__struct_fields__ if name != "id")


class Change(msgspec.Struct, frozen=True):
    """An entry that is in both versions, and the fields that differ, in the order in which `Entry` has them."""

    entry_id: str
    fields: tuple[str, ...]


class Diff(msgspec.Struct, frozen=True):
    """What leads from one version to another. Entries by id, in the order of code points.

    Attributes:
        added, removed: Ids of entries that only the new one has, and only the old one.
        changed: Entries that both have and that differ.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the two versions have the same entries."""
        return not (self.added or self.removed or self.changed)


def read_entries(store: KnowledgeStore, tenant: str, kb: int | str, version: int | None = None) -> list[Entry]:
    """Read all entries of a version (the draft for None), by id.

    Raises:
        NotFound: There is no such base or version.
    """
    return [from_record(record) for record in store.entries(tenant, kb, version)]


def read_published(store: KnowledgeStore, tenant: str, kb: int | str) -> tuple[int, list[Entry]]:
    """Read the number of the published version and its entries; 0 and none before the first.

    Raises:
        NotFound: There is no such base.
    """
    # A version that is published in between changes nothing of this one.
    number = store.get(tenant, kb).published
    return number, read_entries(store, tenant, kb, number)


def diff(store: KnowledgeStore, tenant: str, kb: int | str, old: int | None, new: int | None = None) -> Diff:
    """Compare two versions; None is the draft, and 0 the empty state before the first version.

    Raises:
        NotFound: There is no such base or version.
    """
    differences = store.compare(tenant, kb, old, new)
    return Diff(
        added=tuple(one.entry_id for one in differences if one.old is None),
        removed=tuple(one.entry_id for one in differences if one.new is None),
        changed=tuple(Change(one.entry_id, _fields(one)) for one in differences if None not in (one.old, one.new)),
    )


def _fields(difference: Difference) -> tuple[str, ...]:
    old, new = (from_record(Record(difference.entry_id, content or "")) for content in difference[1:])
    return tuple(name for name in _FIELDS if getattr(old, name) != getattr(new, name))
