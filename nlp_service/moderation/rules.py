"""What a tenant decides by: its policies, the words of its lists and its settings, as they were at one moment."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from nlp_service.moderation.documents import decode_document
from nlp_service.moderation.lexicon import Entry, Kind, Matcher
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy
from nlp_service.store.database import Database
from nlp_service.store.lexicons import LexiconStore
from nlp_service.store.policies import PolicyStore, name_of
from nlp_service.store.rules import read_rules
from nlp_service.store.tenants import TenantSettings, TenantStore
from nlp_service.store.wordlists import Lexicon
from nlp_service.store.words import Word

_NO_WORDS = Matcher.build(())


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What one tenant decides by. It never changes; a change is another one.

    Attributes:
        version: The tenant's ``rules_version`` that it was read at.
        settings: The tenant's.
        policies: By community; the empty one is for all without their own.
        matcher: Finds the words of all lists.
        lists: Those lists as they were.
    """

    version: int = 0
    settings: TenantSettings = field(default_factory=TenantSettings)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    matcher: Matcher = _NO_WORDS
    lists: tuple[Lexicon, ...] = ()

    @property
    def n_words(self) -> int:
        """Words of all lists."""
        return sum(lexicon.n_words for lexicon in self.lists)

    @property
    def is_default(self) -> bool:
        """Whether nothing was settled, so that a text alone is judged as without a tenant."""
        return not (self.policies or self.n_words) and self.settings == TenantSettings()

    def policy_for(self, channel: str) -> Policy:
        """The policy of a channel: its own, that for all, or the built-in one."""
        return self.policies.get(channel) or self.policies.get("") or DEFAULT_POLICY

    def policy_version(self, channel: str) -> str:
        """What decisions on messages of a channel are made by, such as ``*/3+lex7``.

        Behind the policy stands the state of the lists, if there are words: the tenant's ``rules_version``.
        """
        policy = self.policy_for(channel).version
        return f"{policy}+lex{self.version}" if self.n_words else policy


DEFAULT_RULES = Rules()
"""Of a tenant that has settled nothing."""


class RuleStore:
    """The rules of tenants in a database; blocks, and may be used from several threads.

    Attributes:
        policies, lexicons, tenants: The repositories that change them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.policies = PolicyStore(database, check_document)
        self.lexicons = LexiconStore(database)
        self.tenants = TenantStore(database)

    def versions(self) -> dict[str, int]:
        """How often the rules of each tenant changed."""
        return self.tenants.rules_versions()

    def read(self, tenant: str, held: Rules | None = None) -> Rules:
        """The rules of a tenant as they are now; the matcher of `held` is taken over if no list has changed.

        Raises:
            NotFound: There is no such tenant.
            NotReady: The database cannot be used now.
            BadInput: A policy in it is for another version of the service.
        """
        held = held or DEFAULT_RULES
        with _without_collections():
            found = read_rules(self._database, tenant, held.lists)
            policies = {
                policy.community: decode_document(policy.document, f"{name_of(policy.community)}/{policy.version}")
                for policy in found.policies
            }
            matcher = held.matcher if found.words is None else _matcher(found.lists, found.words)
        return Rules(found.tenant.rules_version, found.tenant.settings, policies, matcher, found.lists)


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Collect no garbage meanwhile: what is built here has no cycles.

    A full collection looks at every object of the process, for a tenth of a second in which nobody is answered, and
    the hundred thousand objects of a large list set off several.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # Of two threads in here the first one to come turns it on again, at the latest when it leaves.
        if was_on:
            gc.enable()


def check_document(document: Mapping[str, Any]) -> None:
    """Refuse a document that is no policy.

    Raises:
        BadInput: `param` names the field that is at fault.
    """
    decode_document(document, "")


def _matcher(lists: Sequence[Lexicon], words: Sequence[Sequence[Word]]) -> Matcher:
    return Matcher.build(
        Entry(
            word.word,
            lexicon.name,
            cast(Kind, lexicon.kind),
            word.category or lexicon.category,
            word.valid_from,
            word.valid_to,
        )
        for lexicon, listed in zip(lists, words, strict=True)
        for word in listed
    )
