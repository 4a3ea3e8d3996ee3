from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlp_service.cli.batch.chunks import Answers, Chunk, Position
from nlp_service.cli.batch.ledger import FileLedger
from nlp_service.cli.batch.outputs import Paths
from nlp_service.errors import BadInput, ServiceError

RUN: dict[str, str | int | bool] = {"model": "fake-1", "input": "100 1 abc"}


def open_ledger(folder: Path, run: dict[str, str | int | bool] = RUN, *, is_fresh: bool = False) -> FileLedger:
    paths = Paths(folder / "out.jsonl", is_parquet=False)
    return FileLedger(paths, run, is_table=False, is_resumable=True, is_fresh=is_fresh)


def chunk(number: int) -> tuple[Chunk, Answers]:
    return Chunk((), number, Position(10 * number, number)), Answers(b"o%d\n" % number, b"e%d\n" % number, 1, 1)


def leave_unfinished(folder: Path) -> None:
    ledger = open_ledger(folder)
    ledger.add(*chunk(1))
    ledger.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)


def test_a_finished_run_leaves_output_and_errors_only(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.add(*chunk(1))
        ledger.finish()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "out.jsonl": "o1\n",
        "out.jsonl.errors.jsonl": "e1\n",
    }


def test_no_errors_leave_no_file(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.errors.jsonl").write_text("of an earlier run")
    with open_ledger(tmp_path) as ledger:
        ledger.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    leave_unfinished(tmp_path)
    # What a crash can leave behind the last record: half a chunk.
    with (tmp_path / "out.jsonl").open("a") as output, (tmp_path / "out.jsonl.errors.jsonl").open("a") as errors:
        output.write("o2 half")
        errors.write("e2 half")
    with open_ledger(tmp_path) as ledger:
        assert ledger.progress.position == Position(10, 1)
        ledger.add(*chunk(2))
        ledger.finish()
    assert (tmp_path / "out.jsonl").read_text() == "o1\no2\n"
    assert (tmp_path / "out.jsonl.errors.jsonl").read_text() == "e1\ne2\n"
    assert (ledger.progress.done, ledger.progress.failed) == (2, 2)


def test_another_model_or_input_is_refused_by_name(tmp_path: Path) -> None:
    leave_unfinished(tmp_path)
    with pytest.raises(BadInput, match=r"another input, model: use --fresh"):
        open_ledger(tmp_path, {"model": "fake-2", "input": "101 1 abc"})
    assert (tmp_path / "out.jsonl").read_text() == "o1\n"


def test_fresh_begins_again(tmp_path: Path) -> None:
    leave_unfinished(tmp_path)
    with open_ledger(tmp_path, {"model": "fake-2"}, is_fresh=True) as ledger:
        assert ledger.progress.position == Position()
        ledger.finish()
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_a_finished_output_is_written_anew(tmp_path: Path) -> None:
    for number in (1, 2):
        with open_ledger(tmp_path) as ledger:
            ledger.add(*chunk(number))
            ledger.finish()
    assert (tmp_path / "out.jsonl").read_text() == "o2\n"


def test_an_output_that_lost_lines_is_refused(tmp_path: Path) -> None:
    leave_unfinished(tmp_path)
    (tmp_path / "out.jsonl").write_text("o")
    with pytest.raises(BadInput, match="shorter"):
        open_ledger(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", '{"run": {}, "offset": "x"}', "\xff"])
def test_a_damaged_record_is_refused(tmp_path: Path, content: str) -> None:
    leave_unfinished(tmp_path)
    (tmp_path / "out.jsonl.progress.json").write_text(content, encoding="latin-1")
    with pytest.raises(BadInput, match="--fresh"):
        open_ledger(tmp_path)


def test_two_runs_do_not_write_one_output(tmp_path: Path) -> None:
    with open_ledger(tmp_path), pytest.raises(BadInput, match="another run"):
        open_ledger(tmp_path)


def test_an_output_in_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"cannot write .*out\.jsonl: No such file"):
        open_ledger(tmp_path / "missing")


def test_the_record_is_json_that_names_the_place(tmp_path: Path) -> None:
    leave_unfinished(tmp_path)
    record = json.loads((tmp_path / "out.jsonl.progress.json").read_text())
    assert (record["offset"], record["output_bytes"], record["error_bytes"]) == (10, 3, 3)


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.errors.jsonl", "out.jsonl.progress.json"])
def test_the_input_is_never_written_over(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    source.write_text("precious")
    with pytest.raises(BadInput, match="is the input"):
        Paths(tmp_path / "out.jsonl", is_parquet=False).refuse(source)
