from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from nlp_service.api.knowledge import recorder as module
from nlp_service.api.knowledge.recorder import Given, Recorder, hash_author
from nlp_service.errors import NotFound, NotReady
from nlp_service.store.database import Database, open_database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.replies import ReplyStore, StoredReply
from nlp_service.store.salts import SETTING, SaltStore

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "bases.db")) as database:
        KnowledgeStore(database).create("t", "shop")
        yield database


def given(question: str = "几点开门", author: str = "", kb: str = "shop") -> Given:
    stored = StoredReply(
        id=str(uuid4()), kb_version=1, asked_at=AT, question=question, decision="handoff", reason="probability<0.60"
    )
    return Given("t", kb, author, stored)


class Failing(ReplyStore):
    """Cannot be used for the first so many times; then it is as usual."""

    def __init__(self, database: Database, n_failures: int, error: Exception) -> None:
        super().__init__(database)
        self._left = n_failures
        self._error = error

    def record(self, tenant: str, kb: int | str, given: Sequence[StoredReply]) -> None:
        self._left -= 1
        if self._left >= 0:
            raise self._error
        super().record(tenant, kb, given)


async def record(database: Database, some: Sequence[Given], replies: ReplyStore | None = None, most: int = 99) -> int:
    """Record replies; gives how many were lost."""
    lost: list[int] = []
    recorder = Recorder(replies or ReplyStore(database), SaltStore(database), lost.append, most_waiting=most)
    for one in some:
        recorder.put(one)
    await recorder.start()
    await recorder.settled()
    await recorder.stop()
    return sum(lost)


async def test_what_was_put_is_written_masked_and_without_names(database: Database) -> None:
    some = [given("电话13800138000", "小李"), given("a\0b", "小李"), given(author="小王"), given()]
    assert await record(database, some) == 0
    stored = {reply.id: reply for reply in ReplyStore(database).read("t", "shop")}
    texts = [stored[one.reply.id].question for one in some]
    hashes = [stored[one.reply.id].author_hash for one in some]
    assert texts == ["电话138****8000", "a\ufffdb", "几点开门", "几点开门"]
    assert hashes[0] == hashes[1] != hashes[2]
    assert (len(hashes[0]), hashes[3]) == (32, "")


async def test_a_full_queue_loses_what_comes_and_counts_it(database: Database) -> None:
    assert await record(database, [given() for _ in range(5)], most=3) == 2
    assert len(ReplyStore(database).read("t", "shop")) == 3


async def test_replies_of_a_base_that_was_removed_are_no_loss(database: Database) -> None:
    assert await record(database, [given(kb="gone"), given()]) == 0
    assert len(ReplyStore(database).read("t", "shop")) == 1


@pytest.mark.parametrize(
    ("n_failures", "error", "lost"),
    [
        (2, NotReady("busy"), 0),  # the third attempt is the last
        (3, NotReady("busy"), 1),
        (1, ValueError("a bug"), 1),  # is not tried again
    ],
)
async def test_a_database_that_is_away_for_a_moment_costs_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, n_failures: int, error: Exception, lost: int
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    assert await record(database, [given()], Failing(database, n_failures, error)) == lost
    assert len(ReplyStore(database).read("t", "shop")) == 1 - lost


async def test_the_recorder_goes_on_after_a_batch_that_was_lost(database: Database) -> None:
    lost: list[int] = []
    recorder = Recorder(Failing(database, 1, ValueError("a bug")), SaltStore(database), lost.append)
    await recorder.start()
    for _ in range(2):
        recorder.put(given())
        await recorder.settled()
    await recorder.stop()
    assert (lost, len(ReplyStore(database).read("t", "shop"))) == ([1], 1)


def test_the_salt_of_a_base_stays_and_no_other_has_it(database: Database) -> None:
    store = KnowledgeStore(database)
    store.create("t", "other", {"synonyms": [["a", "b"]]})
    first, again, other = (SaltStore(database).author_salt("t", name) for name in ("shop", "shop", "other"))
    assert (first == again, first == other, len(first)) == (True, False, 16)
    base = store.get("t", "other")
    assert (base.settings, base.settings_version) == ({"synonyms": [["a", "b"]], SETTING: other.hex()}, 0)
    with pytest.raises(NotFound):
        SaltStore(database).author_salt("another", "shop")


def test_a_hash_depends_on_the_author_and_the_salt() -> None:
    hashes = {hash_author("a", b"1"), hash_author("b", b"1"), hash_author("a", b"2"), hash_author("\ud800", b"1")}
    assert len(hashes) == 4
    assert hash_author("", b"1") == ""
    assert msgspec.json.encode(list(hashes))
