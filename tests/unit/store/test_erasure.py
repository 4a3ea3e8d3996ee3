from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from nlp_service.errors import BadInput
from nlp_service.store.database import Database, open_database
from nlp_service.store.erasure import Erased, Receipt
from nlp_service.store.incoming import Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.schema import metadata, review_decisions, reviews
from tests.unit.store.deliveries import Judge, after, analysis, message, rows

NAME, SECRET = "zhao-qi-1987", "我家住在梧桐路十二号"
BAD = analysis("ad", risk=2)


def fill(database: Database) -> MessageStore:
    store = MessageStore(database)
    delivery = [
        message("m2", SECRET, author=NAME, keys=(1, 2), analysis=BAD, vector=b"ab", meta={"note": SECRET}),
        message("m10", SECRET, author=NAME, keys=(3,), at=1),
        message("m3", author="mei", keys=(1,), analysis=BAD, vector=b"ab"),
        message("m4", author=NAME, platform="qq"),
    ]
    store.record("t", delivery, Judge(), Windows())
    store.record("another", [message("m2", author=NAME)], Judge(), Windows())
    with database.write() as connection:
        for review_id in connection.scalars(sa.select(reviews.c.id)).all():
            row = {"review_id": review_id, "line": 2, "by": "anna", "at": after(9), "decision": "decide", "note": ""}
            row |= {"before": {}, "revision": 1}
            connection.execute(sa.insert(review_decisions).values(**row))
    return store


@pytest.fixture
def messages_of(database: Database) -> MessageStore:
    return fill(database)


def test_all_of_an_author_goes_and_nothing_of_others(database: Database, messages_of: MessageStore) -> None:
    receipt = messages_of.erase_author("t", "wechat", NAME, "key:a")
    assert receipt.erased == Erased(messages=2, vectors=1, copies=3, strikes=1, reviews=1, decisions=1, authors=1)
    assert rows(database, "messages", "tenant", "platform", "author") == [
        ("t", "wechat", "mei"),
        ("t", "qq", NAME),
        ("another", "wechat", NAME),
    ]
    assert rows(database, "strikes", "author") == [("mei",)]
    assert rows(database, "copies", "key") == [(1,)]
    assert len(rows(database, "reviews", "id")) == len(rows(database, "review_decisions", "id")) == 1
    assert len(rows(database, "authors", "author")) == 3


def test_neither_name_nor_text_is_anywhere_afterwards(database: Database, messages_of: MessageStore) -> None:
    messages_of.erase_author("t", "wechat", NAME, "key:a")
    messages_of.erase_author("t", "qq", NAME, "key:a")
    messages_of.erase_author("another", "wechat", NAME, "key:a")
    everything = repr([rows(database, table) for table in metadata.tables])
    assert "m3" in everything
    assert NAME not in everything
    assert SECRET not in everything


def test_sqlite_overwrites_what_was_erased(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with open_database(str(path)) as database:
        store = fill(database)
        with database.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        assert SECRET.encode() in path.read_bytes()
        store.erase_author("t", "wechat", NAME, "key:a")
    # Closing the last connection moves the log into the file.
    assert SECRET.encode() not in path.read_bytes()


def test_a_receipt_proves_what_was_erased(messages_of: MessageStore) -> None:
    receipt = messages_of.erase_author("t", "wechat", NAME, "key:a")
    ids = json.dumps(["m10", "m2"], separators=(",", ":"))
    assert receipt.digest == hashlib.sha256(ids.encode()).hexdigest()
    named = json.dumps([receipt.id, "t", "wechat", NAME], separators=(",", ":"))
    assert receipt.author_digest == hashlib.sha256(named.encode()).hexdigest()
    assert receipt.at.tzinfo is not None


def test_the_log_has_the_receipt_and_no_name(database: Database, messages_of: MessageStore) -> None:
    receipt = messages_of.erase_author("t", "wechat", NAME, "key:a")
    ((tenant, actor, action, what, detail),) = rows(
        database, "audit_log", "tenant", "actor", "action", "object", "detail"
    )
    assert (tenant, actor, action, what) == ("t", "key:a", "author.erase", f"author:{receipt.author_digest}")
    assert (detail["receipt"], detail["digest"], detail["messages"]) == (receipt.id, receipt.digest, 2)


def test_somebody_unknown_gets_a_receipt_too(messages_of: MessageStore) -> None:
    receipt = messages_of.erase_author("t", "wechat", "wang", "key:a")
    assert receipt.erased == Erased(messages=0, vectors=0, copies=0, strikes=0, reviews=0, decisions=0, authors=0)
    assert receipt.digest == hashlib.sha256(b"[]").hexdigest()


def test_a_deleted_message_of_theirs_goes_too(database: Database, messages_of: MessageStore) -> None:
    messages_of.remove("t", "wechat", "m2", after(30), "key:a")
    receipt: Receipt = messages_of.erase_author("t", "wechat", NAME, "key:a")
    assert (receipt.erased.messages, receipt.erased.strikes) == (2, 1)
    assert ("m2",) not in [row[1:] for row in rows(database, "messages", "tenant", "external_id") if row[0] == "t"]


def test_nobody_cannot_be_erased(messages_of: MessageStore) -> None:
    with pytest.raises(BadInput) as caught:
        messages_of.erase_author("t", "wechat", "", "key:a")
    assert caught.value.param == "author"


def test_after_an_erasure_an_author_is_new(messages_of: MessageStore) -> None:
    messages_of.erase_author("t", "wechat", NAME, "key:a")
    judge = Judge()
    (again,) = messages_of.record("t", [message("m2", author=NAME, keys=(3,))], judge, Windows())
    assert again.state == "stored"
    assert (judge.last.offences, judge.last.n_earlier, judge.last.copies_by_author) == ((), 0, 0)
