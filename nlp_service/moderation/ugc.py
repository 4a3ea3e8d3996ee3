"""How good a contribution is: original, useful, likely to spread, and within the rules.

Four parts in [0, 1] and their weighted sum. The parts are counted from the text and from what the models say of it;
their constants are set by judgement and kept by a table of posts in the order in which an editor would take them
(tests/unit/moderation/test_ugc.py). A score only ranks: it is no probability.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nlp_service.moderation import ugc_cues as cues
from nlp_service.store.tenants import UgcWeights
from nlp_service.text.segment import cut
from nlp_service.text.sketch import resemblances
from nlp_service.types import Analysis, UgcQuality

UNKNOWN = 0.5
"""What stands for the probability of a head that failed: an outage is not safety."""


class Around(NamedTuple):
    """What is known of a contribution beside its text.

    Attributes:
        nearest: Resemblance to the nearest earlier message of the tenant, see `nearest`; 0 if none shares a key.
        lexicon: Kinds of the word lists that found something: ``deny``, ``watch``, ``allow``.
        context: What was said before it in the same conversation, oldest first.
        meta: The caller's own fields; of them ``likes``, ``replies``, ``shares`` and ``images`` are read.
    """

    nearest: float = 0.0
    lexicon: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    meta: Mapping[str, Any] = {}


NOTHING_AROUND = Around()
DEFAULT_WEIGHTS = UgcWeights()


def assess(
    analysis: Analysis, folded: str, around: Around = NOTHING_AROUND, weights: UgcWeights = DEFAULT_WEIGHTS
) -> UgcQuality | None:
    """Quality of a message; None unless ``ugc`` is among its intents.

    Args:
        analysis: What the models say.
        folded: The text as the normaliser writes it (`Text.normalised`).
        around: What else is known.
        weights: What each part counts; they add up to 1.
    """
    if analysis.intent is None or "ugc" not in analysis.intent.labels:
        return None
    return rate(analysis, folded, around, weights)


def rate(
    analysis: Analysis, folded: str, around: Around = NOTHING_AROUND, weights: UgcWeights = DEFAULT_WEIGHTS
) -> UgcQuality:
    """As `assess`, for a message of any intent."""
    says = _saturated(len(telling_words(folded)), 12.0)
    parts = (
        originality(around.nearest),
        usefulness(analysis, folded, says, around.context),
        spread(analysis, folded, says, around.meta),
        compliance(analysis, folded, around.lexicon),
    )
    shares = (weights.originality, weights.usefulness, weights.spread, weights.compliance)
    score = sum(share * part for share, part in zip(shares, parts, strict=True))
    return UgcQuality(*(round(min(1.0, max(0.0, value)), 4) for value in (score, *parts)))


def nearest(text: str, earlier: Sequence[str]) -> float:
    """Resemblance to the nearest of earlier messages, in [0, 1]; 0 without any.

    Args:
        text: The message.
        earlier: Those that share a key with it (`ContributionStore.candidates`).
    """
    return max(resemblances(text, earlier), default=0.0)


def originality(nearest: float) -> float:
    """``1 - nearest``."""
    return 1.0 - nearest


def telling_words(folded: str) -> set[str]:
    """Different words of two and more characters that say something of their own: no praise, no fillers."""
    return {word for word in cut([folded])[0] if len(word) > 1 and cues.CHARACTERS.match(word)} - cues.EMPTY


def usefulness(analysis: Analysis, folded: str, says: float, context: Sequence[str] = ()) -> float:
    """How much others learn from it.

    ``(0.4 + 0.6 P(ugc)) * (1 - (1 - .5 W)(1 - .4 F)(1 - .4 S)(1 - .4 R)(1 - .3 A))`` with

    - ``W = 1 - exp(-words / 12)`` of `telling_words`,
    - ``F = 1 - exp(-facts / 2)`` of numbers with what they count and names of models,
    - ``S = 1 - exp(-steps / 2)`` of words that lead through something,
    - ``R = 1 - exp(-reasons / 2)`` of words that weigh or give grounds,
    - ``A`` = 1 where the last thing said before it was a question, weighed by ``W``.

    Args:
        analysis: What the models say.
        folded: The normalised text.
        says: ``W``.
        context: What was said before, oldest first.
    """
    answers = says if context and cues.QUESTION.search(context[-1]) else 0.0
    facts, steps, reasons = (_saturated(_kinds(cue, folded), 2.0) for cue in (cues.FACTS, cues.STEPS, cues.REASONS))
    informs = _either(0.5 * says, 0.4 * facts, 0.4 * steps, 0.4 * reasons, 0.3 * answers)
    likely = 0.0 if analysis.intent is None else analysis.intent.probabilities.get("ugc", 0.0)
    return (0.4 + 0.6 * likely) * informs


def spread(analysis: Analysis, folded: str, says: float, meta: Mapping[str, Any]) -> float:
    """How likely others pass it on and join in.

    ``1 - (1 - .35 E W)(1 - .35 T)(1 - .3 H)(1 - .35 D)(1 - .6 M)(1 - .15 I)`` with

    - ``E = min(1, |sentiment| + .1 min(3, exclamations and pictures))``, weighed by ``W``,
    - ``T = 1 - exp(-times / 2)`` of words that tell a story, four tenths of it where nobody says "I",
    - ``H`` = 1 where its first forty characters hold a hook,
    - ``D`` = 1 where it calls to discuss,
    - ``M = r / (r + 20)`` with ``r = likes + 3 replies + 5 shares`` of the meta fields,
    - ``I = min(images, 3) / 3``, of the meta field or of the codes that stand for media in the text.

    Args:
        analysis: What the models say.
        folded: The normalised text.
        says: ``W`` of `usefulness`.
        meta: The caller's own fields.
    """
    feels = abs(analysis.sentiment.score) if analysis.sentiment else 0.0
    feels = min(1.0, feels + 0.1 * min(3, _count(cues.EXCITED, folded)))
    tells = _saturated(_kinds(cues.TIMES, folded), 2.0) * (1.0 if cues.FIRST_PERSON.search(folded) else 0.4)
    reactions = _number(meta, "likes") + 3.0 * _number(meta, "replies") + 5.0 * _number(meta, "shares")
    return _either(
        0.35 * feels * says,
        0.35 * tells,
        0.3 if cues.HOOKS.search(folded[:40]) else 0.0,
        0.35 if cues.CALLS.search(folded) else 0.0,
        0.6 * reactions / (reactions + 20.0),
        0.05 * min(3.0, max(_number(meta, "images"), _count(cues.MEDIA, folded))),
    )


def compliance(analysis: Analysis, folded: str, lexicon: Sequence[str] = ()) -> float:
    """One less the worst of what speaks against it.

    That is P(ad), P(abuse), the largest P of an unsafe kind, 1 for a word of a deny list and .5 for one of a watch
    list, and ``.8 (1 - 2^-n)`` for n claims that nobody can keep ("包治", "稳赚"). A head that failed counts as
    `UNKNOWN`.

    Args:
        analysis: What the models say.
        folded: The normalised text.
        lexicon: Kinds of the word lists that found something.
    """
    against = [
        UNKNOWN if analysis.intent is None else analysis.intent.probabilities.get("ad", 0.0),
        UNKNOWN if analysis.abuse.probability is None else analysis.abuse.probability,
        UNKNOWN if analysis.unsafe is None else max((kind.probability for kind in analysis.unsafe), default=0.0),
        1.0 if "deny" in lexicon else 0.5 if "watch" in lexicon else 0.0,
        0.8 * (1.0 - 0.5 ** _kinds(cues.CLAIMS, folded)),
    ]
    return 1.0 - max(against)


def _count(cue: re.Pattern[str], text: str) -> int:
    return len(cue.findall(text))


def _kinds(cue: re.Pattern[str], text: str) -> int:
    """How many different things a text holds: the same word again adds nothing."""
    return len(set(cue.findall(text)))


def _saturated(count: float, scale: float) -> float:
    return 1.0 - math.exp(-count / scale)


def _either(*chances: float) -> float:
    """1 less the product of what each leaves."""
    return 1.0 - math.prod(1.0 - chance for chance in chances)


def _number(meta: Mapping[str, Any], name: str) -> float:
    """A count that a caller gave, as a number or as the list of what is counted; 0 for anything else."""
    value = meta.get(name)
    if isinstance(value, list | tuple):
        return float(len(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return 0.0
    return float(value)
