from __future__ import annotations

import json
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nlp_service.errors import ArtifactError, BadInput, NotReady, ServiceError
from nlp_service.insight.engine.flow import Job, Read, read_facts
from nlp_service.insight.engine.local import Run, run_local
from nlp_service.insight.engine.work import Work
from nlp_service.insight.facts import FACTS
from tests.fakes import BROKEN
from tests.unit.insight.engine import readers
from tests.unit.insight.engine.inputs import NOON, message, write_lines

PART = 20_000
"""Bytes; some eighty messages."""


def run(source: Path, work: Path, engine: Run = readers.run_here, **options: Any) -> Read:
    job = Job(source, work, readers.build, {"model": "fake-1"}, zone="UTC", n_workers=2, part_bytes=PART)
    return read_facts(job._replace(**options), engine, lambda *_: None, work.with_suffix(".errors.jsonl"))


def files_of(work: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(work.glob("part-*"))}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows: list[Any] = [message(n) for n in range(400)]
    rows[250:250] = ["{", message(3), message(399, text=BROKEN)]
    return write_lines(tmp_path / "messages.jsonl", rows)


def test_facts_are_ordered_and_each_message_is_there_once(source: Path, tmp_path: Path) -> None:
    read = run(source, tmp_path / "work")
    assert read.facts.schema.equals(FACTS)
    assert read.facts.column("id").to_pylist() == [f"m{n:05}" for n in range(400)]
    assert read.facts.column("at").to_pylist()[0] == NOON
    assert read.notes == ("period_whole", "duplicates:1", "failed:2")
    assert (read.model_version, read.messages, read.failed) == ("fake-1", 401, 2)
    errors = [json.loads(line) for line in (tmp_path / "work.errors.jsonl").read_text().splitlines()]
    assert [(error["line"], error["error"]["code"]) for error in errors] == [(251, "invalid_json"), (253, "internal")]


def test_two_processes_write_the_same_bytes_as_none(source: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(source, one).facts.equals(run(source, two, run_local, n_workers=2).facts)
    assert files_of(one) == files_of(two)
    assert len(files_of(one)) > 6


def test_a_killed_worker_is_replaced_and_changes_nothing(source: Path, tmp_path: Path) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    run(source, calm)
    run(source, stormy, run_local, build=readers.dying_once(tmp_path, "第 200 条"))
    assert (tmp_path / "died").exists()
    assert files_of(stormy) == files_of(calm)


def test_a_part_that_kills_every_worker_stops_the_run_and_what_is_done_stays(source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with pytest.raises(NotReady, match="two workers died"):
        run(source, work, run_local, build=readers.dying_always("第 390 条"))
    made = files_of(work)
    assert made
    made_at = {name: (work / name).stat().st_mtime_ns for name in made}
    seen: list[tuple[int, int, int]] = []
    job = Job(source, work, readers.build, {"model": "fake-1"}, zone="UTC", n_workers=2, part_bytes=PART)
    read = read_facts(job, readers.run_here, lambda *told: seen.append(told))
    assert read.facts.num_rows == 400
    assert seen[0][0] == sum(name.endswith(".parquet") for name in made)  # as many were not made again
    assert {name: (work / name).stat().st_mtime_ns for name in made} == made_at


def test_a_folder_of_another_run_is_refused_and_named(source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    run(source, work)
    with pytest.raises(BadInput, match="another model"):
        run(source, work, reads_with={"model": "fake-2"})
    with pytest.raises(BadInput, match="another cut of the input"):
        run(source, work, part_bytes=PART * 2)
    assert run(source, work, reads_with={"model": "fake-2"}, is_fresh=True).facts.num_rows == 400


def test_a_folder_with_other_files_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all I have")
    with pytest.raises(BadInput, match="not a work folder"):
        run(source, tmp_path / "mine", is_fresh=True)


def test_two_runs_do_not_share_a_folder(source: Path, tmp_path: Path) -> None:
    with Work(tmp_path / "work").opened({}, [], is_fresh=False), pytest.raises(BadInput, match="another run"):
        run(source, tmp_path / "work")


def test_a_model_that_cannot_be_loaded_says_why(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="sha256"):
        run(source, tmp_path / "work", run_local, build=readers.build_damaged)


def test_a_damaged_part_is_named(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "work")
    (tmp_path / "work" / "part-000001.parquet").write_bytes(b"PAR1")
    with pytest.raises(ServiceError, match="part-000001"):
        run(source, tmp_path / "work")


def test_only_what_the_period_needs_is_read(tmp_path: Path) -> None:
    days = [message(n, sent_at=(NOON + timedelta(days=n)).isoformat()) for n in range(100)]
    source = write_lines(tmp_path / "a.jsonl", days)
    start = (NOON + timedelta(days=90)).replace(hour=0)
    read = run(source, tmp_path / "work", start=start, end=start + timedelta(days=7))
    assert read.facts.column("id").to_pylist() == [f"m{n:05}" for n in range(55, 97)]  # five weeks and one
    assert read.messages == 42


def test_without_a_period_the_last_full_days_of_a_long_file_are_looked_at(tmp_path: Path) -> None:
    days = [message(n, sent_at=(NOON + timedelta(days=n)).isoformat()) for n in range(100)]
    read = run(write_lines(tmp_path / "a.jsonl", days), tmp_path / "work")
    assert read.choice.period.end == (NOON + timedelta(days=99)).replace(hour=0)
    assert read.messages == 100
    assert read.facts.num_rows == 42


def test_messages_without_any_time_are_one_period_and_it_is_said(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [{"id": n, "text": "早"} for n in range(3)])
    read = run(source, tmp_path / "work")
    assert read.facts.column("id").to_pylist() == ["0", "1", "2"]
    assert read.notes == ("undated_all", "undated:3")


def test_some_messages_without_a_time_are_in_no_period_and_counted(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [message(0), message(1, sent_at=None)])
    read = run(source, tmp_path / "work")
    assert read.facts.column("id").to_pylist() == ["m00000"]
    assert read.notes == ("period_whole", "undated:1")


def test_an_empty_file_has_no_facts_and_no_period_of_its_own(tmp_path: Path) -> None:
    read = run(write_lines(tmp_path / "a.jsonl", []), tmp_path / "work")
    assert (read.facts.num_rows, read.notes, read.model_version) == (0, (), "")
    assert read.facts.schema.equals(FACTS)


def test_the_last_edit_of_a_message_counts(tmp_path: Path) -> None:
    edits = [
        message(1, text="一改", edited_at="2026-03-03T00:00:00Z"),
        message(1, text="二改", edited_at="2026-03-04T00:00:00Z"),
        message(1, text="原文"),
        message(1, text="别处", platform="wechat"),
    ]
    facts = run(write_lines(tmp_path / "a.jsonl", edits), tmp_path / "work").facts
    found = zip(facts.column("platform").to_pylist(), facts.column("text").to_pylist(), strict=True)
    assert list(found) == [("qq", "二改"), ("wechat", "别处")]


def test_times_of_mixed_zones_are_one_order(tmp_path: Path) -> None:
    times = ["2026-03-02T20:00:00+08:00", "2026-03-02T11:00:00Z", "2026-03-02 12:30:00", "2026-03-02T07:15:00-05:00"]
    rows = [message(n, sent_at=time) for n, time in enumerate(times)]
    facts = run(write_lines(tmp_path / "a.jsonl", rows), tmp_path / "work").facts
    assert facts.column("id").to_pylist() == ["m00001", "m00000", "m00003", "m00002"]
    assert all(at.tzinfo is not None and at.astimezone(UTC) == at for at in facts.column("at").to_pylist())


def test_what_is_gathered_of_many_parts_has_names_as_one_dictionary(source: Path, tmp_path: Path) -> None:
    facts = run(source, tmp_path / "work").facts
    channels = facts.column("channel")
    assert channels.num_chunks == 1
    assert sorted(channels.chunk(0).dictionary.to_pylist()) == ["room-0", "room-1", "room-2"]
    assert isinstance(channels.type, pa.DictionaryType)
