"""What each message says of what: opinions of the tagger, those that are only implied, and the model's pains, as one.

texts ─┬─ tagger ─► aspects, opinions, pairs ─► targets of the taxonomy ─┐
       └─ expressions of the taxonomy ─► implied targets ────────────────┼─► opinions, each said once
analyses ─► pains ───────────────────────────────────────────────────────┘
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from nlp_service.inference.aspecttagger import AspectTagger, Tagged
from nlp_service.insight.aspects.degrees import strength
from nlp_service.insight.aspects.merging import Draft, join_implied, join_pains
from nlp_service.insight.aspects.taxonomy import OVERALL, Implied, Taxonomy
from nlp_service.text.normalise import Batch, normalise_batch
from nlp_service.types import Analysis

SURE = 0.6
"""Probability of a polarity below which the feeling of the whole message counts half."""

BEFORE = 6
"""Code points before an opinion without an aspect in which a word of the taxonomy names what it is about."""

_CLAUSES = re.compile(r"[\s,，.。!！?？;；、~～…]")

FELT = 0.3
"""Score of a feeling from which a message is read for what it implies."""


class Opinion(msgspec.Struct, frozen=True, gc=False):
    """What is said of something; the fields of `facts.OPINION`.

    Attributes:
        target: Canonical name, never empty.
        category: Node of the category tree, its path joined by "/"; "其他" for what is in no tree.
        aspect_start, aspect_end: Half-open code points of its words; None where it is implied.
        opinion_start, opinion_end: Of what is said.
        polarity: -1 to 1.
        strength: 0 to 1.
    """

    target: str
    category: str
    aspect_start: int | None
    aspect_end: int | None
    opinion_start: int
    opinion_end: int
    polarity: float
    strength: float


class TagsAspects(Protocol):
    """What finds spans: `AspectTagger`, or a stand-in."""

    @property
    def version(self) -> str:
        """Name and version of the model."""
        ...

    def tag(self, texts: Sequence[str], *, batch: Batch | None = None) -> Tagged:
        """Aspects, opinions and pairs of messages."""
        ...


class AspectReader:
    """Finds opinions in analysed messages. `load` makes one; it is used by one thread at a time."""

    def __init__(self, tagger: TagsAspects, taxonomy: Taxonomy) -> None:
        self._tagger = tagger
        self._taxonomy = taxonomy

    @classmethod
    def load(cls, folder: Path, taxonomy: Taxonomy) -> AspectReader:
        """Read with the tagger of a folder, in one thread.

        Raises:
            ArtifactError: A file is missing, damaged or of another version; the message names it.
        """
        return cls(AspectTagger.load(folder), taxonomy)

    @property
    def version(self) -> str:
        """Name and version of the tagger."""
        return self._tagger.version

    def read(self, texts: Sequence[str], analyses: Sequence[Analysis]) -> list[tuple[Opinion, ...]]:
        """Opinions of each message, by the place of what is said; none of an advert, whose praise is nobody's opinion.

        Args:
            texts: As they were sent.
            analyses: One each, in order.

        Raises:
            ValueError: There are not as many of both.
        """
        if len(texts) != len(analyses):
            raise ValueError(f"{len(texts)} texts and {len(analyses)} analyses")
        wanted = [i for i, analysis in enumerate(analyses) if not _is_advert(analysis)]
        drafts = self._tagged([texts[i] for i in wanted], wanted)
        implied = self._implied([i for i in wanted if _may_imply(analyses[i])], texts)
        found: list[tuple[Opinion, ...]] = [()] * len(texts)
        for i in wanted:
            own, pains = drafts.get(i, []), [pain for pain in analyses[i].pain if pain.category != "need"]
            if own or pains or i in implied:
                found[i] = self._opinions(texts[i], analyses[i], own, implied.get(i, []))
        return found

    def _tagged(self, texts: list[str], numbers: list[int]) -> dict[int, list[Draft]]:
        """What the tagger finds, by the numbers of the messages."""
        tagged = self._tagger.tag(texts)
        chances = tagged.chances
        sides, sure = (chances[:, 2] - chances[:, 0]).tolist(), (chances.max(1, initial=0.0) >= SURE).tolist()
        about: dict[int, list[int]] = {}
        for aspect, opinion in tagged.pairs.tolist():
            about.setdefault(opinion, []).append(aspect)
        aspects = tagged.aspects.tolist()
        drafts: dict[int, list[Draft]] = {}
        for i, (message, start, end) in enumerate(tagged.opinions.tolist()):
            for aspect in about.get(i, [-1]):
                place = None if aspect < 0 else (aspects[aspect][1], aspects[aspect][2])
                draft = Draft(place, (start, end), sides[i], is_sure=sure[i])
                drafts.setdefault(numbers[message], []).append(draft)
        return drafts

    def _implied(self, numbers: list[int], texts: Sequence[str]) -> dict[int, list[Implied]]:
        found: dict[int, list[Implied]] = {}
        if numbers:
            for each in self._taxonomy.implied(normalise_batch([texts[i] for i in numbers])):
                found.setdefault(numbers[each.message], []).append(each)
        return found

    def _opinions(
        self, text: str, analysis: Analysis, drafts: list[Draft], implied: list[Implied]
    ) -> tuple[Opinion, ...]:
        feeling = None if analysis.sentiment is None else analysis.sentiment.score
        for draft in drafts:
            if draft.aspect is not None:
                words = text[draft.aspect[0] : draft.aspect[1]]
                draft.name(self._taxonomy.canonical(words), is_known=self._taxonomy.known(words) is not None)
            if not draft.is_sure and feeling is not None:
                draft.polarity = (draft.polarity + feeling) / 2
        drafts = join_implied(drafts, [each for each in implied if _fits(each, feeling)])
        for draft in drafts:
            if not draft.target and (place := self._taxonomy.known(_clause(text, draft))) is not None:
                draft.name(place)
        drafts = join_pains(
            drafts, [pain for pain in analysis.pain if pain.category != "need"], self._taxonomy, feeling
        )
        feels = _feels(analysis)
        said = sorted(
            {_opinion(text, draft) for draft in drafts if draft.target or feels},
            key=lambda one: (one.opinion_start, one.opinion_end, one.aspect_start or -1, one.target),
        )
        return tuple(said)


def _opinion(text: str, draft: Draft) -> Opinion:
    start, end = draft.opinion
    polarity = round(float(np.clip(draft.polarity, -1.0, 1.0)), 3)
    target, category = (draft.target, draft.category) if draft.target else OVERALL
    aspect_start, aspect_end = draft.aspect or (None, None)
    force = strength(text, start, end, polarity)
    return Opinion(target, category, aspect_start, aspect_end, start, end, polarity, force)


def _clause(text: str, draft: Draft) -> str:
    """The opinion with what stands right before it in its clause: "效果还不错" is about 效果, paired or not."""
    start, end = draft.opinion
    return _CLAUSES.split(text[max(0, start - BEFORE) : start])[-1] + text[start:end]


def _is_advert(analysis: Analysis) -> bool:
    return analysis.intent is not None and analysis.intent.primary == "ad"


def _feels(analysis: Analysis) -> bool:
    """Whether the message speaks its mind at all."""
    intent, sentiment = analysis.intent, analysis.sentiment
    tells = intent is None or not {"complaint", "ugc"}.isdisjoint(intent.labels)
    return tells or analysis.risk.level > 0 or sentiment is None or abs(sentiment.score) >= FELT


def _may_imply(analysis: Analysis) -> bool:
    """Whether to look for what is said without naming it: in questions too ("三天了还没到，怎么回事")."""
    return _feels(analysis) or (analysis.intent is not None and "question" in analysis.intent.labels)


def _fits(implied: Implied, feeling: float | None) -> bool:
    """Whether the feeling of the message does not speak against it."""
    return feeling is None or implied.polarity * feeling >= -FELT
