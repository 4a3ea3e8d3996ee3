"""The shipped model on annotated messages that it never learnt from; the card must say what the model does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nlp_service.wiring import TIERS
from training import evaluate, examples

FLOORS = {
    "intent, primary, macro-F1": 0.82,
    "intent, all labels, mean average precision": 0.885,
    "sentiment, three-way, macro-F1": 0.76,
    "risk >= 1, average precision": 0.82,
    "risk >= 2, average precision": 0.78,
    "abuse, average precision": 0.79,
    "pain spans, F1 at overlap 0.5": 0.53,
}
MAX_CALIBRATION_ERROR = 0.05


@pytest.fixture(scope="module")
def figures(shared_data: Path) -> dict[str, evaluate.Figure]:
    analyser = evaluate.load("fast", TIERS["fast"].parent)
    messages = examples.gold(shared_data / "gold" / "dev.jsonl.gz")
    return {figure.name: figure for figure in evaluate.evaluate(analyser, messages, rounds=2)}


@pytest.mark.parametrize("name", FLOORS)
def test_quality_on_dev_does_not_fall(figures: dict[str, evaluate.Figure], name: str) -> None:
    assert figures[name].value >= FLOORS[name]


def test_every_head_is_calibrated(figures: dict[str, evaluate.Figure]) -> None:
    errors = {name: figure.value for name, figure in figures.items() if "calibration error" in name}
    assert len(errors) == 7
    assert max(errors.values()) <= MAX_CALIBRATION_ERROR, errors


def test_the_model_card_says_what_evaluate_says(figures: dict[str, evaluate.Figure]) -> None:
    card = (TIERS["fast"] / "MODEL_CARD.md").read_text("utf-8")
    dev = card.split("## Figures on gold dev")[1].split("test split")[0]
    said = dict(re.findall(r"^\| (.+?) \| (\d\.\d{3}) \|", dev, re.MULTILINE))
    assert said == {name: f"{figure.value:.3f}" for name, figure in figures.items()}
