"""Words of lists as files: read row by row with what is wrong in each, and written so that they read back the same.

Text with one word a line, CSV, XLSX and JSONL. What a file is, its bytes say: a sheet is an archive, a line of JSON
begins with a brace, and a table names its columns; anything else is one word a line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from nlp_service.errors import BadInput, TooLarge
from nlp_service.moderation.entered import UNREADABLE, find_unreadable, make_word
from nlp_service.moderation.wordrows import FIELDS, FORMATS, BadRow, Row, Tables, read_rows
from nlp_service.store.lexicons import LexiconStore
from nlp_service.store.wordlists import Written
from nlp_service.store.words import Word

MAX_FILE_BYTES = 32 * 2**20
"""Bytes of a file; 200,000 words with a note each are some 20 MB."""

_MAX_IGNORED = 20  # names of columns in a report: enough to see what is wrong with a file


class WordFile(NamedTuple):
    """What a file holds.

    Attributes:
        words: In its order; one may come twice.
        n_rows: Rows that hold something, failed ones included.
        failed: Rows that were not taken, in the order of the file.
        ignored: Names of columns or fields that no word has, the first 20.
    """

    words: list[Word]
    n_rows: int
    failed: list[BadRow]
    ignored: list[str]


def read_words(data: bytes, tables: Tables, format: str = "") -> WordFile:
    """Read a file.

    Args:
        data: Its bytes.
        tables: How tables are read.
        format: One of `FORMATS`; empty for what the bytes say.

    Raises:
        BadInput: Nothing of it can be read, or it is not of the format.
        TooLarge: It has more than `MAX_FILE_BYTES`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge(f"the file has {len(data)} bytes, at most {MAX_FILE_BYTES} are read", param="file")
    if not data.strip():
        raise BadInput("the file is empty", param="file")
    failed: list[BadRow] = []
    ignored: dict[str, None] = {}
    numbers: list[int] = []
    words: list[Word] = []
    for row in read_rows(data, tables, format, ignored):
        if isinstance(row, BadRow):
            failed.append(row)
            continue
        try:
            words.append(_word(row, tables))
            numbers.append(row.row)
        except BadInput as error:
            failed.append(BadRow(row.row, error.param, error.message))
    n_rows = len(words) + len(failed)
    for place in reversed(find_unreadable([word.word for word in words])):
        del words[place]
        failed.append(BadRow(numbers[place], "word", UNREADABLE))
    return WordFile(words, n_rows, sorted(failed, key=lambda row: row.row), list(ignored)[:_MAX_IGNORED])


class Import(NamedTuple):
    """Where the words of a file go.

    Attributes:
        tenant: Whose list it is.
        name: The list.
        actor: Who does it.
        note: Why.
        is_whole: Whether the list has nothing else from then on. A row that fails keeps out all others then too.
        is_all_or_nothing: Whether a row that fails keeps out all others.
    """

    tenant: str
    name: str
    actor: str
    note: str = ""
    is_whole: bool = False
    is_all_or_nothing: bool = False


class ImportReport(NamedTuple):
    """What an import did.

    Attributes:
        written: To the list.
        is_written: False if nothing was kept because a row failed.
    """

    written: Written
    is_written: bool


def import_words(store: LexiconStore, file: WordFile, into: Import) -> ImportReport:
    """Write the words of a file into a list, in one version. The same file twice makes no second one.

    Raises:
        NotFound: The tenant has no such list.
        TooLarge: It would have too many words.
    """
    if file.failed and (into.is_whole or into.is_all_or_nothing):
        return ImportReport(Written(store.get(into.tenant, into.name).version, 0, 0, 0, 0), False)
    write = store.replace if into.is_whole else store.add
    return ImportReport(write(into.tenant, into.name, file.words, actor=into.actor, note=into.note), True)


def encode_words(words: Sequence[Word], format: str, tables: Tables) -> bytes:
    """Write words as the bytes of a file.

    Args:
        words: In the order in which they are written.
        format: One of `FORMATS`. ``txt`` has the words alone; ``csv`` begins with a byte-order mark, without which
            Excel takes it for GBK.
        tables: How tables are written.

    Raises:
        BadInput: There is no such format.
    """
    if format == "txt":
        return "".join(f"{word.word}\n" for word in words).encode()
    if format == "jsonl":
        return b"".join(msgspec.json.encode(word) + b"\n" for word in words)
    if format == "csv":
        text = io.StringIO(newline="")
        csv.writer(text).writerows(_table(words, tables))
        return text.getvalue().encode("utf-8-sig")
    if format == "xlsx":
        return tables.write_sheet(_table(words, tables))
    raise BadInput(f"the format must be one of {', '.join(FORMATS)}", param="format")


def _table(words: Iterable[Word], tables: Tables) -> Iterator[list[str]]:
    yield list(FIELDS)
    for word in words:
        begin, end = tables.write_time(word.valid_from), tables.write_time(word.valid_to)
        yield [tables.guard(word.word), tables.guard(word.category), begin, end, tables.guard(word.note)]


def _word(row: Row, tables: Tables) -> Word:
    texts = {name: row.values.get(name) or "" for name in FIELDS}
    begin, end = (tables.read_time(name, texts[name].strip()) for name in ("valid_from", "valid_to"))
    return make_word(texts["word"], texts["category"], begin, end, texts["note"])
