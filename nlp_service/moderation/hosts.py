"""Where links lead: hosts that a community allows or denies, hosts nobody knows, QR codes, and newcomers with them."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import msgspec

from nlp_service.moderation.facts import Facts
from nlp_service.moderation.findings import Finding, strongest
from nlp_service.moderation.links import plain_host
from nlp_service.types import Action

Host = Annotated[str, msgspec.Meta(pattern=r"^[^\s/:@?#*.]+(\.[^\s/:@?#*.]+)*\.?$", max_length=253)]
"""A name such as ``taobao.com``, without scheme, port and path."""


class Newcomers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is stricter for those who have written little. The stronger of this and the general rule holds.

    Attributes:
        messages: Who has written fewer before this one is a newcomer; 0 knows none.
        unknown: What a link to a host on neither list leads to.
        qr: What a QR code leads to.
        images: What images lead to.
    """

    messages: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    unknown: Action = Action.REVIEW
    qr: Action = Action.REVIEW
    images: Action = Action.PASS


class LinkRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Rules on links. A host stands for its subdomains too; of several that fit, the longest decides.

    Attributes:
        allow: Hosts that may be linked to.
        deny: Hosts that may not.
        denied: What a link to one of `deny` leads to.
        unknown: What a link to a host on neither list leads to.
        qr: What a QR code leads to.
        newcomers: What is stricter for them.
    """

    allow: tuple[Host, ...] = ()
    deny: tuple[Host, ...] = ()
    denied: Action = Action.REMOVE
    unknown: Action = Action.PASS
    qr: Action = Action.REVIEW
    newcomers: Newcomers = Newcomers()

    def __post_init__(self) -> None:
        both = {plain_host(host) for host in self.allow} & {plain_host(host) for host in self.deny}
        if both:
            raise ValueError(f"{min(both)} is both in allow and in deny")

    @cached_property
    def _is_allowed(self) -> dict[str, bool]:
        return {plain_host(host): False for host in self.deny} | {plain_host(host): True for host in self.allow}

    def allows(self, host: str) -> bool | None:
        """Whether `host` may be linked to; None for a host on neither list."""
        if not (self.allow or self.deny):
            return None
        labels = host.split(".")
        for start in range(len(labels)):
            verdict = self._is_allowed.get(".".join(labels[start:]))
            if verdict is not None:
                return verdict
        return None


def findings_of_links(facts: Facts, rules: LinkRules) -> list[Finding]:
    """Rules on links and pictures, also those that let them pass: at another hour they may not."""
    if not (facts.links or facts.has_qr or facts.n_images):
        return []
    # Where nobody says who wrote it, nobody can tell whether it is a newcomer.
    is_newcomer = bool(facts.author) and facts.known.n_earlier < rules.newcomers.messages
    new = rules.newcomers if is_newcomer else _NOTHING_MORE
    allowed = {rules.allows(link.host) for link in facts.links}
    findings = []
    if False in allowed:
        findings.append(Finding(rules.denied, "link:denied_host", "link", source="denied_host"))
    if None in allowed:
        findings.append(_choose(rules.unknown, new.unknown, "unknown_host", "links"))
    if facts.has_qr:
        findings.append(_choose(rules.qr, new.qr, "qr", "links"))
    if facts.n_images:
        findings.append(_choose(Action.PASS, new.images, "images", "pictures"))
    return findings


_NOTHING_MORE = Newcomers(0, Action.PASS, Action.PASS, Action.PASS)


def _choose(general: Action, newcomer: Action, code: str, source: str) -> Finding:
    action = strongest(general, newcomer)
    # Who is told why must know whether it is the link or their being new.
    reason = f"link:{code}" if action is general else f"link:newcomer_{code}"
    return Finding(action, reason, "link", source=source)
