"""The trained fast encoder as an ONNX graph in 8-bit integers, written node by node.

Why by hand: a generic exporter quantises after the shifted copies are joined and keeps the tables in floats; here the
tables are integers, the copies are made of bytes, and the scales are fixed, so that a message's scores do not depend on
the batch that it happens to be in.

    ids ─ Gather ─► bytes ─ shift ×3 ─► product ─► relu ─► states ─ quantise ─► … ─► normalise ─► attention
    states × attention ─► product with all heads ─► contributions (batch, length, outputs) ─ sum ─► logits
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

    Its inputs are ``units`` and ``pairs`` (batch, length; int64, padding 0). Its outputs are ``logits`` (batch,
    outputs), ``vector`` (batch, width), ``contributions`` (batch, length, outputs; over the positions they
    add up to the logits less the bias), ``tags`` (batch, length, tags) and ``states`` (batch, length, width).
    """
    g = _Graph()
    states = _embed(g, weights)
    states = _convolve(g, weights, states)
    _heads(g, weights, states)
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "length"]) for n in ("units", "pairs")]
    shapes = {
        "logits": ["batch", weights.heads[0].shape[1]],
        "vector": ["batch", weights.norm[0].shape[0]],
        "contributions": ["batch", "length", weights.heads[0].shape[1]],
        "tags": ["batch", "length", weights.tags[0].shape[1]],
        "states": ["batch", "length", weights.norm[0].shape[0]],
    }
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    graph = helper.make_graph(g.nodes, "fast_encoder", inputs, outputs, g.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="nlp_service")
    return model


def _embed(g: _Graph, w: EncoderWeights) -> str:
    """Bytes (batch, length, width) with the zero point `ZERO`; both tables share one scale."""
    scale = table_scale(w)
    g.constant("table_scale", np.float32(scale))
    g.constant("table_zero", np.uint8(ZERO))
    for name, table in (("unit", w.units), ("pair", w.pairs)):
        g.constant(f"{name}_table", np.clip(np.round(table / scale) + ZERO, 0, 255).astype(np.uint8))
        g.add("Gather", f"{name}_table", f"{name}s", name=f"{name}_rows", axis=0)
    return g.add("Concat", "unit_rows", "pair_rows", name="rows", axis=2)


def table_scale(w: EncoderWeights) -> float:
    """Step of the 8-bit tables: the largest entries are cut, which costs less than coarser steps for all others."""
    return float(max(np.quantile(np.abs(table), 0.9995) for table in (w.units, w.pairs))) / 127


def _convolve(g: _Graph, w: EncoderWeights, rows: str) -> str:
    g.constant("zero_id", np.int64(0))
    g.add("Equal", "units", "zero_id", name="is_padding")
    g.add("Unsqueeze", "is_padding", g.constant("axis_2", np.array([2], np.int64)), name="padding_3d")
    g.constant("zero_byte", np.uint8(0))
    # The first pair row stands for unknown pairs, and so is not zero: padding must not speak with its voice.
    quantised = g.add("Where", "padding_3d", "table_zero", rows, name="bytes_0")
    scale, zero, states = "table_scale", "table_zero", ""
    for i, ((matrix, bias), d) in enumerate(zip(w.mixes, w.dilations, strict=True)):
        if i:
            # The bytes begin at zero: quantising is the rectifier too.
            scale, zero = g.constant(f"scale_{i}", np.float32(w.ranges[i - 1] / 255)), "zero_byte"
            everywhere = g.add("QuantizeLinear", states, scale, zero, name=f"everywhere_{i}")
            quantised = g.add("Where", "padding_3d", "zero_byte", everywhere, name=f"bytes_{i}")
        shifted = _shift(g, quantised, zero, d, f"{i}")
        product = _product(g, shifted, scale, zero, matrix, bias, f"mix_{i}")
        states = g.add("Add", product, states, name=f"states_{i}") if i else product
    g.constant("norm_gain", w.norm[0])
    g.constant("norm_bias", w.norm[1])
    return g.add("LayerNormalization", states, "norm_gain", "norm_bias", name="states", axis=-1, epsilon=1e-5)


def _shift(g: _Graph, source: str, zero: str, d: int, suffix: str) -> str:
    """The states ``d`` before, at, and ``d`` after each position, side by side."""
    big = np.iinfo(np.int64).max
    pads = g.constant(f"pads_{suffix}", np.array([0, d, 0, 0, d, 0], np.int64))
    padded = g.add("Pad", source, pads, zero, name=f"padded_{suffix}")
    axis = g.constant(f"axis_1_{suffix}", np.array([1], np.int64))
    parts = []
    for tap, (start, end) in enumerate(((0, -2 * d), (d, -d), (2 * d, big))):
        bounds = [g.constant(f"{n}_{suffix}_{tap}", np.array([v], np.int64)) for n, v in (("from", start), ("to", end))]
        parts.append(g.add("Slice", padded, *bounds, axis, name=f"tap_{suffix}_{tap}"))
    return g.add("Concat", *parts, name=f"taps_{suffix}", axis=2)


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
    # One product for what each position gives by itself: its attention scores and its tags.
    matrix = np.concatenate((w.attend[0], w.tags[0]), 1)
    bias = np.concatenate((w.attend[1], np.zeros(n_tags, np.float32)))
    g.add("MatMul", states, g.constant("local_matrix", matrix), name="local_raw")
    g.add("Add", "local_raw", g.constant("local_bias", bias), name="local")
    sizes = g.constant("local_sizes", np.array([n_attention, n_tags], np.int64))
    g.nodes.append(helper.make_node("Split", ["local", sizes], ["scores", "tags_local"], name="local_parts", axis=2))
    g.add("Where", "padding_3d", g.constant("low", np.float32(-1e4)), "scores", name="scores_masked")
    g.add("Softmax", "scores_masked", name="attention", axis=1)
    # Each pool's weight, repeated over the features that it weighs, by a product: a broadcast over four axes is slower.
    repeat = np.repeat(np.eye(n_attention, dtype=np.float32), width // n_attention, 1)
    g.add("MatMul", "attention", g.constant("repeat", repeat), name="attention_wide")
    g.add("Mul", states, "attention_wide", name="weighed")
    first = g.constant("first_axis", np.array([1], np.int64))
    g.add("ReduceSum", "weighed", first, name="vector", keepdims=0)
    g.add("MatMul", "weighed", g.constant("heads_matrix", w.heads[0]), name="contributions")
    g.add("ReduceSum", "contributions", first, name="logits_raw", keepdims=0)
    g.add("Add", "logits_raw", g.constant("heads_bias", w.heads[1]), name="logits")
    g.add("MatMul", "vector", g.constant("tags_vector", w.tags[1]), name="tags_global_2d")
    g.add("Add", "tags_global_2d", g.constant("tags_bias", w.tags[2]), name="tags_text_2d")
    g.add("Unsqueeze", "tags_text_2d", "first_axis", name="tags_text")
    g.add("Add", "tags_local", "tags_text", name="tags")
