"""Public sets with a dev split: their rows as tasks, what others report of them, how answers are measured."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from nlp_service.text.normalise import normalise_batch
from nlp_service.types import SENTIMENTS
from training import corpora, examples
from training.examples import Example
from training.rivals import best_bounds

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

MAX_ROWS = 20_000
"""Messages of a train split that are learnt from at the most."""
MAX_PAIRS = 3_000
"""Pairs of a train split that the bounds are chosen on at the most; one number does not need more."""

_SPACE = ord(" ")
_GOLD = ("gold/train.jsonl.gz", "gold/dev.jsonl.gz")
_FEELINGS = {"angry": "negative", "sad": "negative", "fear": "negative", "neutral": "neutral", "happy": "positive"}


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A set of messages with one label each.

    Attributes:
        name: Of its folder.
        published: Figures of others, by the measure's name; not always on the same messages.
        classes: Name of the class that each label stands for, labels without one left out; None for labels as they are.
    """

    name: str
    published: dict[str, str] = field(default_factory=dict, hash=False)
    classes: dict[str, str] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class PairSet:
    """A set of pairs of messages that mean the same or not.

    Attributes:
        name: Of its folder.
        published: As for a `LabelSet`.
        levels: Labels from which a pair is of the next class, ascending.
        bounds_from: The set whose train split the bounds are chosen on; its own where empty.
    """

    name: str
    published: dict[str, str] = field(default_factory=dict, hash=False)
    levels: tuple[int, ...] = (1,)
    bounds_from: str = ""


FEELING_SETS = (
    LabelSet("smp2020_usual", {"macro-F1": "BERT .739, six classes"}, _FEELINGS),
    LabelSet("smp2020_virus", {}, _FEELINGS),
)
LABEL_SETS = (
    *FEELING_SETS,
    LabelSet("cold", {"accuracy": "BERT .81"}),
    LabelSet("tosarcasm"),
    LabelSet("cic_dataclue", {"accuracy": "people .874", "macro-F1": "RoBERTa .728"}),
    LabelSet("smp2017_domain"),
    LabelSet("kuake_qic", {"accuracy": "BERT .843"}),
)
PAIR_SETS = (
    PairSet("lcqmc", {"accuracy": "BERT .870"}, bounds_from="bq"),
    PairSet("bq", {"accuracy": "BERT .85", "Spearman": "SBERT .704"}),
    PairSet("afqmc"),
    PairSet("chip_sts", {"accuracy": "BERT .830, F1"}),
    PairSet("kuake_qqr", {"accuracy": "BERT .847"}, levels=(1, 2)),
    PairSet("sts_b", {"Spearman": "CoSENT .793"}, levels=(4,)),
)
GOLD_PUBLISHED = {
    "intent, primary, macro-F1": "second annotator .92, TF-IDF .786",
    "sentiment, three-way, macro-F1": "TF-IDF .743",
    "risk >= 1, average precision": "TF-IDF .805",
    "risk >= 2, average precision": "TF-IDF .763",
    "abuse, average precision": "TF-IDF .748",
}
"""By the measure's name; TF-IDF with a regression on all of gold train."""
SPAN_SETS = {"zhang_aste": "aspect and opinion spans, F1", "diaasq_zh": "quadruples of a thread, F1"}
"""Sets that no head answers, and what would be measured."""


class LabelTask(NamedTuple):
    """Messages to learn a set's label from, and to be measured on.

    Attributes:
        texts, codes: Of the train split, codes being places in `classes`; (n_train,).
        dev_texts, dev_codes: Of the dev split, without messages whose text is in a train split or in gold train.
        classes: Names of the classes of the train split, sorted; a feeling set's in the order of `SENTIMENTS`.
        dropped: Messages of the dev split that were left out for their text.
    """

    texts: list[str]
    codes: Ints
    dev_texts: list[str]
    dev_codes: Ints
    classes: tuple[str, ...]
    dropped: int


class Pairs(NamedTuple):
    """Pairs of messages with the label of each, higher for closer; (n,)."""

    first: list[str]
    second: list[str]
    labels: Floats


class PairTask(NamedTuple):
    """Pairs that the bounds between the classes are chosen on, and pairs to be measured on."""

    train: Pairs
    dev: Pairs


def files(data: Path, *sets: LabelSet | PairSet) -> list[Path]:
    """Files that the tasks of the sets are made of, gold first; without sets, those of every set there is.

    Raises:
        FileNotFoundError: The folder or some files are not there; the message names them.
    """
    if not data.is_dir():
        raise FileNotFoundError(f"{data}: no data folder is here")
    names = [*_GOLD, *(() if sets else (f"public/{name}/dev.jsonl.gz" for name in SPAN_SETS))]
    for one in sets or (*LABEL_SETS, *PAIR_SETS):
        if isinstance(one, LabelSet):
            names += [f"public/{one.name}/train.jsonl.gz", f"public/{one.name}/dev.jsonl.gz"]
        else:
            names += [f"pairs/{one.bounds_from or one.name}/train.jsonl.gz", f"pairs/{one.name}/dev.jsonl.gz"]
    if missing := [name for name in dict.fromkeys(names) if not (data / name).is_file()]:
        raise FileNotFoundError(f"{data} lacks {', '.join(missing)}")
    return [data / name for name in names]


def gold(path: Path) -> list[Example]:
    """Annotated messages of a file.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It is damaged; the message names it.
    """
    with _named(path):
        return examples.gold(path)


def rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a file, one at least.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It is damaged or empty; the message names it.
    """
    with _named(path):
        found = list(corpora.read(path))
    if not found:
        raise ValueError(f"{path}: empty")
    return found


def label_task(data: Path, one: LabelSet, seen: set[bytes], *, seed: int = 0) -> LabelTask:
    """The task of a set with one label a message.

    Args:
        data: The data folder.
        one: The set.
        seen: `keys` of annotated messages that a judge may have learnt from.
        seed: Of the draw of `MAX_ROWS`.

    Raises:
        FileNotFoundError: The set is not there.
        ValueError: A file is damaged, or the dev split has a class that the train split lacks, or nothing of its own.
    """
    texts, names = _labelled(data / "public" / one.name / "train.jsonl.gz", one)
    classes = SENTIMENTS if one.classes else tuple(sorted(set(names)))
    dev_texts, dev_names = _labelled(data / "public" / one.name / "dev.jsonl.gz", one)
    if unknown := set(dev_names) - set(classes):
        raise ValueError(f"{one.name}: {len(unknown)} classes of its dev split are not in its train split")
    learnt = seen.union(keys(texts))
    kept = [i for i, key in enumerate(keys(dev_texts)) if key not in learnt]
    if not kept:
        raise ValueError(f"{one.name}: every message of its dev split is also in a train split")
    drawn = np.sort(np.random.default_rng(seed).permutation(len(texts))[:MAX_ROWS])
    codes = {name: code for code, name in enumerate(classes)}
    return LabelTask(
        [texts[i] for i in drawn],
        np.array([codes[names[i]] for i in drawn], np.int64),
        [dev_texts[i] for i in kept],
        np.array([codes[dev_names[i]] for i in kept], np.int64),
        classes,
        len(dev_texts) - len(kept),
    )


def pair_task(data: Path, one: PairSet, *, seed: int = 0) -> PairTask:
    """The task of a set of pairs; what its train split holds too is left out of dev.

    Raises:
        FileNotFoundError: The set is not there.
        ValueError: A file is damaged; the message names it.
    """
    train = _pairs(data / "pairs" / (one.bounds_from or one.name) / "train.jsonl.gz")
    dev = _pairs(data / "pairs" / one.name / "dev.jsonl.gz")
    learnt = set(_pair_keys(train))
    kept = np.array([key not in learnt for key in _pair_keys(dev)], np.bool_)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(train.labels))[:MAX_PAIRS])
    return PairTask(_chosen(train, drawn), _chosen(dev, np.flatnonzero(kept)))


def keys(texts: Sequence[str]) -> list[bytes]:
    """What makes two texts the same, as `examples.key` has it, of many texts at once."""
    batch = normalise_batch(texts)
    bounds = zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True)
    units = (batch.units[start:end] for start, end in bounds)
    return [one[one != _SPACE].tobytes() for one in units]


def pair_figures(one: PairSet, task: PairTask, train: Floats, dev: Floats) -> dict[str, float]:
    """Rank correlation of dev's similarities with its labels, and accuracy at the bounds that are best on train."""
    truth = _classes(task.dev.labels, one.levels)
    bounds = best_bounds(train, _classes(task.train.labels, one.levels), len(one.levels) + 1, "accuracy")
    guess = np.searchsorted(bounds, dev, "right")
    return {"Spearman": spearman(dev, task.dev.labels), "accuracy": float(np.mean(guess == truth))}


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation, ties at their mean rank; NaN where one of them never changes."""
    x, y = rankdata(a), rankdata(b)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale else float("nan")


def _pair_keys(pairs: Pairs) -> list[frozenset[bytes]]:
    """What makes two pairs the same, whichever message comes first."""
    return [frozenset(both) for both in zip(keys(pairs.first), keys(pairs.second), strict=True)]


def _chosen(pairs: Pairs, places: Ints) -> Pairs:
    return Pairs([pairs.first[i] for i in places], [pairs.second[i] for i in places], pairs.labels[places])


def _classes(labels: Floats, levels: tuple[int, ...]) -> Ints:
    return np.searchsorted(np.array(levels), labels, "right")


def _labelled(path: Path, one: LabelSet) -> tuple[list[str], list[str]]:
    """Texts of a file and the class of each."""
    texts, names = [], []
    for number, row in enumerate(rows(path), 1):
        label = str(_field(path, number, row, "label", (str, int)))
        name = label if one.classes is None else one.classes.get(label)
        if name is not None:
            texts.append(_field(path, number, row, "text", (str,)))
            names.append(name)
    return texts, names


def _pairs(path: Path) -> Pairs:
    first, second, labels = [], [], []
    for number, row in enumerate(rows(path), 1):
        first.append(_field(path, number, row, "text1", (str,)))
        second.append(_field(path, number, row, "text2", (str,)))
        labels.append(float(_field(path, number, row, "label", (int, float))))
    return Pairs(first, second, np.array(labels))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in errors of what unpacks it, which tell neither file nor anything else of use."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, EOFError, KeyError, TypeError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: damaged ({type(error).__name__})") from error


def _field(path: Path, number: int, row: dict[str, Any], name: str, kinds: tuple[type, ...]) -> Any:
    if not isinstance(row.get(name), kinds):
        raise ValueError(f"{path}:{number}: no {name}")
    return row[name]
