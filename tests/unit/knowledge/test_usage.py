from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nlp_service.errors import BadInput, NotFound
from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.tallies import MAX_IDS, Count
from nlp_service.knowledge.usage import StaleEntry, Usage, Waiting, alerts, by_channel, measure
from nlp_service.store.database import Database, open_database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.replies import Feedback, ReplyStore, StoredReply
from nlp_service.store.usage import StillWaiting, UsageStore

T, KB = "acme", "门店"
BEGIN = datetime(2025, 6, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=7)
ENTRIES = [
    make_entry("hours", ["几点开门", "营业时间"], "九点"),
    make_entry("parking", ["能停车吗"], "能"),
    make_entry("pets", ["能带宠物吗"], "能"),
]


def reply(id: str, minute: int, decision: str = "answer", **values: object) -> StoredReply:
    known = {"id": id, "kb_version": 1, "asked_at": BEGIN + timedelta(minutes=minute), "question": "问", "reason": "r"}
    return StoredReply(**(known | {"decision": decision} | values))  # type: ignore[arg-type]


def thumb(reply_id: str, helpful: bool | None, **values: str) -> Feedback:
    return Feedback(reply_id=reply_id, given_at=END, by="甲", helpful=helpful, **values)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "store.db")) as opened:
        KnowledgeStore(opened).create(T, KB)
        yield opened


@pytest.fixture
def replies(database: Database) -> ReplyStore:
    return ReplyStore(database)


@pytest.fixture
def week(database: Database, replies: ReplyStore) -> Usage:
    """A week with something of everything."""
    hours, parking = {"entry_id": "hours"}, {"entry_id": "parking", "wording": 0}
    given = [
        reply("before", -1, **hours, wording=0),
        reply("a1", 1, **hours, wording=0, channel="一群"),
        reply("a2", 2, **hours, wording=1, channel="一群"),
        reply("a3", 3, **hours, wording=1, channel="二群"),
        reply("c1", 4, "clarify", **parking, channel="二群"),
        reply("h1", 5, "handoff", **parking, channel="二群"),
        reply("h2", 6, "handoff", channel="二群", answered_by="乙", answered_at=END),
        reply("n1", 7, "none", channel="一群"),
        reply("after", 7 * 24 * 60, "none", channel="一群"),  # the end itself is not in the period
    ]
    replies.record(T, KB, given)
    said = [thumb("a2", True), thumb("a2", True), thumb("a2", False), thumb("a3", None, answer="十点")]
    for one in [*said, thumb("c1", None, entry_id="pets"), thumb("before", False)]:
        replies.give_feedback(T, one)
    return measure(UsageStore(database), T, KB, ENTRIES, since=BEGIN, until=END)


def test_entries_and_wordings_carry_the_replies_behind_every_number(week: Usage) -> None:
    hours, parking = week.entries
    assert (hours.entry_id, hours.tally.asked) == ("hours", Count(3, ("a3", "a2", "a1")))
    assert hours.tally.answered == hours.tally.asked
    assert hours.tally.helpful == Count(1, ("a2",))  # two thumbs, one reply
    assert hours.tally.unhelpful == Count(1, ("a2",))
    assert hours.tally.corrected == Count(1, ("a3",))
    assert [(one.wording, one.tally.asked.reply_ids) for one in hours.wordings] == [(0, ("a1",)), (1, ("a3", "a2"))]
    assert (parking.tally.asked.number, parking.tally.answered.number) == (2, 0)
    assert (parking.tally.offered, parking.tally.corrected) == (Count(1, ("c1",)), Count(1, ("c1",)))


def test_the_share_of_the_machine_and_the_misses_by_channel(week: Usage) -> None:
    assert week.total.asked.number == 7
    assert week.answered_share == pytest.approx(3 / 7)
    first, second = week.channels
    assert (first.channel, first.asked.number, first.handoff, first.none) == ("一群", 3, Count(), Count(1, ("n1",)))
    assert (second.channel, second.handoff, second.none) == ("二群", Count(2, ("h2", "h1")), Count())


def test_only_what_nobody_answered_waits(week: Usage) -> None:
    assert [(group.channel, group.waiting.reply_ids) for group in week.waiting] == [
        ("一群", ("n1",)),
        ("二群", ("h1",)),
    ]


def test_entries_that_nobody_was_answered_with_were_never_hit(week: Usage) -> None:
    assert week.never_hit == ("parking", "pets")  # to be near is not to answer


@pytest.mark.parametrize(
    ("valid_to", "hit", "expected"),
    [
        (END, END, "expired"),  # the end is not in it
        (END + timedelta(days=10), END, "expiring"),
        (END + timedelta(days=10, seconds=1), END, None),
        (None, END - timedelta(days=10), "idle"),
        (None, END - timedelta(days=10) + timedelta(seconds=1), None),
        (END, END - timedelta(days=20), "expired"),  # the most pressing reason only
        (None, None, None),  # never hit is said elsewhere
    ],
)
def test_stale_entries(
    database: Database, replies: ReplyStore, valid_to: datetime | None, hit: datetime | None, expected: str | None
) -> None:
    entry = make_entry("e", ["有活动吗"], "有", valid_to=valid_to)
    if hit:
        # A hit at the end itself would not be in the period.
        at = min(hit, END - timedelta(seconds=1))
        replies.record(T, KB, [reply("r", 0, entry_id="e", wording=0, asked_at=at)])
    usage = measure(UsageStore(database), T, KB, [entry], since=BEGIN, until=END, stale_days=10)
    at = hit if expected == "idle" else valid_to
    assert usage.stale == ((StaleEntry("e", expected, at),) if expected else ())  # type: ignore[arg-type]


def test_a_period_without_questions_has_no_share(database: Database) -> None:
    usage = measure(UsageStore(database), T, KB, ENTRIES, since=BEGIN, until=END)
    assert (usage.answered_share, usage.total.asked, usage.entries, usage.waiting) == (None, Count(), (), ())
    assert usage.never_hit == ("hours", "parking", "pets")


def test_ids_are_bounded_and_numbers_are_not(database: Database, replies: ReplyStore) -> None:
    replies.record(T, KB, [reply(f"r{i:04}", i, "handoff") for i in range(MAX_IDS + 5)])
    usage = measure(UsageStore(database), T, KB, [], since=BEGIN, until=END)
    assert usage.total.asked.number == usage.waiting[0].waiting.number == MAX_IDS + 5
    assert usage.total.asked.reply_ids[0] == f"r{MAX_IDS + 4}"  # the newest first
    assert usage.waiting[0].waiting.reply_ids[0] == "r0000"  # who has waited longest first
    assert len(usage.total.asked.reply_ids) == len(usage.waiting[0].asked_at) == MAX_IDS


def test_another_tenant_and_an_empty_period_are_refused(database: Database) -> None:
    store = UsageStore(database)
    with pytest.raises(NotFound):
        measure(store, "other", KB, [], since=BEGIN, until=END)
    with pytest.raises(BadInput):
        measure(store, T, KB, [], since=BEGIN, until=BEGIN)


def waiting(channel: str, n: int, first: int = 0) -> list[Waiting]:
    minutes = (BEGIN + timedelta(minutes=first + i) for i in range(n))
    return by_channel([StillWaiting(f"{channel}{i}", channel, at) for i, at in enumerate(minutes)])


def test_an_alert_says_since_when_too_many_wait() -> None:
    assert alerts(waiting("一群", 5)) == []  # the limit itself is allowed
    (alert,) = alerts(waiting("一群", 7))
    assert (alert.channel, alert.waiting.number) == ("一群", 7)
    assert (alert.oldest_at, alert.since) == (BEGIN, BEGIN + timedelta(minutes=5))  # the sixth was one too many


def test_alerts_begin_with_the_channel_that_is_over_the_limit_longest() -> None:
    found = alerts([*waiting("新", 9, first=60), *waiting("旧", 2)], limit=1)
    assert [alert.channel for alert in found] == ["旧", "新"]
    assert len(alerts(waiting("一群", 1), limit=0)) == 1
    for limit in (-1, MAX_IDS):
        with pytest.raises(BadInput):
            alerts([], limit)
