from __future__ import annotations

import json
import math
import re

import pytest

from training.scoreboard import Cell, Row, Scoreboard

BOARD = Scoreboard(
    ("fast", "absent"),
    frozenset({"absent"}),
    (
        Row("gold dev", "F1", 7, "BERT .5", {"fast": Cell(0.12345, 0.1, 0.2)}),
        Row("bq", "Spearman", 8, "", {"fast": Cell(math.nan)}),
        Row("zhang_aste", "spans", 9, "", {}),
    ),
)


def test_a_scoreboard_as_markdown() -> None:
    assert BOARD.markdown().splitlines() == [
        "| set | measure | n | fast | absent | published |",
        "| --- | --- | --- | --- | --- | --- |",
        "| gold dev | F1 | 7 | 0.123 (0.100 to 0.200) | not installed | BERT .5 |",
        "| bq | Spearman | 8 | - | not installed | - |",
        "| zhang_aste | spans | 9 | - | not installed | - |",
    ]


def test_a_scoreboard_as_json_has_no_nan() -> None:
    whole = json.loads(BOARD.json(), parse_constant=lambda name: pytest.fail(name))
    assert whole["not_installed"] == ["absent"]
    assert whole["rows"][0]["figures"] == {"fast": {"value": 0.12345, "low": 0.1, "high": 0.2}, "absent": None}
    assert whole["rows"][1]["figures"]["fast"]["value"] is None
    assert whole["rows"][1]["published"] is None


def test_a_scoreboard_for_people_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    BOARD.show()
    assert re.search(r"0\.123 \(0\.100 to 0\.200\) +│ not installed", capsys.readouterr().out)
