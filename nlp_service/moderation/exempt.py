"""Who is excused from which rules. Nobody is from a look at risk."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import msgspec

from nlp_service.moderation.facts import Facts
from nlp_service.moderation.findings import Finding

Rule = Literal[
    "all",
    "ad",
    "abuse",
    "porn_sexual",
    "gambling",
    "scam",
    "drugs_weapons",
    "politics_sensitive",
    "contact_spam",
    "flooding",
    "illegal_service",
    "lexicon",
    "link",
    "regulated",
]


class Author(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An author by the platform's id."""

    platform: str
    id: str


class Exemption(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"rules": "from"}, dict=True, kw_only=True
):
    """Some authors and what they are excused from.

    Attributes:
        authors: By id.
        roles: By the role that the caller gives with a message (``meta.role``), such as ``owner``; in any case.
        rules: ``from`` in the document: kinds of offence; ``regulated`` for the topics that are always held; ``all``
            for every kind of offence. Risk, self-harm and parts of the model that failed are for a person all the same.
    """

    authors: tuple[Author, ...] = ()
    roles: tuple[str, ...] = ()
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if not (self.authors or self.roles):
            raise ValueError("an exemption needs authors or roles")
        if not self.rules:
            raise ValueError("from must say what they are exempt from")

    @cached_property
    def _authors(self) -> frozenset[tuple[str, str]]:
        return frozenset((author.platform, author.id) for author in self.authors)

    @cached_property
    def _roles(self) -> frozenset[str]:
        return frozenset(role.lower() for role in self.roles)

    def ground(self, facts: Facts) -> str | None:
        """By what the author of a message is excused: ``author`` or ``role``; None if by nothing."""
        if facts.author and (facts.platform, facts.author) in self._authors:
            return "author"
        return "role" if facts.role and facts.role in self._roles else None

    def covers(self, finding: Finding) -> bool:
        """Whether those who are excused are excused from this."""
        if finding.source == "regulated":
            return "regulated" in self.rules
        return finding.offence is not None and (finding.offence in self.rules or "all" in self.rules)
