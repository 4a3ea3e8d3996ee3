from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nlp_service.wiring import TIERS
from tests.training.made_up import examples, write
from tests.training.made_up_sets import FEELINGS, THINGS, write_sets
from training import evaluate, publicsets
from training.compare import Cache, Comparison, Model, find_models
from training.evaluate import Answers
from training.examples import Example
from training.publicsets import LABEL_SETS, PAIR_SETS, SPAN_SETS
from training.scoreboard import Cell, Row


class Knower:
    """A judge who knows every answer, and counts how often it is asked."""

    name = "knower"

    def __init__(self, truth: dict[str, int], examples: list[Example]) -> None:
        self.version: str | None = "1"
        self.recipe: dict[str, object] = {"pages": 1}
        self.asked: list[str] = []
        self._truth = truth
        self._targets = {example.text: example.targets for example in examples}

    def read(self, train: list[Example], texts: Sequence[str]) -> Answers:
        self.asked.append("gold")
        known = [text for text in texts if text in self._targets]
        said = evaluate.read_chances(np.stack([self._targets[text] for text in known]))
        more = [self._truth[text] for text in texts[len(known) :]]
        assert said.sentiment is not None
        return Answers(primary=said.primary, abuse=said.abuse, sentiment=np.append(said.sentiment, more))

    def classify(
        self, train: Sequence[str], codes: npt.NDArray[np.integer], n_classes: int, texts: Sequence[str]
    ) -> npt.NDArray[np.integer]:
        self.asked.append("label")
        assert not set(train) & set(texts)
        return np.array([self._truth[text] for text in texts])

    def similarities(
        self, known: Sequence[str], first: Sequence[str], second: Sequence[str]
    ) -> npt.NDArray[np.floating]:
        self.asked.append("pairs")
        return np.array([float(a == b) for a, b in zip(first, second, strict=True)])


def run(data: Path, judge: Knower, work: Path) -> list[Row]:
    return Comparison(data, [judge], Cache(work), rounds=5).rows()


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, Knower]:
    data, truth = write_sets(tmp_path / "data")
    return data, Knower(truth, publicsets.gold(data / "gold" / "dev.jsonl.gz"))


def test_who_knows_all_is_right_everywhere(world: tuple[Path, Knower], tmp_path: Path) -> None:
    rows = run(*world, tmp_path / "work")
    answered = [r for r in rows if r.set not in SPAN_SETS]
    assert {r.set for r in answered} == {"gold dev", *(s.name for s in LABEL_SETS), *(s.name for s in PAIR_SETS)}
    assert {r.cells["knower"].value for r in answered} == {1.0}


def test_every_figure_says_how_many_messages_and_those_of_gold_how_sure_they_are(
    world: tuple[Path, Knower], tmp_path: Path
) -> None:
    rows = {(r.set, r.measure): r for r in run(*world, tmp_path / "work")}
    gold = rows["gold dev", "intent, primary, macro-F1"]
    assert (gold.messages, gold.cells["knower"]) == (10, Cell(1.0, 1.0, 1.0))
    assert rows["gold dev", "intent, primary, macro-F1 on a trade never seen (authored-5)"].messages == 5
    assert rows["cold", "learnt label, accuracy"].messages == 4
    assert rows["smp2020_usual", "own sentiment, macro-F1"].messages == 6  # of eight, two are surprised
    assert rows["bq", "similarity, Spearman"].messages == 12


def test_sets_without_a_head_have_a_row_without_figures(world: tuple[Path, Knower], tmp_path: Path) -> None:
    rows = [r for r in run(*world, tmp_path / "work") if r.set in SPAN_SETS]
    assert [(r.set, dict(r.cells), r.messages) for r in rows] == [("zhang_aste", {}, 1), ("diaasq_zh", {}, 1)]


def test_who_takes_no_part_has_no_figure(world: tuple[Path, Knower], tmp_path: Path) -> None:
    class Silent(Knower):
        def classify(self, *asked: Any) -> None:  # type: ignore[override]
            return None

        def similarities(self, *asked: Any) -> None:  # type: ignore[override]
            return None

    data, knower = world
    silent = Silent(dict.fromkeys(knower._truth, 0), publicsets.gold(data / "gold" / "dev.jsonl.gz"))
    silent.name = "silent"
    rows = Comparison(data, [knower, silent], Cache(tmp_path / "work"), rounds=2).rows()
    sets = {r.set for r in rows if "silent" in r.cells}
    assert sets == {"gold dev", *(one.name for one in publicsets.FEELING_SETS)}


def test_who_is_not_installed_is_not_asked(world: tuple[Path, Knower], tmp_path: Path) -> None:
    data, knower = world
    knower.version = None
    rows = run(data, knower, tmp_path / "work")
    assert knower.asked == []
    assert not any(r.cells for r in rows)


def test_a_second_run_asks_nobody_and_says_the_same(world: tuple[Path, Knower], tmp_path: Path) -> None:
    data, knower = world
    first = run(data, knower, tmp_path / "work")
    asked = len(knower.asked)
    assert asked == 1 + len(LABEL_SETS) + 2 * len(PAIR_SETS)
    assert run(data, knower, tmp_path / "work") == first
    assert len(knower.asked) == asked


@pytest.mark.parametrize("changed", ["recipe", "version", "file of the set", "damaged"])
def test_what_has_changed_is_asked_again(world: tuple[Path, Knower], tmp_path: Path, changed: str) -> None:
    data, knower = world
    run(data, knower, tmp_path / "work")
    knower.asked.clear()
    if changed == "recipe":
        knower.recipe = {"pages": 2}
    elif changed == "version":
        knower.version = "2"
    elif changed == "damaged":
        for path in (tmp_path / "work").glob("*.npz"):
            path.write_bytes(path.read_bytes()[:40])
    else:
        write(
            data / "public" / "cold" / "train.jsonl.gz", [{"text": f"cold：新的{i}", "label": "buy"} for i in range(3)]
        )
        write(data / "public" / "cold" / "dev.jsonl.gz", [{"text": f"cold：想买{THINGS[4]}", "label": "buy"}])
    run(data, knower, tmp_path / "work")
    everything = 1 + len(LABEL_SETS) + 2 * len(PAIR_SETS)
    assert len(knower.asked) == (1 if changed == "file of the set" else everything)


def test_models_are_found_by_their_manifest(tmp_path: Path) -> None:
    for name in ("fast", "accurate", "draft"):
        (tmp_path / name).mkdir()
    for name in ("fast", "accurate"):
        (tmp_path / name / "manifest.json").touch()
    assert find_models(tmp_path) == {name: tmp_path / name for name in ("accurate", "fast")}
    with pytest.raises(FileNotFoundError, match="draft holds no model"):
        find_models(tmp_path / "draft")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("fast", TIERS["fast"])


def test_a_model_learns_a_label_from_its_vectors(model: Model) -> None:
    texts = [form.format(thing) for form in FEELINGS.values() for thing in THINGS]
    codes = np.repeat(range(len(FEELINGS)), len(THINGS))
    asked = [form.format("毛毯") for form in FEELINGS.values()]
    assert model.classify(texts, codes, len(FEELINGS), asked).tolist() == [0, 1, 2, 3]
    assert model.classify(texts, np.full(len(texts), 2), len(FEELINGS), asked).tolist() == [2] * 4


def test_a_model_likens_by_its_vectors(model: Model) -> None:
    near = model.similarities([], ["怎么退货", "怎么退货"], ["怎么退货", "今天天气真好呀"])
    assert near[0] == pytest.approx(1.0, abs=1e-5)
    assert near[1] < near[0]


def test_a_model_reads_as_it_serves(model: Model) -> None:
    analyser = evaluate.load("fast", TIERS["fast"].parent)
    texts = ["客服骂人，水壶还漏电，要投诉！", "请问水壶怎么用？"]
    said = model.read([], texts)
    assert said.abuse is not None
    assert said.primary is not None
    assert (said.abuse == evaluate.read_chances(analyser.probabilities(texts)).abuse).all()
    assert said.primary.tolist() == [3, 0]


def test_a_part_of_a_model_is_measured_alone() -> None:
    analyser = evaluate.load("fast", TIERS["fast"].parent)
    messages = [dataclasses.replace(message, source="authored-5") for message in examples(2)]
    parts = {part: evaluate.evaluate_part(analyser, messages, part, rounds=2) for part in evaluate.PARTS}
    assert [figure.name for figure in parts["encoder"]] == [figure.name for figure in parts["linear"]]
    assert [f.value for f in parts["encoder"]] != [f.value for f in parts["linear"]]
    assert not any("pain" in figure.name or "calibration" in figure.name for figure in parts["encoder"])
    assert any("never seen" in figure.name for figure in parts["encoder"])


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(cwd)}
    line = [sys.executable, "-m", "training", "evaluate", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=110, check=False)


def test_the_command_prints_the_table_and_tells_its_progress(repository: Path, tmp_path: Path) -> None:
    data, _ = write_sets(tmp_path / "data")
    done = command(
        *("--all", "--model", "fast", "--data", str(data), "--work", str(tmp_path / "work"), "--rounds", "2", "--json"),
        cwd=repository,
    )
    assert done.returncode == 0, done.stderr
    board = json.loads(done.stdout)
    assert board["judges"] == ["fast", "TF-IDF + LR", "fastText", "SnowNLP"]
    assert all(r["figures"]["fast"] for r in board["rows"] if r["set"] not in SPAN_SETS)
    steps = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"judge", "gold", "cold", "bq"} <= {step["step"] for step in steps}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--all", "--data", "nowhere"], 3, "nowhere: no data folder is here"),
        (["--all", "--part", "encoder"], 2, "--all"),
        (["--all", "--split", "test"], 2, "--all"),
        (["--part", "head"], 2, "--part"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(repository: Path, arguments: list[str], code: int, said: str) -> None:
    done = command(*arguments, cwd=repository)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
