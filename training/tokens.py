"""Examples as the ids and tags that a network learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlp_service.inference.lookup import EMPTY, Lookup
from nlp_service.text.normalise import normalise_batch
from training.examples import Example
from training.targets import classify

TAGS = ("outside", "begin", "inside")

Floats = npt.NDArray[np.float32]

Spans = list[tuple[int, int, int]]
"""Units ``start:end`` of each pain of a message, with the index of its target."""


@dataclass(slots=True)
class Tokens:
    """Examples as arrays: ids, probabilities of the tags (n_units, 3) and spans of each, ready to be padded."""

    examples: list[Example]
    ids: list[npt.NDArray[np.int64]]
    tags: list[Floats | None]
    spans: list[Spans]


def tokenise(examples: list[Example], lookup: Lookup, longest: int = 1 << 30) -> Tokens:
    """Normalise and look up; a text without units becomes the one id `EMPTY`."""
    batch = normalise_batch([example.text for example in examples])
    flat = lookup.unit_ids(batch).astype(np.int64)
    tokens = Tokens(examples, [], [], [])
    for i, example in enumerate(examples):
        a, b = int(batch.offsets[i]), int(batch.offsets[i + 1])
        ids = flat[a:b][:longest] if b > a else np.array([EMPTY])
        spans = _spans(example, batch.starts[a:b], batch.ends[a:b], len(ids))
        tokens.ids.append(ids)
        tokens.spans.append(spans)
        tokens.tags.append(_tags(example, spans, len(ids)))
    return tokens


def _spans(example: Example, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], n_units: int) -> Spans:
    found = []
    for start, end, target in example.spans or ():
        inside = np.flatnonzero((starts < end) & (ends > start))
        if len(inside) and inside[-1] < n_units:
            found.append((int(inside[0]), int(inside[-1]) + 1, classify(target)))
    return found


def _tags(example: Example, spans: Spans, n_units: int) -> Floats | None:
    if example.spans is None:
        return None if example.tags is None else example.tags[:n_units].astype(np.float32)
    codes = np.zeros(n_units, np.int64)
    for start, end, _ in spans:
        codes[start:end] = TAGS.index("inside")
        codes[start] = TAGS.index("begin")
    return np.eye(len(TAGS), dtype=np.float32)[codes]


def pad(rows: list[npt.NDArray[np.int64]], value: int = 0) -> npt.NDArray[np.int64]:
    """Rows of different length to one array (n, longest)."""
    result = np.full((len(rows), max(map(len, rows))), value, np.int64)
    for i, row in enumerate(rows):
        result[i, : len(row)] = row
    return result
