from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlp_service.inference.encoder import OnnxEncoder
from nlp_service.inference.heads import N_OUTPUTS, Calibration
from nlp_service.inference.lookup import Lookup
from nlp_service.inference.targets import TARGETS
from nlp_service.text.normalise import normalise_batch
from tests.training.made_up import classifier, examples, learn
from training import export
from training.network import Classifier
from training.tokens import tokenise

EXAMPLES = examples(6)
TEXTS = [example.text for example in EXAMPLES]
LOOKUP = learn(TEXTS)


@pytest.fixture(scope="module")
def model() -> Classifier:
    return classifier(LOOKUP)


@pytest.fixture(scope="module")
def folder(model: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What serving loads of a small random network."""
    folder = tmp_path_factory.mktemp("exported")
    ones = np.ones(N_OUTPUTS, np.float32)
    export.write_encoder(folder, model, LOOKUP, tokenise(EXAMPLES, LOOKUP))
    export.write_heads(folder, model, Calibration(ones, 2 * ones, 3 * ones))
    return folder


def test_the_encoder_and_its_vocabulary_are_those_that_serving_reads(folder: Path) -> None:
    with np.load(folder / "vocabulary.npz") as vocabulary:
        lookup = Lookup(**vocabulary)
    encoder = OnnxEncoder((folder / "encoder.onnx").read_bytes(), lookup)
    runs = list(encoder.encode(normalise_batch(TEXTS)))
    assert sum(len(run.logits) for run in runs) == len(TEXTS)


def test_the_heads_are_those_of_the_encoder(model: Classifier, folder: Path) -> None:
    encoder = OnnxEncoder((folder / "encoder.onnx").read_bytes(), LOOKUP)
    bias = model.heads.bias.detach().numpy()
    with np.load(folder / "heads.npz") as heads:
        for run in encoder.encode(normalise_batch(TEXTS)):
            np.testing.assert_allclose(run.vectors @ heads["weight"] + bias, run.logits, atol=1e-4)


def test_the_heads_have_the_shapes_that_serving_asks_for(folder: Path) -> None:
    with np.load(folder / "heads.npz") as heads:
        assert {name: heads[name].shape for name in heads.files} == {
            "weight": (64, N_OUTPUTS),
            "encoder": (N_OUTPUTS,),
            "linear": (N_OUTPUTS,),
            "bias": (N_OUTPUTS,),
            "target_weight": (64, len(TARGETS)),
            "target_bias": (len(TARGETS),),
        }
        assert {heads[name].dtype for name in heads.files} == {np.dtype(np.float32)}
        assert [heads[name][0] for name in ("encoder", "linear", "bias")] == [1.0, 2.0, 3.0]
