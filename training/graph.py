"""The trained fast encoder as an ONNX graph in 8-bit integers, written node by node.

Why by hand: a generic exporter quantises after the shifted copies are joined and keeps the tables in floats; here the
tables are integers, the copies are made of bytes, and the scales are fixed, so that a message's scores do not depend on
the batch that it happens to be in.

The messages of a run lie one behind the other without padding: N units in all. Whoever looks beyond the end of a
message sees a row of zeros, which is row 0 of what every convolution gathers from.

    ids ─ Gather ─► bytes ─ taps ─► product ─► states ─ quantise ─► … ─► normalise ─► states (N, width)
    states ─► scores ─ exp ─► sums of each message (a product with its members) ─► weighed (N, width)
    weighed ─► vector ─► logits
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float32]

OPSET = 17
ZERO = 128
"""Zero point of the embedding tables."""

HIGHEST = 30.0
"""Attention scores are cut here, far beyond what training gives: their powers then need no highest score taken off."""


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """Float weights of a trained `ConvEncoder` with its heads, as the graph needs them.

    Attributes:
        units, pairs: Tables (n_units, width - pair_width) and (n_pairs, pair_width).
        mixes: Weight (3 * width, width) and bias (width,) of each convolution.
        dilations: Distance between the taps of each convolution.
        ranges: Highest activation that enters each convolution but the first, found on real messages.
        norm: Gain and bias of the last normalisation, each (width,).
        attend: Weight (width, n_attention) and bias of the attention.
        heads: Weight (width, n_outputs) and bias of all the heads of texts.
        tags: Weight (width, n_tags), weight of the text's vector (width, n_tags), bias.
        embed: Weight (width, n_attention) and bias of the embeddings' attention, their projection (width, columns).
    """

    units: Floats
    pairs: Floats
    mixes: tuple[tuple[Floats, Floats], ...]
    dilations: tuple[int, ...]
    ranges: tuple[float, ...]
    norm: tuple[Floats, Floats]
    attend: tuple[Floats, Floats]
    heads: tuple[Floats, Floats]
    tags: tuple[Floats, Floats, Floats]
    embed: tuple[Floats, Floats, Floats]


@dataclass(slots=True)
class _Graph:
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: Array | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, op: str, *inputs: str, name: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, domain=domain, **attributes))
        return name


def build(weights: EncoderWeights) -> onnx.ModelProto:
    """Write the graph.

    Its inputs are ``units`` and ``pairs`` (N,), ``message`` (N,), the index of the message that each unit is of,
    ascending, and ``offsets`` (messages + 1,), where the units of each message begin, with N at the end; all int64. A
    message without units may be among them; its vector is 0. Outputs are ``logits`` (messages, outputs), ``vector``
    (messages, width), ``embedding`` (messages, columns), ``weighed`` (N, width; over the units of a message they add up
    to its vector), ``tags`` (N, tags) and ``states`` (N, width).
    """
    g = _Graph()
    _ends(g)
    states = _convolve(g, weights, _embed(g, weights))
    _heads(g, weights, states)
    sizes = {"units": "units", "pairs": "units", "message": "units", "offsets": "messages_and_one"}
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, [size]) for n, size in sizes.items()]
    shapes = {
        "logits": ["messages", weights.heads[0].shape[1]],
        "vector": ["messages", weights.norm[0].shape[0]],
        "embedding": ["messages", weights.embed[2].shape[1]],
        "weighed": ["units", weights.norm[0].shape[0]],
        "tags": ["units", weights.tags[0].shape[1]],
        "states": ["units", weights.norm[0].shape[0]],
    }
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    graph = helper.make_graph(g.nodes, "encoder", inputs, outputs, g.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="nlp_service")
    return model


def _ends(g: _Graph) -> None:
    """For each unit its ``row``, which is its position plus one, and the ``first`` and ``last`` row of its message."""
    for name, value in (("axis_0", [0]), ("axis_1", [1]), ("one", [1]), ("all_but_last", [-1]), ("to_end", [1 << 62])):
        g.constant(name, np.array(value, np.int64))
    g.add("Slice", "offsets", "axis_0", "all_but_last", "axis_0", name="begins")
    g.add("Slice", "offsets", "one", "to_end", "axis_0", name="ends")
    g.add("Gather", "begins", "message", name="begin", axis=0)
    g.add("Add", "begin", "one", name="first")
    g.add("Gather", "ends", "message", name="last", axis=0)
    g.constant("range_0", np.int64(0))
    g.constant("range_1", np.int64(1))
    g.add("Size", "units", name="n_units")
    g.add("Range", "range_0", "n_units", "range_1", name="position")
    g.add("Add", "position", "one", name="row")
    # One row a message: 1 at its own units.
    g.add("Size", "begins", name="n_messages")
    g.add("Range", "range_0", "n_messages", "range_1", name="numbers")
    g.add("Unsqueeze", "numbers", "axis_1", name="numbers_2d")
    g.add("Equal", "message", "numbers_2d", name="is_member")
    g.add("Cast", "is_member", name="members", to=TensorProto.FLOAT)


def _embed(g: _Graph, w: EncoderWeights) -> str:
    """Bytes (N, width) with the zero point `ZERO`; both tables share one scale."""
    scale = table_scale(w)
    g.constant("table_scale", np.float32(scale))
    g.constant("table_zero", np.uint8(ZERO))
    for name, table in (("unit", w.units), ("pair", w.pairs)):
        g.constant(f"{name}_table", np.clip(np.round(table / scale) + ZERO, 0, 255).astype(np.uint8))
        g.add("Gather", f"{name}_table", f"{name}s", name=f"{name}_rows", axis=0)
    return g.add("Concat", "unit_rows", "pair_rows", name="bytes_0", axis=1)


def table_scale(w: EncoderWeights) -> float:
    """Step of the 8-bit tables: the largest entries are cut, which costs less than coarser steps for all others."""
    return float(max(np.quantile(np.abs(table), 0.9995) for table in (w.units, w.pairs))) / 127


def _convolve(g: _Graph, w: EncoderWeights, rows: str) -> str:
    width = w.norm[0].shape[0]
    g.constant("zero_byte", np.uint8(0))
    g.constant("nothing_table", np.full((1, width), ZERO, np.uint8))
    g.constant("nothing", np.zeros((1, width), np.uint8))
    g.constant("wide", np.array([-1, 3 * width], np.int64))
    for d in sorted(set(w.dilations)):
        _taps(g, d)
    quantised, scale, zero, states = rows, "table_scale", "table_zero", ""
    for i, ((matrix, bias), d) in enumerate(zip(w.mixes, w.dilations, strict=True)):
        if i:
            # The bytes begin at zero: quantising is the rectifier too.
            scale, zero = g.constant(f"scale_{i}", np.float32(w.ranges[i - 1] / 255)), "zero_byte"
            quantised = g.add("QuantizeLinear", states, scale, zero, name=f"bytes_{i}")
        with_nothing = g.add("Concat", "nothing" if i else "nothing_table", quantised, name=f"rows_{i}", axis=0)
        gathered = g.add("Gather", with_nothing, f"taps_{d}", name=f"gathered_{i}", axis=0)
        joined = g.add("Reshape", gathered, "wide", name=f"joined_{i}")
        product = _product(g, joined, scale, zero, matrix, bias, f"mix_{i}")
        states = g.add("Add", product, states, name=f"states_{i}") if i else product
    g.constant("norm_gain", w.norm[0])
    g.constant("norm_bias", w.norm[1])
    return g.add("LayerNormalization", states, "norm_gain", "norm_bias", name="states", axis=-1, epsilon=1e-5)


def _taps(g: _Graph, d: int) -> None:
    """Rows ``d`` before, at, and ``d`` after each unit (N, 3); 0 where that leaves the message."""
    g.constant(f"step_{d}", np.array([d], np.int64))
    g.add("Sub", "row", f"step_{d}", name=f"before_{d}")
    g.add("Less", f"before_{d}", "first", name=f"too_early_{d}")
    g.add("Where", f"too_early_{d}", "range_0", f"before_{d}", name=f"left_{d}")
    g.add("Add", "row", f"step_{d}", name=f"after_{d}")
    g.add("Greater", f"after_{d}", "last", name=f"too_late_{d}")
    g.add("Where", f"too_late_{d}", "range_0", f"after_{d}", name=f"right_{d}")
    columns = [g.add("Unsqueeze", n, "axis_1", name=f"{n}_{d}_2d") for n in (f"left_{d}", "row", f"right_{d}")]
    g.add("Concat", *columns, name=f"taps_{d}", axis=1)


def _product(g: _Graph, a: str, scale: str, zero: str, matrix: Floats, bias: Floats, name: str) -> str:
    """Bytes times a matrix with one scale a column.

    The matrix has 7 bits: with 8, two products of the AVX2 instruction overflow its 16-bit sum.
    """
    steps = np.maximum(np.abs(matrix).max(0), 1e-8) / 63
    g.constant(f"{name}_matrix", np.round(matrix / steps).astype(np.int8))
    g.constant(f"{name}_steps", steps.astype(np.float32))
    g.constant(f"{name}_zero", np.zeros(matrix.shape[1], np.int8))
    g.constant(f"{name}_bias", bias)
    inputs = (a, f"{name}_matrix", scale, f"{name}_steps", zero, f"{name}_zero", f"{name}_bias")
    return g.add("MatMulIntegerToFloat", *inputs, name=name, domain="com.microsoft")


def _heads(g: _Graph, w: EncoderWeights, states: str) -> None:
    width, n_attention = w.attend[0].shape
    n_tags = w.tags[0].shape[1]
    # One product for what each unit gives by itself: the scores of both attentions and its tags.
    matrix = np.concatenate((w.attend[0], w.embed[0], w.tags[0]), 1)
    bias = np.concatenate((w.attend[1], w.embed[1], np.zeros(n_tags, np.float32)))
    g.add("MatMul", states, g.constant("local_matrix", matrix), name="local_raw")
    g.add("Add", "local_raw", g.constant("local_bias", bias), name="local")
    sizes = g.constant("local_sizes", np.array([2 * n_attention, n_tags], np.int64))
    g.nodes.append(helper.make_node("Split", ["local", sizes], ["scores", "tags_local"], name="local_parts", axis=1))
    bounds = [g.constant(name, np.float32(value)) for name, value in (("low", -HIGHEST), ("high", HIGHEST))]
    g.add("Clip", "scores", *bounds, name="scores_bounded")
    g.add("Exp", "scores_bounded", name="powers")
    g.add("MatMul", "members", "powers", name="totals")
    g.add("Gather", "totals", "message", name="total", axis=0)
    g.add("Div", "powers", "total", name="attention")
    # Each pool's weight, repeated over the features that it weighs, by a product: a broadcast over more axes is slower.
    repeat = np.repeat(np.eye(n_attention, dtype=np.float32), width // n_attention, 1)
    nothing = np.zeros_like(repeat)
    for name, parts, result in (
        ("labels", (repeat, nothing), ("weighed", "vector")),
        ("embedding", (nothing, repeat), ("embedding_weighed", "embedding_vector")),
    ):
        g.add("MatMul", "attention", g.constant(f"repeat_{name}", np.concatenate(parts)), name=f"attention_{name}")
        g.add("Mul", states, f"attention_{name}", name=result[0])
        g.add("MatMul", "members", result[0], name=result[1])
    g.add("MatMul", "embedding_vector", g.constant("embedding_matrix", w.embed[2]), name="embedding")
    g.add("MatMul", "vector", g.constant("heads_matrix", w.heads[0]), name="logits_raw")
    g.add("Add", "logits_raw", g.constant("heads_bias", w.heads[1]), name="logits")
    g.add("MatMul", "vector", g.constant("tags_vector", w.tags[1]), name="tags_whole_raw")
    g.add("Add", "tags_whole_raw", g.constant("tags_bias", w.tags[2]), name="tags_whole")
    g.add("Gather", "tags_whole", "message", name="tags_of_message", axis=0)
    g.add("Add", "tags_local", "tags_of_message", name="tags")
