from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nlp_service.errors import BadInput, Conflict, Forbidden, NotFound, ServiceError
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database, open_database
from nlp_service.store.labels import PainLabel
from nlp_service.store.review_records import EXPERT, MODERATOR
from nlp_service.store.reviews import Wanted
from nlp_service.store.schema import strikes
from nlp_service.types import Action
from tests.unit.store.reviewing import AT, TENANT, Desk, attempt_of, expert, ruling

ADVERT = "专业代办各类证件当天可取，需要的加我微信详谈，老客户介绍有优惠，先看货后付款"


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def claim(desk: Desk, by: str, number: int = 1, *, after_s: float = 0, line: int = MODERATOR) -> list[int]:
    attempt = attempt_of("claim", by, after_s=after_s)
    return [review.id for review in desk.queue.claim(TENANT, attempt, number=number, lease_s=300, line=line)]


def waiting(desk: Desk, **wanted: Any) -> list[int]:
    return [review.id for review in desk.queue.browse(TENANT, Wanted(**wanted), AT).reviews]


def strikes_of(desk: Desk, author: str = "u-1") -> list[str]:
    with desk.database.read() as connection:
        return list(connection.scalars(sa.select(strikes.c.offence).where(strikes.c.author == author)))


def test_urgent_ones_come_first_then_priority_and_waiting_time_together(desk: Desk) -> None:
    def came(priority: float, days_ago: float) -> int:
        return desk.open_review(priority=priority, at=AT - timedelta(days=days_ago))[1]

    calm, older, old = came(0.1, 0), came(0.1, 1), came(0.1, 3.5)
    urgent, high = came(0.8, 0), came(0.79, 0)
    same = came(0.1, 0)  # the one that was there first goes first
    assert waiting(desk) == [urgent, old, high, older, calm, same]


def test_pages_lead_through_the_whole_queue_once(desk: Desk) -> None:
    ids = [desk.open_review(priority=priority / 7)[1] for priority in (3, 1, 5, 5, 2, 6, 3)]
    seen: list[int] = []
    cursor = None
    while True:
        page = desk.queue.browse(TENANT, Wanted(), AT, cursor=cursor, limit=2)
        seen += [review.id for review in page.reviews]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(ids)
    assert seen == waiting(desk)


@pytest.mark.parametrize(
    "cursor", ["", "x", "1", "1:2", "1:x:3", "1:nan:3", "1:inf:3", "1:2:3:4", "1:2:1e99", f"1:2:{2**70}"]
)
def test_a_foreign_cursor_is_refused(desk: Desk, cursor: str) -> None:
    with pytest.raises(BadInput):
        desk.queue.browse(TENANT, Wanted(), AT, cursor=cursor)


def test_a_review_shows_its_message(desk: Desk) -> None:
    message_id, review_id = desk.open_review(text="汤里有虫", channel="群一", priority=0.25)
    (review,) = desk.queue.browse(TENANT, Wanted(), AT).reviews
    assert (review.id, review.kind, review.state, review.line) == (review_id, "review", "open", MODERATOR)
    assert (review.priority, review.reasons, review.created_at) == (0.25, ["risk>=2"], AT)
    assert (review.message.message_id, review.message.text, review.message.channel) == (message_id, "汤里有虫", "群一")
    assert (review.message.action, review.message.labels, review.message.risk) == ("review", ["complaint"], 2)


def test_what_is_claimed_nobody_else_gets(desk: Desk) -> None:
    ids = [desk.open_review(priority=0.9 - n / 10)[1] for n in range(4)]
    assert claim(desk, "小林", 2) == ids[:2]
    assert claim(desk, "小何", 9) == ids[2:]
    assert claim(desk, "小何", 9) == []
    assert waiting(desk) == []
    assert waiting(desk, state="claimed") == ids
    assert waiting(desk, state="claimed", claimed_by="小何") == ids[2:]


def test_a_lease_that_ran_out_gives_the_review_back(desk: Desk) -> None:
    (review_id,) = (desk.open_review()[1],)
    assert claim(desk, "小林") == [review_id]
    assert claim(desk, "小何", after_s=299) == []
    assert claim(desk, "小何", after_s=300) == [review_id]  # the end of a lease is not part of it
    with pytest.raises(Conflict):
        desk.decide(review_id, by="小林", after_s=310)


def test_a_lease_that_ran_out_keeps_nobody_from_deciding(desk: Desk) -> None:
    review_id = desk.open_review()[1]
    claim(desk, "小林")
    assert desk.decide(review_id, by="小林", after_s=999).state == "decided"


def test_a_lease_is_renewed_by_who_has_it(desk: Desk) -> None:
    review_id = desk.open_review()[1]
    claim(desk, "小林")
    until = desk.queue.renew(TENANT, review_id, attempt_of("renew", after_s=200), lease_s=300)
    assert until == AT + timedelta(seconds=500)
    assert claim(desk, "小何", after_s=499) == []
    for by, after_s in (("小何", 210), ("小林", 500)):  # another one; and too late
        with pytest.raises(Conflict):
            desk.queue.renew(TENANT, review_id, attempt_of("renew", by, after_s=after_s), lease_s=300)


def test_a_review_is_given_back(desk: Desk) -> None:
    review_id = desk.open_review()[1]
    claim(desk, "小林")
    with pytest.raises(Conflict):
        desk.queue.release(TENANT, review_id, attempt_of("release", "小何"))
    desk.queue.release(TENANT, review_id, attempt_of("release"))
    assert claim(desk, "小何") == [review_id]


def test_many_at_once_never_get_the_same_review(url: str, desk: Desk) -> None:
    ids = [desk.open_review()[1] for _ in range(60)]
    got: dict[int, list[int]] = {}
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        with open_database(url) as database:
            own = Desk(database)
            barrier.wait()
            got[number] = [id_ for _ in range(5) for id_ in claim(own, f"r-{number}", 2)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = Counter(review_id for found in got.values() for review_id in found)
    assert set(counted) == set(ids)
    assert set(counted.values()) == {1}


def test_a_decision_closes_the_review_and_becomes_the_action(desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    outcome = desk.decide(review_id, "remove", note="不适合公开")
    assert (outcome.review_id, outcome.message_id, outcome.state, outcome.action) == (
        review_id,
        message_id,
        "decided",
        "remove",
    )
    stored = desk.messages.get(TENANT, message_id)
    assert stored.action == "remove"
    assert stored.analysis is not None
    assert stored.analysis.verdict is not None
    assert stored.analysis.verdict.action is Action.REMOVE
    assert stored.analysis.verdict.reasons == ("risk>=2", "decided:moderator")
    assert waiting(desk) == []
    assert waiting(desk, state="decided") == [review_id]
    (line,) = desk.details.get(TENANT, review_id).decisions
    assert (line.what, line.by, line.line, line.action, line.note) == ("decide", "小林", 2, "remove", "不适合公开")


def test_a_decision_is_in_the_log_without_any_text(desk: Desk) -> None:
    message_id, review_id = desk.open_review(text="秘密的话")
    outcome = desk.decide(review_id, "warn", note="也是秘密")
    (line,) = AuditStore(desk.database).browse(TENANT, action="review.")
    assert (line.actor, line.action, line.object) == ("key:abc", "review.decide", f"review:{review_id}")
    assert line.detail == {
        "reviewer": "小林",
        "message": message_id,
        "decision": outcome.decision_id,
        "became": "warn",
        "was": "review",
    }


def test_labels_that_nobody_looked_at_are_the_machines(desk: Desk) -> None:
    _, review_id = desk.open_review()
    labels = desk.decide(review_id, "remove", intent=["ad"], confirm=("abuse",)).labels
    assert labels.intent == ("ad",)
    assert (labels.sentiment, labels.risk, labels.risk_categories) == (-1, 2, ("food_safety",))
    assert (labels.abuse, labels.unsafe) == (0, ())
    assert labels.pain == (PainLabel(0, 2, "食品异物"),)
    assert labels.confirmed == ("intent", "abuse")


def test_no_risk_has_no_categories(desk: Desk) -> None:
    _, review_id = desk.open_review()
    labels = desk.decide(review_id, risk=0).labels
    assert (labels.risk, labels.risk_categories, labels.confirmed) == (0, (), ("risk", "risk_categories"))


@pytest.mark.parametrize(
    ("labels", "param"),
    [
        ({"intent": ["ad", "ad"]}, "labels.intent"),
        ({"risk": 0, "risk_categories": ["other"]}, "labels.risk_categories"),
        ({"unsafe": ["scam", "scam"]}, "labels.unsafe"),
        ({"pain": [PainLabel(5, 99, "")]}, "labels.pain[0]"),
        ({"pain": [PainLabel(0, 3, ""), PainLabel(2, 4, "")]}, "labels.pain[1]"),
    ],
)
def test_labels_that_contradict_change_nothing(desk: Desk, labels: dict[str, Any], param: str) -> None:
    message_id, review_id = desk.open_review()
    with pytest.raises(BadInput) as caught:
        desk.decide(review_id, "remove", **labels)
    assert caught.value.param == param
    assert waiting(desk) == [review_id]
    assert desk.messages.get(TENANT, message_id).action == "review"


def test_a_message_that_is_fine_costs_no_strike(desk: Desk) -> None:
    _, review_id = desk.open_review(action=Action.WARN, offence="ad")
    assert strikes_of(desk) == ["ad"]
    assert desk.decide(review_id, "pass").strikes_removed == 1
    assert strikes_of(desk) == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"intent": ["ad"]}, ["ad"]),
        ({"intent": ["ad"], "unsafe": ["contact_spam", "scam"]}, ["scam"]),  # the gravest
        ({"intent": ["ad"], "unsafe": ["contact_spam"]}, ["ad"]),
        ({"abuse": 1}, ["abuse"]),
        ({"unsafe": ["flooding"]}, ["flooding"]),
        ({}, []),  # a complaint is no offence, whatever becomes of it
    ],
)
def test_what_a_person_acts_on_costs_a_strike(desk: Desk, labels: dict[str, Any], expected: list[str]) -> None:
    _, review_id = desk.open_review()
    assert desk.decide(review_id, "warn", **labels).strikes_added == len(expected)
    assert strikes_of(desk) == expected


def test_a_strike_that_is_there_already_is_not_counted_twice(desk: Desk) -> None:
    _, review_id = desk.open_review(action=Action.WARN, offence="ad")
    outcome = desk.decide(review_id, "remove", intent=["ad"])
    assert (outcome.strikes_added, outcome.strikes_removed, strikes_of(desk)) == (0, 0, ["ad"])


def test_nobody_gets_no_strike(desk: Desk) -> None:
    _, review_id = desk.open_review(author="")
    assert desk.decide(review_id, "remove", intent=["ad"]).strikes_added == 0
    assert strikes_of(desk, "") == []


def test_a_decided_review_is_not_decided_again(desk: Desk) -> None:
    _, review_id = desk.open_review()
    desk.decide(review_id)
    with pytest.raises(Conflict):
        desk.decide(review_id, by="小何")
    assert claim(desk, "小何") == []


def test_two_who_decide_at_once_are_not_both_heard(url: str, desk: Desk) -> None:
    ids = [desk.open_review()[1] for _ in range(20)]
    barrier = threading.Barrier(2)
    decided: list[int] = []

    def work(action: str) -> None:
        with open_database(url) as database:
            own = Desk(database)
            for review_id in ids:
                barrier.wait()
                with contextlib.suppress(Conflict):
                    decided.append(own.decide(review_id, action, by=action).review_id)

    threads = [threading.Thread(target=work, args=(action,)) for action in ("pass", "remove")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decided) == ids
    for review_id in ids:
        details = desk.details.get(TENANT, review_id)
        assert [line.action for line in details.decisions] == [details.review.message.action]


def test_what_was_edited_since_is_not_decided_unseen(desk: Desk) -> None:
    message_id, review_id = desk.open_review(name="m")
    assert desk.details.get(TENANT, review_id).revision == 1
    desk.receive("汤里什么也没有", name="m", edited_at=AT + timedelta(seconds=5), at=AT)
    attempt = attempt_of("decide", revision=1)
    with pytest.raises(Conflict):
        desk.rulings.decide(TENANT, review_id, attempt, ruling(), actor="a")
    desk.rulings.decide(TENANT, review_id, attempt._replace(revision=2), ruling(), actor="a")
    assert desk.messages.get(TENANT, message_id).action == "pass"


def test_a_deleted_message_waits_for_nobody(desk: Desk) -> None:
    _, review_id = desk.open_review(name="gone")
    desk.messages.remove(TENANT, "wechat", "gone", AT, "key:abc")
    assert waiting(desk) == []
    assert claim(desk, "小林") == []
    with pytest.raises(Conflict):
        desk.decide(review_id)
    details = desk.details.get(TENANT, review_id)
    assert (details.analysis, details.review.message.text, details.near_duplicates) == (None, "", [])


def test_another_tenant_sees_and_does_nothing(desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    attempts: list[Callable[[], object]] = [
        lambda: desk.details.get("other", review_id),
        lambda: desk.queue.renew("other", review_id, attempt_of("renew"), lease_s=60),
        lambda: desk.queue.release("other", review_id, attempt_of("release")),
        lambda: desk.rulings.decide("other", review_id, attempt_of("decide"), ruling(), actor="a"),
        lambda: desk.rulings.escalate("other", review_id, attempt_of("escalate"), "", actor="a"),
        lambda: desk.rulings.overturn("other", review_id, expert("overturn"), ruling(), actor="a"),
        lambda: desk.rulings.undo("other", review_id, attempt_of("undo"), actor="a"),
        lambda: desk.rulings.decide_alike(
            "other", review_id, attempt_of("decide"), ruling(), is_exact=False, actor="a"
        ),
        lambda: desk.rulings.appeal("other", message_id, AT, "", actor="a"),
        lambda: desk.rulings.correct("other", message_id, attempt_of("correct"), ruling(None, risk=0), actor="a"),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    assert desk.queue.browse("other", Wanted(), AT).reviews == []
    attempt = attempt_of("claim")
    assert desk.queue.claim("other", attempt, number=9, lease_s=60, line=MODERATOR) == []
    assert waiting(desk) == [review_id]


def test_experts_may_do_what_moderators_do_but_not_the_other_way(desk: Desk) -> None:
    _, review_id = desk.open_review()
    desk.rulings.escalate(TENANT, review_id, attempt_of("escalate"), "拿不准", actor="a")
    with pytest.raises(Forbidden):
        desk.decide(review_id, by="小何")
    desk.rulings.decide(TENANT, review_id, expert("decide"), ruling("remove"), actor="a")
    _, other = desk.open_review()
    assert desk.rulings.decide(TENANT, other, expert("decide"), ruling(), actor="a").line == MODERATOR


def test_an_escalated_review_is_free_for_experts(desk: Desk) -> None:
    _, review_id = desk.open_review()
    claim(desk, "小林")
    outcome = desk.rulings.escalate(TENANT, review_id, attempt_of("escalate"), "拿不准", actor="a")
    assert (outcome.state, outcome.line, outcome.action) == ("open", EXPERT, "review")
    assert claim(desk, "小何") == []
    assert claim(desk, "老周", line=EXPERT) == [review_id]
    with pytest.raises(Conflict):
        desk.rulings.escalate(TENANT, review_id, expert("escalate"), "", actor="a")


def test_errors_are_of_the_service(desk: Desk) -> None:
    with pytest.raises(ServiceError):
        desk.decide(404)
