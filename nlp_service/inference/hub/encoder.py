"""A checkpoint and heads that were fitted on it, as one encoder.

units ─ as text ─► tokens, in windows ─► states ─ pooled ─► vectors, states and shares of units ─► logits, tags
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.inference.encoder import Encoded, cut
from nlp_service.inference.hub import folder as folders
from nlp_service.inference.hub.pooling import Pooled, Tokens, pool
from nlp_service.inference.hub.transformer import Transformer, prepare, read_weights
from nlp_service.text.emoticons import EMOTICON_BASE, EMOTICONS
from nlp_service.text.normalise import Batch, normalise_batch, render

MAX_ROWS, MAX_UNITS = 64, 2048
"""Messages and units that are read together at the most; one longer message is read alone."""

_CELLS = 4096  # tokens of one pass of the network, padding included
_UNKNOWN = "\ufffd"
_SPELT = np.array([len(name) + 2 for name in EMOTICONS])  # characters of "[name]"

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]


class Read(NamedTuple):
    """Neighbouring messages as a checkpoint reads them; ``first`` and ``offsets`` as in `Encoded`."""

    first: int
    offsets: Ids
    pooled: Pooled


class Checkpoint:
    """A checkpoint that was loaded.

    Args:
        name: Folder, or id of one of the hub.
        threads: Threads of torch in this process.
        revision: Commit of one of the hub; its main one unless given.
        fetch: Whether what the local cache of the hub lacks may be downloaded. HF_HUB_OFFLINE forbids it all the same.

    Attributes:
        identity: What a manifest says of it: ``name``, ``width`` of its vectors, ``sha256`` of all that decides them,
            and of one of the hub the ``revision``.

    Raises:
        ArtifactError: A library or the checkpoint is not there, or it is of a kind that is not read; the message
            names it and says what to do.
    """

    def __init__(self, name: str, *, threads: int = 1, revision: str | None = None, fetch: bool = False) -> None:
        prepare(name, threads)
        folder = folders.find(name, revision=revision, fetch=fetch)
        self._layout = folders.read(folder, read_weights)
        self._transformer = Transformer(name, self._layout.transformer, longest=self._layout.longest, threads=threads)
        try:
            width = self._read(normalise_batch([""]), 0, 1).pooled.vectors.shape[1]
        except Exception as error:  # a foreign network may fail in any way
            raise ArtifactError(f"{name}: its network does not give a state for each token") from error
        self.identity: dict[str, Any] = {"name": name, "width": width, "sha256": self._layout.sha256}
        if Path(name).expanduser().is_dir():
            self.identity["name"] = str(folder.resolve())
        else:
            self.identity["revision"] = folder.name  # a snapshot in the cache is named by its commit

    def read(self, batch: Batch) -> Iterator[Read]:
        """Read every message, neighbours together, in order; one without units has one position."""
        for first, last in cut(batch.offsets, MAX_ROWS, MAX_UNITS):
            yield self._read(batch, first, last)

    def _read(self, batch: Batch, first: int, last: int) -> Read:
        bounds = batch.offsets[first : last + 1].tolist()
        texts = [batch.units[a:b] for a, b in pairwise(bounds)]
        offsets = np.cumsum([0, *(max(1, len(units)) for units in texts)], dtype=np.int64)
        pooled = pool(self._tokens(texts, offsets), self._layout.ways, offsets)
        for layer in self._layout.layers:
            pooled = layer.apply(pooled, offsets)
        return Read(first, offsets, pooled)

    def _tokens(self, texts: list[npt.NDArray[np.int32]], offsets: Ids) -> Tokens:
        """Tokens of some texts with the units that they cover."""
        windows = self._transformer.tokenize([_spell(units) for units in texts])
        unit_of = [start + _units_of_characters(units) for units, start in zip(texts, offsets.tolist(), strict=False)]
        covered = [
            _cover(np.array(characters, np.intp), unit_of[text])
            for text, characters in zip(windows.text.tolist(), windows.characters, strict=True)
        ]
        lengths = np.array([len(ids) for ids in windows.inputs["input_ids"]])
        window = np.repeat(np.arange(len(lengths)), lengths)
        begin, end = np.concatenate(covered, axis=1)
        return Tokens(self._states(windows.inputs, lengths), window, windows.text, begin, end)

    def _states(self, inputs: Mapping[str, list[list[int]]], lengths: npt.NDArray[np.integer]) -> Floats:
        """State of each token, window after window; windows of like length share a pass."""
        order = np.argsort(lengths, kind="stable").tolist()
        found: dict[int, Floats] = {}
        while order:
            longest = int(lengths[order[-1]])
            chosen = order[-max(1, _CELLS // longest) :]
            del order[-len(chosen) :]
            mask = np.arange(longest) < lengths[chosen][:, None]
            padded = {"attention_mask": mask.astype(np.int64)}
            for key, rows in inputs.items():
                padded[key] = np.zeros(mask.shape, np.int64)
                padded[key][mask] = np.concatenate([rows[i] for i in chosen])
            states = self._transformer.infer(padded)
            found |= {i: states[at, : lengths[i]] for at, i in enumerate(chosen)}
        return np.concatenate([found[i] for i in range(len(lengths))])


class HubEncoder:
    """A checkpoint with heads that were fitted on it; it gives what `OnnxEncoder` gives.

    Args:
        checkpoint: What reads.
        heads: ``weight`` (width, n_outputs) and ``head_bias`` of the heads of texts; ``tags_weight`` and
            ``tags_vector``, both (width, 3), and ``tags_bias`` of those of units.

    Raises:
        KeyError: An array is missing.
        ValueError: A shape does not fit.
    """

    def __init__(self, checkpoint: Checkpoint, heads: Mapping[str, npt.NDArray[Any]]) -> None:
        names = ("weight", "head_bias", "tags_weight", "tags_vector", "tags_bias")
        self._checkpoint = checkpoint
        self._weight, self._bias, self._tags, self._tags_vector, self._tags_bias = (heads[name] for name in names)
        width = int(checkpoint.identity["width"])
        if self._weight.shape != (width, *self._bias.shape):
            raise ValueError("the heads of texts do not fit the vectors")
        if any(part.shape != (width, 3) for part in (self._tags, self._tags_vector)) or self._tags_bias.shape != (3,):
            raise ValueError("the heads of units do not fit the states")

    def encode(self, batch: Batch) -> Iterator[Encoded]:
        """Encode every message, neighbours together, in order."""
        for first, offsets, (states, weighed, vectors) in self._checkpoint.read(batch):
            shift = vectors @ self._tags_vector + self._tags_bias
            tags = states @ self._tags + np.repeat(shift, np.diff(offsets), axis=0)
            yield Encoded(
                first=first,
                offsets=offsets,
                logits=vectors @ self._weight + self._bias,
                vectors=vectors,
                embeddings=vectors,
                weighed=weighed,
                tags=tags,
                states=states,
            )


def open_fitted(
    fitted_on: Mapping[str, Any], heads: Mapping[str, npt.NDArray[Any]], artefact: Path, *, name: str, threads: int
) -> HubEncoder:
    """Load the encoder that fitted heads belong to.

    Args:
        fitted_on: What their manifest says of the checkpoint, as `Checkpoint.identity`.
        heads: Their arrays.
        artefact: Their folder, for errors.
        name: Hub id or folder of the checkpoint; empty for the one that the manifest names.
        threads: Threads of torch in this process.

    Raises:
        ArtifactError: The checkpoint cannot be loaded, or is not the one that the heads were fitted on.
        KeyError, ValueError: The heads do not fit together.
    """
    name = name or fitted_on["name"]
    revision = fitted_on.get("revision") if name == fitted_on["name"] else None
    checkpoint = Checkpoint(name, threads=threads, revision=revision)
    width = checkpoint.identity["width"]
    if width != fitted_on["width"]:
        raise ArtifactError(
            f"{name}: its vectors have {width} numbers, the heads in {artefact} were fitted on {fitted_on['width']}; "
            "NLP_ENCODER and NLP_MODEL do not belong together"
        )
    if checkpoint.identity["sha256"] != fitted_on["sha256"]:
        raise ArtifactError(
            f"{name}: not the checkpoint that the heads in {artefact} were fitted on ({fitted_on['name']}); "
            "`nlp-service train heads` fits heads for it"
        )
    return HubEncoder(checkpoint, heads)


def _spell(units: npt.NDArray[np.int32]) -> str:
    """Units as the text that a tokenizer reads: emoticons by their names, halves of surrogate pairs as unknown."""
    return "".join(_UNKNOWN if "\ud800" <= char <= "\udfff" else char for char in render(units))


def _units_of_characters(units: npt.NDArray[np.int32]) -> Index:
    """The unit of each character of what `_spell` gives."""
    lengths = np.ones(len(units), np.intp)
    named = units >= EMOTICON_BASE
    lengths[named] = _SPELT[units[named] - EMOTICON_BASE]
    return np.repeat(np.arange(len(units)), lengths)


def _cover(characters: Index, unit_of: Index) -> tuple[Index, Index]:
    """First unit and the one after the last of each token, from its characters; (0, 0) for one that has none."""
    begin, end = np.zeros((2, len(characters)), np.intp)
    covers = characters[:, 1] > characters[:, 0]
    begin[covers] = unit_of[characters[covers, 0]]
    end[covers] = unit_of[characters[covers, 1] - 1] + 1
    return begin, end
