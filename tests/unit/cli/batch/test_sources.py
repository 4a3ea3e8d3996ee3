from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nlp_service.cli.batch.chunks import CHUNK_BYTES, CHUNK_ROWS, Chunk, Position
from nlp_service.cli.batch.records import Failure, Record
from nlp_service.cli.batch.sources import MAX_LINE_BYTES, JsonLinesStream, Source, open_source
from nlp_service.errors import BadInput

BEGINNING = Position()


def chunks_of(source: Source, start: Position = BEGINNING) -> list[Chunk]:
    return [chunk for chunk in source.chunks(start) if chunk is not None]


def rows_of(source: Source) -> list[Record | Failure]:
    return [row for chunk in chunks_of(source) for row in chunk.payload if not isinstance(row, int)]


def big_source(folder: Path, kind: str) -> Source:
    """A file of several chunks in each format."""
    path = folder / f"in.{kind}"
    n = 3 * CHUNK_ROWS + 5
    if kind == "jsonl":
        path.write_bytes(b"".join(b'{"id": "%d", "text": "%s"}\n' % (i, b"x" * (i % 400)) for i in range(n)))
    elif kind == "csv":
        path.write_text("text,id\n" + "".join(f'"line\nline",{i}\n' for i in range(n)))
    else:
        table = pa.table({"id": [str(i) for i in range(n)], "text": ["x"] * n})
        pq.write_table(table, path, row_group_size=CHUNK_ROWS + 100)
    return open_source(path, None)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_going_on_from_the_end_of_any_chunk_gives_the_chunks_behind_it(tmp_path: Path, kind: str) -> None:
    source = big_source(tmp_path, kind)
    chunks = chunks_of(source)
    assert len(chunks) >= 3
    for index, chunk in enumerate(chunks):
        assert chunks_of(source, chunk.end) == chunks[index + 1 :]
    assert chunks[-1].end.offset == source.total


def test_lines_are_cut_whole_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join(b"%d\n" % i for i in range(50_000)) + b"last")
    chunks = chunks_of(open_source(path, None))
    assert b"".join(chunk.payload for chunk in chunks if isinstance(chunk.payload, bytes)) == path.read_bytes()
    lines = path.read_bytes().split(b"\n")
    for chunk in chunks:
        assert isinstance(chunk.payload, bytes)
        assert len(chunk.payload) <= CHUNK_BYTES
        assert chunk.payload.startswith(lines[chunk.first_line - 1] + b"\n" if chunk is not chunks[-1] else b"")
    assert chunks[-1].end == Position(path.stat().st_size, 50_001)


def test_an_endless_line_is_passed_over_and_named(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"first\n" + b"x" * (MAX_LINE_BYTES + 3 * CHUNK_BYTES) + b"\nlast\n")
    first, long, last = chunks_of(open_source(path, None))
    assert (first.payload, last.payload, last.first_line) == (b"first\n", b"last\n", 3)
    assert isinstance(long.payload[0], Failure)
    assert (long.payload[0].line, long.payload[0].code) == (2, "too_large")
    assert last.end.offset == path.stat().st_size


def test_csv_records_may_hold_newlines_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes('\ufeff"id",other,text\r\n1,x,"一行\n二行"\r\n\r\n2,y,"say ""hi"""\r\n3,z,\r\n4\r\n'.encode())
    one, two, three, four = rows_of(open_source(path, None))
    assert (one, two, three) == (Record(2, "1", "一行\n二行"), Record(5, "2", 'say "hi"'), Record(6, "3", ""))
    assert isinstance(four, Failure)
    assert (four.line, four.id, four.param) == (7, "4", "text")


def test_a_quote_left_open_in_a_csv_names_the_lines_that_it_swallows(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text('id,text\n1,a\n2,\'"fine\n3,"open\n' + "4,b\n" * 400_000)
    one, two, lost, *rest = rows_of(open_source(path, None))
    assert (one, two) == (Record(2, "1", "a"), Record(3, "2", "'\"fine"))
    assert isinstance(lost, Failure)
    assert (lost.line, lost.code) == (4, "invalid_csv")
    assert f"to {rest[0].line - 1} " in lost.message
    assert rest[-1] == Record(400_004, "4", "b")


def test_bytes_that_are_not_utf8_fail_their_record_only(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"id,text\n1,\xc4\xe3\n2,b\n")
    bad, good = rows_of(open_source(path, None))
    assert isinstance(bad, Failure)
    assert (bad.id, bad.param, good) == ("1", "text", Record(3, "2", "b"))


def test_parquet_rows_keep_ids_and_context(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": [0, 0], "id": [1, 2], "text": ["a", None], "context": [["c"], None]}), path)
    one, two = rows_of(open_source(path, None))
    assert one == Record(1, 1, "a", ("c",))
    assert isinstance(two, Failure)
    assert (two.line, two.id, two.param) == (2, 2, "text")


def test_parquet_text_that_is_not_utf8_fails_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"b"]).buffers())
    pq.write_table(pa.table({"id": ["1", "2"], "text": broken}), path)
    bad, good = rows_of(open_source(path, None))
    assert isinstance(bad, Failure)
    assert (bad.line, bad.param, good) == (1, "text", Record(2, "2", "b"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", b"id,body\n1,a\n", "no column text"),
        ("in.csv", b"", "no column id and no column text"),
        ("in.parquet", b"no parquet", "not a Parquet file"),
        ("in.txt", b"", "--format"),
        ("missing.jsonl", None, "No such file"),
    ],
)
def test_an_input_that_cannot_be_read_is_bad_usage(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        open_source(tmp_path / name, None)


def test_a_folder_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="folder"):
        open_source(tmp_path, None)


def test_the_format_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("id,text\n1,a\n")
    assert rows_of(open_source(path, "csv")) == [Record(2, "1", "a")]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test closed it to end the stream


def test_a_stream_gives_what_it_has_when_the_writer_pauses(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    chunks = JsonLinesStream(reading).chunks(Position())
    os.write(writing, b"one\ntw")
    assert next(chunks) == Chunk(b"one\n", 1, Position(4, 1))
    assert next(chunks) is None
    os.write(writing, b"o\nthree")
    assert next(chunks) == Chunk(b"two\n", 2, Position(8, 2))
    os.close(writing)
    assert list(chunks) == [Chunk(b"three", 3, Position(13, 3))]


def test_a_steady_trickle_does_not_wait_for_a_full_chunk(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(0.01):
            os.write(writing, b"line\n")

    writer = threading.Thread(target=write)
    writer.start()
    begun = time.monotonic()
    chunk = next(JsonLinesStream(reading).chunks(Position()))
    waited_s = time.monotonic() - begun
    is_over.set()
    writer.join()
    assert chunk is not None
    assert waited_s < 2.0  # a full chunk would take two minutes
