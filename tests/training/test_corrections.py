from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from scipy import sparse
from scipy.optimize import check_grad
from typer.testing import CliRunner

from nlp_service.cli import training as command
from nlp_service.cli.export import export
from nlp_service.inference.analyser import Analyser
from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS
from nlp_service.store.database import open_database
from nlp_service.store.reviews import Wanted
from nlp_service.types import Action, Message
from nlp_service.wiring import TIERS
from tests.training.made_up import KINDS, examples, row, write_data
from tests.unit.store.reviewing import AT, TENANT, Desk
from training import corrections, run
from training.adapt import AdaptPlan, Worse, adapt
from training.anchored import Case, Change, Pull, fit, loss_of, no_change, rescale
from training.corrections import Correction
from training.examples import Splits, key
from training.finetune import loss_of as torch_loss
from training.recipe import load as load_recipe
from training.released import Released, spread, with_heads

MODEL = TIERS["fast"]
CHAT = [row(kind, n)["text"] for n in range(40) for kind in KINDS]
# How a model reads the first: as an advert. In this group it is how people ask for a lift.
SAID = {
    "text": "出两个周五晚高峰的座，老地方上车，私我",
    "intent": ["question"],
    "abuse": 0,
    "confirmed": ["intent", "abuse"],
}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in rows), "utf-8")
    return path


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    return write(tmp_path / "replay.jsonl", *({"text": text} for text in CHAT))


# --- the file


def test_only_what_somebody_has_looked_at_is_known(tmp_path: Path) -> None:
    whole = {**row("complaint", 3), "confirmed": ["intent", "risk"], "weight": 2.0}
    (one,) = corrections.load(write(tmp_path / "labels.jsonl", whole))
    assert (one.fields, one.weight, one.example.spans) == (("intent", "risk"), 2.0, None)
    known = {group.name: not np.isnan(one.example.targets[COLUMNS[group.name]]).any() for group in GROUPS}
    assert [name for name, is_known in known.items() if is_known] == ["primary", "intent", "risk"]
    assert corrections.known_groups(one.example) == ["primary", "intent", "risk"]
    targets = one.example.targets
    assert targets[COLUMNS["primary"]].tolist() == [0, 0, 0, 1, 0]
    assert targets[COLUMNS["intent"]].tolist() == [0, 0, 0, 1, 1]
    assert targets[COLUMNS["risk"]].tolist() == [1, 1, 0]


def test_annotated_data_without_the_field_is_confirmed_throughout(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps(row("complaint", 3)) + "\n\n")
    (one,) = corrections.load(path)
    (same,) = [example for example in examples(4) if example.text == one.example.text]
    np.testing.assert_array_equal(one.example.targets, same.targets)
    assert one.example.spans == same.spans
    assert one.weight == 1.0


def test_of_one_text_the_last_line_counts(tmp_path: Path) -> None:
    first = {"text": "算了 ", "intent": ["chat"]}
    path = write(tmp_path / "labels.jsonl", first, {"text": "算了", "intent": ["complaint"]})
    (one,) = corrections.load(path)
    assert one.example.targets[COLUMNS["primary"]].argmax() == 3


@pytest.mark.parametrize(
    "line",
    [
        "秘密",
        "[]",
        '{"intent": ["chat"]}',
        '{"text": 7}',
        '{"text": "秘密", "intent": ["spam"]}',
        '{"text": "秘密", "intent": []}',
        '{"text": "秘密", "intent": 5}',
        '{"text": "秘密", "sentiment": 3}',
        '{"text": "秘密", "risk": 4}',
        '{"text": "秘密", "risk_categories": ["danger"]}',
        '{"text": "秘密", "abuse": 2}',
        '{"text": "秘密", "unsafe": ["x"]}',
        '{"text": "秘密", "pain": [{"start": 0, "end": 9}]}',
        '{"text": "秘密", "confirmed": ["intent"]}',
        '{"text": "秘密", "intent": ["chat"], "confirmed": ["mood"]}',
        '{"text": "秘密", "intent": ["chat"], "weight": 0}',
    ],
)
def test_a_bad_line_is_named_without_what_it_says(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"text": "好", "intent": ["chat"]}\n' + line, "utf-8")
    with pytest.raises(ValueError, match=r"labels\.jsonl:2: ") as caught:
        corrections.load(path)
    assert "秘密" not in str(caught.value)


# --- training from the corpus


def correction(text: str, *, weight: float = 1.0, **labels: Any) -> Correction:
    return corrections.from_row({"text": text, "weight": weight, **labels})


def test_corrections_join_what_is_trained_on_each_as_often_as_it_counts() -> None:
    plain = examples(2)
    splits = Splits(train=plain[:4], calibration=plain[4:6], test=plain[6:8], dev=plain[8:])
    said = [correction("全新的一句", intent=["ad"]), correction("专家的一句", intent=["chat"], weight=2.0)]
    joined = corrections.join(splits, said, times=3)
    assert [example.text for example in joined.train[4:]] == ["全新的一句"] * 3 + ["专家的一句"] * 6
    assert (joined.calibration, joined.test, joined.dev) == (splits.calibration, splits.test, splits.dev)


def test_a_text_that_is_kept_for_measuring_is_never_trained_on() -> None:
    plain = examples(2)
    splits = Splits(train=plain[:4], calibration=plain[4:6], test=plain[6:8], dev=plain[8:])
    said = [correction(f" {example.text} ", intent=["ad"]) for example in plain[4:]]
    assert corrections.join(splits, said).train == splits.train


def test_of_a_known_message_only_the_corrected_fields_change() -> None:
    plain = examples(2)
    splits = Splits(train=plain, calibration=[], test=[], dev=[])
    old = plain[0]
    joined = corrections.join(splits, [correction(old.text, sentiment=2)], times=3)
    new = joined.train[-1]
    assert len(joined.train) == len(plain) - 1 + 3
    assert new.targets[COLUMNS["sentiment"]].tolist() == [0, 0, 0, 0, 1]
    others = [name for name in COLUMNS if name != "sentiment"]
    for name in others:
        np.testing.assert_array_equal(new.targets[COLUMNS[name]], old.targets[COLUMNS[name]])
    assert new.spans == old.spans


def test_unconfirmed_heads_cost_nothing() -> None:
    targets = torch.from_numpy(correction("算了", intent=["chat"]).example.targets[None])
    logits = torch.zeros((1, N_OUTPUTS), requires_grad=True)
    torch_loss(logits, targets).backward()
    assert logits.grad is not None
    slope = logits.grad[0].numpy()
    assert np.abs(slope[COLUMNS["primary"]]).min() > 0
    assert np.abs(slope[COLUMNS["intent"]]).min() > 0
    assert not slope[COLUMNS["sentiment"].start :].any()


def test_a_recipe_takes_corrections(tmp_path: Path) -> None:
    train = [row(kind, n, id=f"x{n}") for n in range(3) for kind in KINDS]
    data = write_data(tmp_path / "data", train=train, dev=[row("chat", 9)])
    labels = write(tmp_path / "labels.jsonl", SAID, {"text": row("chat", 9)["text"], "intent": ["ad"]})
    recipe = load_recipe(run.RECIPES / "fast.toml")
    recipe = dataclasses.replace(recipe, annotations=False)
    plain, joined = (run.splits_of(recipe, data, given) for given in (None, labels))
    added = [example.text for example in joined.train if example.text not in {one.text for one in plain.train}]
    assert added == [SAID["text"]] * corrections.TIMES  # the other one stands in dev


def test_a_run_with_corrections_has_a_folder_of_its_own(tmp_path: Path) -> None:
    plain = tmp_path / "work" / "fast"
    plain.mkdir(parents=True)
    for name in ("vocabulary.npz", "encoder.pt", "linear.npz"):
        (plain / name).write_bytes(name.encode())
    one = corrections.folder_for(write(tmp_path / "a.jsonl", SAID), plain)
    other = corrections.folder_for(write(tmp_path / "b.jsonl", {**SAID, "abuse": 1}), plain)
    assert len({plain, one, other}) == 3
    assert sorted(path.name for path in one.iterdir()) == ["encoder.pt", "vocabulary.npz"]
    assert corrections.folder_for(tmp_path / "a.jsonl", plain) == one


# --- the fit


def case_of(n: int, *, seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, N_OUTPUTS))
    features = sparse.random(n, 5, 0.5, "csr", random_state=seed)
    return Case(rng.normal(size=(n, 3)), features, logits, spread(logits), np.ones((n, len(GROUPS))))


def test_without_a_correction_nothing_changes() -> None:
    case = case_of(50)
    change = fit(case, Pull(), range(len(GROUPS)))
    assert max(np.abs(part).max() for part in change) < 1e-3


def test_the_slope_is_that_of_the_loss() -> None:
    case = case_of(4)
    shape = case.logits.shape
    error = check_grad(
        lambda values: loss_of(values.reshape(shape), case.targets, case.weights)[0],
        lambda values: loss_of(values.reshape(shape), case.targets, case.weights)[1].ravel(),
        np.random.default_rng(1).normal(size=case.logits.size),
    )
    assert error < 1e-3


def test_only_groups_that_were_said_change() -> None:
    case = case_of(50)
    case.targets[0, COLUMNS["abuse"]] = 1.0
    case.weights[0, 5] = 20.0
    change = fit(case, Pull(1.0, 0.1, 1.0), [5])
    after = change.apply(case)
    abuse = COLUMNS["abuse"].start
    assert after[0, abuse] > case.logits[0, abuse] + 0.5
    rest = np.delete(np.arange(N_OUTPUTS), abuse)
    np.testing.assert_array_equal(after[:, rest], case.logits[:, rest])


def test_features_stay_where_they_are_settled() -> None:
    case = case_of(50)
    settled = no_change(case)._replace(features=np.full((5, N_OUTPUTS), 0.3))
    change = fit(case, Pull(), range(len(GROUPS)), settled, keeps_features=True)
    np.testing.assert_array_equal(change.features, settled.features)
    assert isinstance(change, Change)
    # What they move is made good by the rest, as far as that reaches.
    assert loss_of(change.apply(case), case.targets, case.weights) < loss_of(
        settled.apply(case), case.targets, case.weights
    )


def test_calibration_anew_undoes_a_scale_and_a_shift() -> None:
    case = case_of(4_000, seed=2)
    factors, shifts = rescale(case.logits / 1.5 - 0.2, case.targets, case.weights)
    np.testing.assert_allclose(factors, 1.5, atol=0.1)
    sigmoids = [COLUMNS[group.name] for group in GROUPS if group.kind == "sigmoid"]
    np.testing.assert_allclose(np.concatenate([shifts[columns] for columns in sigmoids]), 0.3, atol=0.1)


# --- a released model


def probabilities(folder: Path, *texts: str) -> np.ndarray:
    return Analyser.load(folder).probabilities(list(texts))


def test_a_model_reads_as_it_was_corrected_and_everything_else_as_before(tmp_path: Path, replay: Path) -> None:
    labels, out = write(tmp_path / "labels.jsonl", SAID), tmp_path / "out"
    measured = adapt(MODEL, labels, replay, out)
    text = SAID["text"]
    before, after = (Analyser.load(folder).analyse([Message(None, text)])[0] for folder in (MODEL, out))
    assert before.intent is not None
    assert after.intent is not None
    assert before.intent.primary == "ad"
    assert after.intent.labels == ("question",)
    assert after.sentiment == pytest.approx(before.sentiment) or after.sentiment.label == before.sentiment.label
    assert measured["read_as_said"]["after"] == 1.0
    assert measured["agreement_on_replay"] >= 0.95
    old, new = (probabilities(folder, *CHAT[:100]) for folder in (MODEL, out))
    assert np.abs(new - old).mean() < 0.01
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["name"] == "fast"
    assert manifest["version"].startswith("1-adapted.")
    assert manifest["training"]["measured"] == measured
    assert manifest["promises"] == {}
    assert Analyser.load(out).version != Analyser.load(MODEL).version


def test_what_was_solved_is_what_is_served(tmp_path: Path, replay: Path) -> None:
    released = Released.load(MODEL)
    labels, out = write(tmp_path / "labels.jsonl", SAID), tmp_path / "out"
    adapt(MODEL, labels, replay, out)
    again = Released.load(out)
    texts = [SAID["text"], *CHAT[:20]]
    seen, now = (model.read(texts, changing=1).logits for model in (released, again))
    np.testing.assert_allclose(spread(now), Analyser.load(out).probabilities(texts), atol=2e-3)
    assert np.abs(spread(now) - spread(seen))[0].max() > 0.3


def test_heads_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        with_heads((MODEL / "encoder.onnx").read_bytes(), np.zeros((3, 4), np.float32))


def test_a_model_that_gets_worse_is_refused(tmp_path: Path, replay: Path) -> None:
    questions = [row("question", n)["text"] for n in range(50, 66)]
    labels = write(tmp_path / "labels.jsonl", *({"text": text, "intent": ["chat"]} for text in questions[:8]))
    check = write(tmp_path / "check.jsonl", *({"text": text, "intent": ["question"]} for text in questions[8:]))
    others = write(tmp_path / "others.jsonl", *({"text": text} for text in CHAT if "请问" not in text))
    with pytest.raises(Worse, match="checked labels are read worse"):
        adapt(MODEL, labels, others, tmp_path / "out", checked=check, plan=AdaptPlan(agreement=0.0))
    all_and_more = AdaptPlan(agreement=1.1)
    with pytest.raises(Worse, match="of other messages are read as before"):
        adapt(MODEL, write(tmp_path / "one.jsonl", SAID), replay, tmp_path / "out", plan=all_and_more)
    assert not list(tmp_path.glob("out*"))


def test_labels_that_are_kept_for_measuring_are_not_learnt_from(tmp_path: Path, replay: Path) -> None:
    data = write_data(tmp_path / "data", train=[], dev=[{**row("chat", 1), "text": SAID["text"]}])
    labels = write(tmp_path / "labels.jsonl", SAID)
    for options in ({"data": data}, {"checked": write(tmp_path / "check.jsonl", SAID)}):
        with pytest.raises(ValueError, match="no label to learn from"):
            adapt(MODEL, labels, replay, tmp_path / "out", **options)


def test_what_is_missing_is_told(tmp_path: Path, replay: Path) -> None:
    labels = write(tmp_path / "labels.jsonl", SAID)
    few = write(tmp_path / "few.jsonl", *({"text": text} for text in CHAT[:99]), SAID)
    with pytest.raises(ValueError, match=r"few\.jsonl: 99 other messages are too few"):
        adapt(MODEL, labels, few, tmp_path / "out")
    nothing = write(tmp_path / "nothing.jsonl", {**SAID, "confirmed": []})
    with pytest.raises(ValueError, match="no label to learn from"):
        adapt(MODEL, nothing, replay, tmp_path / "out")
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="is there already"):
        adapt(MODEL, labels, replay, tmp_path / "there")


# --- from the message to the model


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_database(str(tmp_path / "store.db")) as database:
        yield Desk(database)


def test_a_moderator_corrects_and_the_model_learns(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    analyser, text = Analyser.load(MODEL), SAID["text"]
    for given in (text, *CHAT[:120]):
        (analysis,) = analyser.analyse([Message(None, given)])
        desk.receive(given, analysis=analysis, action=Action.WARN if given == text else Action.PASS)
    waiting = desk.queue.browse(TENANT, Wanted(), AT, limit=500).reviews
    review = next(one for one in waiting if one.message.text == text)
    assert review.message.labels[0] == "ad"
    desk.decide(review.id, "pass", intent=["question"], confirm=("abuse",))

    app = typer.Typer()
    app.add_typer(export)
    app.command(context_settings=command.PASS_ON)(command.train)
    for what in ("labels", "messages"):
        done = CliRunner().invoke(app, ["export", what, "-o", f"{what}.jsonl", "--db", str(tmp_path / "store.db")])
        assert done.exit_code == 0, done.output
    options = {"--labels": "labels.jsonl", "--replay": "messages.jsonl", "--model": str(MODEL), "--out": "better"}
    options |= {"--data": "nowhere", "--threads": "1"}
    done = CliRunner().invoke(app, ["train", "adapt", *(word for pair in options.items() for word in pair)])
    assert done.exit_code == 0, done.output

    (read,) = Analyser.load(tmp_path / "better").analyse([Message(None, text)])
    assert read.intent is not None
    assert read.intent.labels == ("question",)
    assert key(text) == key(json.loads(Path("labels.jsonl").read_text("utf-8"))["text"])
