"""Models and rivals side by side: gold dev and every public set with a dev split, measured in one run, as one table.

Answers are kept in a folder under a name that says who gave them, to what and by which recipe, so that a rival learns
once and a second run only measures.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from nlp_service.inference.analyser import Analyser
from training import evaluate, examples, metrics, publicsets
from training.evaluate import Answers
from training.examples import Example
from training.publicsets import (
    FEELING_SETS,
    GOLD_PUBLISHED,
    LABEL_SETS,
    PAIR_SETS,
    SPAN_SETS,
    LabelSet,
    LabelTask,
    PairSet,
)
from training.rivals import Rival, rivals
from training.scoreboard import NOT_INSTALLED, Cell, Row, Scoreboard

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Arrays = dict[str, npt.NDArray[Any]]


class Model:
    """A trained model as a judge: its own heads as they serve, and a regression for labels that it has no head for."""

    def __init__(self, name: str, folder: Path, *, threads: int = 1, strength: float = 0.1) -> None:
        self._analyser = Analyser.load(folder, threads=threads)
        self._strength = strength
        self.name = name
        self.version: str | None = self._analyser.version
        manifest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
        self.recipe: dict[str, object] = {"manifest": manifest, "strength": strength}

    def read(self, train: list[Example], texts: Sequence[str]) -> Answers:
        """What it serves; it has learnt already."""
        asked = list(texts)
        return evaluate.answers(self._analyser, asked, self._analyser.probabilities(asked))

    def classify(self, train: Sequence[str], codes: Ints, n_classes: int, texts: Sequence[str]) -> Ints:
        """A logistic regression on sentence vectors and the logits of all heads, each scaled to unit variance."""
        if len(set(codes.tolist())) == 1:
            return np.full(len(texts), codes[0])
        scale = StandardScaler()
        model = LogisticRegression(C=self._strength, max_iter=200, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an optimum that is only near: it changes no figure
            model.fit(scale.fit_transform(self._features(train)), codes)
        return np.asarray(model.predict(scale.transform(self._features(texts))))

    def similarities(self, known: Sequence[str], first: Sequence[str], second: Sequence[str]) -> Floats:
        """Cosine of the sentence vectors."""
        texts = list(dict.fromkeys((*first, *second)))
        place = {text: i for i, text in enumerate(texts)}
        vectors = self._analyser.vectors(texts)
        a, b = ([place[text] for text in side] for side in (first, second))
        return np.einsum("nd,nd->n", vectors[a], vectors[b])

    def _features(self, texts: Sequence[str]) -> Floats:
        return np.concatenate((self._analyser.vectors(texts), *self._analyser.logits(texts)), 1)


class Cache:
    """Answers in files, each under a checksum of all that it depends on. A damaged file is as good as none."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def get(self, judge: Rival, task: str, data: str, make: Callable[[Rival], Arrays]) -> Arrays:
        """Answers of a judge to a task on data of a checksum; made where there are none, and the progress told."""
        limits = [publicsets.MAX_ROWS, publicsets.MAX_PAIRS]
        depends = json.dumps([judge.name, judge.version, judge.recipe, task, data, limits], sort_keys=True)
        path = self._folder / f"{task}-{hashlib.sha256(depends.encode()).hexdigest()[:24]}.npz"
        clock, processor = time.monotonic(), time.process_time()
        found = _stored(path)
        cached = found is not None
        if found is None:
            found = make(judge)
            part = path.with_name(f"{path.stem}.{os.getpid()}.part.npz")
            np.savez_compressed(part, **found)  # type: ignore[arg-type]
            os.replace(part, path)
        seconds = {"seconds": time.monotonic() - clock, "cpu_seconds": time.process_time() - processor}
        _say(task, judge=judge.name, cached=cached, **{name: round(value, 1) for name, value in seconds.items()})
        return found


class Comparison:
    """One run: the judges, the data and what is kept of earlier runs."""

    def __init__(self, data: Path, judges: list[Rival], cache: Cache, *, rounds: int) -> None:
        self._data = data
        self._judges = [judge for judge in judges if judge.version is not None]
        self._cache = cache
        self._rounds = rounds
        self._dev = publicsets.gold(data / "gold" / "dev.jsonl.gz")

    def rows(self) -> list[Row]:
        """Every row of the table."""
        tasks = {one: publicsets.label_task(self._data, one, self._seen) for one in LABEL_SETS}
        said = self._read([text for one in FEELING_SETS for text in tasks[one].dev_texts])
        found, begin = self._gold(said), len(self._dev)
        for one in FEELING_SETS:
            found += self._feelings(one, tasks[one], said, begin)
            begin += len(tasks[one].dev_texts)
        for one in LABEL_SETS:
            found += self._labels(one, tasks[one])
        for pairs in PAIR_SETS:
            found += self._pairs(pairs)
        return found + [self._unread(name, measure) for name, measure in SPAN_SETS.items()]

    @cached_property
    def _seen(self) -> set[bytes]:
        train = publicsets.gold(self._data / "gold" / "train.jsonl.gz")
        return set(publicsets.keys([example.text for example in train]))

    @cached_property
    def _train(self) -> list[Example]:
        """What a model has learnt from or was calibrated on."""
        splits = examples.split(self._data)
        return [*splits.train, *splits.calibration]

    def _read(self, more: list[str]) -> dict[str, Answers]:
        """Answers of every judge to gold dev and to `more` texts behind it."""
        texts = [*(example.text for example in self._dev), *more]
        files = publicsets.files(self._data, *FEELING_SETS)
        kept = self._ask("gold", files, lambda judge: judge.read(self._train, texts).given())
        return {name: Answers(**arrays) for name, arrays in kept.items()}

    def _ask(self, task: str, files: list[Path], make: Callable[[Rival], Arrays]) -> dict[str, Arrays]:
        """Answers of every judge to a task that is made of some files; without those who take no part."""
        data = _checksum(files)
        each = {judge.name: self._cache.get(judge, task, data, make) for judge in self._judges}
        return {name: arrays for name, arrays in each.items() if arrays}

    def _gold(self, said: dict[str, Answers]) -> list[Row]:
        cells: dict[str, dict[str, Cell]] = {}
        n: dict[str, int] = {}
        for name, answers in said.items():
            quality, unseen = evaluate.measure(self._dev, answers.head(len(self._dev)), rounds=self._rounds)
            for figure in (*quality, *unseen):
                cells.setdefault(figure.name, {})[name] = Cell(figure.value, figure.low, figure.high)
                n[figure.name] = figure.messages
        return [Row("gold dev", m, n[m], GOLD_PUBLISHED.get(m, ""), each) for m, each in cells.items()]

    def _feelings(self, one: LabelSet, task: LabelTask, said: dict[str, Answers], begin: int) -> list[Row]:
        """Rows of what the judges feel in a set's messages, which stand behind `begin` others."""
        part = slice(begin, begin + len(task.dev_texts))
        guesses = {name: a.sentiment[part] for name, a in said.items() if a.sentiment is not None}
        return _label_rows(one, task, guesses, "own sentiment")

    def _labels(self, one: LabelSet, task: LabelTask) -> list[Row]:
        """Rows of a label that the judges learn."""

        def classify(judge: Rival) -> Arrays:
            guess = judge.classify(task.texts, task.codes, len(task.classes), task.dev_texts)
            return {} if guess is None else {"guess": guess}

        kept = self._ask(one.name, publicsets.files(self._data, one), classify)
        return _label_rows(one, task, {name: arrays["guess"] for name, arrays in kept.items()}, "learnt label")

    def _pairs(self, one: PairSet) -> list[Row]:
        task = publicsets.pair_task(self._data, one)
        known = [*task.train.first, *task.train.second, *task.dev.first, *task.dev.second]

        def liken(judge: Rival) -> Arrays:
            train, dev = (judge.similarities(known, pairs.first, pairs.second) for pairs in task)
            return {} if train is None or dev is None else {"train": train, "dev": dev}

        kept = self._ask(one.name, publicsets.files(self._data, one), liken)
        each = {name: publicsets.pair_figures(one, task, **arrays) for name, arrays in kept.items()}
        return _rows(one, len(task.dev.labels), each, "similarity")

    def _unread(self, name: str, measure: str) -> Row:
        return Row(name, measure, len(publicsets.rows(self._data / "public" / name / "dev.jsonl.gz")), "", {})


def compare(data: Path, models: Mapping[str, Path], work: Path, *, rounds: int = 1000, threads: int = 1) -> Scoreboard:
    """Measure models and rivals on every set.

    Args:
        data: The data folder.
        models: Folder of each artefact, by the name of its column.
        work: Where answers are kept.
        rounds: Resamples for the intervals of gold dev.
        threads: Threads of each model.

    Raises:
        ArtifactError: A model cannot be loaded.
        FileNotFoundError: The data folder lacks sets; all of them are named.
        ValueError: A file of the data is damaged; it is named.
    """
    publicsets.files(data)
    judges: list[Rival] = [Model(name, folder, threads=threads) for name, folder in models.items()]
    judges += rivals()
    for judge in judges:
        _say("judge", judge=judge.name, version=judge.version or NOT_INSTALLED)
    rows = Comparison(data, judges, Cache(work), rounds=rounds).rows()
    absent = frozenset(judge.name for judge in judges if judge.version is None)
    return Scoreboard(tuple(judge.name for judge in judges), absent, tuple(rows))


def find_models(models: Path) -> dict[str, Path]:
    """Folders under `models` that hold an artefact, by their name.

    Raises:
        FileNotFoundError: There is none.
    """
    found = {path.parent.name: path.parent for path in sorted(models.glob("*/manifest.json"))}
    if not found:
        raise FileNotFoundError(f"{models} holds no model")
    return found


def _label_rows(one: LabelSet, task: LabelTask, guesses: dict[str, Ints], what: str) -> list[Row]:
    truth, n = task.dev_codes, len(task.classes)
    each = {
        name: {"accuracy": float(np.mean(truth == guess)), "macro-F1": metrics.macro_f1(truth, guess, n)}
        for name, guess in guesses.items()
    }
    return _rows(one, len(task.dev_texts), each, what)


def _rows(one: LabelSet | PairSet, n: int, figures: dict[str, dict[str, float]], what: str) -> list[Row]:
    """One row a measure from the figures of each judge."""
    measures = dict.fromkeys(measure for each in figures.values() for measure in each)
    return [
        Row(
            one.name,
            f"{what}, {measure}",
            n,
            one.published.get(measure, ""),
            {name: Cell(each[measure]) for name, each in figures.items()},
        )
        for measure in measures
    ]


def _checksum(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()


def _stored(path: Path) -> Arrays | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None


def _say(step: str, **facts: object) -> None:
    print(json.dumps({"step": step, **facts}, ensure_ascii=False), file=sys.stderr, flush=True)
