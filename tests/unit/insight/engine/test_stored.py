from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_service.insight import facts
from nlp_service.insight.engine import stored
from nlp_service.insight.engine.flow import Job, Read, read_facts
from nlp_service.insight.engine.reading import Tools
from nlp_service.insight.engine.stored import Stored, cut_stored, stored_facts
from nlp_service.insight.facts import FACTS
from nlp_service.store.database import Database, open_database
from nlp_service.store.incoming import Incoming, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.mining import Extent
from tests.unit.insight.engine.readers import run_here
from tests.unit.store.deliveries import NOON, Judge, message

HOUR = timedelta(hours=1)


def build() -> Tools:
    """Nothing of the store is read by a model again."""
    return Tools(None)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "messages.db")


def deliver(url: str, *incoming: Incoming) -> None:
    with open_database(url) as database:
        MessageStore(database).record("t", incoming, Judge(), Windows())


def run(url: str, work: Path, **options: Any) -> Read:
    job = Job(Stored(url, "t"), work, build, {}, zone="UTC")
    return read_facts(job._replace(**options), run_here, lambda *_: None)


def test_stored_messages_become_facts_without_a_model(url: str, tmp_path: Path) -> None:
    vector = np.eye(1, 128, 5, dtype="<f2").tobytes()
    deliver(url, message("a", vector=vector, meta={"weather": "rain", "list": [1]}), message("b", at=5))
    read = run(url, tmp_path / "work")
    assert read.facts.schema.equals(FACTS)
    first, second = read.facts.to_pylist()
    assert (first["id"], first["meta"], first["action"]) == ("a", [("weather", "rain")], "pass")
    assert (first["vector"], second["vector"]) == (vector, None)
    assert first["message_id"] < second["message_id"]
    assert first["pains"] == [{"target": "物流", "category": "delivery_delay", "start": 0, "end": 2}]
    assert (read.model_version, read.failed) == ("fast-1", 0)


def test_vectors_of_other_models_are_brought_to_the_same_width(url: str, tmp_path: Path) -> None:
    deliver(url, message("a", vector=np.ones((1, 256), "<f2").tobytes()))
    vectors, _ = facts.vectors(run(url, tmp_path / "work").facts)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1.0, abs=1e-2)


def test_many_messages_are_several_parts_and_none_is_lost(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PART_MESSAGES", 10)
    deliver(url, *(message(f"m{n:03}", at=60 * (n // 2)) for n in range(100)))
    read = run(url, tmp_path / "work")
    assert len(list((tmp_path / "work").glob("part-*.parquet"))) == 11
    assert read.facts.column("id").to_pylist() == [f"m{n:03}" for n in range(100)]


def test_without_a_period_only_the_last_weeks_of_a_long_history_are_read(url: str, tmp_path: Path) -> None:
    deliver(url, *(message(f"m{n:03}", sent_at=NOON + n * 24 * HOUR) for n in range(100)))
    read = run(url, tmp_path / "work")
    assert read.messages == read.facts.num_rows == 42
    assert read.notes == ("period_last_days",)


def test_an_empty_store_has_no_parts(url: str, tmp_path: Path) -> None:
    open_database(url).close()
    assert run(url, tmp_path / "work").facts.num_rows == 0
    assert cut_stored(Extent(0, None, None, "")) == []


def test_facts_can_be_read_in_this_process(url: str) -> None:
    deliver(url, *(message(f"m{n}", at=n) for n in range(5)))
    with open_database(url) as database:
        read = stored_facts(database, "t", NOON - HOUR, NOON + HOUR, build())
        assert read[0].column("id").to_pylist() == [f"m{n}" for n in range(5)]
        assert read[1] == ("fast-1",)
        assert _nothing(database).equals(FACTS.empty_table())


def _nothing(database: Database) -> Any:
    return stored_facts(database, "t", NOON + HOUR, NOON + 2 * HOUR, build())[0]
