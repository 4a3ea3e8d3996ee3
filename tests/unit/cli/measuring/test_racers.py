from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import pytest

from nlp_service.cli.measuring.racers import Lap, Racer
from nlp_service.errors import ArtifactError, NotReady, ServiceError


def make_sleeper(per_text_s: float) -> Lap:
    return lambda texts: time.sleep(per_text_s * len(texts))


def make_nothing() -> Lap:
    raise ArtifactError("weights.onnx is missing")


def make_exit() -> Lap:
    def lap(texts: Sequence[str]) -> None:
        raise SystemExit

    return lap


def test_the_rate_counts_the_messages_of_all_processes() -> None:
    racer = Racer(partial(make_sleeper, 0.01), ["text"] * 8, 2)
    try:
        rate = racer.run(0.3)
    finally:
        racer.close()
    assert 60 <= rate <= 200  # two processes of at most 100 a second each


def test_a_contestant_that_cannot_start_says_why() -> None:
    with pytest.raises(ServiceError, match=r"weights\.onnx is missing"):
        Racer(make_nothing, ["text"], 1)


def test_a_contestant_that_dies_is_an_error() -> None:
    with pytest.raises(NotReady, match="died"):
        Racer(make_exit, ["text"], 1)
