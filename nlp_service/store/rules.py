"""All that a tenant decides by, read as it was at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nlp_service.store import policies, tenants, wordlists, words
from nlp_service.store.database import Database
from nlp_service.store.policies import PolicyVersion
from nlp_service.store.tenants import Tenant
from nlp_service.store.wordlists import Lexicon
from nlp_service.store.words import Word


class StoredRules(NamedTuple):
    """Rules of one tenant.

    Attributes:
        tenant: With its settings and the version of its rules.
        policies: Those that hold, the one for all first.
        lists: All of its lists, by name.
        words: Of each of the lists; None if nothing of them has changed.
    """

    tenant: Tenant
    policies: list[PolicyVersion]
    lists: tuple[Lexicon, ...]
    words: list[list[Word]] | None


def read_rules(database: Database, tenant: str, known: Sequence[Lexicon] = ()) -> StoredRules:
    """Read the rules of a tenant in one transaction.

    Args:
        database: Where they are.
        tenant: Whose.
        known: The lists whose words are held already; if they are the same now, their words are not read.

    Raises:
        NotFound: There is no such tenant.
    """
    with database.read() as connection:
        found = tenants.find(connection, tenant)
        active = policies.read_active(connection, tenant)
        lists = tuple(wordlists.read(connection, tenant))
        if lists == tuple(known):
            return StoredRules(found, active, lists, None)
        each = [words.read(connection, lexicon.id, lexicon.version) for lexicon in lists]
        return StoredRules(found, active, lists, each)
