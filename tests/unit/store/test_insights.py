from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from nlp_service.errors import NotFound
from nlp_service.store import insights
from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Windows
from nlp_service.store.insight_members import MemberStore
from nlp_service.store.insight_records import Members, NewRun, Recount
from nlp_service.store.insights import KEPT, InsightStore
from nlp_service.store.messages import MAX_DELIVERY, MessageStore
from tests.unit.store.deliveries import NOON, Judge, after, message, rows

DAY = timedelta(days=1)


@pytest.fixture
def store(database: Database) -> InsightStore:
    return InsightStore(database)


@pytest.fixture
def members(database: Database) -> MemberStore:
    return MemberStore(database)


def run(*items: str, kind: str = "pain", start: datetime = NOON - DAY, channel: str = "") -> NewRun:
    return NewRun(
        job_id="j",
        period_start=start,
        period_end=start + DAY,
        zone="Asia/Shanghai",
        previous_start=start - DAY,
        previous_end=start,
        parameters={"channels": [channel] if channel else []},
        model_version="fast-1",
        messages=9,
        people=4,
        head={"notes": ["ok"]},
        items={kind: [{"id": item, "name": f"name of {item}"} for item in items]},
    )


def deliver(database: Database, *incoming: Incoming, tenant: str = "t") -> list[int]:
    store, ids = MessageStore(database), []
    for begin in range(0, len(incoming), MAX_DELIVERY):
        portion = incoming[begin : begin + MAX_DELIVERY]
        ids += [one.id for one in store.record(tenant, portion, Judge(), Windows())]
    return ids


def ids_of(members: MemberStore, run_id: int, item: str, kind: str = "pain") -> list[int]:
    return [found.id for found in members.page("t", run_id, kind, item).messages]


def items_of(store: InsightStore, run_id: int, kind: str = "pain") -> list[str]:
    return [item["id"] for item in store.document("t", run_id)["items"][kind]]


def test_a_run_comes_back_as_it_was_stored(database: Database, store: InsightStore, members: MemberStore) -> None:
    ids = deliver(database, *(message(f"m{n}", at=n) for n in range(3)))
    run_id = store.store("t", run("a"), [Members("pain", "a", ids[:2]), Members("pain", "a", ids[2:])], actor="key:a")
    found = store.get("t", run_id)
    assert (found.period_start, found.period_end, found.messages, found.people) == (NOON - DAY, NOON, 9, 4)
    assert store.document("t", run_id) == {
        "head": {"notes": ["ok"]},
        "items": {"pain": [{"id": "a", "name": "name of a"}]},
    }
    assert ids_of(members, run_id, "a") == ids
    (line,) = rows(database, "audit_log", "tenant", "actor", "action", "object", "detail")
    assert line == ("t", "key:a", "insight.store", f"run:{run_id}", {"messages": 9, "removed": 0, "job": "j"})


def test_fifty_items_counted_again_by_sql_are_what_was_found(
    database: Database, store: InsightStore, members: MemberStore
) -> None:
    chance = random.Random(7)
    platforms, authors = ("wechat", "qq"), ["", *(f"u{n}" for n in range(40))]
    incoming = [
        message(f"m{n}", f"第 {n} 条", at=n, platform=chance.choice(platforms), author=chance.choice(authors))
        for n in range(2_500)
    ]
    ids = deliver(database, *incoming)
    chosen = {f"i{n}": sorted(chance.sample(range(len(ids)), chance.randint(1, 400))) for n in range(60)}
    behind = [Members("topic", item, [ids[place] for place in places]) for item, places in chosen.items()]
    run_id = store.store("t", run(*chosen, kind="topic"), behind, actor="system")
    by_hand = sa.text(
        "SELECT COUNT(*), COUNT(DISTINCT CASE WHEN m.author = '' THEN CAST(m.id AS TEXT) "
        "ELSE m.platform || '|' || m.author END) FROM insight_members i JOIN messages m ON m.id = i.message_id "
        "WHERE i.run_id = :run AND i.kind = 'topic' AND i.item = :item"
    )
    for item in chance.sample(sorted(chosen), 50):
        said = [incoming[place] for place in chosen[item]]
        nobody = sum(not one.author for one in said)
        expected = (len(said), len({(one.platform, one.author) for one in said if one.author}) + nobody)
        assert members.recount("t", run_id, "topic", item) == Recount(*expected)
        with database.read() as connection:
            assert tuple(connection.execute(by_hand, {"run": run_id, "item": item}).one()) == expected


def test_a_run_is_shown_when_its_last_row_is_there(
    database: Database, store: InsightStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insights, "PORTION", 2)
    ids = deliver(database, *(message(f"m{n}", at=n) for n in range(5)))
    seen = []

    def watched() -> Iterator[Members]:
        for message_id in ids:
            seen.append(store.newest("t", {"channels": []}))
            yield Members("pain", "a", [message_id])

    run_id = store.store("t", run("a"), watched(), actor="system")
    assert seen == [None] * 5
    found = store.newest("t", {"channels": []})
    assert found is not None
    assert found.id == run_id


def test_what_was_left_half_written_goes_after_a_day(database: Database, store: InsightStore) -> None:
    ids = deliver(database, message("m1"))

    def broken() -> Iterator[Members]:
        yield Members("pain", "a", ids * insights.PORTION)
        raise OSError("the process was killed")

    with pytest.raises(OSError, match="killed"):
        store.store("t", run("a"), broken(), actor="system")
    assert len(rows(database, "insight_runs", "id")) == 1
    tomorrow = InsightStore(database, lambda: datetime.now(NOON.tzinfo) + 2 * DAY)
    kept = tomorrow.store("t", run("b"), [], actor="system")
    assert rows(database, "insight_runs", "id") == [(kept,)]
    assert rows(database, "insight_members") == []


def test_the_newest_run_over_a_period_is_found(store: InsightStore) -> None:
    first, second = (store.store("t", run("a"), [], actor="system") for _ in range(2))
    other = store.store("t", run("a", start=NOON), [], actor="system")
    of_channel = store.store("t", run("a", channel="vip"), [], actor="system")

    def newest(channel: str, *period: datetime) -> int | None:
        found = store.newest("t", {"channels": [channel] if channel else []}, *period)
        return found and found.id

    assert newest("", NOON - DAY, NOON) == second != first
    assert newest("") == other
    assert newest("vip") == of_channel
    assert newest("vip", NOON, NOON + DAY) is None
    assert newest("", NOON - DAY, NOON + DAY) is None


def test_the_last_runs_over_a_period_are_kept(database: Database, store: InsightStore) -> None:
    ids = deliver(database, message("m1"))
    behind = [Members("pain", "a", ids)]
    made = [store.store("t", run("a"), behind, actor="system") for _ in range(KEPT + 2)]
    other = store.store("t", run("a", start=NOON), behind, actor="system")
    assert [row[0] for row in rows(database, "insight_runs", "id")] == [*made[2:], other]
    assert {row[0] for row in rows(database, "insight_members", "run_id")} == {*made[2:], other}


def test_another_tenant_has_no_such_run(database: Database, store: InsightStore, members: MemberStore) -> None:
    ids = deliver(database, message("m1"))
    run_id = store.store("t", run("a"), [Members("pain", "a", ids)], actor="system")
    for look in (store.get, store.document):
        with pytest.raises(NotFound):
            look("u", run_id)
    assert store.newest("u", {"channels": []}) is None
    assert store.holding("u", "pain", "a") is None
    assert store.browse("u").runs == []
    assert members.page("u", run_id, "pain", "a").messages == []
    assert members.read("u", ids) == {}
    assert members.keys("u", run_id, most=9) == {}
    assert members.authors("u", run_id, "pain") == {}
    assert members.recount("u", run_id, "pain", "a") == (0, 0)


def test_a_message_of_another_tenant_is_behind_nothing(
    database: Database, store: InsightStore, members: MemberStore
) -> None:
    mine, others = deliver(database, message("m1")), deliver(database, message("m1"), tenant="u")
    run_id = store.store("t", run("a"), [Members("pain", "a", [*mine, *others, 10**9])], actor="system")
    assert rows(database, "insight_members", "message_id") == [(mine[0],)]
    assert ids_of(members, run_id, "a") == mine


def test_messages_come_by_pages(database: Database, store: InsightStore, members: MemberStore) -> None:
    ids = deliver(database, *(message(f"m{n}", at=n) for n in range(5)))
    run_id = store.store("t", run("a", "b"), [Members("pain", "a", ids[:4]), Members("pain", "b", ids)], actor="system")
    first = members.page("t", run_id, "pain", "a", limit=3)
    second = members.page("t", run_id, "pain", "a", after=first.next_after, limit=3)
    assert [one.id for page in (first, second) for one in page.messages] == ids[:4]
    assert second.next_after is None
    assert members.keys("t", run_id, most=2)["pain", "b"] == [(ids[0], "wechat", "m0"), (ids[1], "wechat", "m1")]
    assert store.holding("t", "pain", "b") == store.get("t", run_id)
    assert store.holding("t", "pain", "c") is None


def test_authors_are_those_of_the_messages(database: Database, store: InsightStore, members: MemberStore) -> None:
    ids = deliver(database, *(message(f"m{n}", author=name) for n, name in enumerate(("mei", "", "lin", "mei"))))
    run_id = store.store("t", run("g", kind="group"), [Members("group", "g", ids)], actor="system")
    assert members.authors("t", run_id, "group") == {"g": [("wechat", "lin"), ("wechat", "mei")]}


def test_an_erased_author_leaves_every_run(database: Database, store: InsightStore, members: MemberStore) -> None:
    ids = deliver(database, message("m1", author="mei"), message("m2", author="lin", at=1))
    behind = [Members("pain", "both", ids), Members("keyword", "only-mei", ids[:1]), Members("figure", "f", ids[:1])]
    found = run("both", "quiet")
    found.items.update(keyword=[{"id": "only-mei", "term": "梧桐路十二号"}], figure=[{"id": "f", "value": 1.0}])
    run_id = store.store("t", found, behind, actor="system")
    receipt = MessageStore(database).erase_author("t", "wechat", "mei", "key:a")
    assert receipt.erased.members == 3
    assert ids_of(members, run_id, "both") == ids[1:]
    assert members.recount("t", run_id, "pain", "both") == (1, 1)
    # A name of an item may be what one person said; that of a figure is the same for everybody, and what had no
    # messages at all did not lose any.
    assert items_of(store, run_id) == ["both", "quiet"]
    assert items_of(store, run_id, "keyword") == []
    assert items_of(store, run_id, "figure") == ["f"]


def test_what_is_too_old_leaves_every_run(database: Database, store: InsightStore, members: MemberStore) -> None:
    ids = deliver(database, message("m1"), message("m2", at=10))
    behind = [Members("pain", "a", ids)]
    old = store.store("t", run("a", start=NOON - 2 * DAY), behind, actor="system")
    kept = store.store("t", run("a", start=NOON), behind, actor="system")
    of_another = store.store("u", run("a", start=NOON - 2 * DAY), [], actor="system")
    MessageStore(database).expire("t", after(5))
    assert ids_of(members, kept, "a") == ids[1:]
    assert [row[0] for row in rows(database, "insight_runs", "id")] == [kept, of_another]
    assert {row[0] for row in rows(database, "insight_members", "run_id")} == {kept}
    with pytest.raises(NotFound):
        store.get("t", old)
    assert ("insight.expire", {"runs": 1, "states": 0}) in rows(database, "audit_log", "action", "detail")


def test_a_deleted_message_is_not_shown_behind_anything(
    database: Database, store: InsightStore, members: MemberStore
) -> None:
    ids = deliver(database, message("m1"), message("m2", at=1))
    run_id = store.store("t", run("a"), [Members("pain", "a", ids)], actor="system")
    MessageStore(database).remove("t", "wechat", "m1", after(9), "key:a")
    assert ids_of(members, run_id, "a") == ids[1:]
    assert set(members.read("t", ids)) == {ids[1]}
    assert members.recount("t", run_id, "pain", "a") == (1, 1)
