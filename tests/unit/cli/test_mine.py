from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from nlp_service.cli.mine import mine, run_mine
from nlp_service.cli.mining import engine_named, reads_with
from nlp_service.errors import BadInput
from nlp_service.insight.engine.flow import Job
from nlp_service.insight.mining import Parts
from nlp_service.wiring import build_tools
from tests.unit.insight.engine import readers
from tests.unit.insight.engine.inputs import message, write_lines
from tests.unit.insight.test_mining import embed


def make_parts() -> Parts:
    return Parts(embed)


def run(source: Path, output: str, **options: Any) -> dict[str, Any]:
    job = Job(source, source.parent / "out.work", readers.build, {"model": "fake-1"}, zone="UTC", part_bytes=20_000)
    return run_mine(job._replace(**options), output, readers.run_here, make_parts)


def command(*arguments: object) -> Result:
    app = Typer()
    app.command()(mine)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "messages.jsonl", [*(message(n) for n in range(300)), "{"])


def test_a_file_gives_a_document_a_summary_and_the_names_of_bad_lines(source: Path, tmp_path: Path) -> None:
    summary = run(source, str(tmp_path / "out.json"))
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert {"pain_points", "topics", "keywords"} <= set(document)
    assert document["messages"] == summary["messages"] == 300
    assert document["notes"][:2] == ["period_whole", "failed:1"]
    (error,) = map(json.loads, (tmp_path / "out.json.errors.jsonl").read_text().splitlines())
    assert (error["line"], error["error"]["code"]) == (301, "invalid_json")
    assert summary["errors"] == str(tmp_path / "out.json.errors.jsonl")
    assert not (tmp_path / "out.work").exists()


def test_a_folder_has_the_memberships_too(source: Path, tmp_path: Path) -> None:
    run(source, f"{tmp_path}/new/out/")
    found = pq.read_table(tmp_path / "new" / "out" / "memberships.parquet")
    document = json.loads((tmp_path / "new" / "out" / "mining.json").read_bytes())
    ids = sum(len(pain["message_ids"]) for pain in document["pain_points"])
    assert sum(kind in ("pain", "need") for kind in found.column("kind").to_pylist()) == ids


def test_the_same_file_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        run(source, str(tmp_path / name))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_an_empty_period_is_an_honest_document(source: Path, tmp_path: Path) -> None:
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 8, tzinfo=UTC)
    summary = run(source, str(tmp_path / "out.json"), start=start, end=end)
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert (document["messages"], document["people"], document["pain_points"]) == (0, 0, [])
    assert {"no_messages", "no_previous"} <= set(summary["notes"])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["missing.jsonl", "-o", "out.json"], "no file"),
        (["{source}"], "where to"),
        (["{source}", "-o", "out.json", "--engine", "spark"], "engines local and ray"),
        (["{source}", "-o", "out.json", "--from", "soon"], "a date or an ISO 8601 time"),
        (["{source}", "-o", "out.json", "--zone", "Mars/Olympus"], "no time zone"),
        (["{source}", "-o", "out.json", "--from", "2026-03-09", "--to", "2026-03-02"], "ends before it starts"),
        (["{source}", "-o", "out.json", "--taxonomy", "missing.toml"], "cannot read missing.toml"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    arguments: list[str], what: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*(argument.format(source=source) for argument in arguments))
    assert done.exit_code == 2, done.output
    assert what in done.output.replace("\n", " ")


def test_what_workers_read_with_is_named_by_its_content(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("")
    plain = reads_with("fast", "", None, is_stored=False)
    assert reads_with("fast", "", None, is_stored=False) == plain
    changed = reads_with("fast", "", own, is_stored=False)
    assert [name for name in plain if plain[name] != changed[name]] == ["taxonomy"]
    assert "model" not in reads_with("fast", "", None, is_stored=True)


def test_the_tools_of_the_store_load_no_model_and_count_by_names_of_the_taxonomy() -> None:
    tools = build_tools("fast", "", None, True)
    assert tools.analyser is None
    assert tools.canonical is not None
    assert tools.canonical("一个谁也不认识的词") == "一个谁也不认识的词"


def test_engines_have_names() -> None:
    assert callable(engine_named("local"))
    assert callable(engine_named("ray"))
    with pytest.raises(BadInput):
        engine_named("dask")
