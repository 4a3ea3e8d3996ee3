from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from nlp_service.errors import BadInput, NotFound
from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Judgement, Known, Recorded, Windows
from nlp_service.store.messages import MAX_DELIVERY, MessageStore
from nlp_service.types import Action
from tests.unit.store.deliveries import Judge, after, analysis, count, message, rows

AD = analysis("ad")
RISKY = analysis(risk=2)


@pytest.fixture
def messages_of(database: Database) -> MessageStore:
    return MessageStore(database)


@pytest.fixture
def judge() -> Judge:
    return Judge()


def states(recorded: Sequence[Recorded]) -> list[str]:
    return [one.state for one in recorded]


def test_a_new_message_is_stored_with_what_was_decided(messages_of: MessageStore, judge: Judge) -> None:
    sent = message("m1", analysis=AD, meta={"likes": 3, "话题": ["买"]}, author="陈", channel="门店")
    (recorded,) = messages_of.record("t", [sent], judge, Windows())
    stored = messages_of.find("t", "wechat", "m1")
    assert (recorded.id, recorded.state, recorded.policy_version) == (stored.id, "stored", "default-1")
    assert stored.analysis == recorded.analysis
    assert stored.analysis is not None
    assert stored.analysis.verdict is not None
    assert stored.analysis.verdict.action is Action.WARN
    assert (stored.action, stored.labels, stored.revision, stored.model_version) == ("warn", ("ad",), 1, "fast-1")
    assert (stored.text, stored.meta) == (sent.text, {"likes": 3, "话题": ["买"]})
    assert (stored.channel, stored.author) == ("门店", "陈")
    assert (stored.sent_at, stored.received_at, stored.edited_at) == (sent.sent_at, sent.received_at, None)
    assert messages_of.get("t", stored.id) == stored


def test_columns_repeat_what_is_filtered_by(database: Database, messages_of: MessageStore, judge: Judge) -> None:
    messages_of.record("t", [message("m1", analysis=RISKY, vector=b"\x00\x01")], judge, Windows())
    assert rows(database, "messages", "intent", "sentiment", "risk", "ugc_score", "vector") == [
        ("chat", 0.25, 2, None, b"\x00\x01")
    ]


def test_ids_count_arrivals(messages_of: MessageStore, judge: Judge) -> None:
    first = messages_of.record("t", [message("b"), message("a")], judge, Windows())
    second = messages_of.record("t", [message("c")], judge, Windows())
    ids = [one.id for one in (*first, *second)]
    assert ids == sorted(set(ids))


def test_the_same_delivery_again_changes_nothing(database: Database, messages_of: MessageStore, judge: Judge) -> None:
    delivery = [message("m1", analysis=AD, keys=(1, 2)), message("m2", analysis=RISKY, at=5)]
    first = messages_of.record("t", delivery, judge, Windows())
    tables = ("messages", "copies", "strikes", "reviews", "authors")
    before = [rows(database, table) for table in tables]
    again = messages_of.record("t", [one._replace(received_at=after(60)) for one in delivery], judge, Windows())
    assert states(again) == ["duplicate", "duplicate"]
    assert [(one.id, one.analysis) for one in again] == [(one.id, one.analysis) for one in first]
    assert [rows(database, table) for table in tables] == before
    assert len(judge.told) == 2


def test_a_later_wording_replaces_the_earlier_one(database: Database, messages_of: MessageStore, judge: Judge) -> None:
    (first,) = messages_of.record("t", [message("m1", "旧", keys=(1, 2), analysis=AD)], judge, Windows())
    edit = message("m1", "新", at=60, edited=50, keys=(2, 3), analysis=RISKY, meta={"v": 2}, model_version="fast-2")
    (edited,) = messages_of.record("t", [edit], judge, Windows())
    assert (edited.id, edited.state, edited.model_version) == (first.id, "edited", "fast-2")
    stored = messages_of.get("t", first.id)
    assert (stored.text, stored.meta, stored.revision, stored.edited_at) == ("新", {"v": 2}, 2, after(50))
    assert (stored.sent_at, stored.received_at) == (after(-1), after(0))
    assert (stored.action, stored.analysis) == ("pass", edited.analysis)
    assert rows(database, "copies", "key", "message_id") == [(2, first.id), (3, first.id)]
    assert rows(database, "authors", "n_messages", "last_at") == [(1, after(0))]


def test_an_edit_takes_back_the_strike_of_the_old_wording(
    database: Database, messages_of: MessageStore, judge: Judge
) -> None:
    messages_of.record("t", [message("m1", analysis=AD), message("m2", analysis=AD)], judge, Windows())
    messages_of.record("t", [message("m1", at=60, edited=50)], judge, Windows())
    messages_of.record("t", [message("m2", at=61, edited=50, analysis=AD)], judge, Windows())
    assert judge.last.offences == ()  # neither that of the first message, nor its own
    assert rows(database, "strikes", "offence", "at") == [("ad", after(61))]


@pytest.mark.parametrize(
    ("held", "comes", "state"),
    [
        (None, None, "duplicate"),
        (None, -1, "duplicate"),  # when it was sent: the first wording
        (None, -2, "outdated"),
        (50, None, "duplicate"),  # the first wording comes after the second
        (50, 50, "duplicate"),
        (50, 49, "outdated"),
        (50, 51, "edited"),
    ],
)
def test_what_a_message_is_to_the_one_that_is_there(
    messages_of: MessageStore, judge: Judge, held: float | None, comes: float | None, state: str
) -> None:
    (first,) = messages_of.record("t", [message("m1", "甲", edited=held)], judge, Windows())
    (second,) = messages_of.record("t", [message("m1", "乙", edited=comes)], judge, Windows())
    assert (first.state, second.state) == ("stored", state)
    assert second.id == first.id
    assert messages_of.get("t", first.id).text == ("乙" if state == "edited" else "甲")


def test_a_deleted_message_leaves_its_row_without_content(
    database: Database, messages_of: MessageStore, judge: Judge
) -> None:
    sent = message("m1", analysis=analysis("ad", risk=2), keys=(1,), meta={"a": 1}, vector=b"ab")
    (stored,) = messages_of.record("t", [sent], judge, Windows())
    removed = messages_of.remove("t", "wechat", "m1", after(30), "key:a")
    assert removed == Recorded(stored.id, "deleted", None, "default-1", "fast-1")
    left = messages_of.get("t", stored.id)
    assert (left.text, left.meta, left.analysis, left.deleted_at, left.author) == ("", {}, None, after(30), "lin")
    assert rows(database, "messages", "vector", "analysis", "action") == [(None, b"", "warn")]
    assert rows(database, "copies") == []
    assert rows(database, "strikes", "offence") == [("ad",)]  # who deletes it has still written it
    assert rows(database, "reviews", "state") == [("decided",)]
    assert {"message.delete", "review.end"} == {action for (action,) in rows(database, "audit_log", "action")}


def test_what_comes_after_a_deletion_changes_nothing(messages_of: MessageStore, judge: Judge) -> None:
    messages_of.record("t", [message("m1")], judge, Windows())
    messages_of.remove("t", "wechat", "m1", after(30), "key:a")
    late = messages_of.record("t", [message("m1"), message("m1", at=99, edited=98)], judge, Windows())
    assert [(one.state, one.analysis) for one in late] == [("deleted", None)] * 2
    assert len(judge.told) == 1


def test_a_deletion_before_the_message_is_remembered(messages_of: MessageStore, judge: Judge) -> None:
    removed = messages_of.remove("t", "wechat", "m1", after(30), "key:a")
    (late,) = messages_of.record("t", [message("m1")], judge, Windows())
    assert (late.id, late.state) == (removed.id, "deleted")
    left = messages_of.find("t", "wechat", "m1")
    assert (left.author, left.sent_at, left.deleted_at) == ("", after(30), after(30))


def test_deleting_again_changes_nothing(database: Database, messages_of: MessageStore, judge: Judge) -> None:
    messages_of.record("t", [message("m1")], judge, Windows())
    first = messages_of.remove("t", "wechat", "m1", after(30), "key:a")
    assert messages_of.remove("t", "wechat", "m1", after(60), "key:b") == first
    assert messages_of.get("t", first.id).deleted_at == after(30)
    assert count(database, "audit_log") == 1


def test_authors_are_counted(database: Database, messages_of: MessageStore, judge: Judge) -> None:
    messages_of.record("t", [message("a", at=5), message("b", at=9), message("c", author="mei")], judge, Windows())
    messages_of.record("t", [message("d", at=2), message("a", at=99)], judge, Windows())
    assert rows(database, "authors", "author", "first_at", "last_at", "n_messages") == [
        ("lin", after(2), after(9), 3),
        ("mei", after(0), after(0), 1),
    ]


def test_tenants_have_nothing_in_common(messages_of: MessageStore, judge: Judge) -> None:
    first = messages_of.record("t", [message("m1", keys=(1,), analysis=AD)], judge, Windows())
    second = messages_of.record("another", [message("m1", keys=(1,), analysis=AD)], judge, Windows())
    assert states([*first, *second]) == ["stored", "stored"]
    assert judge.last == Known()
    with pytest.raises(NotFound):
        messages_of.get("another", first[0].id)
    messages_of.remove("another", "wechat", "m1", after(1), "key:a")
    assert messages_of.get("t", first[0].id).deleted_at is None


def test_what_is_not_there_is_not_found(messages_of: MessageStore) -> None:
    with pytest.raises(NotFound):
        messages_of.get("t", 1)
    with pytest.raises(NotFound):
        messages_of.find("t", "wechat", "m1")


def test_a_judge_that_fails_leaves_nothing(database: Database, messages_of: MessageStore) -> None:
    def fail_at_the_second(message: Incoming, known: Known) -> Judgement:
        if message.external_id == "m2":
            raise KeyError
        return Judge()(message, known)

    with pytest.raises(KeyError):
        messages_of.record("t", [message("m1"), message("m2")], fail_at_the_second, Windows())
    assert [count(database, table) for table in ("messages", "authors")] == [0, 0]


def test_a_delivery_has_a_largest_size(messages_of: MessageStore, judge: Judge) -> None:
    assert messages_of.record("t", [], judge, Windows()) == []
    delivery = [message(f"m{n}") for n in range(MAX_DELIVERY + 1)]
    with pytest.raises(BadInput) as caught:
        messages_of.record("t", delivery, judge, Windows())
    assert caught.value.param == "messages"
    assert len(messages_of.record("t", delivery[1:], judge, Windows())) == MAX_DELIVERY


def test_a_stored_analysis_is_answered_with_the_id_that_was_sent(messages_of: MessageStore, judge: Judge) -> None:
    sent = message("7", analysis=msgspec.structs.replace(analysis(), id=7))
    messages_of.record("t", [sent], judge, Windows())
    (again,) = messages_of.record("t", [sent], judge, Windows())
    assert again.analysis is not None
    assert again.analysis.id == 7
