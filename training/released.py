"""A released model taken apart: what its parts make of messages; and put together again with what was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from scipy import sparse

from nlp_service.inference import artifact
from nlp_service.inference.encoder import OnnxEncoder
from nlp_service.inference.heads import COLUMNS, GROUPS, Calibration, probabilities, softmax
from nlp_service.inference.lookup import Lookup
from nlp_service.inference.ngrams import LinearPart, grams
from nlp_service.inference.reading import Thresholds, read_row
from nlp_service.text.normalise import normalise_batch
from training.anchored import Change, Floats

BATCH = 512
_HEADS = "heads_matrix"


class Seen(NamedTuple):
    """What a released model makes of n messages.

    Attributes:
        vectors: Of the encoder, moved and scaled to unit variance over all but the first messages; (n, width).
        center, scale: By what.
        features: Shares of the features that may change; sparse, (n, k).
        rows: Which rows of the linear part these are; (k,).
        logits: Calibrated; (n, N_OUTPUTS).
        steps: What a step of the 8-bit weights moves a calibrated logit, for a share of 1; (N_OUTPUTS,).
        old: Steps that the weights of these features have; (k, N_OUTPUTS).
    """

    vectors: Floats
    center: Floats
    scale: Floats
    features: sparse.csr_matrix
    rows: npt.NDArray[np.intp]
    logits: Floats
    steps: Floats
    old: npt.NDArray[np.int8]

    def rounded(self, change: Floats) -> Floats:
        """A change of the features' weights in whole steps that 8 bits can take, (k, N_OUTPUTS)."""
        return np.clip(np.round(self.old + change / self.steps), -127, 127) - self.old

    def worth(self, steps: Floats) -> Floats:
        """What a change in whole steps moves calibrated logits, (k, N_OUTPUTS)."""
        return steps * self.steps


class Solved(NamedTuple):
    """A change that a model can take: its logits become ``factors (z0 + v U + x W + d) + shifts``.

    Attributes:
        change: U and d, and W as it is worth in 8 bits.
        steps: W in whole steps of the features' weights, (k, N_OUTPUTS).
        factors, shifts: Of the calibration, (N_OUTPUTS,).
    """

    change: Change
    steps: Floats
    factors: Floats
    shifts: Floats


class Released:
    """A model with an encoder of its own. `load` makes one."""

    def __init__(self, found: artifact.Artifact) -> None:
        self.manifest = found.manifest
        self.version = found.version
        self.thresholds = Thresholds(**found.manifest["thresholds"])
        self._vocabulary = found.content("vocabulary.npz")
        self._graph = found.content("encoder.onnx")
        self._linear: dict[str, npt.NDArray[Any]] = found.arrays("linear.npz")
        self._heads: dict[str, npt.NDArray[Any]] = found.arrays("heads.npz")
        with np.load(found.folder / "vocabulary.npz") as vocabulary:
            self._encoder = OnnxEncoder(self._graph, Lookup(**vocabulary))
        self._calibration = Calibration(self._heads["encoder"], self._heads["linear"], self._heads["bias"])

    @classmethod
    def load(cls, folder: Path) -> Released:
        """Read a model.

        Raises:
            ArtifactError: It is missing, damaged or of another version.
            ValueError: Its encoder is elsewhere.
        """
        found = artifact.load(folder)
        if "encoder" in found.manifest:
            raise ValueError(f"{folder}: heads of an encoder that is elsewhere are fitted anew by `train heads`")
        return cls(found)

    def read(self, texts: list[str], *, changing: int) -> Seen:
        """Read messages; the features of the first `changing` of them may change."""
        part = LinearPart(**self._linear)
        vectors, logits, rows, columns, shares = (list[npt.NDArray[Any]]() for _ in range(5))
        for start in range(0, len(texts), BATCH):
            batch = normalise_batch(texts[start : start + BATCH])
            n = len(batch.offsets) - 1
            runs = list(self._encoder.encode(batch))
            known = part.find(grams(batch), n)
            encoder = np.concatenate([run.logits for run in runs])
            vectors.append(np.concatenate([run.vectors for run in runs]))
            logits.append(self._calibration.join(encoder, part.logits(known, n)))
            rows.append(known.message + start)
            columns.append(known.row)
            shares.append(known.scale)
        row, column, share = (np.concatenate(parts) for parts in (rows, columns, shares))
        chosen = np.unique(column[row < changing])
        hit = np.isin(column, chosen)
        entries = (row[hit], np.searchsorted(chosen, column[hit]))
        features = sparse.csr_matrix((share[hit].astype(np.float64), entries), shape=(len(texts), len(chosen)))
        whole = np.concatenate(vectors).astype(np.float64)
        center, deviation = whole[changing:].mean(0), whole[changing:].std(0)
        scale = np.maximum(deviation, 1e-3 * deviation.max() + 1e-9)
        return Seen(
            (whole - center) / scale,
            center,
            scale,
            features,
            chosen,
            np.concatenate(logits).astype(np.float64),
            (self._linear["steps"] * self._calibration.linear).astype(np.float64),
            self._linear["weights"][chosen],
        )

    def write(self, folder: Path, seen: Seen, solved: Solved) -> None:
        """Write the files of the changed model into a folder, without its manifest."""
        change, steps, factors, shifts = solved
        old = self._calibration
        moved = change.heads / seen.scale[:, None]
        weight = (self._heads["weight"] + moved / old.encoder).astype(np.float32)
        bias = factors * (old.bias + change.biases - seen.center @ moved) + shifts
        weights = self._linear["weights"].copy()
        weights[seen.rows] = (seen.old + steps).astype(np.int8)
        (folder / "vocabulary.npz").write_bytes(self._vocabulary)
        (folder / "encoder.onnx").write_bytes(with_heads(self._graph, weight))
        linear: dict[str, Any] = self._linear | {"weights": weights}
        np.savez_compressed(folder / "linear.npz", **linear)
        calibration = {"encoder": factors * old.encoder, "linear": factors * old.linear, "bias": bias}
        plain = {name: values.astype(np.float32) for name, values in calibration.items()}
        heads: dict[str, Any] = self._heads | plain | {"weight": weight}
        np.savez_compressed(folder / "heads.npz", **heads)


def with_heads(graph: bytes, weight: npt.NDArray[np.float32]) -> bytes:
    """A graph of the encoder with other heads of texts, (width, N_OUTPUTS).

    Raises:
        ValueError: It has no heads of this shape.
    """
    model = onnx.load_model_from_string(graph)
    for constant in model.graph.initializer:
        if constant.name == _HEADS and tuple(constant.dims) == weight.shape:
            constant.CopyFrom(numpy_helper.from_array(weight, _HEADS))
            return model.SerializeToString()
    raise ValueError("the graph has no heads of this shape")


def spread(logits: Floats) -> Floats:
    """Probabilities of logits, each column for itself; (n, N_OUTPUTS)."""
    chances = 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
    for group in GROUPS:
        if group.kind == "softmax":
            chances[:, COLUMNS[group.name]] = softmax(logits[:, COLUMNS[group.name]].astype(np.float32))
    return chances


def readings(logits: Floats, thresholds: Thresholds) -> list[tuple[Any, ...]]:
    """What operators act on of each message: primary intent, feeling, high risk, abuse, unsafe kinds."""
    found = []
    for row in probabilities(logits.astype(np.float32)).astype(np.float64).tolist():
        reading = read_row(row, thresholds)
        assert reading.intent
        assert reading.sentiment
        unsafe = frozenset(label.name for label in reading.unsafe or () if label.probability >= 0.5)
        is_high = reading.risk.level >= 2
        found.append((reading.intent.primary, reading.sentiment.label, is_high, reading.abuse.flagged, unsafe))
    return found
