"""Aspects and opinions of messages: one pass of a small tagger, its tags decoded, what belongs together paired.

texts ─ normalise ─► units ─► tagger ─► columns of each unit ─┬─ two chains of tags ─► aspects, opinions ─┐
                                                              └─ queries and keys ─► pairs, polarity ◄────┘
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact as artifacts
from nlp_service.inference.aspectspans import (
    BEGIN,
    N_FEATURES,
    NEVER,
    OUTSIDE,
    Spans,
    best_tags,
    candidates,
    means,
    pair_features,
    spans_of,
)
from nlp_service.inference.encoder import MAX_ROWS, MAX_UNITS, cut
from nlp_service.inference.heads import softmax
from nlp_service.inference.lookup import N_CODES, Lookup
from nlp_service.text import normalise
from nlp_service.text.normalise import Batch, normalise_batch

FORMAT = 1
"""Layout of the folder. A reader takes only its own."""

FILES = ("tagger.onnx", "vocabulary.npz", "decoder.npz")
"""The first one's checksum is in the version."""

MATCH = 16
"""Columns of a query and of a key."""

N_COLUMNS = 3 + 3 + 3 + 2 * MATCH
"""Of each unit: tags of aspects, tags of opinions, polarity (negative, neutral, positive), query, key."""

_INPUTS = ("units", "pairs", "message", "offsets")
_POLARITY = slice(6, 9)
_QUERY, _KEY = slice(9, 9 + MATCH), slice(9 + MATCH, 9 + 2 * MATCH)
_STRONG, _WEAK = "。！？!?；;…\n", "，,、～~ :：()（）"

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


class Tagged(NamedTuple):
    """What a tagger finds in messages; positions are half-open code points of the texts as they were sent.

    Attributes:
        aspects: Message, start and end of each, in order; (n_aspects, 3).
        opinions: Likewise; (n_opinions, 3).
        chances: Of negative, neutral and positive, for each opinion; (n_opinions, 3).
        pairs: Index of an aspect and of an opinion that is about it, by opinion; (n_pairs, 2).
    """

    aspects: Index
    opinions: Index
    chances: Floats
    pairs: Index


class AspectTagger:
    """A loaded tagger. `load` makes one; it is used by one thread at a time.

    Args:
        version: Name and version, as in a model's.
        session: Of the graph.
        lookup: Its vocabulary.
        decoder: Arrays of ``decoder.npz``: ``transitions`` (2, 3, 3), ``match`` (MATCH + N_FEATURES, n) with
            ``match_bias``, ``belong`` (n,) with ``belong_bias`` (), and ``reserve`` (2,), what is added to the score of
            outside.

    Raises:
        ValueError: The arrays do not fit together.
    """

    def __init__(self, version: str, session: Any, lookup: Lookup, decoder: dict[str, npt.NDArray[Any]]) -> None:
        n = len(decoder["belong"])
        if decoder["transitions"].shape != (2, 3, 3) or decoder["match"].shape != (MATCH + N_FEATURES, n):
            raise ValueError("the decoder's arrays do not fit together")
        if decoder["match_bias"].shape != (n,) or decoder["belong_bias"].shape or decoder["reserve"].shape != (2,):
            raise ValueError("the decoder's arrays do not fit together")
        self.version = version
        self._session = session
        self._lookup = lookup
        self._decoder = {name: values.astype(np.float32) for name, values in decoder.items()}
        self._steps = self._decoder["transitions"].copy()
        self._steps[:, OUTSIDE, BEGIN + 1] = NEVER

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> AspectTagger:
        """Load a tagger.

        Raises:
            ArtifactError: A file is missing, damaged or of another version; the message names it.
        """
        found = artifacts.load_parts(folder, FILES, {"format": FORMAT, "normaliser": normalise.VERSION})
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph, arrays, decoder = found.content(FILES[0]), found.arrays(FILES[1]), found.arrays(FILES[2])
        try:
            session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the errors of ONNX Runtime have no base of their own
            raise ArtifactError(f"{folder / FILES[0]}: not a graph that ONNX Runtime reads") from error
        columns = [node.shape[1] for node in session.get_outputs() if node.name == "tags"]
        if columns != [N_COLUMNS] or {node.name for node in session.get_inputs()} != set(_INPUTS):
            raise ArtifactError(f"{folder / FILES[0]}: not the graph of a tagger")
        try:
            return cls(found.version, session, Lookup(**arrays), decoder)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{folder}: its files do not fit together ({type(error).__name__})") from error

    def decode_with(self, reserve: Floats, belong_bias: np.float32) -> None:
        """Decode with other bounds from now on, as training does that looks for the best ones."""
        self._decoder |= {"reserve": reserve, "belong_bias": np.asarray(belong_bias)}

    def tag(self, texts: Sequence[str], *, batch: Batch | None = None) -> Tagged:
        """Aspects, opinions and pairs of messages of any number and length; those of about one length are fastest.

        Args:
            texts: As they were sent.
            batch: The same normalised, where somebody has done so already.
        """
        batch = normalise_batch(texts) if batch is None else batch
        filled = np.flatnonzero(np.diff(batch.offsets) > 0)
        if not len(filled):
            nothing = np.zeros((0, 3), np.intp)
            return Tagged(nothing, nothing, np.zeros((0, 3), np.float32), np.zeros((0, 2), np.intp))
        offsets = np.append(batch.offsets[filled], batch.offsets[-1]).astype(np.int64)
        columns = self._columns(batch, offsets)
        emissions = columns[:, :6].reshape(-1, 2, 3).copy()
        emissions[:, :, OUTSIDE] += self._decoder["reserve"]
        tags = best_tags(emissions, offsets, self._steps)
        aspects, opinions = spans_of(tags[:, 0], offsets), spans_of(tags[:, 1], offsets)
        chances = softmax(means(columns[:, _POLARITY], opinions))
        pairs = self._pairs(columns, aspects, opinions, mark_kinds(batch.units))
        return Tagged(_places(batch, filled, aspects), _places(batch, filled, opinions), chances, pairs)

    def _columns(self, batch: Batch, offsets: npt.NDArray[np.int64]) -> Floats:
        """Columns of all units, (N, N_COLUMNS); no message is empty."""
        ids = self._lookup.unit_ids(batch).astype(np.int64)
        pairs = self._lookup.pair_ids(ids)
        pairs[offsets[:-1]] = 0  # the pair across two messages is none
        parts = []
        for first, last in cut(offsets, MAX_ROWS, MAX_UNITS):
            begin, end = int(offsets[first]), int(offsets[last])
            own = offsets[first : last + 1] - begin
            message = np.repeat(np.arange(last - first), np.diff(own))
            inputs = (ids[begin:end], pairs[begin:end], message, own)
            parts += self._session.run(["tags"], dict(zip(_INPUTS, inputs, strict=True)))
        return np.concatenate(parts)

    def _pairs(self, columns: Floats, aspects: Spans, opinions: Spans, marks: npt.NDArray[np.int8]) -> Index:
        aspect, opinion = candidates(aspects, opinions)
        if not len(aspect):
            return np.zeros((0, 2), np.intp)
        queries, keys = means(columns[:, _QUERY], opinions), means(columns[:, _KEY], aspects)
        features = pair_features(aspects, opinions, aspect, opinion, marks)
        known = np.concatenate((queries[opinion] * keys[aspect], features), 1)
        decoder = self._decoder
        hidden = np.maximum(known @ decoder["match"] + decoder["match_bias"], 0.0)
        belong = hidden @ decoder["belong"] + decoder["belong_bias"] > 0
        return np.stack((aspect[belong], opinion[belong]), 1)


def mark_kinds(units: npt.NDArray[np.integer]) -> npt.NDArray[np.int8]:
    """2 for units that end a sentence, 1 for other marks and spaces, else 0; shape as `units`."""
    return np.asarray(_kinds()[units])


@cache
def _kinds() -> npt.NDArray[np.int8]:
    table = np.zeros(N_CODES, np.int8)
    table[[ord(char) for char in _WEAK]] = 1
    table[[ord(char) for char in _STRONG]] = 2
    return table


def _places(batch: Batch, filled: Index, spans: Spans) -> Index:
    """Message, start and end of spans in the original."""
    if not len(spans.start):
        return np.zeros((0, 3), np.intp)
    # What a character expands to ends where the character does, and marks that follow belong to the last unit only.
    ends = np.maximum(batch.ends[spans.start], batch.ends[spans.end - 1])
    return np.stack((filled[spans.message], batch.starts[spans.start], ends), 1).astype(np.intp)
