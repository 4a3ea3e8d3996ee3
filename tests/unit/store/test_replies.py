from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nlp_service.errors import NotFound
from nlp_service.store.database import Database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.replies import Feedback, Hits, ReplyStore, StoredReply

T, KB = "acme", "门店"
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def reply(number: int, decision: str = "answer", **values: object) -> StoredReply:
    known = {"id": f"r{number}", "kb_version": 1, "asked_at": NOON + timedelta(minutes=number), "question": "几点开门"}
    return StoredReply(**(known | {"decision": decision, "reason": "near"} | values))


@pytest.fixture
def replies(database: Database) -> ReplyStore:
    KnowledgeStore(database).create(T, KB)
    return ReplyStore(database)


def ids(found: list[StoredReply]) -> list[str]:
    return [one.id for one in found]


def test_a_reply_comes_back_as_it_was_recorded(replies: ReplyStore) -> None:
    full = reply(
        1, channel="群1", author_hash="ab", question_vector=b"\x00\x01", entry_id="e1", wording=2, probability=0.75
    )
    replies.record(T, KB, [full, reply(2)])
    assert replies.get(T, "r1") == full
    assert replies.get(T, "r2") == reply(2)


def test_recording_again_does_no_harm(replies: ReplyStore) -> None:
    replies.record(T, KB, [reply(1)])
    replies.record(T, KB, [reply(1, "handoff"), reply(2)])
    assert [one.decision for one in replies.read(T, KB)] == ["answer", "answer"]
    replies.record(T, KB, [])


def test_replies_are_read_by_time_and_decision(replies: ReplyStore) -> None:
    replies.record(T, KB, [reply(3), reply(1, "none"), reply(2, "handoff"), reply(4, "handoff")])
    assert ids(replies.read(T, KB)) == ["r1", "r2", "r3", "r4"]
    since, until = NOON + timedelta(minutes=2), NOON + timedelta(minutes=4)
    assert ids(replies.read(T, KB, since=since, until=until)) == ["r2", "r3"]  # the end is not in it
    assert ids(replies.read(T, KB, decisions=["handoff", "none"], limit=2)) == ["r1", "r2"]


def test_what_waits_for_an_answer_no_longer_does_once_it_is_answered(replies: ReplyStore) -> None:
    replies.record(T, KB, [reply(1, "handoff"), reply(2, "handoff")])
    replies.mark_answered(T, "r1", "小李", NOON)
    assert ids(replies.read(T, KB, decisions=["handoff"], is_waiting=True)) == ["r2"]
    assert (replies.get(T, "r1").answered_by, replies.get(T, "r1").answered_at) == ("小李", NOON)


def test_hits_are_counted_by_entry_and_wording(replies: ReplyStore) -> None:
    near = {"entry_id": "e1", "wording": 0}
    replies.record(T, KB, [reply(1, **near), reply(2, **near), reply(3, entry_id="e1", wording=1), reply(4, "none")])
    assert replies.hits(T, KB) == [
        Hits("answer", "e1", 0, 2),
        Hits("answer", "e1", 1, 1),
        Hits("none", None, None, 1),
    ]
    assert replies.hits(T, KB, since=NOON + timedelta(minutes=4)) == [Hits("none", None, None, 1)]


def test_feedback_of_several_people_is_kept_in_order(replies: ReplyStore) -> None:
    replies.record(T, KB, [reply(1)])
    thumb = Feedback(reply_id="r1", given_at=NOON, by="a", helpful=False)
    better = Feedback(reply_id="r1", given_at=NOON + timedelta(hours=1), by="b", entry_id="e2", answer="九点")
    for one in (better, thumb):
        replies.give_feedback(T, one)
    assert replies.read_feedback(T, KB) == [thumb, better]
    assert replies.read_feedback(T, KB, since=NOON + timedelta(minutes=2)) == []


def test_another_tenant_finds_nothing(replies: ReplyStore) -> None:
    replies.record(T, KB, [reply(1)])
    with pytest.raises(NotFound):
        replies.get("other", "r1")
    with pytest.raises(NotFound):
        replies.mark_answered("other", "r1", "x", NOON)
    with pytest.raises(NotFound):
        replies.give_feedback("other", Feedback(reply_id="r1", given_at=NOON, by="x"))
    with pytest.raises(NotFound):
        replies.record("other", KB, [reply(2)])
    with pytest.raises(NotFound):
        replies.read("other", KB)
