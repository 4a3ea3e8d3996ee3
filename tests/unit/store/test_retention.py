from __future__ import annotations

import pytest
import sqlalchemy as sa

from nlp_service.store import retention
from nlp_service.store.database import Database
from nlp_service.store.incoming import Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.retention import Expired
from nlp_service.store.schema import review_decisions, reviews
from tests.unit.store.deliveries import Judge, after, analysis, count, message, rows

BAD = analysis("ad", risk=2)


@pytest.fixture
def messages_of(database: Database) -> MessageStore:
    store = MessageStore(database)
    old = [message(f"m{n}", at=n, author=f"u{n}", keys=(n, 100), analysis=BAD) for n in range(5)]
    store.record("t", [*old, message("kept", at=5, author="u0", keys=(100,), analysis=BAD)], Judge(), Windows())
    store.record("another", [message("m0", keys=(1,))], Judge(), Windows())
    return store


def test_what_came_before_a_time_goes_with_all_that_hangs_on_it(database: Database, messages_of: MessageStore) -> None:
    with database.write() as connection:
        review_id = connection.scalar(sa.select(sa.func.min(reviews.c.id)))
        row = {"review_id": review_id, "line": 2, "by": "anna", "at": after(9), "decision": "decide", "note": ""}
        row |= {"before": {}, "revision": 1}
        connection.execute(sa.insert(review_decisions).values(**row))
    expired = messages_of.expire("t", after(5), "cli")
    assert expired == Expired(messages=5, copies=10, authors=4)
    assert rows(database, "messages", "tenant", "external_id") == [("t", "kept"), ("another", "m0")]
    assert [count(database, table) for table in ("strikes", "reviews", "review_decisions", "copies")] == [1, 1, 0, 2]
    assert rows(database, "authors", "tenant", "author") == [("another", "lin"), ("t", "u0")]
    assert rows(database, "audit_log", "tenant", "actor", "action", "detail") == [
        ("t", "cli", "messages.expire", {"older_than": after(5).isoformat(), **expired._asdict()})
    ]


def test_nothing_too_old_changes_nothing(database: Database, messages_of: MessageStore) -> None:
    assert messages_of.expire("t", after(0)) == Expired()
    assert count(database, "audit_log") == 0


def test_it_goes_in_steps(database: Database, messages_of: MessageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    assert messages_of.expire("t", after(5)) == Expired(messages=5, copies=10, authors=4)
    # Each in a transaction of its own, with its line in the log.
    assert [detail["messages"] for (detail,) in rows(database, "audit_log", "detail")] == [2, 2, 1]


def test_a_limit_ends_it_early_and_it_goes_on_another_time(database: Database, messages_of: MessageStore) -> None:
    assert messages_of.expire("t", after(5), limit=3) == Expired(messages=3, copies=6)
    assert [id_ for tenant, id_ in rows(database, "messages", "tenant", "external_id") if tenant == "t"] == [
        "m3",
        "m4",
        "kept",
    ]
    assert messages_of.expire("t", after(5), limit=3) == Expired(messages=2, copies=4, authors=4)


def test_an_import_counts_from_when_it_was_received(database: Database, messages_of: MessageStore) -> None:
    history = [
        message("received then", at=2, author="u9"),
        message("received now", at=60, sent_at=after(2), author="u9"),
    ]
    messages_of.record("t", history, Judge(), Windows())
    assert messages_of.expire("t", after(5)).messages == 6
    assert ("received now",) in rows(database, "messages", "external_id")
    assert messages_of.expire("t", after(61)).messages == 2


def test_all_of_it_may_go(database: Database, messages_of: MessageStore) -> None:
    messages_of.remove("t", "wechat", "never came", after(3), "key:a")
    assert messages_of.expire("t", after(60)).messages == 7
    assert rows(database, "messages", "tenant") == [("another",)]
