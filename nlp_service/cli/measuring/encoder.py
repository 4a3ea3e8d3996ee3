"""The rival in throughput: an int8 encoder of BGE-small's shape (BERT, 4 layers of 512) under ONNX Runtime.

Its weights are random, which changes nothing in its speed. It is given ids, so it pays for no tokenizer, and makes
vectors only: no heads, no evidence, no policy. Everything that is left out would only make it slower.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.cli.measuring.racers import Lap
from nlp_service.errors import NotReady

N_LAYERS, DIM, N_HEADS, FEED_FORWARD = 4, 512, 8, 2048
N_TOKENS, MAX_LENGTH = 21_128, 512
BATCH = 32

_OPSET = 20


def build_encoder(folder: Path) -> Path:
    """Write the encoder to a folder.

    Raises:
        NotReady: The library that writes ONNX graphs is not installed.
    """
    if importlib.util.find_spec("onnx") is None:
        raise NotReady("the encoder needs onnx: install the package with its extra, .[train]")
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain, quantised = folder / "plain.onnx", folder / "encoder.onnx"
    onnx.save(_Graph().model(), plain)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it recommends a step of preparation that does nothing for this graph
    quantize_dynamic(plain, quantised, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gather"])
    logging.disable(before)
    return quantised


def make_encoder(path: Path) -> Lap:
    """Encode texts by their lengths: sorted, padded, `BATCH` at a time, in a session of one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)

    def lap(texts: Sequence[str]) -> None:
        # A Chinese character is a token, and two stand around them.
        lengths = sorted(min(len(text) + 2, MAX_LENGTH) for text in texts)
        for begin in range(0, len(lengths), BATCH):
            batch = np.array(lengths[begin : begin + BATCH])
            ids = rng.integers(0, N_TOKENS, (len(batch), batch[-1]), np.int64)
            mask = np.where(np.arange(batch[-1]) < batch[:, None], 0.0, -1e4).astype(np.float32)
            session.run(["vector"], {"ids": ids, "mask": mask[:, None, None, :]})

    return lap


class _Graph:
    """Puts the operators together; `x` is the name of the running tensor."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def model(self) -> Any:
        from onnx import TensorProto, helper

        x = self._embed()
        for _ in range(N_LAYERS):
            x = self._normalise(self._add("Add", x, self._attend(x)))
            wide = self._add("Gelu", self._product(x, DIM, FEED_FORWARD), approximate="none")
            x = self._normalise(self._add("Add", x, self._product(wide, FEED_FORWARD, DIM)))
        self._add("Gather", x, self._constant(np.int64(0)), axis=1, name="vector")
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [
                helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", "length"]),
                helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 1, 1, "length"]),
            ],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", DIM])],
            self._weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)

    def _embed(self) -> str:
        tokens = self._add("Gather", self._random(N_TOKENS, DIM), "ids")
        length = self._add("Slice", self._add("Shape", "ids"), *(self._constant(np.array([i])) for i in (1, 2)))
        ends = [self._constant(np.array([0])), length, self._constant(np.array([0]))]
        places = self._add("Slice", self._random(MAX_LENGTH, DIM), *ends)
        return self._normalise(self._add("Add", tokens, places))

    def _attend(self, x: str) -> str:
        width = DIM // N_HEADS
        split = self._constant(np.array([0, 0, N_HEADS, width]))
        query, key, value = (self._add("Reshape", self._product(x, DIM, DIM), split) for _ in range(3))
        query, value = (self._add("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
        key = self._add("Transpose", key, perm=[0, 2, 3, 1])
        scores = self._add("Mul", self._add("MatMul", query, key), self._constant(np.float32(width**-0.5)))
        weights = self._add("Softmax", self._add("Add", scores, "mask"), axis=-1)
        mixed = self._add("Transpose", self._add("MatMul", weights, value), perm=[0, 2, 1, 3])
        return self._product(self._add("Reshape", mixed, self._constant(np.array([0, 0, DIM]))), DIM, DIM)

    def _product(self, x: str, n_in: int, n_out: int) -> str:
        return self._add("Add", self._add("MatMul", x, self._random(n_in, n_out)), self._random(n_out))

    def _normalise(self, x: str) -> str:
        scale, bias = (self._constant(np.full(DIM, value, np.float32)) for value in (1.0, 0.0))
        return self._add("LayerNormalization", x, scale, bias, axis=-1)

    def _random(self, *shape: int) -> str:
        return self._constant(self._rng.normal(0, 0.02, shape).astype(np.float32))

    def _constant(self, value: npt.NDArray[Any] | np.generic) -> str:
        from onnx import numpy_helper

        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _add(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        name = name or f"x{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name
