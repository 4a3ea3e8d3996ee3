from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.errors import Conflict, Forbidden, ServiceError
from nlp_service.moderation.review import (
    UNDO_S,
    Agreement,
    agree,
    backlog,
    check,
    expert_agreement,
    is_held,
    line_of,
    machine_agreement,
    rank,
)
from nlp_service.store.labels import Labels
from nlp_service.store.review_records import EXPERT, MODERATOR, URGENT, Attempt, Judged, Standing, Taken, Waiting

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
LATER = AT + timedelta(seconds=60)


def standing(**fields: Any) -> Standing:
    """A review that waits for a moderator, but for what is given."""
    plain: dict[str, Any] = {
        "id": 7,
        "kind": "review",
        "state": "open",
        "line": MODERATOR,
        "claimed_by": None,
        "lease_until": None,
        "taken": (),
        "deciders": (),
        "revision": 1,
        "is_deleted": False,
    }
    return Standing(**plain | fields)


def decided(by: str = "a", line: int = MODERATOR, at: datetime = AT, **fields: Any) -> Standing:
    return standing(state="decided", taken=(Taken("decide", by, at, line),), **fields)


HELD_BY_A = {"claimed_by": "a", "lease_until": LATER}


@pytest.mark.parametrize(
    ("what", "reviewer", "line", "review", "expected"),
    [
        ("decide", "a", MODERATOR, standing(), None),
        ("decide", "a", MODERATOR, standing(**HELD_BY_A), None),
        ("decide", "b", MODERATOR, standing(**HELD_BY_A), Conflict),
        ("decide", "b", MODERATOR, standing(claimed_by="a", lease_until=AT), None),  # the lease ends now
        ("decide", "a", MODERATOR, standing(line=EXPERT), Forbidden),
        ("decide", "a", EXPERT, standing(line=EXPERT), None),
        ("decide", "a", EXPERT, standing(), None),
        ("decide", "a", MODERATOR, decided(), Conflict),
        ("decide", "a", MODERATOR, standing(is_deleted=True), Conflict),
        ("decide", "a", MODERATOR, standing(kind="appeal", deciders=("b",)), None),
        ("decide", "a", EXPERT, standing(kind="appeal", deciders=("a",)), Forbidden),
        ("decide", "a", MODERATOR, standing(deciders=("a",)), None),  # only an appeal is for somebody else
        ("escalate", "a", MODERATOR, standing(), None),
        ("escalate", "a", EXPERT, standing(line=EXPERT), Conflict),
        ("escalate", "b", MODERATOR, standing(**HELD_BY_A), Conflict),
        ("escalate", "a", MODERATOR, standing(is_deleted=True), None),  # nobody judges the message
        ("overturn", "b", MODERATOR, decided("a"), None),
        ("overturn", "a", MODERATOR, decided("a"), Forbidden),
        ("overturn", "a", EXPERT, decided("a"), None),
        ("overturn", "b", MODERATOR, decided("a", EXPERT), Forbidden),
        ("overturn", "b", EXPERT, decided("a", EXPERT), None),
        ("overturn", "b", EXPERT, standing(), Conflict),
        ("overturn", "b", EXPERT, standing(state="decided"), Conflict),  # an edit has ended it
        ("overturn", "b", EXPERT, decided("a", kind="appeal", deciders=("b",)), Forbidden),
        ("overturn", "b", MODERATOR, decided("a", is_deleted=True), Conflict),
        ("undo", "a", MODERATOR, decided("a"), None),
        ("undo", "b", EXPERT, decided("a"), Forbidden),
        ("undo", "a", MODERATOR, standing(), Conflict),
        ("undo", "a", MODERATOR, decided("a", at=AT - timedelta(seconds=UNDO_S)), None),
        ("undo", "a", MODERATOR, decided("a", at=AT - timedelta(seconds=UNDO_S + 0.1)), Conflict),
        ("renew", "a", MODERATOR, standing(**HELD_BY_A), None),
        ("renew", "b", EXPERT, standing(**HELD_BY_A), Conflict),
        ("renew", "a", MODERATOR, standing(claimed_by="a", lease_until=AT), Conflict),
        ("release", "a", MODERATOR, standing(), Conflict),
        ("release", "a", MODERATOR, decided("a", claimed_by="a"), Conflict),
    ],
)
def test_who_may_do_what(
    what: str, reviewer: str, line: int, review: Standing, expected: type[ServiceError] | None
) -> None:
    attempt = Attempt(what, reviewer, line, AT)
    if expected is None:
        check(attempt, review)
    else:
        with pytest.raises(expected):
            check(attempt, review)


@pytest.mark.parametrize(("seen", "is_refused"), [(None, False), (2, False), (1, True), (3, True)])
def test_only_the_wording_that_was_looked_at_is_judged(seen: int | None, is_refused: bool) -> None:
    attempt = Attempt("decide", "a", MODERATOR, AT, seen)
    if is_refused:
        with pytest.raises(Conflict):
            check(attempt, standing(revision=2))
    else:
        check(attempt, standing(revision=2))


def test_an_escalation_alone_is_no_decision() -> None:
    review = standing(state="decided", taken=(Taken("escalate", "a", AT, MODERATOR),))
    with pytest.raises(Conflict):
        check(Attempt("overturn", "b", EXPERT, AT), review)


def test_no_lease_holds_nothing() -> None:
    assert not is_held(standing(claimed_by="a"), AT)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((URGENT, 0), (0.79, 30 * 86_400)),  # who is in danger does not stand behind anybody
        ((0.5, 0), (0.49, 0)),
        ((0.5, 60), (0.5, 0)),
        ((0.25, 86_400), (0.49, 0)),  # a day counts as a quarter
        ((0.5, 0), (0.25, 86_399)),
    ],
)
def test_the_order_of_the_queue(first: tuple[float, float], second: tuple[float, float]) -> None:
    assert rank(*first) > rank(*second)


def test_kappa_of_a_table_from_a_textbook() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: share .7, by chance .5
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert agree(pairs) == Agreement(50, 0.7, 0.4)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], Agreement(0, None, None)),
        ([(1, 1), (1, 1)], Agreement(2, 1.0, None)),  # chance alone agrees always
        ([(1, 1), (0, 0)], Agreement(2, 1.0, 1.0)),
        ([(1, 0), (0, 1)], Agreement(2, 0.0, -1.0)),
    ],
)
def test_agreement_at_its_bounds(pairs: list[tuple[int, int]], expected: Agreement) -> None:
    assert agree(pairs) == expected


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_agreement_is_the_same_either_way(pairs: list[tuple[str, str]]) -> None:
    found = agree(pairs)
    assert found == agree([(b, a) for a, b in pairs])
    assert found.share is not None
    assert found.kappa is None or found.kappa <= found.share + 1e-3


def judged(action: str, was: str, *, by: str | None = None, machine: Any = None, **labels: Any) -> Judged:
    confirmed = labels.pop("confirmed", tuple(labels))
    record = Labels(**labels, confirmed=confirmed) if labels else None
    return Judged(MODERATOR, action, record, {"action": was, "labels": machine or {}, "by": by, "by_line": None})


def test_the_machine_is_measured_where_it_said_something() -> None:
    found = machine_agreement(
        [
            judged("warn", "warn"),
            judged("pass", "remove"),
            judged("remove", "review"),  # it only asked
            judged("pass", "warn", by="a"),  # this was a person
        ]
    )
    assert (found.action.judged, found.action.share) == (2, 0.5)


def test_labels_are_measured_where_a_person_has_looked() -> None:
    machine = {"intent": ["ad"], "sentiment": -1, "risk": 2, "abuse": 0}
    found = machine_agreement(
        [
            judged("pass", "warn", machine=machine, intent=("ad", "chat"), sentiment=-2, risk=1, abuse=0),
            judged("pass", "warn", machine=machine, intent=("chat",)),
            judged("pass", "warn", machine=machine, intent=("chat",), confirmed=()),  # nobody has looked
            judged("pass", "warn", machine=machine | {"intent": None}, intent=("chat",)),  # its head had failed
            judged("pass", "warn", machine=machine),
        ]
    )
    assert (found.intent.judged, found.intent.share) == (2, 0.5)  # by the primary one
    assert (found.sentiment.judged, found.sentiment.share) == (1, 1.0)  # by its direction
    assert (found.risk.judged, found.risk.share) == (1, 0.0)  # 2 and more against less
    assert (found.abuse.judged, found.abuse.share) == (1, 1.0)


def test_a_second_opinion_is_measured_against_the_first() -> None:
    found = expert_agreement([judged("pass", "remove", by="a"), judged("warn", "warn", by="a"), judged("pass", "warn")])
    assert (found.judged, found.share) == (2, 0.5)


def test_the_backlog() -> None:
    waiting = [Waiting(EXPERT, 2, 0, AT), Waiting(MODERATOR, 9, 1, AT)]
    found = backlog(waiting, [60.0, 600.0, 30.0], 24.0)
    assert ([line.line for line in found.waiting], found.median_s, found.per_hour) == ([2, 3], 60.0, 0.125)
    assert backlog([], [], 24.0) == ([], None, 0.0)


@pytest.mark.parametrize(
    ("scopes", "line"), [({"review"}, MODERATOR), ({"review", "admin"}, EXPERT), (set(), MODERATOR)]
)
def test_experts_have_the_scope_admin(scopes: set[str], line: int) -> None:
    assert line_of(scopes) == line
