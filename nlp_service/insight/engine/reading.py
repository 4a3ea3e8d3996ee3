"""A batch of messages to rows of FACTS: the same function whichever engine runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from nlp_service.insight.engine.rows import Failure, Row
from nlp_service.insight.facts import FACTS, VECTOR_COLUMNS, Floats
from nlp_service.store.packing import label_bits
from nlp_service.types import Analysis, Message

MODEL_BATCH = 512
"""Messages that the model reads at once."""

PART_SCHEMA = FACTS.append(pa.field("edited_at", pa.timestamp("us", tz="UTC")))
"""What the file of a part holds: FACTS, and which wording is the later one."""


class Analyse(Protocol):
    """What turns messages into analyses, in order, one for one: `inference.analyser.Analyser`."""

    @property
    def version(self) -> str:
        """Name and version of the model."""
        ...

    def analyse(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        """Analyse messages; `vectors` is where to add their embeddings, in arrays of some rows each."""
        ...


class ReadOpinions(Protocol):
    """What finds opinions: `insight.aspects.AspectReader`. Each has the fields of `facts.OPINION`."""

    def read(self, texts: Sequence[str], analyses: Sequence[Analysis]) -> Sequence[Sequence[Any]]:
        """The opinions of each text."""
        ...


class Tools(NamedTuple):
    """What a worker reads with, made once in its process.

    Attributes:
        analyser: The model; None where all has been read already, as in the store.
        opinions: None where there is no model for them.
        canonical: From what the model calls a target to the name that it is counted by.
    """

    analyser: Analyse | None
    opinions: ReadOpinions | None = None
    canonical: Callable[[str], str] | None = None


BuildTools = Callable[[], Tools]
"""Makes the tools inside a worker. It is pickled: a function of a module, or a `partial` of one."""


class Known(NamedTuple):
    """What a model said of a message, in this run or when it came.

    Attributes:
        vector: Float16, little-endian, `VECTOR_COLUMNS` of them; None where there is none.
        action: Of the verdict, where there was one.
        message_id: Of the store.
        version: Of the model that read it, where that was not in this run.
    """

    row: Row
    analysis: Analysis
    vector: bytes | None
    action: str | None = None
    message_id: int | None = None
    version: str = ""


def analyse(rows: Sequence[Row], tools: Tools) -> list[Known | Failure]:
    """Have messages read by the model, what is said twice once; one answer for one row, in order."""
    if tools.analyser is None:
        raise ValueError("messages of a file need a model")
    messages = [Message(None, row.text, row.context) for row in rows]
    wordings = [(message.text, message.context) for message in messages]
    places = dict(zip(reversed(wordings), reversed(range(len(rows))), strict=True))  # where each is said first
    # Short ones with short ones: what a batch costs goes by its longest message.
    first = sorted(places.values(), key=lambda place: (len(rows[place].text), place))
    answers: dict[tuple[str, tuple[str, ...]], tuple[Analysis, bytes] | str] = {}
    for begin in range(0, len(first), MODEL_BATCH):
        some = first[begin : begin + MODEL_BATCH]
        for place, answer in zip(some, _ask([messages[i] for i in some], tools.analyser), strict=True):
            answers[wordings[place]] = answer
    found: list[Known | Failure] = []
    for row, wording in zip(rows, wordings, strict=True):
        answer = answers[wording]
        if isinstance(answer, str):
            found.append(Failure(row.line, row.id, "internal", f"the model failed with {answer}"))
        else:
            found.append(Known(row, *answer))
    return found


def to_table(known: Sequence[Known], tools: Tools) -> pa.Table:
    """Rows of `PART_SCHEMA`, in order."""
    rows, analyses = [one.row for one in known], [one.analysis for one in known]
    columns: dict[str, list[Any]] = {
        "id": [row.id for row in rows],
        "platform": [row.platform for row in rows],
        "channel": [row.channel for row in rows],
        "author": [row.author for row in rows],
        "at": [row.at for row in rows],
        "text": [row.text for row in rows],
        "meta": [sorted(row.meta.items()) for row in rows],
        "intent": [analysis.intent and analysis.intent.primary for analysis in analyses],
        "labels": [label_bits(analysis) for analysis in analyses],
        "sentiment": [analysis.sentiment and analysis.sentiment.score for analysis in analyses],
        "risk": [analysis.risk.level for analysis in analyses],
        "risk_categories": [[category.name for category in analysis.risk.categories] for analysis in analyses],
        "action": [one.action for one in known],
        "pains": [_pains(analysis, tools.canonical) for analysis in analyses],
        "opinions": _opinions(rows, analyses, tools),
        "vector": [one.vector for one in known],
        "message_id": [one.message_id for one in known],
        "edited_at": [row.edited_at for row in rows],
    }
    arrays = [pa.array(columns[field.name], field.type) for field in PART_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=PART_SCHEMA)


def pack_vectors(vectors: Floats) -> list[bytes]:
    """Each row as FACTS keeps it: its first `VECTOR_COLUMNS`, which stand for the whole, of unit length again."""
    kept = np.zeros((len(vectors), VECTOR_COLUMNS), np.float32)
    width = min(vectors.shape[1], VECTOR_COLUMNS)
    kept[:, :width] = vectors[:, :width]
    if vectors.shape[1] > VECTOR_COLUMNS:
        kept /= np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-9)
    return [row.tobytes() for row in kept.astype("<f2")]


def _ask(messages: Sequence[Message], analyser: Analyse) -> Iterator[tuple[Analysis, bytes] | str]:
    """Analysis and vector of each message, or the kind of error that it makes."""
    parts: list[Floats] = []
    try:
        analyses = analyser.analyse(messages, evidence=False, vectors=parts)
    except Exception as error:
        # One message that the model cannot take must not cost the others of its batch their answers.
        if len(messages) == 1:
            yield type(error).__name__
            return
        for message in messages:
            yield from _ask([message], analyser)
        return
    yield from zip(analyses, pack_vectors(np.concatenate(parts)), strict=True)


def _pains(analysis: Analysis, canonical: Callable[[str], str] | None) -> list[dict[str, Any]]:
    return [
        {
            "target": canonical(pain.target) if canonical else pain.target,
            "category": pain.category,
            "start": pain.span.start,
            "end": pain.span.end,
        }
        for pain in analysis.pain
    ]


def _opinions(rows: Sequence[Row], analyses: Sequence[Analysis], tools: Tools) -> list[list[dict[str, Any]]]:
    if tools.opinions is None:
        return [[] for _ in rows]
    # Messages that were read as one share their analysis: a million copies are tagged once a batch.
    places: dict[tuple[str, int], int] = {}
    first: list[int] = []
    which: list[int] = []
    for i, (row, analysis) in enumerate(zip(rows, analyses, strict=True)):
        place = places.setdefault((row.text, id(analysis)), len(first))
        if place == len(first):
            first.append(i)
        which.append(place)
    found = tools.opinions.read([rows[i].text for i in first], [analyses[i] for i in first])
    plain = [[{name: getattr(one, name) for name in _OPINION_FIELDS} for one in some] for some in found]
    return [plain[place] for place in which]


_OPINION_FIELDS = [field.name for field in FACTS.field("opinions").type.value_type]
