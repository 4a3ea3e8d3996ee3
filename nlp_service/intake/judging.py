"""From what the workers read of messages to what is decided on each: words, facts, worth, and the policy.

    Arrival + analysis ─ words of lists ─ worth ─ covered ─► Case ─ facts, what the store knows ─ decide ─► Judgement

All of it but the last step is done before the transaction begins, for all messages of a delivery at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from nlp_service.inference.batcher import Kept
from nlp_service.inference.frames import read_analysis
from nlp_service.inference.process import FAILED
from nlp_service.intake.arrivals import Arrival
from nlp_service.intake.privacy import cover
from nlp_service.moderation.deciding import Decision, decide
from nlp_service.moderation.facts import Facts, gather
from nlp_service.moderation.findings import SEVERITY
from nlp_service.moderation.policy import windows_of
from nlp_service.moderation.ugc import Around, assess, nearest
from nlp_service.store.contributions import Asked
from nlp_service.store.incoming import Incoming, Judgement, Known, ReviewWanted, Windows
from nlp_service.text.normalise import Batch, message_of, normalise_batch
from nlp_service.text.pii import find_pii
from nlp_service.text.sketch import keys
from nlp_service.types import Action, Analysis, Evidence, UgcQuality, Verdict

if TYPE_CHECKING:
    from nlp_service.moderation.lexicon import Hit
    from nlp_service.moderation.rulebook import Rules

FAILED_PRIORITY = 0.5
"""How urgently a person looks at a message that the models could not read; nothing is known against it."""


class Case(NamedTuple):
    """A message that waits for its judgement.

    Attributes:
        arrival: As it came.
        analysis: What is said of it, with pieces of the text as it was sent.
        incoming: As it is kept; its analysis is this one, with what is secret covered.
        facts: What the message itself tells.
        rules: What it is judged by.
        is_unread: Whether the models could not read it.
    """

    arrival: Arrival
    analysis: Analysis
    incoming: Incoming
    facts: Facts
    rules: Rules
    is_unread: bool


class Contributions(Protocol):
    """What a tenant has that new messages may be like."""

    def earlier(self, tenant: str, asked: Sequence[Asked]) -> list[list[str]]:
        """Texts of stored messages that share a key with each of the asked."""
        ...


def read_cases(
    tenant: str,
    arrivals: Sequence[Arrival],
    kept: Sequence[Kept],
    rules: Rules,
    model_version: str,
    contributions: Contributions,
) -> list[Case]:
    """Make a case of each message of a tenant that is judged by the same rules."""
    texts = [arrival.text for arrival in arrivals]
    batch = normalise_batch(texts)
    normalised = [message_of(batch, i, text).normalised for i, text in enumerate(texts)]
    hits = rules.matcher.find(texts, batch, arrivals[0].received_at) if arrivals else []
    sketches = keys(batch)
    analyses = [read_analysis(one.analysis) for one in kept]
    worth = _rate(tenant, arrivals, batch, analyses, hits, sketches, rules, contributions)
    return [
        _case(arrival, replace(analysis, ugc_quality=quality), one.vector, sketch, (found, read), rules, model_version)
        for arrival, analysis, one, sketch, found, quality, read in zip(
            arrivals, analyses, kept, sketches, hits, worth, normalised, strict=True
        )
    ]


class Judging:
    """Judges the messages of cases, and no others. Pure, as `store.incoming.Judge` asks."""

    def __init__(self, cases: Iterable[Case]) -> None:
        # By identity: the same message may come twice in a delivery, in two wordings.
        self._cases = {id(case.incoming.analysis): case for case in cases}

    def __call__(self, message: Incoming, known: Known) -> Judgement:
        """Decide on a message with what the store knows."""
        return judge(self._cases[id(message.analysis)], known)

    @property
    def windows(self) -> Windows:
        """How far back the store must look for each of them: as far as its policy asks."""
        rules = {case.arrival.channel: case.rules for case in self._cases.values()}
        return _together({channel: windows_of(of.policy_for(channel)) for channel, of in rules.items()})


def windows_over(rules: Rules, channels: Iterable[str]) -> Windows:
    """How far back the store must look for messages of these channels: as far as their policies ask."""
    return _together({channel: windows_of(rules.policy_for(channel)) for channel in channels})


def _together(each: Mapping[str, Windows]) -> Windows:
    copies_s = max(one.copies_s for one in each.values())
    shorter = tuple(sorted((channel, one.copies_s) for channel, one in each.items() if one.copies_s < copies_s))
    return Windows(max(one.strikes_s for one in each.values()), copies_s, shorter)


def judge(case: Case, known: Known) -> Judgement:
    """Decide on one case."""
    channel = case.arrival.channel
    analysis = case.incoming.analysis
    decision = decide(analysis, case.rules.policy_for(channel), case.facts._replace(known=known))
    verdict, review = decision.verdict, decision.review
    if case.is_unread:
        verdict, review = with_failure(decision)
    return Judgement(replace(analysis, verdict=verdict), case.rules.policy_version(channel), decision.offence, review)


def evidence_of(hits: Iterable[Hit]) -> tuple[Evidence, ...]:
    """Words of lists as evidence: ``lexicon.deny`` with its category behind it, if it has one."""
    return tuple(
        Evidence(
            f"lexicon.{hit.kind}.{hit.category}" if hit.category else f"lexicon.{hit.kind}",
            "lexicon",
            hit.span,
            hit.normalised if hit.normalised != hit.span.text else None,
            hit.list_name,
        )
        for hit in hits
    )


def has_failed(analysis: Analysis) -> bool:
    """Whether the workers could not read the message."""
    return analysis.verdict is not None and FAILED in analysis.verdict.reasons


def with_failure(decision: Decision) -> tuple[Verdict, ReviewWanted]:
    """What is decided on a message that the models could not read: a person looks, whatever else is known."""
    action = max(decision.verdict.action, Action.REVIEW, key=SEVERITY.__getitem__)
    verdict = Verdict(action, (FAILED, *decision.verdict.reasons))
    priority, reasons = decision.review or ReviewWanted(FAILED_PRIORITY, ())
    return verdict, ReviewWanted(max(priority, FAILED_PRIORITY), (FAILED, *reasons))


def _case(
    arrival: Arrival,
    analysis: Analysis,
    vector: bytes,
    sketch: tuple[int, ...],
    seen: tuple[Sequence[Hit], str],
    rules: Rules,
    model_version: str,
) -> Case:
    """Make a case; `seen` are the words of lists in the message and its text normalised."""
    hits, normalised = seen
    is_unread = has_failed(analysis)
    if is_unread:
        analysis = replace(analysis, pii=find_pii(arrival.text))
    if hits:
        analysis = replace(analysis, evidence=(*analysis.evidence, *evidence_of(hits)))
    is_masked = rules.settings.mask == "stored"
    text, covered = cover(arrival.text, analysis) if is_masked else (arrival.text, analysis)
    incoming = Incoming(
        arrival.platform,
        arrival.channel,
        arrival.external_id,
        arrival.author,
        arrival.sent_at,
        arrival.received_at,
        arrival.edited_at,
        text,
        arrival.meta,
        sketch,
        covered,
        vector,
        model_version,
    )
    return Case(
        arrival, analysis, incoming, gather(incoming, hits, arrival.text, normalised=normalised), rules, is_unread
    )


def _rate(
    tenant: str,
    arrivals: Sequence[Arrival],
    batch: Batch,
    analyses: Sequence[Analysis],
    hits: Sequence[Sequence[Hit]],
    sketches: Sequence[tuple[int, ...]],
    rules: Rules,
    contributions: Contributions,
) -> list[UgcQuality | None]:
    """The worth of each message that is a contribution; None for the others."""
    worth: list[UgcQuality | None] = [None] * len(arrivals)
    rated = [i for i, one in enumerate(analyses) if one.intent is not None and "ugc" in one.intent.labels]
    if not rated:
        return worth
    asked = [Asked(arrivals[i].platform, arrivals[i].external_id, sketches[i]) for i in rated]
    for i, texts in zip(rated, contributions.earlier(tenant, asked), strict=True):
        arrival = arrivals[i]
        near = nearest(arrival.text, texts) if texts else 0.0
        around = Around(near, tuple(hit.kind for hit in hits[i]), arrival.context, arrival.meta)
        folded = message_of(batch, i, arrival.text).normalised
        worth[i] = assess(analyses[i], folded, around, rules.settings.ugc_weights)
    return worth
