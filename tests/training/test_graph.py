from __future__ import annotations

import itertools
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
from training.graph import EncoderWeights, build, table_scale
from training.network import EMBEDDING, Classifier
from training.tokens import pad, tokenise

TEXTS = [row(kind, n)["text"] for n in range(12) for kind in KINDS] + ["好", "", "不认识的字[微笑]ok"]

OF_TEXTS = ("logits", "vector", "embedding")
"""Outputs with a line for each text; the others have one for each unit."""


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


def rows_of(made: Made, texts: list[str]) -> list[np.ndarray]:
    """Ids of the units of each text."""
    return tokenise([Example(text, "street") for text in texts], made.lookup).ids


def run(made: Made, rows: list[np.ndarray]) -> dict[str, np.ndarray]:
    """What the graph says of rows of ids, one behind the other."""
    sizes = [len(row) for row in rows]
    inputs = {
        "units": np.concatenate(rows),
        "pairs": np.concatenate([made.lookup.pair_ids(row) for row in rows]),
        "message": np.repeat(np.arange(len(rows)), sizes),
        "offsets": np.cumsum([0, *sizes]),
    }
    names = [output.name for output in made.session.get_outputs()]
    return dict(zip(names, made.session.run(names, inputs), strict=True))


def exported(made: Made, texts: list[str]) -> dict[str, np.ndarray]:
    return run(made, rows_of(made, texts))


def parts(found: dict[str, np.ndarray], rows: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
    """What is said of each row: its line of what there is for a text, its lines of what there is for a unit."""
    bounds = itertools.pairwise(np.cumsum([0, *map(len, rows)]).tolist())
    return [
        {name: value[i] if name in OF_TEXTS else value[a:b] for name, value in found.items()}
        for i, (a, b) in enumerate(bounds)
    ]


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    for name, value in one.items():
        np.testing.assert_allclose(value, other[name], atol=1e-5, err_msg=name)


@torch.no_grad()
def trained(made: Made, texts: list[str]) -> dict[str, np.ndarray]:
    """What the network itself says, laid out as the graph does."""
    ids = pad(rows_of(made, texts))
    inputs = torch.from_numpy(ids), torch.from_numpy(made.lookup.pair_ids(ids))
    outputs = zip(("logits", "vector", "tags", "states"), made.model(*inputs), strict=True)
    found = {name: value.numpy() for name, value in outputs} | {"embedding": made.model.embed(*inputs).numpy()}
    return {name: value if name in OF_TEXTS else value[ids > 0] for name, value in found.items()}


def test_outputs_have_the_shapes_that_they_say(made: Made) -> None:
    found = exported(made, ["快递没到", "好"])
    assert {name: value.shape for name, value in found.items()} == {
        "logits": (2, N_OUTPUTS),
        "vector": (2, 64),
        "embedding": (2, EMBEDDING),
        "weighed": (5, 64),
        "tags": (5, 3),
        "states": (5, 64),
    }
    assert all(value.dtype == np.float32 for value in found.values())


@pytest.mark.parametrize("name", ["logits", "vector", "embedding", "tags", "states"])
def test_eight_bits_say_about_the_same_as_floats(made: Made, name: str) -> None:
    one, other = trained(made, TEXTS)[name], exported(made, TEXTS)[name]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99
    assert np.sqrt(np.mean((one - other) ** 2)) < 0.1 * one.std()


def test_eight_bits_give_mostly_the_same_labels(made: Made) -> None:
    one, other = trained(made, TEXTS)["logits"], exported(made, TEXTS)["logits"]
    for group in GROUPS:
        columns = COLUMNS[group.name]
        z, y = one[:, columns], other[:, columns]
        same = z.argmax(1) == y.argmax(1) if group.kind == "softmax" else (z > 0) == (y > 0)
        assert same.mean() > 0.9, group.name


def test_a_text_does_not_depend_on_those_beside_it(made: Made) -> None:
    rows = rows_of(made, TEXTS)
    for own, among in zip(rows, parts(run(made, rows), rows), strict=True):
        assert_same(among, parts(run(made, [own]), [own])[0])


@pytest.mark.parametrize("before", ["", "好", "一直没有人回我", "问了一天也没有人来处理" * 20])
@pytest.mark.parametrize("after", ["", "好", "一直没有人回我", "问了一天也没有人来处理" * 20])
def test_neighbours_in_a_run_never_influence_a_text(made: Made, before: str, after: str) -> None:
    nothing = np.zeros(0, np.int64)  # no unit at all, not even the one that stands for an empty text
    for own in rows_of(made, ["好", "快递没到", "水壶用了三天就坏了"]):
        rows = [rows_of(made, [text])[0] if text else nothing for text in (before, after)]
        rows.insert(1, own)
        assert_same(parts(run(made, rows), rows)[1], parts(run(made, [own]), [own])[0])


def test_a_text_without_units_has_the_vector_and_the_embedding_zero(made: Made) -> None:
    one, other = rows_of(made, ["快递没到", "好"])
    nothing = np.zeros(0, np.int64)
    found = run(made, [nothing, one, nothing, nothing, other, nothing])
    empty = [0, 2, 3, 5]
    for name in ("vector", "embedding"):
        assert not found[name][empty].any()
        assert found[name][[1, 4]].any(1).all()
    np.testing.assert_allclose(found["logits"][empty], np.tile(made.weights.heads[1], (4, 1)))


def test_what_the_units_of_a_text_add_makes_up_its_vector(made: Made) -> None:
    rows = rows_of(made, TEXTS)
    found = run(made, rows)
    sums = np.add.reduceat(found["weighed"], np.cumsum([0, *map(len, rows)])[:-1])
    np.testing.assert_allclose(sums, found["vector"], atol=1e-5)


@pytest.mark.parametrize("score", [-1000.0, 1000.0])
def test_attention_scores_beyond_all_bounds_still_give_a_vector(made: Made, score: float) -> None:
    weight, bias = made.weights.attend
    wild = made._replace(session=session(replace(made.weights, attend=(weight, bias + np.float32(score)))))
    found = exported(wild, ["快递没到"])
    # All are cut at the same bound, so each unit counts as much as the next.
    np.testing.assert_allclose(found["vector"][0], found["states"].mean(0), atol=1e-5)


def test_logits_are_the_heads_of_the_vector(made: Made) -> None:
    found = exported(made, TEXTS)
    weight, bias = made.weights.heads
    np.testing.assert_allclose(found["vector"] @ weight + bias, found["logits"], atol=1e-4)


def test_tags_are_heads_of_the_state_and_of_the_vector(made: Made) -> None:
    found = exported(made, TEXTS)
    local, whole, bias = made.weights.tags
    message = np.repeat(np.arange(len(TEXTS)), list(map(len, rows_of(made, TEXTS))))
    expected = found["states"] @ local + (found["vector"] @ whole)[message] + bias
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
