from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from nlp_service.errors import ArtifactError
from nlp_service.inference.analyser import Analyser
from nlp_service.inference.heads import COLUMNS, N_OUTPUTS
from nlp_service.inference.hub.encoder import Checkpoint
from nlp_service.types import Message
from nlp_service.wiring import TIERS, build_reader
from tests.training.made_up import KINDS, examples, row, write_data
from tests.unit.inference.hub.made_up import WIDTH, bert
from training import heads
from training.examples import Example
from training.heads import HeadsPlan, Seen, fit, look
from training.tokens import TAGS

PLAN = HeadsPlan(strength=10.0, steps=60)
MESSAGES = [
    Message("a", "键盘用了21天就坏了，客服还骂人"),
    Message("b", "请问台灯要等7天才能发货吗？"),
    Message("c", ""),
    Message("d", "\ud83d[微笑] \U0001f9ff"),
    Message("e", "水壶用了3天就坏了，客服还骂人。" * 250),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def checkpoint(encoder: Path) -> Checkpoint:
    return Checkpoint(str(encoder))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ids with a t are calibrated on, the others learnt from."""
    part = {"o": range(20), "t": range(20, 32)}
    train = [row(kind, n, id=f"{id}{n}") for id, numbers in part.items() for n in numbers for kind in KINDS]
    return write_data(
        tmp_path_factory.mktemp("data"), train=train, dev=[row(kind, n) for n in range(32, 40) for kind in KINDS]
    )


@pytest.fixture(scope="module")
def fitted(encoder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "own"
    heads.make(str(encoder), data, out, plan=PLAN)
    return out


def refusal(folder: Path, encoder: str | Path = "") -> str:
    with pytest.raises(ArtifactError) as caught:
        build_reader(str(folder), encoder=str(encoder))
    return str(caught.value)


def edited(fitted: Path, folder: Path, **encoder: object) -> Path:
    """A copy whose manifest says something else of the encoder."""
    copy = Path(shutil.copytree(fitted, folder / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    manifest["encoder"] |= encoder
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return copy


def test_what_was_fitted_is_served(fitted: Path) -> None:
    answers = build_reader(str(fitted)).read(MESSAGES)
    complaint, question, nothing, *_ = answers
    assert [answer.id for answer in answers] == list("abcde")
    assert complaint.intent is not None
    assert complaint.intent.primary == "complaint"
    assert (complaint.risk.level, complaint.abuse.flagged) == (2, True)
    assert complaint.verdict is not None
    assert question.intent is not None
    assert question.intent.primary == "question"
    assert nothing.evidence == ()


def test_evidence_and_pains_are_characters_of_the_message(fitted: Path) -> None:
    answers = Analyser.load(fitted).analyse(MESSAGES)
    shown = [(item.span, message.text) for a, message in zip(answers, MESSAGES, strict=True) for item in a.evidence]
    shown += [(pain.span, message.text) for a, message in zip(answers, MESSAGES, strict=True) for pain in a.pain]
    assert all(span.text == text[span.start : span.end] for span, text in shown)
    assert any(item.label == "intent.complaint" for item in answers[0].evidence)
    assert any("键盘" in pain.span.text for pain in answers[0].pain)


def test_the_setting_names_the_same_checkpoint_elsewhere(fitted: Path, encoder: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(encoder, tmp_path / "moved")
    gone = edited(fitted, tmp_path, name="/no/longer/there")
    assert "/no/longer/there: no such folder" in refusal(gone)
    assert build_reader(str(gone), encoder=str(moved)).read(MESSAGES) == build_reader(str(fitted)).read(MESSAGES)


def test_the_manifest_says_what_the_heads_were_fitted_on(fitted: Path, checkpoint: Checkpoint) -> None:
    manifest = json.loads((fitted / "manifest.json").read_text("utf-8"))
    assert manifest["encoder"] == checkpoint.identity
    assert manifest["training"]["messages"] == {"train": 100, "calibration": 60}
    assert sorted(manifest["files"]) == ["heads.npz", "linear.npz"]
    weights = manifest["files"]["heads.npz"]["sha256"][:8]
    assert Analyser.load(fitted).version == f"own-1+{weights}"


def test_heads_of_another_checkpoint_are_refused(fitted: Path, tmp_path: Path) -> None:
    said = refusal(fitted, bert(tmp_path, seed=3))
    assert str(tmp_path) in said
    assert f"not the checkpoint that the heads in {fitted} were fitted on" in said


def test_heads_of_another_width_are_refused_with_both(fitted: Path, tmp_path: Path) -> None:
    said = refusal(fitted, bert(tmp_path, width=8))
    assert f"have 8 numbers, the heads in {fitted} were fitted on {WIDTH}" in said
    assert "NLP_ENCODER" in said


def test_a_model_with_an_encoder_of_its_own_takes_no_other(encoder: Path) -> None:
    said = refusal(TIERS["fast"], encoder)
    assert said.startswith(f"{TIERS['fast']}: this model has an encoder of its own")
    assert "NLP_MODEL" in said


def test_a_manifest_that_does_not_say_which_encoder_is_refused(fitted: Path, tmp_path: Path) -> None:
    copy = edited(fitted, tmp_path)
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    for wrong in ("somebody/small", {"name": "somebody/small"}):
        (copy / "manifest.json").write_text(json.dumps(manifest | {"encoder": wrong}), "utf-8")
        assert "its encoder needs a name, a width and a sha256" in refusal(copy)


@pytest.mark.parametrize("name", ["heads.npz", "linear.npz"])
def test_damaged_files_are_named(fitted: Path, tmp_path: Path, name: str) -> None:
    copy = edited(fitted, tmp_path)
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-1])
    assert f"{copy / name}: damaged" in refusal(copy)


def test_a_limited_run_learns_from_as_many(
    encoder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads.make(str(encoder), data, tmp_path / "out", limit=40, plan=HeadsPlan(steps=2))
    steps = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert (steps[0]["train"], steps[0]["calibration"]) == (40, 40)
    assert [step["step"] for step in steps] == ["checkpoint", "seen", "fitted", "written"]


def test_units_are_kept_with_their_tags_and_pains_with_their_means(checkpoint: Checkpoint) -> None:
    (complaint,) = [example for example in examples(1) if example.spans]
    seen = look(checkpoint, [complaint, Example("早上好", "street")], PLAN)
    assert seen.vectors.shape == (2, WIDTH)
    assert [TAGS[tag] for tag in seen.tags[:3]] == ["begin", "inside", "outside"]
    assert seen.row.tolist() == [0] * len(complaint.text)  # of the other message nobody said where its pains are
    np.testing.assert_allclose(seen.means, seen.states[:2].mean(0, keepdims=True), atol=1e-6)


def test_no_more_states_are_kept_than_the_plan_says(checkpoint: Checkpoint) -> None:
    messages = examples(4)
    few = look(checkpoint, messages, HeadsPlan(numbers=60 * WIDTH))
    assert 0 < len(few.states) <= 60
    assert len(few.vectors) == len(messages)


def made_up_seen(n: int = 60) -> Seen:
    rng = np.random.default_rng(0)
    vectors = rng.normal(3.0, 5.0, size=(n, 4)).astype(np.float32)
    states = rng.normal(size=(n, 4)).astype(np.float32)
    tags = (states[:, 0] > 0).astype(np.int64)
    return Seen(vectors, states, np.arange(n), tags, states[:0], tags[:0])


def test_what_nobody_labelled_is_left_out() -> None:
    seen = made_up_seen()
    targets = np.full((60, N_OUTPUTS), np.nan, np.float32)
    abuse = COLUMNS["abuse"].start
    targets[:, abuse] = seen.vectors[:, 1] > 3.0
    targets[::3] = np.nan
    found = fit(seen, targets, HeadsPlan(strength=100.0))
    logits = seen.vectors @ found["weight"] + found["head_bias"]
    others = np.arange(N_OUTPUTS) != abuse
    assert ((logits[:, abuse] > 0) == (seen.vectors[:, 1] > 3.0)).mean() > 0.95
    assert np.abs(found["weight"][:, others]).max() < 1e-6


def test_tags_are_told_from_states_and_vectors() -> None:
    seen = made_up_seen()
    found = fit(seen, np.full((60, N_OUTPUTS), np.nan, np.float32), HeadsPlan(strength=100.0))
    shared = (seen.vectors @ found["tags_vector"])[seen.row]
    guess = (seen.states @ found["tags_weight"] + shared + found["tags_bias"]).argmax(1)
    assert (guess == seen.tags).mean() > 0.95


def test_without_an_annotated_pain_no_target_is_likelier_than_another() -> None:
    found = fit(made_up_seen(), np.full((60, N_OUTPUTS), np.nan, np.float32), HeadsPlan(steps=1))
    assert not found["target_weight"].any()
    assert not found["target_bias"].any()


def test_stronger_regularisation_makes_smaller_weights() -> None:
    seen = made_up_seen()
    targets = np.full((60, N_OUTPUTS), np.nan, np.float32)
    targets[:, COLUMNS["abuse"].start] = seen.vectors[:, 1] > 3.0
    sizes = [np.abs(fit(seen, targets, HeadsPlan(strength=s))["weight"]).sum() for s in (0.001, 0.1, 10.0)]
    assert all(small < large for small, large in itertools.pairwise(sizes))


def test_the_same_data_gives_the_same_heads() -> None:
    torch.manual_seed(1)
    seen, targets = made_up_seen(), np.full((60, N_OUTPUTS), np.nan, np.float32)
    one, other = (fit(seen, targets, HeadsPlan(steps=5)) for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)
