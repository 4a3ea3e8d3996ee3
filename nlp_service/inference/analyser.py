"""Messages to analyses: normalise once, encode once, read every head.

texts ─ normalise ─► units ─┬─ encoder ─► logits, shares, tags ────────┬─ calibrate ─► probabilities ─► Analysis
                            └─ linear part over rare n-grams ─► logits ┘
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact as artifacts
from nlp_service.inference.encoder import Encoded, OnnxEncoder
from nlp_service.inference.explain import Explainer, Question
from nlp_service.inference.heads import N_OUTPUTS, Calibration, probabilities, softmax
from nlp_service.inference.hub.encoder import open_fitted
from nlp_service.inference.lookup import Lookup
from nlp_service.inference.ngrams import Known, LinearPart, grams
from nlp_service.inference.pains import PainFinder
from nlp_service.inference.reading import DIRECTIONS, Reading, Thresholds, read_row
from nlp_service.inference.spans import Locator
from nlp_service.inference.targets import OTHER, TARGETS
from nlp_service.text.normalise import Batch, normalise_batch
from nlp_service.types import Analysis, Evidence, Message, Pain, Span

Floats = npt.NDArray[np.float32]

CONTEXT_REACH = 16
"""Units from which a message is understood without what was said before it."""


class Encoder(Protocol):
    """What an analyser reads with."""

    def encode(self, batch: Batch) -> Iterator[Encoded]:
        """Encode every message, neighbours together, in order."""
        ...


class Analyser:
    """A loaded model. `load` makes one; it is used by one thread at a time."""

    def __init__(
        self,
        version: str,
        encoder: Encoder,
        heads: Floats,
        linear: LinearPart,
        calibration: Calibration,
        pains: PainFinder,
        thresholds: Thresholds,
    ) -> None:
        self._version = version
        self._encoder = encoder
        self._linear = linear
        self._calibration = calibration
        self._pains = pains
        self._thresholds = thresholds
        self._explainer = Explainer(heads, linear, calibration, DIRECTIONS.weights)

    @classmethod
    def load(cls, folder: Path, *, encoder: str = "", threads: int = 1) -> Analyser:
        """Load an artefact.

        Args:
            folder: A model, or heads that were fitted on a checkpoint.
            encoder: Hub id or folder of that checkpoint; the one that the manifest names unless given.
            threads: Threads of the encoder.

        Raises:
            ArtifactError: A file is missing, damaged or of another version, or the checkpoint is not there or not the
                one of the heads; the message names it.
        """
        artifact = artifacts.load(folder)
        if encoder and "encoder" not in artifact.manifest:
            raise ArtifactError(
                f"{folder}: this model has an encoder of its own; with NLP_ENCODER, NLP_MODEL is a folder that "
                "`nlp-service train heads` made"
            )
        linear, heads = artifact.arrays("linear.npz"), artifact.arrays("heads.npz")
        try:
            _check_shapes(linear, heads)
            thresholds = Thresholds(**artifact.manifest["thresholds"])
            return cls(
                artifact.version,
                _encoder(artifact, heads, encoder, threads),
                heads["weight"],
                LinearPart(**linear),
                Calibration(heads["encoder"], heads["linear"], heads["bias"]),
                PainFinder(
                    heads["target_weight"],
                    heads["target_bias"],
                    prior=thresholds.pain_prior,
                    least=thresholds.pain_least,
                    begin=thresholds.pain_begin,
                    sure=thresholds.target,
                ),
                thresholds,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{folder}: its files do not fit together ({type(error).__name__})") from error

    @property
    def version(self) -> str:
        """Name and version of the model, as answers carry it."""
        return self._version

    def analyse(
        self,
        messages: Sequence[Message],
        *,
        evidence: bool = True,
        batch: Batch | None = None,
        vectors: list[Floats] | None = None,
    ) -> list[Analysis]:
        """Analyse a batch, one answer for one message, in order.

        What was said before counts the more the shorter a message is: "我也是" is a complaint under a complaint.

        Args:
            messages: Any number, of any length.
            evidence: Whether to say which characters drove the labels.
            batch: Their texts normalised, where somebody has done so already.
            vectors: Where to add the embeddings of the same pass, as `vectors` gives them, in arrays of some rows each.
        """
        if not messages:
            return []
        texts = [message.text for message in messages]
        batch = normalise_batch(texts) if batch is None else batch
        known = self._linear.find(grams(batch), len(texts))
        linear = self._linear.logits(known, len(texts))
        shift = self._context_shift(messages, batch)
        locator = Locator(batch, texts)
        answers: list[Analysis] = []
        for run in self._encoder.encode(batch):
            if vectors is not None:
                vectors.append(_unit(run.embeddings, batch.offsets[run.rows.start : run.rows.stop + 1]))
            readings = self._readings(self._calibration.join(run.logits, linear[run.rows]), run.rows, shift)
            pains = self._pains_of(run, locator, readings)
            proof = self._evidence_of(run, locator, readings, known) if evidence else {}
            for i, (message, reading) in enumerate(zip(messages[run.rows], readings, strict=True)):
                answers.append(
                    Analysis(
                        id=message.id,
                        intent=reading.intent,
                        sentiment=reading.sentiment,
                        risk=reading.risk,
                        abuse=reading.abuse,
                        unsafe=reading.unsafe,
                        pain=pains.get(i, ()),
                        evidence=proof.get(i, ()),
                    )
                )
        return answers

    def vectors(self, texts: Sequence[str], *, columns: int | None = None) -> Floats:
        """Sentence embeddings of unit length, zero for nothing.

        Args:
            texts: Any number.
            columns: How many of the first columns to take, which stand for the whole; all if None.

        Returns:
            (n_texts, columns).
        """
        batch = normalise_batch(texts)
        parts = [run.embeddings[:, :columns] for run in self._encoder.encode(batch)]
        if not parts:
            return np.zeros((0, columns or 0), np.float32)
        return _unit(np.concatenate(parts), batch.offsets)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Calibrated probability of every output column, context left aside; (n, `N_OUTPUTS`)."""
        return probabilities(self._calibration.join(*self.logits(texts)))

    def logits(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Logits of the encoder and of the linear part before calibration, each (n, `N_OUTPUTS`)."""
        batch = normalise_batch(texts)
        encoder = np.zeros((len(texts), N_OUTPUTS), np.float32)
        for run in self._encoder.encode(batch):
            encoder[run.rows] = run.logits
        return encoder, self._linear.logits(self._linear.find(grams(batch), len(texts)), len(texts))

    def opinions(self, texts: Sequence[str]) -> tuple[Floats, list[Floats]]:
        """Probabilities as `probabilities` gives them, and of outside, begin and inside of a pain for each unit.

        The second are one array (n_units, 3) for each text; a text without units has one row.
        """
        batch = normalise_batch(texts)
        encoder = np.zeros((len(texts), N_OUTPUTS), np.float32)
        tags: list[Floats] = []
        for run in self._encoder.encode(batch):
            encoder[run.rows] = run.logits
            tags += np.split(softmax(run.tags), run.offsets[1:-1])
        linear = self._linear.logits(self._linear.find(grams(batch), len(texts)), len(texts))
        return probabilities(self._calibration.join(encoder, linear)), tags

    def _readings(self, logits: Floats, rows: slice, shift: tuple[Floats, Floats] | None) -> list[Reading]:
        """Labels of the messages `rows` from their calibrated logits, moved by what was said before them."""
        if shift is None:
            return self._read(logits)
        weight, together = shift
        share = weight[rows, None]
        readings = self._read((1.0 - share) * logits + share * together[rows])
        for i in np.flatnonzero(share):
            # What only the context says has no evidence in the characters of the message.
            alone = self._read(logits[i : i + 1])[0].questions
            readings[i].questions = [asked for asked in readings[i].questions if asked in alone]
        return readings

    def _read(self, logits: Floats) -> list[Reading]:
        # In double precision, so that five decimals are five decimals.
        rounded = np.round(probabilities(logits).astype(np.float64), 5)
        return [read_row(row, self._thresholds) for row in rounded.tolist()]

    def _context_shift(self, messages: Sequence[Message], batch: Batch) -> tuple[Floats, Floats] | None:
        """How much the last thing said before counts for each message, and the logits of both together."""
        rows = [i for i, message in enumerate(messages) if message.context]
        if not rows:
            return None
        joined = [f"{messages[i].context[-1]} {messages[i].text}" for i in rows]
        weight = np.zeros(len(messages), np.float32)
        logits = np.zeros((len(messages), N_OUTPUTS), np.float32)
        weight[rows] = 0.5 * np.maximum(0.0, 1.0 - np.diff(batch.offsets)[rows] / CONTEXT_REACH)
        logits[rows] = self._calibration.join(*self.logits(joined))
        return weight, logits

    def _pains_of(self, run: Encoded, locator: Locator, readings: list[Reading]) -> dict[int, tuple[Pain, ...]]:
        """Pains of each row of the run that has any."""
        found = self._pains.find(run, np.array([reading.may_hurt for reading in readings]))
        messages = run.first + found.row
        spans = locator.locate(messages, *locator.trim(messages, found.start, found.end))
        pains: dict[int, tuple[Pain, ...]] = {}
        for i, target, (span, _) in zip(found.row.tolist(), found.target.tolist(), spans, strict=True):
            pains[i] = (*pains.get(i, ()), _pain(target, span, readings[i]))
        return pains

    def _evidence_of(
        self, run: Encoded, locator: Locator, readings: list[Reading], known: Known
    ) -> dict[int, tuple[Evidence, ...]]:
        """Evidence for each row of the run that has any."""
        # A message without units is read as one position that stands for no character.
        shown = np.flatnonzero(locator.has_units(run.rows)).tolist()
        questions = [Question(i, asked) for i in shown for asked in readings[i].questions]
        drivers = self._explainer.drivers(run, known, questions)
        rows = np.array([question.row for question in questions], np.intp)[drivers.question]
        starts, ends = locator.trim(run.first + rows, drivers.start, drivers.end)
        spans = locator.locate(run.first + rows, starts, ends)
        proof: dict[int, tuple[Evidence, ...]] = {}
        for i, asked, (span, read) in zip(rows.tolist(), drivers.question.tolist(), spans, strict=True):
            item = Evidence(DIRECTIONS.names[questions[asked].direction], "model", span, read)
            proof[i] = (*proof.get(i, ()), item)
        return proof


def _encoder(artifact: artifacts.Artifact, heads: dict[str, npt.NDArray[Any]], name: str, threads: int) -> Encoder:
    """The encoder of an artefact: its own, or the checkpoint that its heads were fitted on."""
    fitted_on = artifact.manifest.get("encoder")
    if fitted_on is not None:
        return open_fitted(fitted_on, heads, artifact.folder, name=name, threads=threads)
    vocabulary = artifact.arrays("vocabulary.npz")
    encoder = OnnxEncoder(artifact.content("encoder.onnx"), Lookup(**vocabulary), threads=threads)
    if encoder.width != len(heads["weight"]):
        raise ValueError("the heads are not of this encoder")
    return encoder


def _unit(embeddings: Floats, offsets: npt.NDArray[np.int32]) -> Floats:
    """Embeddings of unit length; zero for messages without units."""
    kept = np.where(np.diff(offsets)[:, None] > 0, embeddings, 0.0)
    length = np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-9)
    unit: Floats = (kept / length).astype(np.float32, copy=False)
    return unit


def _check_shapes(linear: dict[str, npt.NDArray[Any]], heads: dict[str, npt.NDArray[Any]]) -> None:
    """Refuse parts that were made for other outputs, targets or widths; alone, each of them looks right."""
    width = len(heads["weight"])
    shapes = {
        "weight": (width, N_OUTPUTS),
        "target_weight": (width, len(TARGETS)),
        "target_bias": (len(TARGETS),),
    }
    if linear["steps"].shape != (N_OUTPUTS,) or any(heads[name].shape != shape for name, shape in shapes.items()):
        raise ValueError("the parts do not have the same outputs")


def _pain(index: int, span: Span, reading: Reading) -> Pain:
    target = TARGETS[index]
    name = target.name if index != OTHER else span.text
    if not reading.complains:
        return Pain(name, span, "need")
    known = index != OTHER and target.category != "other"
    return Pain(name, span, target.category if known else reading.category)
