"""What a model still sees of messages that are disguised or mistyped, one kind of rewriting at a time.

Figures are of the labels that the model commits itself to, at its own thresholds, on the same messages as they were
written and as they were rewritten. A message that a kind leaves as it is counts only where "all" is said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nlp_service.inference.heads import COLUMNS
from nlp_service.types import INTENTS, Analysis, Message
from training import examples as annotated
from training.examples import Example
from training.obfuscate import KINDS, variants

Claims = npt.NDArray[np.bool_]

_COLUMN = {
    "ad": COLUMNS["intent"].start + INTENTS.index("ad"),
    "abuse": COLUMNS["abuse"].start,
    "risk >= 2": COLUMNS["risk"].start + 1,
}
GROUPS = tuple(_COLUMN)
"""Messages whose recall is measured, by what is true of them."""


class Model(Protocol):
    """What is used of `nlp_service.inference.analyser.Analyser`."""

    @property
    def version(self) -> str:
        """Name and version, for the title."""
        ...

    def analyse(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        """One answer for one message, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the messages of a group that the model finds; None where no message was rewritten.

    Attributes:
        messages: Those of the group that the kind rewrites.
        plain, rewritten: Recall on them as they were written, and after.
    """

    messages: int
    plain: float | None
    rewritten: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of rewriting does to a model; shares are in [0, 1], None where nothing was rewritten.

    Attributes:
        kind: One of `training.obfuscate.KINDS`.
        messages: How many there are.
        rewritten: How many of them the kind changes.
        recall: For each of `GROUPS`.
        same: Share of the rewritten messages whose primary intent stays.
        same_of_all: The same of all messages.
        false_alarms: Share of the rewritten messages without an advert that the model calls one only now.
    """

    kind: str
    messages: int
    rewritten: int
    recall: dict[str, Recall]
    same: float | None
    same_of_all: float | None
    false_alarms: float | None


class _Judged:
    """What the model says of texts: a primary intent each, and whether each group's claim is made."""

    def __init__(self, analyser: Model, texts: Sequence[str]) -> None:
        answers = analyser.analyse([Message(None, text) for text in texts], evidence=False)
        # A failed head has found nothing.
        self.primary = np.array([answer.intent.primary if answer.intent else "" for answer in answers])
        self.claims: dict[str, Claims] = {
            "ad": np.array([bool(answer.intent and "ad" in answer.intent.labels) for answer in answers], np.bool_),
            "abuse": np.array([answer.abuse.flagged for answer in answers], np.bool_),
            "risk >= 2": np.array([answer.risk.level >= 2 for answer in answers], np.bool_),
        }


def table(analyser: Model, examples: Sequence[Example], seed: int = 1) -> list[Row]:
    """A row for each kind of rewriting.

    Args:
        analyser: The model.
        examples: Annotated messages that it has not learnt from.
        seed: Of the rewriting; every kind draws for itself, so that a new kind changes no row of another.
    """
    plain = _Judged(analyser, [example.text for example in examples])
    truth = {
        name: np.array([example.targets[column] == 1 for example in examples], np.bool_)
        for name, column in _COLUMN.items()
    }
    return [_row(analyser, examples, kind, plain, truth, seed) for kind in KINDS]


def _row(
    analyser: Model, examples: Sequence[Example], kind: str, plain: _Judged, truth: dict[str, Claims], seed: int
) -> Row:
    rng = np.random.default_rng([seed, *kind.encode()])
    drawn = [variants(example.text, kind, rng) for example in examples]
    at = np.array([i for i, found in enumerate(drawn) if found], np.intp)
    after = _Judged(analyser, [found[0].text for found in drawn if found])
    same = after.primary == plain.primary[at]
    harmless = ~truth["ad"][at]
    alarms = after.claims["ad"] & ~plain.claims["ad"][at]
    recall = {}
    for group in GROUPS:
        own = truth[group][at]
        recall[group] = Recall(int(own.sum()), _share(plain.claims[group][at][own]), _share(after.claims[group][own]))
    unchanged = len(examples) - len(at)
    of_all = _share(np.append(same, np.ones(unchanged, np.bool_)))
    return Row(kind, len(examples), len(at), recall, _share(same), of_all, _share(alarms[harmless]))


def _share(claims: Claims) -> float | None:
    return float(claims.mean()) if len(claims) else None


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table; recall as ``plain → rewritten (messages)``."""
    heads = ["kind", "rewritten", *(f"recall, {group}" for group in GROUPS)]
    heads += ["same primary intent", "of all", "new false adverts"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for row in rows:
        recalls = [_recall(row.recall[group]) for group in GROUPS]
        shares = [_number(share) for share in (row.same, row.same_of_all, row.false_alarms)]
        lines.append([row.kind, f"{row.rewritten} of {row.messages}", *recalls, *shares])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _recall(recall: Recall) -> str:
    return f"{_number(recall.plain)} → {_number(recall.rewritten)} ({recall.messages})"


def _number(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"


def as_json(rows: Sequence[Row], title: str) -> str:
    """The rows for machines, under ``rows``; a share that nothing was measured for is null."""
    return json.dumps({"title": title, "rows": [asdict(row) for row in rows]}, ensure_ascii=False, indent=1)


def main_table(analyser: Model, data: Path, *, seed: int = 1, for_machines: bool = False) -> str:
    """The table of a model on gold dev, as Markdown or as JSON, with a title that names the model.

    Args:
        analyser: The model.
        data: The data folder.
        seed: Of the rewriting.
        for_machines: JSON instead of Markdown.

    Raises:
        FileNotFoundError: The folder has no gold dev.
    """
    rows = table(analyser, annotated.gold(data / "gold" / "dev.jsonl.gz"), seed)
    title = f"{analyser.version} on gold dev, rewritten with seed {seed}"
    return as_json(rows, title) if for_machines else f"{title}\n\n{markdown(rows)}"
