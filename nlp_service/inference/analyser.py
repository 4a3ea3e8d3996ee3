"""Messages to analyses: normalise once, encode once, read every head.

texts ─ normalise ─► units ─┬─ encoder ─► logits, contributions, tags ─┬─ calibrate ─► probabilities ─► Analysis
                            └─ linear part over rare n-grams ─► logits ┘
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact as artifacts
from nlp_service.inference.encoder import Encoded, OnnxEncoder
from nlp_service.inference.explain import Explainer, Question
from nlp_service.inference.heads import N_OUTPUTS, Calibration, probabilities
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


class Analyser:
    """A loaded model. `load` makes one; it is used by one thread at a time."""

    def __init__(
        self,
        version: str,
        encoder: OnnxEncoder,
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
        self._explainer = Explainer(linear, calibration, DIRECTIONS.weights)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Analyser:
        """Load an artefact.

        Raises:
            ArtifactError: A file is missing, damaged or of another version; the message names it.
        """
        artifact = artifacts.load(folder)
        vocabulary, linear, heads = (artifact.arrays(f"{n}.npz") for n in ("vocabulary", "linear", "heads"))
        try:
            _check_shapes(linear, heads)
            thresholds = Thresholds(**artifact.manifest["thresholds"])
            return cls(
                artifact.version,
                OnnxEncoder(artifact.content("encoder.onnx"), Lookup(**vocabulary), threads=threads),
                LinearPart(**linear),
                Calibration(heads["encoder"], heads["linear"], heads["bias"]),
                PainFinder(
                    heads["target_weight"], heads["target_bias"], threshold=thresholds.pain, sure=thresholds.target
                ),
                thresholds,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{folder}: its files do not fit together ({type(error).__name__})") from error

    @property
    def version(self) -> str:
        """Name and version of the model, as answers carry it."""
        return self._version

    def analyse(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        """Analyse a batch, one answer for one message, in order.

        What was said before counts the more the shorter a message is: "我也是" is a complaint under a complaint.

        Args:
            messages: Any number, of any length.
            evidence: Whether to say which characters drove the labels.
        """
        if not messages:
            return []
        texts = [message.text for message in messages]
        batch = normalise_batch(texts)
        known = self._linear.find(grams(batch), len(texts))
        linear = self._linear.logits(known, len(texts))
        shift = self._context_shift(messages, batch)
        locator = Locator(batch, texts)
        answers: list[Analysis | None] = [None] * len(messages)
        for run in self._encoder.encode(batch):
            readings = self._readings(self._calibration.join(run.logits, linear[run.rows]), run.rows, shift)
            pains = self._pains_of(run, locator, readings)
            proof = self._evidence_of(run, locator, readings, known) if evidence else {}
            for i, (row, reading) in enumerate(zip(run.rows.tolist(), readings, strict=True)):
                answers[row] = Analysis(
                    id=messages[row].id,
                    intent=reading.intent,
                    sentiment=reading.sentiment,
                    risk=reading.risk,
                    abuse=reading.abuse,
                    unsafe=reading.unsafe,
                    pain=pains.get(i, ()),
                    evidence=proof.get(i, ()),
                )
        return [answer for answer in answers if answer is not None]

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Sentence embeddings of unit length; (n, width), zero for nothing."""
        batch = normalise_batch(texts)
        parts = list(self._encoder.encode(batch))
        if not parts:
            return np.zeros((0, 0), np.float32)
        result = np.zeros((len(texts), parts[0].vectors.shape[1]), np.float32)
        for run in parts:
            result[run.rows] = run.vectors
        result /= np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-9)
        return result

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

    def _readings(
        self, logits: Floats, rows: npt.NDArray[np.intp], shift: tuple[Floats, Floats] | None
    ) -> list[Reading]:
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
        spans = locator.locate(run.rows[found.row], found.start, found.end)
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
        starts, ends = locator.trim(run.rows[rows], drivers.start, drivers.end)
        spans = locator.locate(run.rows[rows], starts, ends)
        proof: dict[int, tuple[Evidence, ...]] = {}
        for i, asked, (span, read) in zip(rows.tolist(), drivers.question.tolist(), spans, strict=True):
            item = Evidence(DIRECTIONS.names[questions[asked].direction], "model", span, read)
            proof[i] = (*proof.get(i, ()), item)
        return proof


def _check_shapes(linear: dict[str, npt.NDArray[Any]], heads: dict[str, npt.NDArray[Any]]) -> None:
    """Refuse parts that were made for other outputs or targets; alone, each of them looks right."""
    weight, bias = heads["target_weight"], heads["target_bias"]
    if linear["steps"].shape != (N_OUTPUTS,) or bias.shape != (len(TARGETS),) or weight.shape[1:] != bias.shape:
        raise ValueError("the parts do not have the same outputs")


def _pain(index: int, span: Span, reading: Reading) -> Pain:
    target = TARGETS[index]
    name = target.name if index != OTHER else span.text
    if not reading.complains:
        return Pain(name, span, "need")
    known = index != OTHER and target.category != "other"
    return Pain(name, span, target.category if known else reading.category)
