from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS
from nlp_service.inference.lookup import Lookup
from tests.training.made_up import KINDS, classifier, learn, row, weights
from training.examples import Example
from training.finetune import Classifier, pad, tokenise
from training.graph import EncoderWeights, build, table_scale

TEXTS = [row(kind, n)["text"] for n in range(12) for kind in KINDS] + ["好", "", "不认识的字[微笑]ok"]


class Made(NamedTuple):
    """A random network, as torch and as ONNX Runtime have it."""

    lookup: Lookup
    model: Classifier
    weights: EncoderWeights
    session: ort.InferenceSession


@pytest.fixture(scope="module")
def made() -> Made:
    lookup = learn(TEXTS[:40])
    model = classifier(lookup)
    with torch.no_grad():
        for layer in (model.heads, model.tags, model.tags_vector, model.encoder.attend):
            layer.weight.mul_(4.0)  # as far apart as trained logits are
    found = weights(model, lookup, TEXTS)
    return Made(lookup, model, found, session(found))


def session(found: EncoderWeights) -> ort.InferenceSession:
    graph = build(found)
    onnx.checker.check_model(graph)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def arrays(lookup: Lookup, texts: list[str], longest: int = 0) -> tuple[np.ndarray, np.ndarray]:
    ids = pad([*tokenise([Example(text, "street") for text in texts], lookup).ids, np.zeros(longest, np.int64)])[:-1]
    return ids, lookup.pair_ids(ids)


def exported(made: Made, texts: list[str], longest: int = 0) -> dict[str, np.ndarray]:
    ids, pairs = arrays(made.lookup, texts, longest)
    names = [output.name for output in made.session.get_outputs()]
    return dict(zip(names, made.session.run(names, {"units": ids, "pairs": pairs}), strict=True))


@torch.no_grad()
def trained(made: Made, texts: list[str]) -> dict[str, np.ndarray]:
    ids, pairs = arrays(made.lookup, texts)
    outputs = made.model(torch.from_numpy(ids), torch.from_numpy(pairs))
    return {name: value.numpy() for name, value in zip(("logits", "vector", "tags", "states"), outputs, strict=True)}


def test_outputs_have_the_shapes_that_they_say(made: Made) -> None:
    found = exported(made, ["快递没到", "好"])
    assert {name: value.shape for name, value in found.items()} == {
        "logits": (2, N_OUTPUTS),
        "vector": (2, 64),
        "contributions": (2, 4, N_OUTPUTS),
        "tags": (2, 4, 3),
        "states": (2, 4, 64),
    }
    assert all(value.dtype == np.float32 for value in found.values())


@pytest.mark.parametrize("name", ["logits", "vector", "tags", "states"])
def test_eight_bits_say_about_the_same_as_floats(made: Made, name: str) -> None:
    one, other = trained(made, TEXTS)[name], exported(made, TEXTS)[name]
    if name in ("tags", "states"):
        inside = arrays(made.lookup, TEXTS)[0] > 0
        one, other = one[inside], other[inside]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99
    assert np.sqrt(np.mean((one - other) ** 2)) < 0.1 * one.std()


def test_eight_bits_give_mostly_the_same_labels(made: Made) -> None:
    one, other = trained(made, TEXTS)["logits"], exported(made, TEXTS)["logits"]
    for group in GROUPS:
        columns = COLUMNS[group.name]
        z, y = one[:, columns], other[:, columns]
        same = z.argmax(1) == y.argmax(1) if group.kind == "softmax" else (z > 0) == (y > 0)
        assert same.mean() > 0.9, group.name


@pytest.mark.parametrize("name", ["logits", "vector", "contributions", "tags", "states"])
def test_a_text_does_not_depend_on_those_beside_it(made: Made, name: str) -> None:
    together = exported(made, TEXTS)[name]
    for i, text in enumerate(TEXTS):
        alone = exported(made, [text])[name][0]
        beside = together[i] if alone.ndim == 1 else together[i, : len(alone)]
        np.testing.assert_allclose(beside, alone, atol=1e-5, err_msg=f"text {i}")


@pytest.mark.parametrize("longest", [5, 6, 20, 200])
def test_padding_changes_nothing(made: Made, longest: int) -> None:
    alone, padded = exported(made, ["快递没到"]), exported(made, ["快递没到"], longest)
    np.testing.assert_allclose(padded["logits"], alone["logits"], atol=1e-5)
    np.testing.assert_allclose(padded["tags"][:, :4], alone["tags"], atol=1e-5)


def test_contributions_add_up_to_the_logits_less_the_bias(made: Made) -> None:
    found = exported(made, TEXTS)
    bias = made.model.heads.bias.detach().numpy()
    np.testing.assert_allclose(found["contributions"].sum(1) + bias, found["logits"], atol=1e-4)


def test_padding_contributes_nothing(made: Made) -> None:
    padding = arrays(made.lookup, TEXTS)[0] == 0
    assert padding.any()
    assert not exported(made, TEXTS)["contributions"][padding].any()


def test_logits_are_the_heads_of_the_vector(made: Made) -> None:
    found = exported(made, TEXTS)
    weight, bias = made.weights.heads
    np.testing.assert_allclose(found["vector"] @ weight + bias, found["logits"], atol=1e-4)


def test_tags_are_heads_of_the_state_and_of_the_vector(made: Made) -> None:
    found = exported(made, TEXTS)
    local, whole, bias = made.weights.tags
    expected = found["states"] @ local + (found["vector"] @ whole)[:, None] + bias
    np.testing.assert_allclose(found["tags"], expected, atol=1e-4)


def test_tables_and_products_are_in_eight_bits(made: Made) -> None:
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in build(made.weights).graph.initializer}
    assert constants["unit_table"].dtype == constants["pair_table"].dtype == np.uint8
    for i in range(3):
        matrix = constants[f"mix_{i}_matrix"]
        assert matrix.dtype == np.int8
        assert np.abs(matrix).max() == 63  # the seven bits that two products of 16 bits leave


def test_table_entries_beyond_the_scale_are_cut(made: Made) -> None:
    units = made.weights.units.copy()
    units[5, 0] = 1e3  # one wild entry of thousands must not coarsen the others
    wild = replace(made.weights, units=units)
    assert table_scale(wild) == pytest.approx(table_scale(made.weights), rel=0.2)
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in build(wild).graph.initializer}
    assert constants["unit_table"][5, 0] == 255


def test_activations_beyond_the_range_are_cut_and_not_wrapped_round(made: Made) -> None:
    narrow = made._replace(session=session(replace(made.weights, ranges=tuple(r / 2 for r in made.weights.ranges))))
    one, other = exported(made, TEXTS)["logits"], exported(narrow, TEXTS)["logits"]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
