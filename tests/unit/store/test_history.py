from __future__ import annotations

import pytest

from nlp_service.store import lookback
from nlp_service.store.database import Database
from nlp_service.store.incoming import Known, Offence, Windows
from nlp_service.store.messages import MAX_DELIVERY, MessageStore
from tests.unit.store.deliveries import Judge, after, analysis, count, message, rows

AD = analysis("ad")


@pytest.fixture
def messages_of(database: Database) -> MessageStore:
    return MessageStore(database)


@pytest.fixture
def judge() -> Judge:
    return Judge()


def test_an_edit_is_not_a_copy_of_itself(messages_of: MessageStore, judge: Judge) -> None:
    messages_of.record("t", [message("m1", keys=(1,)), message("m2", keys=(1,))], judge, Windows())
    messages_of.record("t", [message("m1", at=60, edited=50, keys=(1,))], judge, Windows())
    assert judge.last == Known((), n_earlier=1, copies_by_author=1, copies_by_others=0, recent_by_author=1)


def test_messages_of_one_delivery_know_those_before_them(messages_of: MessageStore, judge: Judge) -> None:
    delivery = [message(f"m{n}", keys=(7,), analysis=AD) for n in range(3)]
    messages_of.record("t", delivery, judge, Windows())
    assert [known for _, known in judge.told] == [
        Known((Offence("ad", after(0)),) * n, n_earlier=n, copies_by_author=n, recent_by_author=n) for n in range(3)
    ]


def test_a_later_delivery_knows_the_same(messages_of: MessageStore, judge: Judge) -> None:
    for n in range(3):
        messages_of.record("t", [message(f"m{n}", keys=(7,), analysis=AD)], judge, Windows())
    assert judge.last == Known((Offence("ad", after(0)),) * 2, n_earlier=2, copies_by_author=2, recent_by_author=2)


@pytest.mark.parametrize(
    ("ago", "is_known"),
    [(99.9, True), (100, False), (0, True), (-1, True), (-lookback.AHEAD_S, True), (-lookback.AHEAD_S - 1, False)],
)
def test_strikes_and_copies_count_within_their_windows(
    messages_of: MessageStore, judge: Judge, ago: float, is_known: bool
) -> None:
    messages_of.record("t", [message("m1", at=-ago, keys=(7,), analysis=AD)], judge, Windows())
    messages_of.record("t", [message("m2", keys=(7,))], judge, Windows(strikes_s=100, copies_s=100))
    assert len(judge.last.offences) == judge.last.copies_by_author == judge.last.recent_by_author == is_known
    assert judge.last.n_earlier == 1


def test_each_message_of_a_delivery_has_its_own_window(messages_of: MessageStore, judge: Judge) -> None:
    messages_of.record("t", [message("m1", keys=(7,), analysis=AD)], judge, Windows())
    delivery = [message("m2", at=50, keys=(7,)), message("m3", at=500, keys=(7,))]
    messages_of.record("t", delivery, judge, Windows(strikes_s=100, copies_s=100))
    (_, soon), (_, late) = judge.told[1:]
    assert (len(soon.offences), soon.copies_by_author, soon.recent_by_author) == (1, 1, 1)
    assert (len(late.offences), late.copies_by_author, late.recent_by_author) == (0, 0, 0)


def test_each_channel_of_a_delivery_has_its_own_window(messages_of: MessageStore, judge: Judge) -> None:
    for channel in ("quick", "slow"):
        messages_of.record(
            "t", [message(f"first-{channel}", keys=(7,), channel=channel, author=channel)], judge, Windows()
        )
    asked = [
        message(f"m-{channel}", at=50, keys=(7,), channel=channel, author=channel) for channel in ("quick", "slow")
    ]
    messages_of.record("t", asked, judge, Windows(copies_s=100, shorter=(("quick", 40),)))
    quick, slow = (known for _, known in judge.told[2:])
    assert (quick.copies_by_author, quick.recent_by_author) == (0, 0)
    assert (slow.copies_by_author, slow.recent_by_author) == (1, 1)


def test_strikes_come_oldest_first(messages_of: MessageStore, judge: Judge) -> None:
    for at in (20, 0, 10):
        messages_of.record("t", [message(f"m{at}", at=at, analysis=AD)], judge, Windows())
    messages_of.record("t", [message("x", at=15, analysis=AD), message("y", at=30)], judge, Windows())
    assert [offence.at for offence in judge.last.offences] == [after(at) for at in (0, 10, 15, 20)]


def test_copies_are_counted_by_author_and_by_channel(messages_of: MessageStore, judge: Judge) -> None:
    others = [
        message("a", keys=(1, 2, 3), channel="elsewhere"),  # the author's own count wherever they are
        message("b", keys=(3,), author="mei"),
        message("c", keys=(2, 3), author="mei"),
        message("d", keys=(1, 2, 3), author="mei", channel="elsewhere"),
        message("e", keys=(1, 2, 3), author="mei", platform="qq"),
        message("f", keys=(1, 2, 3), platform="qq"),  # somebody else of the same name
        message("g", keys=(9,), author="mei"),
        message("h", keys=(1,), author=""),
    ]
    for delivery in (others[:3], others[3:]):
        messages_of.record("t", delivery, judge, Windows())
    messages_of.record("another", others, judge, Windows())
    messages_of.record("t", [message("m1", keys=(1, 2, 3))], judge, Windows())
    assert (judge.last.copies_by_author, judge.last.copies_by_others) == (1, 3)


def test_messages_of_the_last_minutes_count_in_their_channel(messages_of: MessageStore, judge: Judge) -> None:
    delivery = [
        message("a"),
        message("b", channel="elsewhere"),
        message("c", author="mei"),
        message("d", platform="qq"),
    ]
    messages_of.record("t", delivery, judge, Windows())
    messages_of.record("t", [message("e"), message("f", at=1)], judge, Windows())
    assert (judge.last.recent_by_author, judge.last.n_earlier) == (2, 3)


def test_nobody_has_no_history(database: Database, messages_of: MessageStore, judge: Judge) -> None:
    delivery = [message(f"m{n}", author="", keys=(1,), analysis=AD) for n in range(3)]
    messages_of.record("t", delivery, judge, Windows())
    assert judge.last == Known(copies_by_others=2)
    assert (count(database, "authors"), count(database, "strikes")) == (0, 0)


def test_an_edit_without_an_author_is_by_who_wrote_the_message(
    database: Database, messages_of: MessageStore, judge: Judge
) -> None:
    messages_of.record("t", [message("m1", analysis=AD), message("m2")], judge, Windows())
    for author in ("", "mei"):
        edit = message("m2", at=60, edited=50 + len(author), author=author, analysis=AD)
        messages_of.record("t", [edit], judge, Windows())
        assert (len(judge.last.offences), judge.last.n_earlier, judge.last.recent_by_author) == (1, 1, 1)
    assert rows(database, "strikes", "author") == [("lin",), ("lin",)]
    assert messages_of.find("t", "wechat", "m2").author == "lin"
    assert [row for row in rows(database, "authors", "author", "n_messages") if row[1]] == [("lin", 2)]


def test_an_edit_may_tell_who_wrote_a_message(database: Database, messages_of: MessageStore, judge: Judge) -> None:
    messages_of.record("t", [message("m1", author="")], judge, Windows())
    messages_of.record("t", [message("m1", at=60, edited=50)], judge, Windows())
    assert judge.last == Known()
    assert messages_of.find("t", "wechat", "m1").author == "lin"
    assert rows(database, "authors", "author", "n_messages", "first_at") == [("lin", 1, after(0))]


def test_a_flood_is_looked_at_up_to_a_limit(messages_of: MessageStore, judge: Judge) -> None:
    n_messages = lookback.MOST + 5
    flood = [message(f"m{n}", at=n / 1000, keys=(1, 2), author=f"u{n}") for n in range(n_messages)]
    for begin in range(0, n_messages, MAX_DELIVERY):
        messages_of.record("t", flood[begin : begin + MAX_DELIVERY], judge, Windows())
    messages_of.record("t", [message("last", at=2, keys=(1, 2))], judge, Windows())
    assert judge.last.copies_by_others == lookback.MOST
