"""One pass of the encoder over messages of any number and length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from nlp_service.inference.lookup import EMPTY, Lookup
from nlp_service.text.normalise import Batch

MAX_ROWS = 64
MAX_UNITS = 1024
"""Messages and units of one run at the most: beyond that a run leaves the processor's cache."""

_INPUTS = ("units", "pairs", "message", "offsets")
_OUTPUTS = ("logits", "vector", "embedding", "weighed", "tags", "states")

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class Encoded(NamedTuple):
    """What the encoder says of some neighbouring messages; their units lie one behind the other, N in all.

    Attributes:
        first: Which message of the batch the first one is.
        offsets: Where each message begins, with N at the end; each has a unit at least; shape (n + 1,).
        logits: (n, outputs).
        vectors: (n, width).
        embeddings: Of any length; (n, columns).
        weighed: What each unit adds to its message's vector; (N, width).
        tags: (N, 3).
        states: (N, width).
    """

    first: int
    offsets: Ids
    logits: Floats
    vectors: Floats
    embeddings: Floats
    weighed: Floats
    tags: Floats
    states: Floats

    @property
    def rows(self) -> slice:
        """Where its messages stand in the batch."""
        return slice(self.first, self.first + len(self.logits))


class OnnxEncoder:
    """An encoder in ONNX Runtime.

    Args:
        model: The graph, as `training.graph` writes it.
        lookup: Its vocabulary.
        threads: Threads of the session; one a process is best, with as many processes as cores.

    Attributes:
        width: Of a message's vector and of the states of its units.

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
        self.width: int = next(node.shape[1] for node in self._session.get_outputs() if node.name == "vector")

    def encode(self, batch: Batch) -> Iterator[Encoded]:
        """Encode every message, neighbours together, in order."""
        ids, pairs, offsets = self._ids(batch)
        for first, last in cut(offsets, MAX_ROWS, MAX_UNITS):
            begin, end = int(offsets[first]), int(offsets[last])
            own = offsets[first : last + 1] - begin
            message = np.repeat(np.arange(last - first), np.diff(own))
            inputs = (ids[begin:end], pairs[begin:end], message, own)
            yield Encoded(first, own, *self._session.run(_OUTPUTS, dict(zip(_INPUTS, inputs, strict=True))))

    def _ids(self, batch: Batch) -> tuple[Ids, Ids, Ids]:
        """Ids of all units and of the pairs that end at them, and where each message begins, with the end of all."""
        ids = self._lookup.unit_ids(batch).astype(np.int64)
        offsets = batch.offsets.astype(np.int64)
        empty = np.flatnonzero(offsets[1:] == offsets[:-1])
        if len(empty):
            ids = np.insert(ids, offsets[empty], EMPTY)
            offsets[1:] += np.cumsum(offsets[1:] == offsets[:-1])
        pairs = self._lookup.pair_ids(ids)
        pairs[offsets[:-1]] = 0  # the pair across two messages is none
        return ids, pairs, offsets


def cut(offsets: npt.NDArray[np.integer], max_rows: int, max_units: int) -> Iterator[tuple[int, int]]:
    """Cut messages into runs ``first:last`` within both bounds; a longer message is a run by itself.

    Args:
        offsets: Where each message begins, with the end of the last behind them.
        max_rows: Messages of a run.
        max_units: Units of a run.
    """
    first, n = 0, len(offsets) - 1
    while first < n:
        fit = int(np.searchsorted(offsets, offsets[first] + max_units, "right")) - 1
        last = max(first + 1, min(fit, first + max_rows))
        yield first, last
        first = last
