from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact
from nlp_service.knowledge.search.model import COVER, FEATURES, FILES, FORMAT, Ranker, SearchModel
from nlp_service.text import normalise

N, HIDDEN = len(FEATURES), 3
PROJECTOR: dict[str, Any] = {
    "skip": np.eye(2, dtype=np.float32),
    "inner": np.zeros((2, 1), np.float32),
    "inner_bias": np.zeros(1, np.float32),
    "outer": np.zeros((1, 2), np.float32),
    "outer_bias": np.zeros(2, np.float32),
}


def weights(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    shapes = {"mean": N, "scale": N, "direct": N, "hidden": (N, HIDDEN), "bias": HIDDEN, "out": HIDDEN}
    drawn = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return drawn | {"scale": np.abs(drawn["scale"]) + 1, "cover": np.arange(len(COVER) + 1, dtype=np.float32)}


def write(folder: Path, **changes: Any) -> Path:
    """A small model folder; `changes` go into the manifest, or take away what is None."""
    words: dict[str, Any] = {
        "words": np.frombuffer("退款\n几点".encode(), np.uint8),
        "vectors": np.array([[127, 0], [0, 127]], np.int8),
        "weights": np.ones(2, np.float32),
    }
    np.savez(folder / "words.npz", **words)
    np.savez(folder / "projector.npz", **PROJECTOR)
    np.savez(folder / "sounds.npz", syllables=np.zeros(8, np.uint16))
    np.savez(folder / "ranker.npz", **weights())
    manifest = {
        "name": "small",
        "version": "3",
        "format": FORMAT,
        "normaliser": normalise.VERSION,
        "features": list(FEATURES),
        "thresholds": {"answer": 0.7, "clarify": 0.3, "margin": 0.05, "precision": 0.9},
    } | changes
    artifact.write_parts(folder, FILES, {key: value for key, value in manifest.items() if value is not None})
    return folder


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    model = SearchModel.load(write(tmp_path))
    assert model.version.startswith("small-3+")
    assert (model.thresholds.answer, model.thresholds.margin) == (0.7, 0.05)
    assert model.words(["几点退款"]) == [[1, 0]]


def test_another_ranker_is_another_version(tmp_path: Path) -> None:
    before = SearchModel.load(write(tmp_path)).version
    np.savez(tmp_path / "ranker.npz", **weights(seed=1))
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    artifact.write_parts(tmp_path, FILES, manifest)
    assert SearchModel.load(tmp_path).version != before


@pytest.mark.parametrize(
    "change",
    [
        {"format": FORMAT + 1},
        {"normaliser": "0"},
        {"features": [*FEATURES[1:], FEATURES[0]]},  # the same ones in another order
        {"thresholds": None},
        {"thresholds": {"answer": 1.5}},
        {"thresholds": {"certainty": 0.5}},
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match=tmp_path.name):
        SearchModel.load(write(tmp_path, **change))


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=name):
        SearchModel.load(tmp_path)


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    np.savez(tmp_path / "ranker.npz", **weights() | {"bias": np.zeros(HIDDEN + 1, np.float32)})
    artifact.write_parts(tmp_path, FILES, json.loads((tmp_path / "manifest.json").read_text("utf-8")))
    with pytest.raises(ArtifactError, match="do not fit together"):
        SearchModel.load(tmp_path)


def test_scores_are_those_of_the_formula() -> None:
    given = weights()
    features = np.random.default_rng(1).normal(size=(5, N)).astype(np.float32)
    z = (features - given["mean"]) / given["scale"]
    expected = z @ given["direct"] + np.tanh(z @ given["hidden"] + given["bias"]) @ given["out"]
    assert Ranker(**given).scores(features) == pytest.approx(expected, rel=1e-5)


def test_cover_is_a_logistic_regression_with_its_constant_last() -> None:
    ranker = Ranker(**weights())
    assert ranker.cover([0.0] * len(COVER)) == pytest.approx(1 / (1 + np.exp(-8.0)))  # the constant is 8
    signs = [0.0, -8.5, *[0.0] * (len(COVER) - 2)]  # the second weight is 1
    assert ranker.cover(signs) == pytest.approx(1 / (1 + np.exp(0.5)))
    assert ranker.cover([0.0, -1e9, *[0.0] * (len(COVER) - 2)]) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", ["mean", "direct", "hidden", "out", "cover"])
def test_a_ranker_of_other_features_is_refused(name: str) -> None:
    given = weights()
    with pytest.raises(ValueError, match="ranker"):
        Ranker(**given | {name: given[name][:-1]})
