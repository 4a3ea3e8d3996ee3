"""Reading what may be learnt from: annotated messages, public sets, and unlabelled text."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
"""Where the data lies beside a checkout; a recipe or ``--data`` may name another place."""


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a gzipped JSON-lines file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no JSON object; the message names file and line.
    """
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path.name}:{number}: {error.msg}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path.name}:{number}: not an object")
            yield row


def unlabelled(data: Path) -> Iterator[str]:
    """Every text that pre-training may see: the corpus, and the train splits without their labels."""
    yield from corpus_texts(data)
    for row in read(data / "gold" / "train.jsonl.gz"):
        yield row["text"]
    yield from public_texts(data)


def corpus_texts(data: Path) -> Iterator[str]:
    """Texts of the corpus."""
    for name in _index(data)["corpus"]:
        for row in read(data / "corpus" / f"{name}.jsonl.gz"):
            yield row["text"]


def public_texts(data: Path) -> Iterator[str]:
    """Texts of the public sets' train splits."""
    for entry in _index(data)["public"]:
        if "train" in entry["splits"]:
            for row in read(data / "public" / entry["name"] / "train.jsonl.gz"):
                yield row["text"]


def _index(data: Path) -> dict[str, Any]:
    index: dict[str, Any] = json.loads((data / "index.json").read_text("utf-8"))
    return index
