from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest
from openpyxl.chart import BarChart

from nlp_service.errors import BadInput, TooLarge
from nlp_service.knowledge import files, sheets
from nlp_service.knowledge.files import File
from nlp_service.knowledge.rows import Row, RowError, guard, join, read_time, split, unguard

CSV = "编号,标准问题,相似问法,答案,标签\n1,几点开门,营业时间|何时营业,九点,营业\n2,能退吗,,七天内可退,退款，售后\n"


def read(data: bytes) -> list[Row | RowError]:
    return list(File(data).rows())


def only(data: bytes) -> Row:
    (row,) = read(data)
    assert isinstance(row, Row)
    return row


def sheet(*rows: list[object], merge: tuple[str, ...] = ()) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for area in merge:
        book.active.merge_cells(area)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_in_any_encoding_and_with_any_delimiter(encoding: str, delimiter: str) -> None:
    first, second = read(CSV.replace(",", delimiter).encode(encoding))
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.row, first.id, first.questions) == (2, "1", ("几点开门", "营业时间", "何时营业"))
    assert (second.row, second.answer, second.tags) == (3, "七天内可退", ("退款", "售后"))


def test_gb18030_beyond_gbk_is_read() -> None:
    assert only("question,answer\n𠮷野家几点开,九点😀\n".encode("gb18030")).answer == "九点😀"


def test_damaged_utf8_is_not_taken_for_gbk() -> None:
    data = "question,answer\n几点开门,九点\n能退吗,可以退\n".encode()
    broken = data.replace("退吗".encode(), "退吗".encode()[:-1])
    first, second = read(broken)
    assert isinstance(first, Row)
    assert first.answer == "九点"
    assert isinstance(second, Row)
    assert "\udce5" in second.questions[0]  # for the check of the entry to refuse


@pytest.mark.parametrize(
    "data", [b"question,answer\n\xff\xff,\xff\n", "question,answer\n问,答\n".encode("utf-16")[:-1]]
)
def test_an_unknown_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"neither UTF-8|not UTF-16") as caught:
        read(data)
    assert caught.value.param == "file"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or encrypted Excel"),
        (b"PK\x03\x04 and then nothing", "broken"),
        (b'[{"question": "q", "answer": "a"}]', "one JSON list"),
        ("随便写的几行字\n没有列名\n".encode(), "no row names the columns"),
        ("问题,分类\n几点开门,营业\n".encode(), "no row names the columns"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_it_is(data: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        read(data)
    assert caught.value.param == "file"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        File(tmp_path / "none.csv")


def test_a_file_over_the_bound_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)  # takes no space on the disk
    with pytest.raises(TooLarge, match=f"at most {files.MAX_FILE_BYTES}"):
        File(path)


def test_titles_above_the_names_of_columns_are_passed_over() -> None:
    row = only("知识库模板,,\n请勿修改,,\n问题*,答案*,备注\n几点开门,九点,内部\n".encode())
    assert (row.row, row.answer) == (4, "九点")


def test_columns_that_no_entry_has_are_named() -> None:
    file = File("问题,答案,备注\n几点开门,九点,内部\n".encode())
    list(file.rows())
    assert list(file.ignored) == ["备注"]


def test_a_record_over_several_lines_has_the_number_of_its_first() -> None:
    first, second = read('question,answer\n"问一\n问二","答\n案"\n问三,答\n'.encode())
    assert (first.row, second.row) == (2, 5)
    assert isinstance(first, Row)
    assert (first.questions, first.answer) == (("问一", "问二"), "答\n案")


def test_a_quote_that_is_not_doubled_costs_its_own_line() -> None:
    first, bad, third = read('question,answer\n一,1\n"二"二,2\n三,3\n'.encode())
    assert isinstance(bad, RowError)
    assert (bad.row, bad.field) == (3, None)
    assert "quotation mark" in bad.message
    assert isinstance(first, Row)
    assert isinstance(third, Row)
    assert third.questions == ("三",)


def test_a_quote_that_is_never_closed_is_named_with_the_lines_that_it_swallows() -> None:
    first, bad = read('question,answer\n一,1\n二,"2\n三,3\n四,4\n'.encode())
    assert isinstance(first, Row)
    assert isinstance(bad, RowError)
    assert bad.row == 3
    assert "lines 3 to 5 were not read" in bad.message


def test_jsonl_takes_wordings_as_they_are() -> None:
    row = only('{"id": 7, "question": "a|b", "questions": ["c", "d"], "answer": "答", "tags": ["一"], "x": 1}'.encode())
    assert (row.id, row.questions, row.tags) == ("7", ("a|b", "c", "d"), ("一",))


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{broken", None),
        ("3", None),
        ('{"question": "q", "answer": 3}', "answer"),
        ('{"question": ["q", 3], "answer": "a"}', "question"),
        ('{"questions": {}, "answer": "a"}', "questions"),
        ('{"question": "q", "answer": "a", "id": true}', "id"),
        ('{"question": "q", "answer": "a", "tags": [1]}', "tags"),
        ('{"question": "q", "answer": "a", "valid_from": "soon"}', "valid_from"),
        ('{"question": "q", "answer": "a", "valid_to": "2025-02-30"}', "valid_to"),
    ],
)
def test_a_bad_line_of_jsonl_is_named(line: str, field: str | None) -> None:
    good, bad = read(f'{{"question": "q", "answer": "a"}}\n\n{line}\n'.encode())
    assert isinstance(good, Row)
    assert isinstance(bad, RowError)
    assert (bad.row, bad.field) == (3, field)


def test_a_sheet_gives_numbers_and_dates_as_text() -> None:
    data = sheet(
        ["编号", "问题", "答案", "生效时间", "失效时间"],
        [1001, "多少钱", 12.5, date(2025, 3, 1), datetime(2025, 4, 1, 8, 30)],
        [1002.0, "客服电话", 4001234567, None, None],
    )
    first, second = read(data)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.id, first.answer) == ("1001", "12.5")
    assert first.valid_from == datetime(2025, 2, 28, 16, tzinfo=UTC)
    assert first.valid_to == datetime(2025, 4, 1, 0, 30, tzinfo=UTC)
    assert (second.row, second.id, second.answer) == (3, "1002", "4001234567")


def test_a_formula_is_refused_with_its_cell_and_column() -> None:
    good, bad = read(sheet(["问题", "答案"], ["一", "1"], ["二", '=HYPERLINK("http://x")']))
    assert isinstance(good, Row)
    assert bad == RowError(3, "answer", "the cell holds a formula (B3), not a text")


def test_a_formula_in_a_column_that_no_entry_has_does_no_harm() -> None:
    assert only(sheet(["问题", "答案", "序号"], ["一", "1", "=ROW()"])).answer == "1"


def test_an_error_of_a_sheet_is_refused() -> None:
    assert read(sheet(["问题", "答案"], ["一", "#N/A"])) == [
        RowError(2, "answer", "the cell holds an error (B2), not a text")
    ]


def test_a_merged_header_names_all_its_columns() -> None:
    data = sheet(
        ["门店知识库", None, None, None],
        ["问题", "相似问法", None, "答案"],
        ["一", "二", "三", "答"],
        merge=("A1:D1", "B2:C2"),
    )
    row = only(data)
    assert (row.row, row.questions, row.answer) == (3, ("一", "二", "三"), "答")


def test_a_merged_answer_belongs_to_all_its_rows() -> None:
    data = sheet(
        ["编号", "问题", "答案"], [1, "一", "答"], [None, "二", None], [2, "三", "另"], merge=("A2:A3", "C2:C3")
    )
    rows = read(data)
    assert [(row.id, row.answer) for row in rows if isinstance(row, Row)] == [("1", "答"), ("1", "答"), ("2", "另")]


def test_a_sheet_with_a_wrong_size_is_read_whole() -> None:
    source = zipfile.ZipFile(io.BytesIO(sheet(["问题", "答案"], ["一", "1"])))
    data = io.BytesIO()
    with source, zipfile.ZipFile(data, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'ref="A1:B2"', b'ref="A1"'))
    assert only(data.getvalue()).answer == "1"


def pack(**parts: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pack(word__document_xml=b"<x/>"), "not XLSX"),
        (pack(xl__workbook_xml=b"<x/>"), "broken"),
        (sheet(["问题", "答案"])[:-200], "broken"),
    ],
)
def test_a_broken_sheet_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        read(data)
    assert caught.value.param == "file"


def test_a_book_of_charts_alone_has_no_sheet() -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet().add_chart(BarChart())
    book.remove(book.worksheets[0])
    data = io.BytesIO()
    book.save(data)
    with pytest.raises(BadInput, match="no sheet"):
        read(data.getvalue())


def test_a_part_that_unpacks_to_far_more_is_refused() -> None:
    with pytest.raises(TooLarge, match=f"more than {sheets.MAX_RATIO} times"):
        read(pack(xl__workbook_xml=b"<x/>", bomb_xml=b"0" * 20_000_000))


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(TooLarge, match="at most 1000"):
        read(sheet(["问题", "答案"]))


@pytest.mark.parametrize(
    ("cell", "wordings"),
    [
        ("一|二\n三", ["一", "二", "三"]),
        (" 一 || \n\r\n二|", ["一", "二"]),
        (r"一\|二", ["一|二"]),
        (r"一\\|二", ["一\\", "二"]),
        ("C:\\路径", ["C:\\路径"]),
    ],
)
def test_wordings_in_a_cell_are_separated(cell: str, wordings: list[str]) -> None:
    assert split(cell) == wordings


@pytest.mark.parametrize("wordings", [["a|b", "c"], ["a\\|b"], ["a\\", "b"], ["|", "\\\\|\\"], ["a\u2028b", "c"]])
def test_wordings_come_back_from_a_cell(wordings: list[str]) -> None:
    assert split(join(wordings)) == wordings


@pytest.mark.parametrize("text", ["=1+1", "+86", "-3 度", "@小李", "＝1", "'=1", "''@", "'引用'", "正常", ""])
def test_a_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in tuple("=+-@＝")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-01", datetime(2025, 2, 28, 16, tzinfo=UTC)),  # midnight in China
        ("2025/3/1 8:00", datetime(2025, 3, 1, tzinfo=UTC)),
        ("2025年3月1日", datetime(2025, 2, 28, 16, tzinfo=UTC)),
        ("2025-03-01T08:00:05", datetime(2025, 3, 1, 0, 0, 5, tzinfo=UTC)),
        ("2025-03-01T00:00:00Z", datetime(2025, 3, 1, tzinfo=UTC)),
        ("2025-03-01 00:00:00+00:00", datetime(2025, 3, 1, tzinfo=UTC)),
        ("", None),
    ],
)
def test_a_time_without_a_zone_is_chinese(text: str, expected: datetime | None) -> None:
    assert read_time("valid_from", text) == expected
