"""One opinion for one thing that is said, whoever found it: the tagger, an expression of the taxonomy, the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nlp_service.insight.aspects.taxonomy import Implied, Taxonomy
from nlp_service.types import Pain

PAIN = 0.7
"""How far below 0 a pain is at the least that only the model found."""

PRAISE = 0.2
"""Polarity from which an opinion is no pain, whatever span it stands in."""

Place = tuple[int, int]


@dataclass(slots=True)
class Draft:
    """An opinion in the making.

    Attributes:
        aspect: Half-open code points of what it is about; None where that is implied.
        opinion: Of what is said.
        polarity: -1 to 1.
        is_sure: Whether the polarity is.
        target, category: Empty until named.
        is_known: Whether the target is in the taxonomy.
    """

    aspect: Place | None
    opinion: Place
    polarity: float
    is_sure: bool = True
    target: str = ""
    category: str = ""
    is_known: bool = False

    def name(self, place: tuple[str, str], *, is_known: bool = True) -> None:
        """Give it a target and a category."""
        self.target, self.category = place
        self.is_known = is_known


def join_implied(drafts: Sequence[Draft], implied: Sequence[Implied]) -> list[Draft]:
    """Opinions with what is implied: it names those that it overlaps and that have no known target, else it is new."""
    joined = list(drafts)
    for each in implied:
        met = [draft for draft in drafts if _common(draft.opinion, (each.start, each.end))]
        for draft in met:
            if not draft.is_known:
                draft.name((each.target, each.category))
        if not met:
            joined.append(
                Draft(None, (each.start, each.end), 0.8 * each.polarity, True, each.target, each.category, True)
            )
    return joined


def join_pains(
    drafts: Sequence[Draft], pains: Sequence[Pain], taxonomy: Taxonomy, feeling: float | None
) -> list[Draft]:
    """Opinions with the pains of the model.

    A pain is one of the opinions in its span that are no praise: the one of its target, else the one that shares most
    with it, which then goes by the pain's target unless its own aspect is known. A pain without any is new.

    Args:
        drafts: Named where they can be.
        pains: Without needs.
        taxonomy: Names their targets.
        feeling: Of the whole message, -1 to 1; None where it is not known.
    """
    joined = list(drafts)
    for pain in pains:
        place = taxonomy.canonical(pain.target)
        span = (pain.span.start, pain.span.end)
        met = [draft for draft in joined if draft.polarity < PRAISE and _shares(draft, span)]
        if not met:
            polarity = min(-PAIN, feeling or 0.0)
            joined.append(Draft(None, span, polarity, True, *place, True))
            continue
        best = max(met, key=lambda draft: (draft.target == place[0], _common(draft.opinion, span), -draft.opinion[0]))
        if not best.is_known or best.aspect is None:
            best.name(place)
        best.polarity = min(best.polarity, -PAIN / 2)
    return joined


def _shares(draft: Draft, span: Place) -> bool:
    """Whether at least half of the shorter one of an opinion and a span is in the other."""
    shorter = min(draft.opinion[1] - draft.opinion[0], span[1] - span[0])
    return 2 * _common(draft.opinion, span) >= shorter


def _common(a: Place, b: Place) -> int:
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))
