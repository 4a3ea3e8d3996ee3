"""Messages of the corpus and the public sets that were annotated for this project.

The file holds no text: a line names the file and the row where the message stands, the first digits of a checksum of
the normalised text, and the labels. Who has the data can learn from them, and nobody else can read what was said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training import corpora
from training.examples import Example, from_row, key

FILE = Path(__file__).resolve().parent / "data" / "messages.jsonl.gz"
"""One annotated message a line: ``set``, ``row``, ``key``, the labels as gold has them, and whether it was ``drawn``
at random (the others were chosen because the model was unsure of them)."""

_DIGITS = 12


def load(data: Path, held_out: set[str], file: Path = FILE) -> list[Example]:
    """The annotated messages with their texts, without those whose text is kept for measuring.

    Args:
        data: The data folder, with ``corpus`` and ``public``.
        held_out: Keys of texts that must not be learnt from.
        file: The annotations.

    Raises:
        FileNotFoundError: The annotations or a set that they name is not there.
        ValueError: A row holds another text than the one that was annotated, or there is no such row.
    """
    wanted: dict[str, dict[int, dict[str, Any]]] = {}
    for row in corpora.read(file):
        wanted.setdefault(row["set"], {})[row["row"]] = row
    found = [example for name, rows in wanted.items() for example in _of_set(data, name, rows)]
    return [example for example in found if key(example.text) not in held_out]


def checksum(text: str) -> str:
    """What tells whether a text is still the one that was annotated."""
    return hashlib.sha256(key(text).encode()).hexdigest()[:_DIGITS]


def _of_set(data: Path, name: str, rows: dict[int, dict[str, Any]]) -> Iterator[Example]:
    path = data / (f"{name}/train.jsonl.gz" if name.startswith("public/") else f"{name}.jsonl.gz")
    left = dict(rows)
    for number, original in enumerate(corpora.read(path)):
        if (labels := left.pop(number, None)) is None:
            continue
        text = original["text"]
        if checksum(text) != labels["key"]:
            raise ValueError(f"{name}: row {number} is not the message that was annotated")
        pain = [{"start": start, "end": end, "target": target} for start, end, target in labels["pain"]]
        yield from_row({**labels, "text": text, "source": name.split("/")[1], "pain": pain})
        if not left:
            return
    raise ValueError(f"{name}: there is no row {min(left)}")
