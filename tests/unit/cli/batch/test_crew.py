from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import pytest

from nlp_service.cli.batch.chunks import Chunk, Position
from nlp_service.cli.batch.crew import Crew, Versions
from nlp_service.cli.batch.reading import Manner
from nlp_service.cli.batch.records import Record
from nlp_service.errors import NotReady, ServiceError
from tests.unit.cli.fakes import KILLS, build_broken, build_dying, build_fake


def chunk(*texts: str) -> Chunk:
    return Chunk(tuple(Record(line, str(line), text) for line, text in enumerate(texts, 1)), 1, Position())


def test_answers_come_in_order_from_any_number_of_workers() -> None:
    # The first chunk takes longest, so the second worker is done before it.
    chunks = [chunk(*["x"] * n) for n in (40, 1, 3, 2)]
    with Crew(partial(build_fake, sleep_s=0.002), 2, Manner()) as crew:
        assert crew.versions == Versions("fake-1", "policy-1")
        answers = list(crew.answer(chunks))
    assert [(given, answer.done) for given, answer in answers] == list(zip(chunks, (40, 1, 3, 2), strict=True))


def test_a_killed_worker_is_replaced_and_its_chunk_read_again(tmp_path: Path) -> None:
    with Crew(partial(build_fake, once=tmp_path / "killed"), 1, Manner()) as crew:
        answers = [answer for _, answer in crew.answer([chunk("a", KILLS), chunk("b")])]
    assert (tmp_path / "killed").exists()
    assert [answer.done for answer in answers] == [2, 1]
    assert msgspec.json.decode(answers[1].output)["id"] == "1"


def test_a_chunk_that_kills_two_workers_ends_the_run() -> None:
    with Crew(build_fake, 1, Manner()) as crew, pytest.raises(NotReady, match="two workers died"):
        list(crew.answer([chunk(KILLS)]))


def test_a_model_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(ServiceError, match=r"weights\.onnx: wrong checksum"):
        Crew(build_broken, 2, Manner())


def test_a_worker_that_dies_at_the_start_is_an_error() -> None:
    with pytest.raises(NotReady, match="exit code -9"):
        Crew(build_dying, 1, Manner())
