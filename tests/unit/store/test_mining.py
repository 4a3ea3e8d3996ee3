from __future__ import annotations

from datetime import timedelta

from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.mining import MinedMessage, MiningStore
from tests.unit.store.deliveries import NOON, Judge, after, analysis, message


def deliver(database: Database, *incoming: Incoming, tenant: str = "t") -> None:
    MessageStore(database).record(tenant, incoming, Judge(), Windows())


def ids(pages: list[list[MinedMessage]]) -> list[str]:
    return [f"{found.platform}/{found.external_id}" for page in pages for found in page]


def test_messages_come_in_the_order_of_facts(database: Database) -> None:
    deliver(
        database,
        message("b", at=5),
        message("a", at=5),
        message("z", at=5, platform="qq"),
        message("B", at=5),
        message("first", at=1),
    )
    store = MiningStore(database)
    pages = list(store.read("t", NOON - timedelta(hours=1), after(60), rows_at_a_time=2))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert ids(pages) == ["wechat/first", "qq/z", "wechat/B", "wechat/a", "wechat/b"]


def test_a_message_comes_with_all_that_is_known_of_it(database: Database) -> None:
    known = message("a", "面霜漏了", meta={"weather": "rain"}, vector=b"\x00\x3c" * 128, analysis=analysis("complaint"))
    deliver(database, known)
    ((found,),) = MiningStore(database).read("t", NOON - timedelta(hours=1), after(60))
    assert (found.text, found.author, found.channel, found.meta) == ("面霜漏了", "lin", "group", {"weather": "rain"})
    assert (found.vector, found.action, found.model_version) == (known.vector, "pass", "fast-1")
    assert found.sent_at == known.sent_at
    assert found.analysis.intent is not None
    assert found.analysis.intent.primary == "complaint"


def test_what_is_outside_of_others_or_deleted_does_not_come(database: Database) -> None:
    deliver(database, message("early", at=0), message("in", at=11), message("gone", at=12), message("late", at=21))
    deliver(database, message("theirs", at=11), tenant="other")
    MessageStore(database).remove("t", "wechat", "gone", after(30), "test")
    store = MiningStore(database)
    assert ids(list(store.read("t", after(10), after(20)))) == ["wechat/in"]
    extent = store.extent("t", after(10), after(20))
    assert (extent.messages, extent.first, extent.last) == (1, after(10), after(10))


def test_the_bounds_are_half_open(database: Database) -> None:
    deliver(database, message("a", at=1), message("b", at=2))  # sent a second earlier
    store = MiningStore(database)
    assert ids(list(store.read("t", after(0), after(1)))) == ["wechat/a"]


def test_an_empty_store_has_no_extent(database: Database) -> None:
    extent = MiningStore(database).extent("t")
    assert (extent.messages, extent.first, extent.last) == (0, None, None)
    assert list(MiningStore(database).read("t", NOON, after(5))) == []


def test_whatever_becomes_of_a_message_changes_the_state(database: Database) -> None:
    store, states = MiningStore(database), []

    def look() -> None:
        states.append(store.extent("t").state)

    look()
    deliver(database, message("a"))
    look()
    deliver(database, message("b", at=-900))
    look()
    deliver(database, message("a", "改过的", edited=30))
    look()
    MessageStore(database).remove("t", "wechat", "b", after(60), "test")
    look()
    assert len(set(states)) == len(states)
    assert store.extent("t").state == states[-1]


def test_a_reader_that_stops_early_leaves_the_database_free(database: Database) -> None:
    deliver(database, *(message(f"m{n}", at=n) for n in range(20)))
    pages = MiningStore(database).read("t", NOON - timedelta(hours=1), after(60), rows_at_a_time=5)
    next(pages)
    pages.close()
    deliver(database, message("later", at=30))
