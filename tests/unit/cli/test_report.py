from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from nlp_service.cli.report import report
from nlp_service.insight import mined
from tests.fakes_llm import language_model
from tests.unit.insight.report.made import MINING

app = typer.Typer()
app.command()(report)

AT = "2026-09-14T09:30+08:00"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("NLP_"):
            monkeypatch.delenv(name)
    Path("week.json").write_bytes(mined.to_json(MINING))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def test_the_name_of_the_file_says_the_format() -> None:
    done = run("week.json", "-o", "week.html", "-o", "week.md", "-o", "out.json", "--made-at", AT, "--json")
    assert done.exit_code == 0, done.output
    assert Path("week.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert Path("week.md").read_text("utf-8").startswith("# 社区周报\n")
    assert json.loads(Path("out.json").read_bytes())["made_at"] == "2026-09-14T01:30:00Z"
    assert json.loads(done.stdout)["messages"] == 12_845
    assert sorted(path.name for path in Path().iterdir()) == ["out.json", "week.html", "week.json", "week.md"]


def test_two_runs_give_the_same_file() -> None:
    for name in ("a.md", "b.md"):
        assert run("week.json", "-o", name, "--made-at", AT).exit_code == 0
    assert Path("a.md").read_bytes() == Path("b.md").read_bytes()


def test_english_daily_with_links() -> None:
    Path("week.json").write_bytes(msgspec.json.encode(MINING))
    done = run("week.json", "-o", "day.md", "--daily", "--language", "en", "--base-url", "https://nlp.example.com")
    assert done.exit_code == 0, done.output
    text = Path("day.md").read_text("utf-8")
    assert text.startswith("# Community daily\n")
    assert "https://nlp.example.com/console/messages/1200" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("week.json",),  # no output
        ("week.json", "-o", "week.pdf"),
        ("none.json", "-o", "a.md"),
        ("week.json", "-o", "a.md", "--language", "fr"),
        ("week.json", "-o", "a.md", "--base-url", "javascript:x"),
        ("week.json", "-o", "a.md", "--made-at", "yesterday"),
        ("week.json", "-o", "a.md", "--made-at", "2026-09-14T09:30"),
        ("week.json", "-o", "a.md", "--from", "2026-09-07"),
        ("-o", "a.md"),  # neither a file nor a period
        ("-o", "a.md", "--from", "someday"),
        ("week.json", "-o", "a.md", "--summary"),  # no language model in the settings
    ],
)
def test_bad_usage_is_told_and_nothing_is_written(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert not Path("a.md").exists()


@pytest.mark.parametrize("mode", ["answer", "error", "rubbish"])
def test_a_summary_is_checked_and_a_model_that_fails_changes_nothing(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("week.json", "-o", "plain.md", "--made-at", AT).exit_code == 0
    with language_model("包装漏液有 84 人提到。配送延误有 999 人提到。", mode) as model:
        monkeypatch.setenv("NLP_LLM_URL", model.url)
        monkeypatch.setenv("NLP_LLM_MODEL", "small")
        done = run("week.json", "-o", "a.md", "--made-at", AT, "--summary")
    assert done.exit_code == 0, done.output
    assert len(model.requests) == 1
    text = Path("a.md").read_text("utf-8")
    assert ("包装漏液有 84 人提到。" in text) == (mode == "answer")
    assert "999" not in text
    assert (text == Path("plain.md").read_text("utf-8")) == (mode != "answer")


def test_a_store_without_messages_gives_a_report_that_says_so(tmp_path: Path) -> None:
    done = run("-o", "a.md", "--from", "2026-09-07", "--daily", "--db", f"sqlite:///{tmp_path / 'store.db'}")
    assert done.exit_code == 0, done.output
    text = Path("a.md").read_text("utf-8")
    assert text.startswith("# 社区日报\n\n2026 年 9 月 7 日（周一） · 时区 Asia/Shanghai\n")
    assert "2026 年 9 月 7 日没有消息" in text


def test_a_folder_that_is_not_there_is_told() -> None:
    assert run("week.json", "-o", "none/a.md").exit_code == 3
