from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nlp_service.cli import app

GOOD = {"id": "1", "question": "几点开门", "answer": "九点"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["kb", *map(str, arguments)])


def answer(*arguments: object) -> object:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def write(*rows: dict[str, object]) -> Path:
    folder = Path("files")
    folder.mkdir(exist_ok=True)
    path = folder / "entries.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_base_goes_from_import_to_rollback() -> None:
    assert answer("import", write(GOOD), "--kb", "店") == {
        "rows": 1, "created": 1, "changed": 0, "unchanged": 0, "failed": [], "is_written": True, "ignored": []
    }  # fmt: skip
    assert answer("diff", "店") == {"added": ["1"], "removed": [], "changed": []}
    assert answer("publish", "店", "--author", "小李")["version"] == 1
    answer("import", write(GOOD | {"answer": "十点"}), "--kb", "店")
    assert answer("diff", "店") == {"added": [], "removed": [], "changed": [{"entry_id": "1", "fields": ["answer"]}]}
    assert answer("publish", "店")["version"] == 2
    assert answer("rollback", "店", 1) == {"version": 3}
    assert answer("diff", "店", "--from", 1, "--to", 3) == {"added": [], "removed": [], "changed": []}
    assert answer("export", "店", "-o", "out.csv") == {"entries": 1, "output": "out.csv"}
    assert "九点" in Path("out.csv").read_text("utf-8-sig")
    shown = answer("show", "店")
    assert (shown["entries"], shown["unpublished"], len(shown["versions"])) == (1, 0, 3)
    assert [base["name"] for base in answer("list")["bases"]] == ["店"]
    assert Path("data/nlp_service.db").exists()


def test_bad_rows_are_named_beside_the_working_directory() -> None:
    done = run("import", write(GOOD, {"id": "2", "question": "秘密"}), "--kb", "店")
    assert done.exit_code == 1
    assert "1 rows failed, see entries.jsonl.errors.jsonl" in done.stdout
    errors = Path("entries.jsonl.errors.jsonl")
    assert json.loads(errors.read_text()) == {
        "line": 2, "error": {"code": "invalid_input", "message": "answer must not be empty", "param": "answer"}
    }  # fmt: skip
    assert run("import", write(GOOD), "--kb", "店").exit_code == 0
    assert not errors.exists()


def test_all_or_nothing_writes_nothing() -> None:
    done = run("import", write(GOOD, {"id": "2"}), "--kb", "店", "--all-or-nothing")
    assert done.exit_code == 1
    assert "nothing was written" in done.stdout
    assert answer("list") == {"bases": []}


def test_the_database_can_be_another(tmp_path: Path) -> None:
    answer("import", write(GOOD), "--kb", "店", "--db", f"sqlite:///{tmp_path / 'other.db'}")
    assert answer("list") == {"bases": []}
    assert len(answer("list", "--db", tmp_path / "other.db")["bases"]) == 1


def test_tenants_are_apart() -> None:
    answer("import", write(GOOD), "--kb", "店", "--tenant", "a")
    assert run("show", "店").exit_code == 3
    assert run("show", "店", "--tenant", "a").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("import", "none.csv", "--kb", "店"), 2, "cannot be read"),
        (("import", "none.csv"), 2, "--kb"),
        (("list", "--db", "mysql://x/y"), 2, "SQLite or PostgreSQL"),
        (("publish", "店"), 3, "no such knowledge base"),
        (("export", "店", "-o", "x.pdf"), 2, "must end with"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], code: int, message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == code
    assert message in done.output


def test_publishing_without_a_change_is_refused() -> None:
    answer("import", write(GOOD), "--kb", "店")
    answer("publish", "店")
    done = run("publish", "店")
    assert done.exit_code == 3
    assert "nothing was changed since version 1" in done.output
