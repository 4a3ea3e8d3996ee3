"""Word vectors of the search model: skip-grams over unlabelled text (Mikolov et al. 2013), by fastText.

The words are jieba's, of normalised text, so that the service finds the same ones. Of what fastText learns, the most
frequent words are kept, turned onto their principal axes, and written in 8 bits.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlp_service.text import segment
from nlp_service.text.normalise import normalise_batch, render
from training import bases, corpora

LONGEST = 400
"""Characters of a text that are read."""

KEPT, DIM = 100_000, 96
"""Words and columns that are kept; 96 of 128 columns hold 94 % of the variance."""

COMMON = 1e-3
"""Share of the text at which a word counts half (SIF; Arora et al. 2017)."""

_PAIRS = ("bq", "afqmc", "atec", "chip_sts", "xiaobu", "kuake_qqr")


def write_text(data: Path, path: Path) -> None:
    """Write the words of every text, separated by blanks, a text a line, unless the file is there."""
    if path.exists():
        return
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as out:
        texts = _texts(data)
        while chunk := list(itertools.islice(texts, 4096)):
            batch = normalise_batch([text[:LONGEST] for text in chunk])
            plain = [render(batch.units[a:b]) for a, b in itertools.pairwise(batch.offsets.tolist())]
            out.writelines(" ".join(words) + "\n" for words in segment.cut(plain) if len(words) > 1)
    os.replace(part, path)


def _texts(data: Path) -> Iterator[str]:
    yield from corpora.unlabelled(data)
    for name in _PAIRS:
        for row in corpora.read(data / "pairs" / name / "train.jsonl.gz"):
            yield from (row["text1"], row["text2"])
    for row in corpora.read(data / "pairs" / "beke_reply" / "train.jsonl.gz"):
        yield f"{row['query']} {row['reply']}"
    for folder in sorted((data / "faq" / "train").iterdir()):
        base = bases.load(folder)
        yield from (f"{entry.questions[0]} {entry.answer}" for entry in base.entries)
        yield from base.queries


def learn(text: Path, path: Path, *, threads: int = 2) -> None:
    """Learn vectors of the words of a text file, unless they are there: 128 columns, two passes, 13 minutes."""
    if path.exists():
        return
    import fasttext

    model = fasttext.train_unsupervised(
        str(text), model="skipgram", dim=128, epoch=2, minCount=4, minn=0, maxn=0, ws=5, neg=5, t=1e-4, thread=threads
    )
    part = path.with_suffix(".part")
    model.save_model(str(part))
    os.replace(part, path)


def table(path: Path) -> dict[str, npt.NDArray]:
    """Arrays of the word table from what `learn` wrote."""
    import fasttext

    model = fasttext.load_model(str(path))
    words, counts = model.get_words(include_freq=True)
    share = np.asarray(counts) / np.sum(counts)
    vectors = model.get_input_matrix()[: len(words)]
    # What all words share says nothing about any of them (Mu and Viswanath 2018).
    vectors = vectors - vectors.mean(0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    kept = [row for row, word in enumerate(words[: 2 * KEPT]) if word != "</s>" and "\n" not in word][:KEPT]
    vectors = vectors[kept]
    _, _, axes = np.linalg.svd(vectors[:50_000], full_matrices=False)
    turned = vectors @ axes[:DIM].T
    steps = np.abs(turned).max(1, keepdims=True) / 127
    return {
        "words": np.frombuffer("\n".join(words[row] for row in kept).encode(), np.uint8),
        "vectors": np.round(turned / np.maximum(steps, 1e-9)).astype(np.int8),
        "weights": (COMMON / (COMMON + share[kept])).astype(np.float32),
    }
