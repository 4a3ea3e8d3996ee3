"""Entries from a file into the draft of a base: good rows are kept, bad ones are named, all in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from nlp_service.errors import BadInput, TooLarge
from nlp_service.knowledge.entries import (
    MAX_QUESTION,
    MAX_QUESTIONS,
    Entry,
    Folding,
    fold,
    make_entry,
    tidy,
    to_record,
)
from nlp_service.knowledge.files import File
from nlp_service.knowledge.rows import Row, RowError
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Written

_MAX_IGNORED = 20  # names of columns in a report: enough to see what is wrong with a file
_BATCH = 5_000  # wordings to fold at once
_SHARED = ("answer", "category", "tags", "valid_from", "valid_to", "audience", "owner")


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did.

    Attributes:
        rows: Rows of the file that held something, failed ones included.
        created, changed, unchanged: Entries, each made of one row or of several with its id.
        failed: Rows that were not taken, in the order of the file.
        is_written: False if nothing was kept because a row failed and all or nothing was asked for.
        ignored: Names of columns or fields that no entry has, the first 20.
    """

    rows: int
    created: int
    changed: int
    unchanged: int
    failed: tuple[RowError, ...]
    is_written: bool
    ignored: tuple[str, ...] = ()


def import_file(
    store: KnowledgeStore,
    tenant: str,
    kb: int | str,
    source: Path | bytes,
    *,
    all_or_nothing: bool = False,
    actor: str = "system",
) -> ImportReport:
    """Read a file of entries and write them into the draft of a base. The same file twice changes nothing.

    Rows with the same id and answer make one entry with the wordings of all. A row without id gets one that follows
    from its standard wording. An entry that is in the base already becomes what the file says; others stay.

    Args:
        store: Where the base is.
        tenant: Whose base it is.
        kb: The base; a name that is not there is made, with the first entries.
        source: CSV, XLSX or JSONL, as a file or its bytes.
        all_or_nothing: Whether one bad row keeps out all the others.
        actor: Who imports.

    Raises:
        BadInput: The file cannot be read at all.
        TooLarge: The file is too large.
        NotFound: The tenant has no base of this id.
    """
    if isinstance(kb, int):
        store.get(tenant, kb)
    file = File(source)
    failed: list[RowError] = []
    rows: list[Row] = []
    for row in file.rows():
        failed.append(row) if isinstance(row, RowError) else rows.append(row)
    n_rows = len(rows) + len(failed)
    entries, bad = _make_entries(rows)
    failed = sorted([*failed, *bad], key=lambda error: error.row)
    written = Written(0, 0, 0)
    is_written = not (all_or_nothing and failed)
    # A file without a good row must not leave an empty base of a misspelt name behind.
    if is_written and entries:
        written = store.put(tenant, kb, [to_record(entry) for entry in entries], may_create=True, actor=actor)
    return ImportReport(n_rows, *written, tuple(failed), is_written, tuple(file.ignored)[:_MAX_IGNORED])


def make_id(question: str) -> str:
    """The id of an entry that has none: the same for the same standard wording, on every machine and for ever."""
    return "q-" + hashlib.sha256(tidy(question).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _Group:
    """Rows that make one entry, the first of which has all its fields."""

    def __init__(self, row: int, entry: Entry, folding: Folding) -> None:
        self._row = row
        self._entry = entry
        self._folding = folding
        self._wordings = dict(zip(folding(entry.questions), entry.questions, strict=True))

    @property
    def entry(self) -> Entry:
        """The entry with the wordings of all its rows."""
        if len(self._wordings) == len(self._entry.questions):
            return self._entry
        return msgspec.structs.replace(self._entry, questions=tuple(self._wordings.values()))

    def add(self, entry: Entry) -> None:
        """Take the wordings of another row.

        Raises:
            BadInput: The row contradicts the first, or brings too many wordings.
        """
        for name in _SHARED:
            value = getattr(entry, name)
            if value and value != getattr(self._entry, name):
                raise BadInput(f"{name} is not that of row {self._row}, which has the same id", param=name)
        wordings = dict(zip(self._folding(entry.questions), entry.questions, strict=True)) | self._wordings
        if len(wordings) > MAX_QUESTIONS:
            raise TooLarge(f"with the rows before, the entry has {len(wordings)} wordings", param="questions")
        # In this order, so that the standard wording stays the first.
        self._wordings |= {key: wording for key, wording in wordings.items() if key not in self._wordings}


def _make_entries(rows: Sequence[Row]) -> tuple[list[Entry], list[RowError]]:
    folding = _fold_all(rows)
    groups: dict[str, _Group] = {}
    failed: list[RowError] = []
    for row in rows:
        try:
            entry = _read(row, folding)
            if entry.id in groups:
                groups[entry.id].add(entry)
            else:
                groups[entry.id] = _Group(row.row, entry, folding)
        except BadInput as error:
            failed.append(RowError(row.row, error.param, error.message))
    return [group.entry for group in groups.values()], failed


def _read(row: Row, folding: Folding) -> Entry:
    if not row.questions:
        raise BadInput("question is missing", param="question")
    return make_entry(
        row.id or make_id(row.questions[0]),
        row.questions,
        row.answer,
        category=row.category,
        tags=row.tags,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        audience=row.audience,
        owner=row.owner,
        folding=folding,
    )


def _fold_all(rows: Sequence[Row]) -> Folding:
    """Fold the wordings of all rows together: one by one takes forty times as long."""
    wordings = list({tidy(wording): None for row in rows for wording in row.questions if len(wording) <= MAX_QUESTION})
    folded: dict[str, str] = {}
    for begin in range(0, len(wordings), _BATCH):
        some = wordings[begin : begin + _BATCH]
        folded.update(zip(some, fold(some), strict=True))
    return lambda texts: [folded[text] for text in texts]
