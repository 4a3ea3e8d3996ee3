from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nlp_service.errors import NotFound
from nlp_service.store.database import Database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.replies import Feedback, ReplyStore, StoredReply
from nlp_service.store.usage import Asked, Said, StillWaiting, UsageStore

T, KB = "acme", "门店"
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def reply(number: int, decision: str, **values: object) -> StoredReply:
    known = {"id": f"r{number}", "kb_version": 1, "asked_at": NOON + timedelta(hours=number), "question": "几点开门"}
    return StoredReply(**(known | {"decision": decision, "reason": "near"} | values))  # type: ignore[arg-type]


@pytest.fixture
def usage(database: Database) -> UsageStore:
    """Four replies, of which one waits; and a base of another tenant with one of its own."""
    replies = ReplyStore(database)
    for tenant in (T, "other"):
        KnowledgeStore(database).create(tenant, KB)
    replies.record(
        T,
        KB,
        [
            reply(1, "answer", entry_id="e1", wording=0, channel="一群"),
            reply(2, "answer", entry_id="e1", wording=1),
            reply(3, "handoff", entry_id="e2", wording=0, channel="一群"),
            reply(4, "none", answered_by="乙", answered_at=NOON),
        ],
    )
    replies.record("other", KB, [reply(9, "none")])
    for given in [
        Feedback(reply_id="r1", given_at=NOON, by="甲", helpful=True),
        Feedback(reply_id="r3", given_at=NOON, by="甲", entry_id="e3"),
        Feedback(reply_id="r3", given_at=NOON, by="乙", answer="十点"),
        Feedback(reply_id="r4", given_at=NOON, by="乙", helpful=False, answer=""),
    ]:
        replies.give_feedback(T, given)
    return UsageStore(database)


def test_replies_of_a_period_come_newest_first(usage: UsageStore) -> None:
    found = list(usage.asked(T, KB, since=NOON + timedelta(hours=2), until=NOON + timedelta(hours=4)))
    assert found == [Asked("r3", "一群", "handoff", "e2", 0), Asked("r2", "", "answer", "e1", 1)]
    assert [one.reply_id for one in usage.asked(T, KB)] == ["r4", "r3", "r2", "r1"]


def test_an_empty_answer_corrects_nothing(usage: UsageStore) -> None:
    assert usage.said(T, KB) == [
        Said("r1", True, False),
        Said("r3", None, True),
        Said("r3", None, True),
        Said("r4", False, False),
    ]
    assert usage.said(T, KB, until=NOON + timedelta(hours=2)) == [Said("r1", True, False)]


def test_the_last_answer_of_an_entry_is_aware_and_counts_answers_only(usage: UsageStore) -> None:
    assert usage.last_answers(T, KB) == {"e1": NOON + timedelta(hours=2)}
    assert usage.last_answers(T, KB, until=NOON + timedelta(hours=2)) == {"e1": NOON + timedelta(hours=1)}


def test_what_nobody_answered_waits(usage: UsageStore) -> None:
    assert usage.waiting(T, KB) == [StillWaiting("r3", "一群", NOON + timedelta(hours=3))]
    assert usage.waiting(T, KB, until=NOON + timedelta(hours=3)) == []
    assert [one.reply_id for one in usage.waiting("other", KB)] == ["r9"]


def test_a_tenant_without_the_base_finds_nothing(usage: UsageStore) -> None:
    for query in (usage.said, usage.last_answers, usage.waiting, lambda *of: list(usage.asked(*of))):
        with pytest.raises(NotFound):
            query("nobody", KB)
