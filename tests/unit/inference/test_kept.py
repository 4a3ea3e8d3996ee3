"""Vectors that are kept beside the analyses of the same pass."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from nlp_service.api.metrics import Metrics
from nlp_service.inference.batcher import Batcher
from nlp_service.inference.vectors import pack, unpack
from nlp_service.types import Message
from nlp_service.wiring import build_reader
from tests.fakes import BROKEN, build_obedient


@pytest.fixture
async def batcher() -> AsyncIterator[Batcher]:
    batcher = Batcher(build_obedient, Metrics())
    await batcher.start()
    yield batcher
    await batcher.stop()


async def test_each_message_gets_the_vector_of_its_own_text(batcher: Batcher) -> None:
    messages = [Message(number, "好" * (number + 1)) for number in range(150)]
    kept = await batcher.read_kept(messages)
    vectors = unpack([one.vector for one in kept])
    np.testing.assert_array_equal(vectors.argmax(axis=1), [(number + 1) % 4 for number in range(150)])


async def test_a_message_that_cannot_be_read_has_no_vector_and_the_others_theirs(batcher: Batcher) -> None:
    kept = await batcher.read_kept([Message(1, "好"), Message(2, BROKEN), Message(3, "好好")])
    assert [len(one.vector) for one in kept] == [8, 0, 8]
    assert b"analysis_failed" in kept[1].analysis


async def test_no_messages_need_no_worker(batcher: Batcher) -> None:
    assert await batcher.read_kept([]) == []


def test_packing_keeps_directions() -> None:
    rows = np.random.default_rng(1).normal(size=(20, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    back = unpack(pack([rows[:7], rows[7:]]))
    assert ((rows * back).sum(axis=1) > 0.999).all()


def test_the_reader_gives_the_vectors_that_the_model_gives_alone() -> None:
    reader = build_reader()
    texts = ["快递一周没到", "", "今天的奶茶真好喝，推荐大家试试", "在吗"]
    parts: list[np.ndarray] = []
    reader.read([Message(None, text) for text in texts], vectors=parts)
    together = np.concatenate(parts)
    assert together.shape[0] == len(texts)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), [1, 0, 1, 1], atol=1e-5)
    np.testing.assert_allclose(together, reader._analyser.vectors(texts), atol=1e-5)
