"""One pass of the encoder over messages of any number and length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from nlp_service.inference.lookup import EMPTY, Lookup
from nlp_service.text.normalise import Batch

MAX_ROWS = 32
MAX_CELLS = 1024
"""Messages and padded units of one run at the most: beyond that a run leaves the processor's cache."""

_INPUTS = ("units", "pairs")
_OUTPUTS = ("logits", "vector", "contributions", "tags", "states")

Floats = npt.NDArray[np.float32]


class Encoded(NamedTuple):
    """What the encoder says of some messages of about the same length.

    Attributes:
        rows: Which messages of the batch they are; shape (n,).
        lengths: Units of each, at least 1; shape (n,).
        logits: (n, outputs).
        vectors: (n, width).
        contributions: What each position adds to each logit; (n, longest, outputs), 0 beyond a message's end.
        tags: (n, longest, 3), without meaning beyond a message's end.
        states: (n, longest, width), likewise.
    """

    rows: npt.NDArray[np.intp]
    lengths: npt.NDArray[np.int32]
    logits: Floats
    vectors: Floats
    contributions: Floats
    tags: Floats
    states: Floats


class OnnxEncoder:
    """The fast encoder in ONNX Runtime.

    Args:
        model: The graph, as `training.graph` writes it.
        lookup: Its vocabulary.
        threads: Threads of the session; one a process is best, with as many processes as cores.

    Raises:
        ValueError: The bytes are no graph, or one without the inputs and outputs that are used.
    """

    def __init__(self, model: bytes, lookup: Lookup, *, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the errors of ONNX Runtime have no base of their own
            raise ValueError("not a graph that ONNX Runtime reads") from error
        names = {node.name for node in (*self._session.get_inputs(), *self._session.get_outputs())}
        if not names.issuperset((*_INPUTS, *_OUTPUTS)):
            raise ValueError("the graph is not one of this encoder")
        self._lookup = lookup

    def encode(self, batch: Batch) -> Iterator[Encoded]:
        """Encode every message, those of about the same length together."""
        lengths = np.diff(batch.offsets)
        ids = self._lookup.unit_ids(batch).astype(np.int64)
        pairs = self._lookup.pair_ids(ids)
        pairs[batch.offsets[:-1][lengths > 0]] = 0  # the pair across two messages is none
        order = np.argsort(lengths, kind="stable")
        for rows in _runs(order, lengths):
            yield self._run(rows, ids, pairs, batch.offsets, np.maximum(lengths[rows], 1))

    def _run(
        self,
        rows: npt.NDArray[np.intp],
        ids: npt.NDArray[np.int64],
        pairs: npt.NDArray[np.int64],
        offsets: npt.NDArray[np.int32],
        lengths: npt.NDArray[np.int32],
    ) -> Encoded:
        position = np.arange(int(lengths.max()))
        inside = position < lengths[:, None]
        source = (offsets[rows][:, None] + position)[inside]
        units = np.zeros(inside.shape, np.int64)
        pair_ids = np.zeros(inside.shape, np.int64)
        empty = offsets[rows] == offsets[rows + 1]
        if empty.any():
            units[empty, 0] = EMPTY
            inside[empty] = False
            source = (offsets[rows][:, None] + position)[inside]
        units[inside] = ids[source]
        pair_ids[inside] = pairs[source]
        logits, vectors, contributions, tags, states = self._session.run(
            _OUTPUTS, dict(zip(_INPUTS, (units, pair_ids), strict=True))
        )
        return Encoded(rows, lengths, logits, vectors, contributions, tags, states)


def _runs(order: npt.NDArray[np.intp], lengths: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.intp]]:
    """Cut messages in ascending order of length into runs within `MAX_ROWS` and `MAX_CELLS`."""
    start = 0
    for i in range(1, len(order) + 1):
        full = i - start >= MAX_ROWS
        if i < len(order):
            full |= (i - start + 1) * int(lengths[order[i]]) > MAX_CELLS
        if full or i == len(order):
            yield order[start:i]
            start = i
