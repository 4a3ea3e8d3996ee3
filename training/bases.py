"""Knowledge bases to learn search from: entries, what members ask of them, and what nothing answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nlp_service.errors import BadInput
from nlp_service.knowledge.entries import Entry, make_entry
from training import corpora

OWN = Path(__file__).resolve().parent / "data" / "bases"
"""Bases that were written for this project, a folder each."""


@dataclass(frozen=True, slots=True)
class Base:
    """One base.

    Attributes:
        name: Of its folder.
        entries: As an operator would import them.
        queries: Messages that an entry answers.
        answers: Index of that entry for each query.
        unanswerable: Messages that no entry answers.
    """

    name: str
    entries: list[Entry]
    queries: list[str]
    answers: list[int]
    unanswerable: list[str]


def load(folder: Path) -> Base:
    """Read a base from ``entries``, ``queries`` and ``unanswerable``, each ``.jsonl`` or ``.jsonl.gz``.

    Raises:
        FileNotFoundError: A file is not there.
        ValueError: A line cannot be read or lacks a field, two entries have one id, or a query names an entry that is
            not there.
    """
    entries = [_entry(folder, number, row) for number, row in enumerate(_rows(folder, "entries", "id", "answer"), 1)]
    place = {entry.id: i for i, entry in enumerate(entries)}
    if len(place) < len(entries):
        raise ValueError(f"{folder.name}: {len(entries) - len(place)} entries have the id of another one")
    queries = list(_rows(folder, "queries", "id", "text", "entry_id"))
    for row in queries:
        if row["entry_id"] not in place:
            raise ValueError(f"{folder.name}: query {row['id']} is of no entry")
    return Base(
        folder.name,
        entries,
        [row["text"] for row in queries],
        [place[row["entry_id"]] for row in queries],
        [row["text"] for row in _rows(folder, "unanswerable", "text")],
    )


def learnt(data: Path) -> list[Base]:
    """Every base that may be learnt from: those of the data folder's ``faq/train``, our own, and `contest`."""
    folders = [*sorted((data / "faq" / "train").iterdir()), *sorted(OWN.iterdir())]
    return [*(load(folder) for folder in folders), contest(data)]


def _entry(folder: Path, number: int, row: dict[str, Any]) -> Entry:
    questions = row.get("questions") or [row.get("question", "")]
    try:
        return make_entry(
            row["id"], questions, row["answer"], category=row.get("category", ""), tags=row.get("tags", ())
        )
    except BadInput as error:
        raise ValueError(f"{folder.name}: entry {number}: {error}") from error


def with_wordings(base: Base, rows: Sequence[int]) -> list[Entry]:
    """The entries of a base with some of its queries as further wordings, in their order."""
    added: dict[int, list[str]] = {}
    for i in rows:
        added.setdefault(base.answers[i], []).append(base.queries[i])
    return [
        msgspec.structs.replace(entry, questions=(*entry.questions, *added.get(i, ())))
        for i, entry in enumerate(base.entries)
    ]


def contest(data: Path, split: str = "train") -> Base:
    """The questions of a broker's customers with the standard one of each (10jqka)."""
    folder = data / "faq" / "10jqka"
    entries = [make_entry(row["id"], [row["text"]], row["text"]) for row in corpora.read(folder / "corpus.jsonl.gz")]
    place = {entry.id: i for i, entry in enumerate(entries)}
    texts = {row["id"]: row["text"] for row in corpora.read(folder / f"queries.{split}.jsonl.gz")}
    relevant = list(corpora.read(folder / f"qrels.{split}.jsonl.gz"))
    asked = [(texts[row["query-id"]], place[row["corpus-id"]]) for row in relevant if row["query-id"] in texts]
    return Base("10jqka", entries, [text for text, _ in asked], [entry for _, entry in asked], [])


def _rows(folder: Path, name: str, *fields: str) -> Iterator[dict[str, Any]]:
    plain = folder / f"{name}.jsonl"
    rows = _read(plain) if plain.exists() else corpora.read(folder / f"{name}.jsonl.gz")
    for number, row in enumerate(rows, 1):
        if missing := [field for field in fields if field not in row]:
            raise ValueError(f"{folder.name}: line {number} of {name} has no {missing[0]}")
        yield row


def _read(path: Path) -> Iterator[dict[str, Any]]:
    # Not splitlines, which cuts a text at U+2028 too.
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path.parent.name}: line {number} of {path.stem}: {error.msg}") from error
