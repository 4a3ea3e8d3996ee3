"""How good a shipped model is on annotated messages: every figure with its 95 % bootstrap interval."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from nlp_service.inference.analyser import Analyser
from nlp_service.inference.heads import COLUMNS, GROUPS
from nlp_service.types import INTENTS, SENTIMENTS, Analysis, Message
from training import metrics
from training.examples import Example

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
UNSEEN_TRADE = "authored-5"
"""Source of the messages of a trade that training never sees."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one model.

    Attributes:
        name: What is measured.
        value: On all the messages.
        low, high: Bounds of its 95 % bootstrap interval.
        messages: How many it was measured on.
    """

    name: str
    value: float
    low: float
    high: float
    messages: int


class Judged:
    """Answers of a model beside the truth, as arrays."""

    def __init__(self, analyser: Analyser, examples: list[Example]) -> None:
        texts = [example.text for example in examples]
        self.examples = examples
        self.answers: list[Analysis] = analyser.analyse([Message(None, text) for text in texts], evidence=False)
        self.chances = analyser.probabilities(texts)
        self.targets = np.stack([example.targets for example in examples])
        self.primary = _codes([a.intent.primary if a.intent else "" for a in self.answers], INTENTS)
        self.sentiment = _codes([a.sentiment.label if a.sentiment else "" for a in self.answers], SENTIMENTS)

    def of(self, group: str) -> tuple[Floats, Floats]:
        """Truth and probabilities of a group's columns, each (n, columns)."""
        return self.targets[:, COLUMNS[group]], self.chances[:, COLUMNS[group]]


def evaluate(analyser: Analyser, examples: list[Example], *, rounds: int = 1000) -> list[Figure]:
    """Every figure of a model on messages with all labels.

    Args:
        analyser: The model.
        examples: Annotated messages that it has not learnt from.
        rounds: Resamples for the intervals.
    """
    judged = Judged(analyser, examples)
    figures = [_figure(name, measure, len(examples), rounds) for name, measure in _measures(judged)]
    unseen = [i for i, example in enumerate(examples) if example.source == UNSEEN_TRADE]
    if unseen:
        part = np.array(unseen)
        truth = judged.of("primary")[0].argmax(1)
        name = f"intent, primary, macro-F1 on a trade never seen ({UNSEEN_TRADE})"
        figures.append(
            _figure(name, lambda c: metrics.macro_f1(truth[part[c]], judged.primary[part[c]], 5), len(part), rounds)
        )
    return figures


def _measures(judged: Judged) -> list[tuple[str, Callable[[Ints], float]]]:
    primary = judged.of("primary")[0].argmax(1)
    feeling = _three(judged.of("sentiment")[0]).argmax(1)
    true_intent, intent = judged.of("intent")
    true_risk, risk = judged.of("risk")
    true_abuse, abuse = judged.of("abuse")
    spans = [[(start, end) for start, end, _ in example.spans or ()] for example in judged.examples]
    found = [[(pain.span.start, pain.span.end) for pain in answer.pain] for answer in judged.answers]

    def intents(chosen: Ints) -> float:
        each = [metrics.average_precision(true_intent[chosen, i], intent[chosen, i]) for i in range(len(INTENTS))]
        return float(np.nanmean(each))

    def pains(chosen: Ints) -> float:
        return metrics.span_f1([spans[i] for i in chosen], [found[i] for i in chosen])

    return [
        ("intent, primary, macro-F1", lambda c: metrics.macro_f1(primary[c], judged.primary[c], 5)),
        ("intent, all labels, mean average precision", intents),
        ("sentiment, three-way, macro-F1", lambda c: metrics.macro_f1(feeling[c], judged.sentiment[c], 3)),
        ("risk >= 1, average precision", lambda c: metrics.average_precision(true_risk[c, 0], risk[c, 0])),
        ("risk >= 2, average precision", lambda c: metrics.average_precision(true_risk[c, 1], risk[c, 1])),
        ("abuse, average precision", lambda c: metrics.average_precision(true_abuse[c, 0], abuse[c, 0])),
        ("pain spans, F1 at overlap 0.5", pains),
        *_calibration(judged),
    ]


def _calibration(judged: Judged) -> list[tuple[str, Callable[[Ints], float]]]:
    """Expected calibration error of every head: of the answer it gives, or the mean over its yes-or-no columns."""
    found: list[tuple[str, Callable[[Ints], float]]] = []
    for group in GROUPS:
        truth, chance = judged.of(group.name)
        if group.name == "sentiment":
            truth, chance = _three(truth), _three(chance)
        if group.kind == "softmax":
            right = (truth.argmax(1) == chance.argmax(1)).astype(float)
            found.append((f"{group.name}, calibration error", _confidence(right, chance.max(1))))
        else:
            found.append((f"{group.name}, calibration error, mean of its labels", _columns(truth, chance)))
    return found


def _confidence(right: Floats, confidence: Floats) -> Callable[[Ints], float]:
    return lambda c: metrics.calibration_error(right[c], confidence[c])


def _columns(truth: Floats, chance: Floats) -> Callable[[Ints], float]:
    n = truth.shape[1]
    return lambda c: float(np.mean([metrics.calibration_error(truth[c, i], chance[c, i]) for i in range(n)]))


def _three(levels: Floats) -> Floats:
    return np.stack((levels[:, :2].sum(1), levels[:, 2], levels[:, 3:].sum(1)), 1)


def _codes(names: list[str], known: tuple[str, ...]) -> Ints:
    return np.array([known.index(name) if name in known else -1 for name in names])


def _figure(name: str, measure: Callable[[Ints], float], n: int, rounds: int) -> Figure:
    low, high = metrics.interval(measure, n, rounds=rounds)
    return Figure(name, measure(np.arange(n)), low, high, n)


def show(figures: list[Figure], *, title: str, as_json: bool) -> None:
    """Print figures as a table, or as JSON for machines."""
    if as_json:
        rows = {f.name: {"value": f.value, "low": f.low, "high": f.high, "messages": f.messages} for f in figures}
        json.dump({"title": title, "figures": rows}, sys.stdout, ensure_ascii=False, indent=1)
        print()
        return
    table = Table(title=title)
    for heading in ("figure", "value", "95 % interval", "messages"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for f in figures:
        table.add_row(f.name, f"{f.value:.3f}", f"{f.low:.3f} to {f.high:.3f}", str(f.messages))
    Console().print(table)


def markdown(figures: list[Figure]) -> str:
    """The figures as a table of a model card."""
    rows = [f"| {f.name} | {f.value:.3f} | {f.low:.3f} to {f.high:.3f} |" for f in figures]
    return "\n".join(["| figure | value | 95 % interval |", "|---|---|---|", *rows])


def load(model: str, models: Path) -> Analyser:
    """A shipped tier by its name, or an artefact by its folder."""
    folder = models / model
    return Analyser.load(folder if folder.is_dir() else Path(model))
