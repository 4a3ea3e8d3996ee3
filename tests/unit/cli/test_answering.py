from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nlp_service.cli import app
from nlp_service.knowledge.ways import WAYS

REPOSITORY = Path(__file__).resolve().parents[3]
COFFEE, QUESTIONS = REPOSITORY / "examples" / "kb_coffee.jsonl", REPOSITORY / "examples" / "questions.jsonl"


def run(database: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["kb", *map(str, arguments), "--db", str(database)])


def answer(database: Path, *arguments: object) -> Any:
    done = run(database, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def write(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def coffee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the example, published; tests only read it."""
    database = tmp_path_factory.mktemp("store") / "x.db"
    assert answer(database, "import", COFFEE, "--kb", "coffee")["created"] == 20
    assert answer(database, "publish", "coffee")["version"] == 1
    return database


def test_search_finds_the_entry_of_a_question(coffee: Path) -> None:
    found = answer(coffee, "search", "coffee", "怎么开发票", "--n", 5)["results"]
    assert (len(found), found[0]["entry_id"]) == (5, "order-invoice")
    assert [row["probability"] for row in found] == sorted((row["probability"] for row in found), reverse=True)
    assert answer(coffee, "search", "coffee", "怎么开发票", "--n", 5, "--version", 1)["results"] == found
    in_words = run(coffee, "search", "coffee", "怎么开发票").stdout
    assert in_words.splitlines()[0].endswith("order-invoice  怎么开发票？")
    assert run(coffee, "search", "coffee", "🎉").stdout.strip() == "nothing was found"


def test_evaluate_measures_queries_and_every_way_to_search(coffee: Path) -> None:
    found = answer(coffee, "evaluate", "coffee", "--queries", QUESTIONS)
    figures = found["figures"]
    assert (found["version"], figures["n"], figures["n_answerable"]) == (1, 32, 24)
    assert figures["errors"]["unknown"] == []
    assert figures["hit_at_1"] >= 0.5
    assert found["ways"].keys() == WAYS.keys()
    assert found["ways"]["reranked"]["hit_at_1"] == figures["hit_at_1"]
    assert sum(figures["decisions"].values()) == 32


def test_evaluate_asks_the_wordings_of_the_base_where_nothing_else_is_given(coffee: Path) -> None:
    done = run(coffee, "evaluate", "coffee")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:7]] == ["way", *WAYS]
    assert "126 queries, 63 of them answerable" in lines
    assert answer(coffee, "show", "coffee")["versions"][0]["figures"]["n"] == 126


def test_evaluate_names_lines_that_it_cannot_ask(coffee: Path, tmp_path: Path) -> None:
    queries = write(tmp_path / "q.jsonl", {"id": "a", "text": "几点开门", "entry_id": "store-hours"}, {"id": "b"})
    done = run(coffee, "evaluate", "coffee", "--queries", queries, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["figures"]["n"] == 1
    assert json.loads(done.stderr)["error"]["param"] == "text"


def test_the_draft_is_evaluated_where_it_is_wanted(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    answer(database, "import", COFFEE, "--kb", "coffee")
    assert answer(database, "evaluate", "coffee", "--draft")["version"] is None
    refused = run(database, "evaluate", "coffee")
    assert (refused.exit_code, "nothing of this knowledge base is published yet" in refused.output) == (3, True)


def test_calibrate_keeps_thresholds_with_the_version(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    answer(database, "import", COFFEE, "--kb", "coffee")
    answer(database, "publish", "coffee")
    fitted = answer(database, "calibrate", "coffee", "--precision", 0.8)
    assert fitted["thresholds"]["precision"] == 0.8
    assert answer(database, "show", "coffee")["versions"][0]["calibration"] == fitted
    assert "answers from probability" in run(database, "calibrate", "coffee").stdout


def test_a_worse_draft_needs_force_and_a_reason(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    answer(database, "import", COFFEE, "--kb", "coffee")
    answer(database, "publish", "coffee")
    rows = [json.loads(line) for line in COFFEE.read_text("utf-8").splitlines()]
    for row in rows[:8]:
        row["questions"] = [row["questions"][0], f"嘟噜噜{row['id']}"]
    answer(database, "import", write(tmp_path / "worse.jsonl", *rows), "--kb", "coffee")
    refused = run(database, "publish", "coffee")
    assert refused.exit_code == 3
    assert "the draft answers worse than version 1: hit_at_1" in refused.output
    assert run(database, "publish", "coffee", "--force").exit_code == 2
    assert run(database, "publish", "coffee", "--reason", "看过了").exit_code == 2
    done = answer(database, "publish", "coffee", "--force", "--reason", "看过了")
    assert (done["version"], done["falls"][0]["figure"]) == (2, "hit_at_1")
    assert "看过了" in answer(database, "show", "coffee")["versions"][1]["note"]


def test_publish_asks_queries_of_both_versions(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    single = [
        {"id": "h", "question": "几点开门", "answer": "九点"},
        {"id": "i", "question": "怎么开票", "answer": "吧台"},
    ]
    queries = write(tmp_path / "q.jsonl", {"id": "a", "text": "几点开门", "entry_id": "h"})
    answer(database, "import", write(tmp_path / "kb.jsonl", *single), "--kb", "店")
    assert answer(database, "publish", "店", "--queries", queries)["queries"]["hit_at_1"] == 1.0
    moved = [{**single[0], "question": "停车场在哪"}]
    answer(
        database, "import", write(tmp_path / "kb.jsonl", *moved, {**single[1], "question": "几点开门"}), "--kb", "店"
    )
    refused = run(database, "publish", "店", "--queries", queries)
    assert (refused.exit_code, "hit_at_1 on queries 1.000 to 0.000" in refused.output) == (3, True)
    assert answer(database, "publish", "店", "--queries", queries, "--allowed", 1)["version"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("search", "tea", "x"), 3, "no such knowledge base"),
        (("search", "coffee", "x", "--version", 9), 3, "no version 9"),
        (("evaluate", "coffee", "--queries", "none.jsonl"), 2, "cannot read none.jsonl"),
        (("evaluate", "coffee", "--queries", "/dev/null"), 2, "holds no query"),
        (("calibrate", "coffee", "--precision", 1.5), 2, "--precision"),
        (("publish", "coffee"), 3, "nothing was changed since version 1"),
        (("publish", "coffee", "--allowed", 2), 2, "--allowed"),
    ],
)
def test_what_cannot_be_done_is_said(coffee: Path, arguments: tuple[object, ...], code: int, message: str) -> None:
    done = run(coffee, *arguments)
    assert done.exit_code == code
    assert message in done.output
