from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.errors import BadInput, NotFound, ServiceError
from nlp_service.knowledge.entries import MAX_QUESTIONS, Entry, make_entry, to_record
from nlp_service.knowledge.exporting import FORMATS, encode, export_file
from nlp_service.knowledge.files import File
from nlp_service.knowledge.importing import ImportReport, _make_entries, import_file, make_id
from nlp_service.knowledge.rows import Row, RowError
from nlp_service.knowledge.versions import read_entries
from nlp_service.store.knowledge import KnowledgeStore

T, KB = "acme", "门店"


def lines(*rows: dict[str, object]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def run(store: KnowledgeStore, *rows: dict[str, object], all_or_nothing: bool = False) -> ImportReport:
    return import_file(store, T, KB, lines(*rows), all_or_nothing=all_or_nothing)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.rows, report.created, report.changed, report.unchanged


GOOD = {"id": "1", "question": "几点开门", "answer": "九点"}
OTHER = {"id": "2", "questions": ["能退吗", "可以退货吗"], "answer": "七天内可退", "tags": ["退款"]}


def test_an_import_makes_the_base_and_its_entries(store: KnowledgeStore) -> None:
    assert counts(run(store, GOOD, OTHER)) == (2, 2, 0, 0)
    assert read_entries(store, T, KB) == [
        make_entry("1", ["几点开门"], "九点"),
        make_entry("2", ["能退吗", "可以退货吗"], "七天内可退", tags=["退款"]),
    ]


def test_the_same_file_twice_changes_nothing(store: KnowledgeStore) -> None:
    rows = (GOOD, OTHER, {"question": "没有编号", "answer": "也行"})
    run(store, *rows)
    assert counts(run(store, *rows)) == (3, 0, 0, 3)
    store.publish(T, KB)
    assert counts(run(store, *rows)) == (3, 0, 0, 3)


def test_an_entry_becomes_what_the_file_says_and_others_stay(store: KnowledgeStore) -> None:
    run(store, GOOD, OTHER)
    assert counts(run(store, OTHER | {"answer": "十天"}, GOOD | {"id": "3"})) == (2, 1, 1, 0)
    assert [(entry.id, entry.answer) for entry in read_entries(store, T, KB)] == [
        ("1", "九点"),
        ("2", "十天"),
        ("3", "九点"),
    ]


def test_good_rows_are_kept_and_bad_ones_named(store: KnowledgeStore) -> None:
    report = run(store, GOOD, {"id": "2", "question": "", "answer": "x"}, {"id": "3", "question": "问", "answer": " "})
    assert counts(report) == (3, 1, 0, 0)
    assert report.failed == (
        RowError(2, "questions", "questions must not be empty"),
        RowError(3, "answer", "answer must not be empty"),
    )
    assert report.is_written


def test_all_or_nothing_keeps_nothing_of_a_file_with_a_bad_row(store: KnowledgeStore) -> None:
    report = run(store, GOOD, {"id": "2", "answer": "x"}, all_or_nothing=True)
    assert (counts(report), report.is_written) == ((2, 0, 0, 0), False)
    assert report.failed == (RowError(2, "question", "question is missing"),)
    with pytest.raises(NotFound):
        store.get(T, KB)  # nor an empty base
    assert counts(run(store, GOOD, all_or_nothing=True)) == (1, 1, 0, 0)


def test_a_file_without_a_good_row_makes_no_base(store: KnowledgeStore) -> None:
    assert len(run(store, {"id": "2", "answer": "x"}).failed) == 1
    assert store.bases(T) == []


def test_a_base_that_is_named_by_id_is_not_made(store: KnowledgeStore) -> None:
    with pytest.raises(NotFound):
        import_file(store, T, 7, lines(GOOD))


def test_an_answer_of_a_megabyte_is_refused_by_row_and_field(store: KnowledgeStore) -> None:
    for data in (
        lines(GOOD, {"question": "长", "answer": "长" * 2**20}),
        ("question,answer\n几点,九点\n长," + "长" * 2**20).encode(),
    ):
        report = import_file(store, T, KB, data)
        (error,) = report.failed
        assert (error.row, error.field) == (report.rows + (data[:1] == b"q"), "answer")
        assert "1048576 characters" in error.message


def test_damaged_utf8_costs_only_its_row(store: KnowledgeStore) -> None:
    data = "id,question,answer\n1,几点开门,九点\n2,能退吗,可以\n".encode().replace("可以".encode(), b"\xe5\x8f")
    report = import_file(store, T, KB, data)
    assert counts(report) == (2, 1, 0, 0)
    assert report.failed == (RowError(3, "answer", "answer holds control characters or is not valid Unicode"),)


def test_rows_with_one_id_and_answer_are_one_entry(store: KnowledgeStore) -> None:
    more = {"id": "1", "question": "何时营业", "answer": "九点"}
    assert counts(run(store, GOOD | {"tags": ["营业"]}, OTHER, more, GOOD)) == (4, 2, 0, 0)
    assert read_entries(store, T, KB)[0] == make_entry("1", ["几点开门", "何时营业"], "九点", tags=["营业"])


@pytest.mark.parametrize("change", [{"answer": "十点"}, {"category": "别的"}, {"valid_to": "2025-01-01"}])
def test_a_second_row_that_contradicts_the_first_fails(store: KnowledgeStore, change: dict[str, object]) -> None:
    report = run(store, GOOD | {"category": "营业"}, GOOD | change)
    (field,) = change
    assert report.failed == (RowError(2, field, f"{field} is not that of row 1, which has the same id"),)
    assert read_entries(store, T, KB)[0].answer == "九点"


def test_rows_that_bring_too_many_wordings_fail(store: KnowledgeStore) -> None:
    full = GOOD | {"questions": [f"问{i}" for i in range(MAX_QUESTIONS - 1)]}
    report = run(store, full, GOOD | {"question": "再问"}, GOOD)
    assert [(error.row, error.field) for error in report.failed] == [(2, "questions")]


def test_a_row_without_id_gets_one_from_its_standard_wording(store: KnowledgeStore) -> None:
    run(store, {"questions": ["几点开门", "何时营业"], "answer": "九点"})
    assert read_entries(store, T, KB)[0].id == make_id("几点开门") == "q-3f2596233d27a97b"


def test_the_same_question_with_two_answers_fails_the_second(store: KnowledgeStore) -> None:
    report = run(store, {"question": "几点开门", "answer": "九点"}, {"question": " 几点开门 ", "answer": "十点"})
    assert [(error.row, error.field) for error in report.failed] == [(2, "answer")]


def test_unknown_columns_are_in_the_report(store: KnowledgeStore) -> None:
    assert run(store, GOOD | {"catgory": "营业"}).ignored == ("catgory",)


def test_a_report_never_shows_texts(store: KnowledgeStore) -> None:
    report = run(store, {"id": "1", "question": "秘密\x00", "answer": "秘密"}, {"question": "秘密", "valid_to": "秘密"})
    assert len(report.failed) == 2
    assert "秘密" not in repr(report)


TRICKY = [
    make_entry("1", ["能用 a|b 吗", "C:\\|d\\", "=SUM(A1)", "'=x", "问\u2028题"], "=1+1\n第二行", tags=["一", "二"]),
    make_entry("@2", ["+86 打得通吗"], "-3 度 _x000D_ &amp; <b>\"引号\"</b> 'x'\n\n\t缩进", category="-", owner="@李"),
    make_entry("003", ["1e5", "2025-03-01"], "4001234567", audience=["wx:1", "=群"]),
    make_entry(
        "四",
        ["期限"],
        "😀𠮷",
        valid_from=datetime(2025, 3, 1, 1, 2, 3, 456_789, tzinfo=UTC),
        valid_to=datetime(2026, 1, 1, tzinfo=UTC),
    ),
    make_entry("5", [f"{i}" + "长" * 490 for i in range(80)], "很多问法"),  # more than a cell of Excel holds
]


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_was_exported_imports_as_no_change(store: KnowledgeStore, tmp_path: Path, suffix: str) -> None:
    store.create(T, KB)
    store.put(T, KB, [to_record(entry) for entry in TRICKY])
    path = tmp_path / f"out{suffix}"
    assert export_file(store, T, KB, path) == len(TRICKY)
    report = import_file(store, T, KB, path)
    assert (report.created, report.changed, report.unchanged, report.failed) == (0, 0, len(TRICKY), ())
    assert import_file(store, T, "另一个", path).created == len(TRICKY)
    assert read_entries(store, T, "另一个") == read_entries(store, T, KB)


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("|\\'=+-@,;\"\t"), min_size=1, max_size=8
)


@pytest.mark.parametrize("format", FORMATS.values())
@given(questions=st.lists(TEXTS, min_size=1, max_size=3), answer=TEXTS, tail=TEXTS)
def test_any_entry_survives_any_format(format: str, questions: list[str], answer: str, tail: str) -> None:
    try:
        entry = make_entry("e", questions, f"{answer}\n{tail}")
    except BadInput:
        return  # blank, or nothing that can be read
    rows = [row for row in File(encode([entry], format)).rows() if isinstance(row, Row)]
    assert _make_entries(rows) == ([entry], [])


def test_an_export_for_excel_has_a_mark_and_no_formula(store: KnowledgeStore, tmp_path: Path) -> None:
    store.create(T, KB)
    store.put(T, KB, [to_record(entry) for entry in TRICKY])
    path = tmp_path / "out.csv"
    export_file(store, T, KB, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,questions,answer")
    assert "\n'@2,'+86" in path.read_text("utf-8-sig")
    export_file(store, T, KB, tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert {cell.data_type for row in book.active.rows for cell in row} <= {"s", "inlineStr", "n"}  # n is empty
    assert all(len(cell.value or "") <= 32_767 for row in book.active.rows for cell in row)


def test_a_published_version_is_exported_on_request(store: KnowledgeStore, tmp_path: Path) -> None:
    run(store, GOOD)
    store.publish(T, KB)
    run(store, OTHER)
    path = tmp_path / "out.jsonl"
    assert export_file(store, T, KB, path, version=1) == 1
    assert json.loads(path.read_text()) == {"id": "1", "questions": ["几点开门"], "answer": "九点"}


def test_an_export_that_fails_leaves_what_was_there(store: KnowledgeStore, tmp_path: Path) -> None:
    run(store, GOOD)
    with pytest.raises(BadInput, match=r"must end with .jsonl, .csv, .xlsx"):
        export_file(store, T, KB, tmp_path / "out.pdf")
    path = tmp_path / "out.csv"
    path.mkdir()
    with pytest.raises(ServiceError, match="cannot be written"):
        export_file(store, T, KB, path)
    assert [child.name for child in tmp_path.iterdir() if "unfinished" in child.name] == []


def test_an_empty_base_is_exported_as_an_empty_file() -> None:
    no_entries: list[Entry] = []
    assert encode(no_entries, "jsonl") == b""
    assert encode(no_entries, "csv").count(b"\n") == 1
