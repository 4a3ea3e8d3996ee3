from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from nlp_service.api.rules.tables import TABLES
from nlp_service.errors import BadInput, NotFound, TooLarge
from nlp_service.moderation import wordfiles
from nlp_service.moderation.entered import UNREADABLE, find_unreadable, make_word
from nlp_service.moderation.wordfiles import Import, WordFile, encode_words, import_words, read_words
from nlp_service.moderation.wordrows import FORMATS, BadRow
from nlp_service.store.database import open_database
from nlp_service.store.lexicons import LexiconStore
from nlp_service.store.wordlists import Written
from nlp_service.store.words import Word

BEGIN, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def read(data: str | bytes, format: str = "") -> WordFile:
    return read_words(data.encode() if isinstance(data, str) else data, TABLES, format)


def texts(file: WordFile) -> list[str]:
    return [word.word for word in file.words]


def sheet(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_a_text_has_one_word_a_line() -> None:
    file = read("\ufeff  出售发票 \r\n\r\n办 假证\n#话题\n,逗号也是词\n")
    assert texts(file) == ["出售发票", "办 假证", "#话题", ",逗号也是词"]
    assert (file.n_rows, file.failed, file.ignored) == (4, [], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_texts_come_in_the_encodings_that_people_have(encoding: str) -> None:
    assert texts(read("出售发票\n办理假证\n代购联系\n".encode(encoding))) == ["出售发票", "办理假证", "代购联系"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_names_its_columns(delimiter: str) -> None:
    rows = [
        ["分类", "敏感词*", "来源", "生效时间", "失效时间", "备注"],
        ["scam", "出售发票", "论坛", "2026-03-01 08:00", "2026/4/1 08:00", "带|竖线"],
        ["", "", "", "", "", ""],
        ["", "办假证", "", "", "", ""],
    ]
    file = read("\n".join(delimiter.join(row) for row in rows))
    assert file.words == [Word("出售发票", "scam", BEGIN, END, "带|竖线"), Word("办假证")]
    assert (file.n_rows, file.ignored) == (2, ["来源"])


def test_a_table_of_one_column_is_one_too() -> None:
    assert texts(read("关键词\n出售发票\n")) == ["出售发票"]
    assert texts(read("关键词\n出售发票\n", "txt")) == ["关键词", "出售发票"]


def test_a_sheet_is_read_below_its_title() -> None:
    file = read(sheet(("三月的词",), ("word", "category"), ("出售发票", "scam"), (None, None), (8964, None)))
    assert file.words == [Word("出售发票", "scam"), Word("8964")]


def test_lines_of_json_are_read() -> None:
    file = read(
        '{"word":"出售发票","category":"scam","valid_from":"2026-03-01T00:00:00Z","note":null,"by":"小王"}\n\n{"word":"甲"}'
    )
    assert file.words == [Word("出售发票", "scam", BEGIN), Word("甲")]
    assert file.ignored == ["by"]


FAILURES: dict[str, tuple[str, BadRow]] = {
    "empty": ("word,note\n,没有词\n", BadRow(2, "word", "word must not be empty")),
    "long": ("好\n" + "长" * 101, BadRow(2, "word", "word has 101 characters, at most 100 are taken")),
    "control": ("好\na\x07b\n", BadRow(2, "word", "word holds control characters or is not valid Unicode")),
    "invisible": ("好\n\u200b\u200d\n", BadRow(2, "word", UNREADABLE)),
    "category": (
        "word,category\n甲," + "长" * 51, BadRow(2, "category", "category has 51 characters, at most 50 are taken")
    ),
    "time": (
        "word,valid_from\n甲,明天\n", BadRow(2, "valid_from", "valid_from must be a time such as 2025-03-01 08:00")
    ),
    "times": (
        "word,valid_from,valid_to\n甲,2026-03-01,2026-03-01\n",
        BadRow(2, "valid_to", "valid_to must be later than valid_from"),
    ),
    "quote": (
        'word\n"甲\n乙\n', BadRow(2, None, "a quotation mark is not closed or not doubled, or a field is too long")
    ),
    "no JSON": ('{"word":"甲"}\n{"word":', BadRow(2, None, "the line is no JSON object in UTF-8")),
    "a list": ('{"word":"甲"}\n["乙"]', BadRow(2, None, "the line is no JSON object in UTF-8")),
    "deep": ('{"word":"甲"}\n' + "[" * 100_000, BadRow(2, None, "the line is no JSON object in UTF-8")),
    "a number": ('{"word":"甲"}\n{"word":5}', BadRow(2, "word", "word must be a string")),
    "half a character": (
        '{"word":"甲"}\n{"word":"\\ud800"}', BadRow(2, None, "the line is no JSON object in UTF-8")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_bad_row_is_named_and_costs_nothing_but_itself(name: str) -> None:
    data, failure = FAILURES[name]
    file = read(data)
    assert file.failed == [failure]
    assert file.n_rows == len(file.words) + 1


def test_a_damaged_line_of_a_text_is_named() -> None:
    file = read("出售发票\n".encode() + b"\xe5\x87\n" + "办假证\n".encode())
    assert (texts(file), [row.row for row in file.failed]) == (["出售发票", "办假证"], [2])


def test_a_formula_is_no_word() -> None:
    file = read(sheet(("word",), ("=1+1",), ("甲",)))
    assert file.failed == [BadRow(2, "word", "the cell holds a formula or an error, not a text")]


@pytest.mark.parametrize(
    ("data", "format", "param"),
    [
        (b"", "", "file"),
        (b" \n ", "", "file"),
        (b"a,b\n1,2\n", "csv", "file"),  # no column of words
        (b"PK\x03\x04 broken", "", "file"),
        (b"a\n", "xlsx", "format"),
        (sheet(("word",)), "csv", "format"),
        (b"a\n", "pdf", "format"),
        (bytes(range(128, 256)) * 9, "", "file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(data: bytes, format: str, param: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(data, format)
    assert caught.value.param == param


def test_a_file_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordfiles, "MAX_FILE_BYTES", 10)
    assert texts(read("0123456789")) == ["0123456789"]
    with pytest.raises(TooLarge):
        read("01234567890")


ODD = [
    Word("=1+1", "+a", note="@b"),
    Word("'单引号"),
    Word('引"号,逗号;分号'),
    Word("+微信", note="两\n行"),
    Word("-v-", "", BEGIN, END),
    Word("𠀀\U0001f600", "scam", datetime(2026, 3, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=9))).astimezone(UTC)),
]


@pytest.mark.parametrize("format", ["csv", "xlsx", "jsonl"])
def test_what_is_written_reads_back_the_same(format: str) -> None:
    data = encode_words(ODD, format, TABLES)
    assert read(data).words == read(data, format).words == ODD


def test_a_text_has_the_words_alone() -> None:
    assert texts(read(encode_words(ODD, "txt", TABLES), "txt")) == [word.word for word in ODD]
    with pytest.raises(BadInput):
        encode_words(ODD, "pdf", TABLES)


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_list_is_a_file_too(format: str) -> None:
    assert isinstance(encode_words([], format, TABLES), bytes)


def test_spreadsheets_run_nothing_of_it() -> None:
    table = encode_words(ODD, "csv", TABLES).decode("utf-8-sig")
    assert "\n'=1+1,'+a,,,'@b" in table
    cells = list(openpyxl.load_workbook(io.BytesIO(encode_words(ODD, "xlsx", TABLES))).worksheets[0].iter_rows())
    assert {cell.data_type for row in cells for cell in row if cell.value} == {"s"}


def test_a_hundred_thousand_words_are_read_in_seconds() -> None:
    data = "word,category\n" + "".join(f"词语{number},scam\n" for number in range(100_000))
    started = time.process_time()
    assert len(read(data).words) == 100_000
    assert time.process_time() - started < 10  # unloaded 1.3 s


def test_a_word_is_entered_without_white_space_and_in_utc() -> None:
    east = timezone(timedelta(hours=8))
    made = make_word("\u3000出售发票 ", " scam ", datetime(2026, 3, 1, 8, tzinfo=east), None, " 备注\n二 ")
    assert made == Word("出售发票", "scam", BEGIN, None, "备注\n二")
    assert str(made.valid_from) == "2026-03-01 00:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"valid_from": datetime(2026, 3, 1)}, "valid_from"),
        ({"valid_to": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8)))}, "valid_to"),
        ({"note": "a\0"}, "note"),
        ({"note": "长" * 201}, "note"),
        ({"category": "a\nb"}, "category"),
    ],
)
def test_a_field_that_cannot_be_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadInput) as caught:
        make_word("甲", **fields)
    assert caught.value.param == param


def test_words_of_which_nothing_is_left_are_found_wherever_they_stand() -> None:
    many = ["词"] * 12_000
    for place in (0, 4_999, 5_000, 11_999):
        many[place] = "\u200b"
    assert find_unreadable(many) == [0, 4_999, 5_000, 11_999]
    assert find_unreadable([]) == []


@pytest.fixture
def lexicons(tmp_path: Path) -> Iterator[LexiconStore]:
    with open_database(str(tmp_path / "words.db")) as database:
        store = LexiconStore(database)
        store.create("default", "票", "deny", entries=[Word("旧词")], actor="cli")
        yield store


def listed(store: LexiconStore) -> list[str]:
    return [word.word for word in store.words("default", "票")]


INTO = Import("default", "票", "cli", "三月")


def test_the_same_file_twice_makes_one_version(lexicons: LexiconStore) -> None:
    file = read("出售发票\n办假证\n出售发票\n")
    assert import_words(lexicons, file, INTO) == (Written(2, 2, 0, 0, 0), True)
    assert import_words(lexicons, file, INTO) == (Written(2, 0, 0, 0, 2), True)
    assert [one.note for one in lexicons.versions("default", "票")] == ["", "三月"]
    assert listed(lexicons) == ["出售发票", "办假证", "旧词"]


def test_good_rows_are_kept_unless_all_or_nothing_is_asked_for(lexicons: LexiconStore) -> None:
    file = read("出售发票\n\u200b\n")
    assert import_words(lexicons, file, INTO._replace(is_all_or_nothing=True)) == (Written(1, 0, 0, 0, 0), False)
    assert listed(lexicons) == ["旧词"]
    assert import_words(lexicons, file, INTO) == (Written(2, 1, 0, 0, 0), True)


def test_a_file_may_be_the_whole_list_but_not_a_damaged_one(lexicons: LexiconStore) -> None:
    whole = INTO._replace(is_whole=True)
    assert import_words(lexicons, read("出售发票\n\u200b\n"), whole) == (Written(1, 0, 0, 0, 0), False)
    assert listed(lexicons) == ["旧词"]
    assert import_words(lexicons, read("出售发票\n"), whole) == (Written(2, 1, 0, 1, 0), True)
    assert listed(lexicons) == ["出售发票"]


def test_a_list_that_is_not_there_is_not_made(lexicons: LexiconStore) -> None:
    for file in (read("甲\n"), read("甲\n\u200b\n")):
        for into in (INTO._replace(name="别的"), INTO._replace(tenant="other", is_all_or_nothing=True)):
            with pytest.raises(NotFound):
                import_words(lexicons, file, into)
