import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.insight.community import Benchmark, Membership
from nlp_service.insight.conversations import follow
from nlp_service.insight.counting import Ledger
from nlp_service.insight.facts import FACTS
from nlp_service.insight.health import health
from nlp_service.insight.results import Figure
from nlp_service.insight.signals import Signals
from tests.unit.insight.stated import message, table

NONE = FACTS.empty_table()


def figures(rows: list[dict[str, Any]], before: list[dict[str, Any]] = [], **more: Any) -> dict[str, Figure]:  # noqa: B006
    """Of all channels together."""
    return {each.name: each for each in health(table(rows), table(before), **more)[0].figures}


def answers(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """Minutes to the answer of each question, by id."""
    facts = table(rows)
    signals = Signals(facts)
    took = (follow(signals).answered_at - signals.ledger.at) / 60_000_000
    ids = facts.column("id").to_pylist()
    return {
        id: None if minutes < 0 else minutes
        for id, minutes, asks in zip(ids, took.tolist(), signals.question.tolist(), strict=True)
        if asks
    }


def begun(rows: list[dict[str, Any]]) -> list[str]:
    facts = table(rows)
    begins = follow(Signals(facts)).begins.tolist()
    return [id for id, first in zip(facts.column("id").to_pylist(), begins, strict=True) if first]


def at(minutes: float, author: str = "ann", says: str = "chat", **more: Any) -> dict[str, Any]:
    return message(minutes / 60, author, says, **more)


@pytest.mark.parametrize(
    ("later", "minutes"),
    [
        ([at(2, "bo")], 2),
        ([at(30, "bo")], 30),  # the bound itself is included
        ([at(30.1, "bo")], None),
        ([at(2, "ann")], None),  # nobody answers themselves
        ([at(2, "bo", "question"), at(3, "bo", "ad"), at(4, "bo")], 4),
        ([at(2, "bo", channel="shop")], None),
        ([*(at(1 + place / 10, "ann") for place in range(5)), at(3, "bo")], None),  # the sixth is another matter
        ([*(at(1 + place / 10, "ann") for place in range(4)), at(3, "bo")], 3),
        ([], None),
    ],
)
def test_an_answer_is_the_next_thing_that_somebody_else_says(
    later: list[dict[str, Any]], minutes: float | None
) -> None:
    assert answers([at(0, "ann", "question"), *later])["m0"] == minutes


def test_what_replies_say_is_believed_and_nothing_else() -> None:
    rows = [
        at(0, "ann", "question"),
        at(1, "cy"),  # next to it, and no answer
        at(500, "bo", meta={"reply_to": "m0"}),
        at(600, "cy", meta={"reply_to": "m0"}),
        at(700, "ann", "question"),
        at(701, "bo"),
    ]
    assert answers(rows) == {"m0": 500, "m4": None}
    assert begun(rows) == ["m0"]


def test_a_reply_to_nothing_known_answers_nothing() -> None:
    rows = [
        at(0, "ann", "question", meta={"reply_to": "m1"}),  # to what comes after it
        at(1, "bo", meta={"reply_to": "gone"}),
        at(2, "ann", meta={"reply_to": "m0"}),  # to oneself
        at(3, "bo", platform="wechat", meta={"reply_to": "m0"}),  # m0 of another platform
    ]
    assert answers(rows) == {"m0": None}


def test_a_pause_begins_a_conversation_if_somebody_joins() -> None:
    rows = [at(0), at(1, "bo"), at(60), at(61), at(91, "bo"), at(92, "cy")]
    assert begun(rows) == ["m0", "m4"]  # nobody but ann spoke between the pauses


def test_figures_by_hand() -> None:
    rows = [
        at(0, "ann", "question", sentiment=-0.5),
        at(10, "staff", "ugc", meta={"role": "官方"}, sentiment=0.5),
        at(20, "bo", "complaint", sentiment=-0.8),
        at(21, "bo", "ad"),
        at(22, None, "chat"),
        at(100, "staff", "question"),
    ]
    found = figures(rows, [at(-1000, "bo"), at(-900, "bo", "complaint")], members=Membership(total=10))
    values = {name: each.value for name, each in found.items()}
    assert values == pytest.approx(
        {
            "ugc_share": 1 / 6,
            "member_topic_share": 1.0,  # of one: nobody joined the staff at minute 100
            "answered_share": 1.0,  # that of staff is not a member's question
            "answer_time_median_s": 600,
            "answer_time_p90_s": 600,
            "sentiment": -0.8 / 6,
            "negative_share": 2 / 6,
            "complaint_rate": 1 / 6,
            "ad_rate": 1 / 6,
            "active_members": 2,  # ann and bo; who is not known is no member, and staff is none either
            "silent_members": 8,
            "new_members": 1,
            "returning_members": 1,
            "satisfaction": 100 * (1 - (0.25 + 1 + 0) / 3),  # ann, bo without the advert, nobody known
        },
        abs=1e-6,
    )
    assert found["complaint_rate"].before == 0.5
    assert found["complaint_rate"].benchmark is None  # two messages are no history
    assert found["satisfaction"].benchmark == 85.0
    assert [key.id for key in found["active_members"].keys] == ["m0", "m2"]
    assert [key.id for key in found["new_members"].keys] == ["m0"]
    assert found["answered_share"].why == "by_conversation"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ugc_share", "no_messages"),
        ("member_topic_share", "no_staff_known"),
        ("answered_share", "no_questions"),
        ("answer_time_median_s", "no_answers"),
        ("sentiment", "no_messages"),
        ("silent_members", "members_not_known"),
        ("new_members", "nothing_before"),
        ("satisfaction", "not_read"),
    ],
)
def test_what_cannot_be_said_says_why(name: str, why: str) -> None:
    assert (figures([])[name].value, figures([])[name].why) == (None, why)


def test_messages_that_nobody_could_read_are_no_zeros() -> None:
    found = figures([message(says=None), message(1, says=None)])
    assert {found[name].why for name in ("ugc_share", "complaint_rate", "sentiment", "satisfaction")} == {"not_read"}


def test_more_who_speak_than_there_are_is_a_contradiction() -> None:
    found = figures([at(0), at(1, "bo")], members=Membership(total=1))["silent_members"]
    assert (found.value, found.why) == (None, "more_active_than_members")


def test_channels_follow_in_the_order_of_their_names() -> None:
    rows = [at(0, channel="shop"), at(1, channel="hall"), at(2, channel=None)]
    found = health(table(rows), NONE, Membership(channels={"hall": 5}))
    assert [(each.channel, each.messages) for each in found] == [(None, 3), ("hall", 1), ("shop", 1)]
    assert [next(f.value for f in each.figures if f.name == "silent_members") for each in found] == [None, 4, None]


def test_staff_may_be_named_or_marked_once() -> None:
    rows = [
        at(0, "eve"),
        at(1, "mod", meta={"role": "Moderator"}),
        at(2, "mod"),
        at(3, "ann", meta={"official": "false"}),
    ]
    assert Signals(table(rows), [("qq", "eve")]).staff.tolist() == [True, True, True, False]
    assert figures(rows, members=Membership(staff=(("qq", "eve"),)))["active_members"].value == 1


def test_one_who_shouts_weighs_ten_messages_in_satisfaction() -> None:
    rows = [*(at(place, "loud", "complaint") for place in range(200)), *(at(place, f"u{place}") for place in range(90))]
    found = figures(rows)["satisfaction"]
    assert (found.value, found.numerator, found.denominator) == (90.0, 10.0, 100.0)


def test_a_benchmark_is_the_past_of_each_channel() -> None:
    rows = [at(place, "ann", "complaint" if place % 10 == 0 else "chat") for place in range(200)]
    rows += [at(place, "bo", "complaint", channel="new") for place in range(50)]
    found = Benchmark.of(table(rows))
    assert found == Benchmark(70 / 250, {"hall": 0.1})
    assert [found.rate(channel) for channel in ("hall", "new", None)] == [0.1, 0.28, 0.28]
    assert Benchmark.of(NONE) == Benchmark()
    assert figures([at(0)], benchmark=Benchmark(0.04))["complaint_rate"].benchmark == 0.04


spoken = st.builds(
    message,
    hours=st.integers(0, 200),
    author=st.sampled_from(["ann", "bo", "", None]),
    says=st.sampled_from(["complaint", "question", "ugc ad", None]),
    channel=st.sampled_from(["hall", "shop", None]),
    sentiment=st.sampled_from([-0.9, -0.2, 0.5, None]),
    meta=st.sampled_from([None, {}, {"role": "staff"}, {"reply_to": "m0"}, {"reply_to": "m1"}]),
)


@given(st.lists(spoken, max_size=30))
@settings(deadline=None, max_examples=50)
def test_figures_are_those_of_a_database_and_have_their_messages(rows: list[dict[str, Any]]) -> None:
    base = sqlite3.connect(":memory:")
    base.execute("create table m (channel text, intent text, mood real)")
    base.executemany(
        "insert into m values (?, ?, ?)", [(row["channel"], row["intent"], row["sentiment"]) for row in rows]
    )
    for each in health(table(rows), NONE):
        found = {figure.name: figure for figure in each.figures}
        complaints, read, negative, felt = base.execute(
            "select sum(intent = 'complaint'), count(intent), sum(mood <= -0.25), count(mood) from m "
            "where ?1 is null or channel = ?1",
            (each.channel,),
        ).fetchone()
        for name, part, whole in (("complaint_rate", complaints, read), ("negative_share", negative, felt)):
            assert found[name].value == (None if not whole else part / whole)
            assert len(found[name].keys) == (part or 0)
        assert len(found["active_members"].keys) == found["active_members"].value
        for figure in each.figures:
            assert (figure.value is not None) or figure.why
            assert 0 <= (found["satisfaction"].value or 0) <= 100
    base.close()


def test_one_message_and_a_thousand_copies_of_it_are_alike() -> None:
    one, many = (figures([at(place / 100, says="complaint") for place in range(n)]) for n in (1, 1000))
    for name in ("complaint_rate", "satisfaction", "active_members", "sentiment"):
        assert one[name].value == many[name].value
    assert Ledger(table([at(0)] * 5)).count_people() == 1
