"""What calibrated probabilities of one message mean: labels, levels, and what is to be explained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.heads import COLUMNS, LEVELS, N_OUTPUTS
from nlp_service.types import (
    INTENTS,
    RISK_CATEGORIES,
    SENTIMENTS,
    UNSAFE,
    Abuse,
    Intent,
    Label,
    Risk,
    Sentiment,
)

LISTED = 0.2
"""Probability from which an unsafe kind or a risk category is listed at all."""

SELF_HARM = 0.3
"""Probability of that category from which a message is watched whatever the level says: not to see it costs more."""

_SELF_HARM = RISK_CATEGORIES.index("self_harm")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from which the model commits itself, chosen on the calibration split.

    Attributes:
        intent: For each of `INTENTS`, beside the primary one.
        risk: For the levels 1, 2 and 3.
        abuse: For `Abuse.flagged`.
        target: For a pain to go by the name of a target.
        pain_prior: Added to the log-odds of each unit to be inside a pain.
        pain_least: Sum of them that a pain needs.
        pain_begin: Probability of beginning a pain above which a unit begins one.
    """

    intent: dict[str, float]
    risk: list[float]
    abuse: float
    target: float
    pain_prior: float
    pain_least: float
    pain_begin: float

    def __post_init__(self) -> None:
        values = [*self.intent.values(), *self.risk, self.abuse, self.target, self.pain_begin]
        if set(self.intent) != set(INTENTS) or len(self.risk) != 3 or not all(0 < v < 1 for v in values):
            raise ValueError("thresholds must cover every label with a probability")
        if not (-20.0 <= self.pain_prior <= 20.0 and 0.0 < self.pain_least <= 100.0):
            raise ValueError("thresholds must cover every label, and those of pains must be in their range")


class Directions(NamedTuple):
    """What can be explained: a name for each mix of output columns; weights (n_directions, N_OUTPUTS)."""

    names: list[str]
    weights: npt.NDArray[np.float32]


def _directions() -> Directions:
    names: list[str] = []
    rows: list[npt.NDArray[np.float32]] = []

    def add(name: str, group: str, weights: dict[int, float]) -> None:
        row = np.zeros(N_OUTPUTS, np.float32)
        for column, weight in weights.items():
            row[COLUMNS[group].start + column] = weight
        names.append(name)
        rows.append(row)

    for i, intent in enumerate(INTENTS):
        add(f"intent.{intent}", "intent", {i: 1.0})
    add("sentiment.negative", "sentiment", {i: -level / 2 for i, level in enumerate(LEVELS)})
    add("sentiment.positive", "sentiment", {i: level / 2 for i, level in enumerate(LEVELS)})
    add("risk", "risk", {0: 0.5, 1: 0.5})
    add("abuse", "abuse", {0: 1.0})
    for i, name in enumerate(UNSAFE):
        add(f"unsafe.{name}", "unsafe", {i: 1.0})
    return Directions(names, np.stack(rows))


DIRECTIONS = _directions()
_DIRECTION = {name: i for i, name in enumerate(DIRECTIONS.names)}
_UNSAFE_DIRECTIONS = [_DIRECTION[f"unsafe.{name}"] for name in UNSAFE]


@dataclass(slots=True)
class Reading:
    """The labels of one message, and the directions that ask for evidence."""

    intent: Intent | None
    sentiment: Sentiment | None
    risk: Risk
    abuse: Abuse
    unsafe: tuple[Label, ...] | None
    questions: list[int] = field(default_factory=list)

    @property
    def complains(self) -> bool:
        """Whether it is a complaint."""
        return self.intent is not None and "complaint" in self.intent.labels

    @property
    def may_hurt(self) -> bool:
        """Whether pains are looked for: in complaints, in questions (the need) and in anything risky."""
        asks = self.intent is not None and "question" in self.intent.labels
        return self.complains or asks or self.risk.level > 0

    @property
    def category(self) -> str:
        """The risk category that a pain of this message belongs to when its target does not say."""
        return self.risk.categories[0].name if self.risk.categories else "other"


def read_row(row: list[float], thresholds: Thresholds) -> Reading:
    """Labels from the probabilities of one message, `N_OUTPUTS` of them; a head with NaN has failed and gives None."""
    questions: list[int] = []
    intent = _intent(row, thresholds, questions)
    sentiment = _sentiment(row[COLUMNS["sentiment"]], questions)
    risk = _risk(row[COLUMNS["risk"]], row[COLUMNS["category"]], thresholds)
    if risk.level:
        questions.append(_DIRECTION["risk"])
    abuse = row[COLUMNS["abuse"].start]
    flagged = abuse >= thresholds.abuse
    if flagged:
        questions.append(_DIRECTION["abuse"])
    unsafe = _unsafe(row[COLUMNS["unsafe"]], questions)
    return Reading(intent, sentiment, risk, Abuse(None if math.isnan(abuse) else abuse, flagged), unsafe, questions)


def _unsafe(kinds: list[float], questions: list[int]) -> tuple[Label, ...] | None:
    if math.isnan(sum(kinds)):
        return None
    found = []
    for name, probability, direction in zip(UNSAFE, kinds, _UNSAFE_DIRECTIONS, strict=True):
        if probability >= LISTED:
            found.append(Label(name, probability))
            if probability >= 0.5:
                questions.append(direction)
    return tuple(sorted(found, key=lambda label: -label.probability))


def _intent(row: list[float], thresholds: Thresholds, questions: list[int]) -> Intent | None:
    primary, chances = row[COLUMNS["primary"]], row[COLUMNS["intent"]]
    if math.isnan(sum(primary) + sum(chances)):
        return None
    best = primary.index(max(primary))
    labels = [INTENTS[best]]
    # A message is chat because it is nothing else: chat stands alone or not at all.
    others = [
        i for i, name in enumerate(INTENTS) if i != best and name != "chat" and chances[i] >= thresholds.intent[name]
    ]
    if INTENTS[best] == "chat":
        others = []
    labels += [INTENTS[i] for i in sorted(others, key=lambda i: -chances[i])]
    questions += [i for i in (best, *others) if INTENTS[i] != "chat"]
    return Intent(labels[0], tuple(labels), dict(zip(INTENTS, chances, strict=True)))


def _sentiment(levels: list[float], questions: list[int]) -> Sentiment | None:
    if math.isnan(sum(levels)):
        return None
    parts = (levels[0] + levels[1], levels[2], levels[3] + levels[4])
    best = parts.index(max(parts))
    if SENTIMENTS[best] != "neutral":
        questions.append(_DIRECTION[f"sentiment.{SENTIMENTS[best]}"])
    score = sum(level * chance for level, chance in zip(LEVELS, levels, strict=True)) / 2
    # The parts are sums of rounded numbers: cut what that adds.
    chances = {name: min(1.0, round(part, 5)) for name, part in zip(SENTIMENTS, parts, strict=True)}
    return Sentiment(SENTIMENTS[best], round(min(1.0, max(-1.0, score)), 5), chances)


def _risk(levels: list[float], categories: list[float], thresholds: Thresholds) -> Risk:
    if math.isnan(sum(levels) + sum(categories)):
        return Risk(0, None, None)
    level = 0
    while level < 3 and levels[level] >= thresholds.risk[level]:
        level += 1
    if not level and categories[_SELF_HARM] >= SELF_HARM:
        level = 1
    named: tuple[Label, ...] = ()
    if level:
        ranked = sorted(zip(categories, RISK_CATEGORIES, strict=True), reverse=True)
        likely = [(chance, name) for chance, name in ranked if chance >= LISTED] or ranked[:1]
        named = tuple(Label(name, chance) for chance, name in likely)
    return Risk(level, levels[1], levels[0], named)
