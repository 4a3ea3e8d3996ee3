"""How good a shipped model is on annotated messages: every figure with its 95 % bootstrap interval."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from nlp_service.inference.analyser import Analyser
from nlp_service.inference.heads import COLUMNS, GROUPS, probabilities
from nlp_service.types import INTENTS, SENTIMENTS, Analysis, Message
from training import metrics
from training.examples import Example

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Measure = Callable[[Ints], float]
UNSEEN_TRADE = "authored-5"
"""Source of the messages of a trade that training never sees."""
PARTS = ("encoder", "linear")
"""Parts of a model, in the order in which `Analyser.logits` gives them."""


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


@dataclass(frozen=True, slots=True)
class Answers:
    """What one judge says of n messages; None for what it does not judge.

    Attributes:
        primary: Index in `INTENTS`, -1 for no answer; shape (n,).
        intent: How much each of `INTENTS` applies, higher for more; (n, 5).
        sentiment: Index in `SENTIMENTS`, -1 for no answer; (n,).
        risk: How much the levels >= 1 and >= 2 apply; (n, 2).
        abuse: How much it applies; (n,).
        spans: Pains as rows of message, first code point and the one after the last; (k, 3).
    """

    primary: Ints | None = None
    intent: Floats | None = None
    sentiment: Ints | None = None
    risk: Floats | None = None
    abuse: Floats | None = None
    spans: Ints | None = None

    def head(self, n: int) -> Answers:
        """The answers to the first `n` messages."""
        spans = None if self.spans is None else self.spans[self.spans[:, 0] < n]
        rest = {name: values[:n] for name, values in self.given().items() if name != "spans"}
        return Answers(**rest, spans=spans)

    def given(self) -> dict[str, npt.NDArray[Any]]:
        """What is judged, by name."""
        named = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: values for name, values in named.items() if values is not None}


def evaluate(analyser: Analyser, examples: list[Example], *, rounds: int = 1000) -> list[Figure]:
    """Every figure of a model on messages with all labels.

    Args:
        analyser: The model.
        examples: Annotated messages that it has not learnt from.
        rounds: Resamples for the intervals.
    """
    texts = [example.text for example in examples]
    chances = analyser.probabilities(texts)
    quality, unseen = measure(examples, answers(analyser, texts, chances), rounds=rounds)
    return [
        *quality,
        *(_figure(n, m, len(texts), rounds) for n, m in _calibration(targets(examples), chances)),
        *unseen,
    ]


def evaluate_part(analyser: Analyser, examples: list[Example], part: str, *, rounds: int = 1000) -> list[Figure]:
    """Figures of one part of a model alone, its logits taken as they are; without pains and calibration.

    Args:
        analyser: The model.
        examples: Annotated messages that it has not learnt from.
        part: One of `PARTS`.
        rounds: Resamples for the intervals.
    """
    logits = analyser.logits([example.text for example in examples])[PARTS.index(part)]
    quality, unseen = measure(examples, read_chances(probabilities(logits)), rounds=rounds)
    return [*quality, *unseen]


def answers(analyser: Analyser, texts: list[str], chances: Floats) -> Answers:
    """Answers of a model as it serves them; `chances` are its calibrated probabilities, (n, N_OUTPUTS)."""
    analyses: list[Analysis] = analyser.analyse([Message(None, text) for text in texts], evidence=False)
    spans = [(i, pain.span.start, pain.span.end) for i, analysis in enumerate(analyses) for pain in analysis.pain]
    return dataclasses.replace(
        read_chances(chances),
        primary=_codes([a.intent.primary if a.intent else "" for a in analyses], INTENTS),
        sentiment=_codes([a.sentiment.label if a.sentiment else "" for a in analyses], SENTIMENTS),
        spans=np.array(spans, np.int64).reshape(-1, 3),
    )


def read_chances(chances: Floats) -> Answers:
    """Answers from the probabilities of every output column, (n, N_OUTPUTS); nothing of pains."""
    return Answers(
        primary=primary_codes(chances),
        intent=chances[:, COLUMNS["intent"]],
        sentiment=sentiment_codes(chances),
        risk=chances[:, COLUMNS["risk"]][:, :2],
        abuse=chances[:, COLUMNS["abuse"].start],
    )


def targets(examples: list[Example]) -> Floats:
    """Truth of every output column, (n, N_OUTPUTS)."""
    return np.stack([example.targets for example in examples])


def primary_codes(columns: Floats) -> Ints:
    """Index in `INTENTS` of the primary intent in truth or probabilities, (n, N_OUTPUTS)."""
    return columns[:, COLUMNS["primary"]].argmax(1)


def sentiment_codes(columns: Floats) -> Ints:
    """Index in `SENTIMENTS` of the feeling in truth or probabilities, (n, N_OUTPUTS)."""
    return _three(columns[:, COLUMNS["sentiment"]]).argmax(1)


def measure(examples: list[Example], said: Answers, *, rounds: int) -> tuple[list[Figure], list[Figure]]:
    """Figures of the answers to annotated messages: of all of them, and of those of the trade never seen."""
    figures = [_figure(name, figure, len(examples), rounds) for name, figure in _measures(examples, said)]
    unseen = np.array([i for i, example in enumerate(examples) if example.source == UNSEEN_TRADE], np.intp)
    if said.primary is None or not len(unseen):
        return figures, []
    truth = primary_codes(targets(examples)[unseen])
    name = f"intent, primary, macro-F1 on a trade never seen ({UNSEEN_TRADE})"
    return figures, [_figure(name, _macro_f1(truth, said.primary[unseen], 5), len(unseen), rounds)]


def _measures(examples: list[Example], said: Answers) -> list[tuple[str, Measure]]:
    """Measures of whatever is answered, each a function of the indices of the chosen messages."""
    truth = targets(examples)
    found: list[tuple[str, Measure]] = []
    if said.primary is not None:
        found.append(("intent, primary, macro-F1", _macro_f1(primary_codes(truth), said.primary, 5)))
    if said.intent is not None:
        intents = truth[:, COLUMNS["intent"]]
        found.append(("intent, all labels, mean average precision", _precision(intents, said.intent)))
    if said.sentiment is not None:
        found.append(("sentiment, three-way, macro-F1", _macro_f1(sentiment_codes(truth), said.sentiment, 3)))
    if said.risk is not None:
        for i, level in enumerate((">= 1", ">= 2")):
            risk = truth[:, COLUMNS["risk"]][:, [i]]
            found.append((f"risk {level}, average precision", _precision(risk, said.risk[:, [i]])))
    if said.abuse is not None:
        abuse = truth[:, COLUMNS["abuse"]]
        found.append(("abuse, average precision", _precision(abuse, said.abuse[:, None])))
    if said.spans is not None:
        found.append(("pain spans, F1 at overlap 0.5", _pains(examples, said.spans)))
    return found


def _macro_f1(truth: Ints, guess: Ints, n_classes: int) -> Measure:
    return lambda c: metrics.macro_f1(truth[c], guess[c], n_classes)


def _precision(truth: Floats, scores: Floats) -> Measure:
    """Mean average precision over columns, those without a positive left out."""
    n = truth.shape[1]

    def figure(chosen: Ints) -> float:
        each = [metrics.average_precision(truth[chosen, i], scores[chosen, i]) for i in range(n)]
        return each[0] if n == 1 else float(np.nanmean(each))

    return figure


def _pains(examples: list[Example], spans: Ints) -> Measure:
    truth = [[(start, end) for start, end, _ in example.spans or ()] for example in examples]
    found: list[list[tuple[int, int]]] = [[] for _ in examples]
    for message, start, end in spans.tolist():
        found[message].append((start, end))
    return lambda c: metrics.span_f1([truth[i] for i in c], [found[i] for i in c])


def _calibration(truths: Floats, chances: Floats) -> list[tuple[str, Measure]]:
    """Expected calibration error of every head: of the answer it gives, or the mean over its yes-or-no columns."""
    found: list[tuple[str, Measure]] = []
    for group in GROUPS:
        truth, chance = truths[:, COLUMNS[group.name]], chances[:, COLUMNS[group.name]]
        if group.name == "sentiment":
            truth, chance = _three(truth), _three(chance)
        if group.kind == "softmax":
            right = (truth.argmax(1) == chance.argmax(1)).astype(float)
            found.append((f"{group.name}, calibration error", _confidence(right, chance.max(1))))
        else:
            found.append((f"{group.name}, calibration error, mean of its labels", _columns(truth, chance)))
    return found


def _confidence(right: Floats, confidence: Floats) -> Measure:
    return lambda c: metrics.calibration_error(right[c], confidence[c])


def _columns(truth: Floats, chance: Floats) -> Measure:
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
    return Analyser.load(folder(model, models))


def folder(model: str, models: Path) -> Path:
    """Folder of a tier by its name, else the folder that is named."""
    tier = models / model
    return tier if tier.is_dir() else Path(model)
