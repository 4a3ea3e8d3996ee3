from __future__ import annotations

import pytest
import sqlalchemy as sa

from nlp_service.store.database import Database
from nlp_service.store.incoming import Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.schema import reviews
from tests.unit.store.deliveries import Judge, after, analysis, message, rows

RISKY = analysis(risk=2)


@pytest.fixture
def messages_of(database: Database) -> MessageStore:
    return MessageStore(database)


@pytest.fixture
def judge() -> Judge:
    return Judge()


def test_an_open_review_goes_on_with_the_new_wording(
    database: Database, messages_of: MessageStore, judge: Judge
) -> None:
    messages_of.record("t", [message("m1", analysis=RISKY)], judge, Windows())
    with database.write() as connection:
        connection.execute(sa.update(reviews).values(claimed_by="anna", lease_until=after(900), line=3))
    messages_of.record("t", [message("m1", at=9, edited=8, analysis=analysis(risk=3))], judge, Windows())
    assert rows(database, "reviews", "state", "line", "priority", "reasons", "claimed_by", "lease_until") == [
        ("open", 3, 0.75, ["risk>=3"], None, None)
    ]


def test_a_review_ends_with_the_wording_that_it_was_for(
    database: Database, messages_of: MessageStore, judge: Judge
) -> None:
    messages_of.record("t", [message("m1", analysis=RISKY)], judge, Windows(), actor="key:a")
    messages_of.record("t", [message("m1", at=9, edited=8)], judge, Windows(), actor="key:a")
    assert rows(database, "reviews", "state", "decided_at") == [("decided", after(9))]
    assert rows(database, "audit_log", "actor", "action", "detail") == [("key:a", "review.end", {"why": "edited"})]


def test_an_edit_after_a_decision_opens_another_review(
    database: Database, messages_of: MessageStore, judge: Judge
) -> None:
    messages_of.record("t", [message("m1", analysis=RISKY)], judge, Windows())
    with database.write() as connection:
        connection.execute(sa.update(reviews).values(state="decided", decided_at=after(5)))
    messages_of.record("t", [message("m1", at=9, edited=8, analysis=RISKY)], judge, Windows())
    assert rows(database, "reviews", "state", "created_at") == [("decided", after(0)), ("open", after(9))]


def test_an_appeal_stays_open_when_the_message_is_edited(
    database: Database, messages_of: MessageStore, judge: Judge
) -> None:
    messages_of.record("t", [message("m1", analysis=RISKY)], judge, Windows())
    with database.write() as connection:
        connection.execute(sa.update(reviews).values(kind="appeal", reasons=["appeal:warn"], claimed_by="anna"))
    for at, found in ((9, analysis()), (19, RISKY)):
        messages_of.record("t", [message("m1", at=at, edited=at, analysis=found)], judge, Windows())
    assert rows(database, "reviews", "kind", "state", "reasons", "claimed_by") == [
        ("appeal", "open", ["appeal:warn"], None)
    ]
