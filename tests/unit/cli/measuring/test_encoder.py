from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from nlp_service.cli.measuring.encoder import DIM, N_LAYERS, N_TOKENS, build_encoder, make_encoder


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder"))


def test_the_weights_are_of_the_size_of_the_rival_in_int8(path: Path) -> None:
    # 21,128 tokens and 512 places of 512, and 12 * 512 * 512 for each of the layers, a byte each.
    n_weights = (N_TOKENS + 512) * DIM + N_LAYERS * 12 * DIM * DIM
    assert n_weights <= path.stat().st_size <= 1.05 * n_weights


def test_padding_changes_nothing_much_and_other_tokens_do(path: Path) -> None:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ids = np.array([[5, 6, 7, 0, 0], [5, 6, 7, 8, 9]])
    mask = np.where(ids > 0, 0.0, -1e4).astype(np.float32)[:, None, None, :]
    padded, longer = session.run(["vector"], {"ids": ids, "mask": mask})[0]
    (alone,) = session.run(["vector"], {"ids": ids[:1, :3], "mask": mask[:1, :, :, :3]})[0]
    assert alone.shape == (DIM,)
    assert np.abs(padded - alone).max() < 0.5 * np.abs(longer - alone).max()


def test_it_takes_texts_of_any_length(path: Path) -> None:
    make_encoder(path)(["", "一", "长" * 600] * 20)
