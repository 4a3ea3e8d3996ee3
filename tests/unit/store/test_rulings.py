from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from nlp_service.errors import BadInput, Conflict, Forbidden
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database
from nlp_service.store.labels import PainLabel
from nlp_service.store.openings import Appealed
from nlp_service.store.review_records import APPEAL_PRIORITY, EXPERT, MODERATOR, ReviewOutcome
from nlp_service.store.reviews import Wanted
from nlp_service.store.rulings import Together
from nlp_service.store.schema import reviews, strikes
from nlp_service.types import Abuse, Action
from tests.unit.store.reviewing import AT, TENANT, Desk, analysis_of, attempt_of, expert, ruling

ADVERT = "专业代办各类证件当天可取，需要的加我微信详谈，老客户介绍有优惠，先看货后付款"


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def action_of(desk: Desk, message_id: int) -> str:
    stored = desk.messages.get(TENANT, message_id)
    assert stored.analysis is not None
    assert stored.analysis.verdict is not None
    assert stored.analysis.verdict.action.value == stored.action  # what is filtered by is what is answered
    return stored.action


def n_strikes(desk: Desk) -> int:
    with desk.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(strikes)) or 0


def overturn(desk: Desk, review_id: int, action: str, by: str = "老周", *, line: int = EXPERT) -> ReviewOutcome:
    attempt = attempt_of("overturn", by, line=line, after_s=120)
    return desk.rulings.overturn(TENANT, review_id, attempt, ruling(action), actor="a")


def undo(desk: Desk, review_id: int, by: str = "小林", *, after_s: float = 200) -> ReviewOutcome:
    return desk.rulings.undo(TENANT, review_id, attempt_of("undo", by, after_s=after_s), actor="a")


def appeal(desk: Desk, message_id: int) -> Appealed:
    return desk.rulings.appeal(TENANT, message_id, AT + timedelta(seconds=90), "我没有发广告", actor="key:robot")


def test_a_decision_is_overturned_and_the_history_stays(desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    desk.decide(review_id, "remove", intent=["ad"])
    outcome = overturn(desk, review_id, "pass")
    assert (outcome.action, outcome.strikes_removed, action_of(desk, message_id)) == ("pass", 1, "pass")
    lines = desk.details.get(TENANT, review_id).decisions
    assert [(line.what, line.by, line.line, line.action) for line in lines] == [
        ("decide", "小林", MODERATOR, "remove"),
        ("overturn", "老周", EXPERT, "pass"),
    ]


def test_labels_of_the_first_decision_stay_unless_they_are_set_anew(desk: Desk) -> None:
    _, review_id = desk.open_review()
    desk.decide(review_id, "remove", intent=["ad"])
    labels = desk.rulings.overturn(TENANT, review_id, expert("overturn"), ruling("warn", abuse=1), actor="a").labels
    assert labels is not None
    assert (labels.intent, labels.abuse, labels.confirmed) == (("ad",), 1, ("intent", "abuse"))


def test_another_moderator_may_overturn_but_not_an_expert(desk: Desk) -> None:
    _, review_id = desk.open_review()
    desk.decide(review_id, "remove")
    with pytest.raises(Forbidden):
        overturn(desk, review_id, "pass", "小林", line=MODERATOR)
    overturn(desk, review_id, "pass", "小何", line=MODERATOR)
    overturn(desk, review_id, "remove")
    with pytest.raises(Forbidden):
        overturn(desk, review_id, "pass", "小何", line=MODERATOR)
    assert overturn(desk, review_id, "warn").action == "warn"  # an expert may think again


def test_what_nobody_has_decided_cannot_be_overturned(desk: Desk) -> None:
    _, review_id = desk.open_review(name="m")
    with pytest.raises(Conflict):
        overturn(desk, review_id, "pass")
    desk.receive("算了没事", name="m", edited_at=AT + timedelta(seconds=5), priority=None, action=Action.PASS)
    with pytest.raises(Conflict):  # it has ended, but by nobody's decision
        overturn(desk, review_id, "pass")


def test_undo_puts_everything_back(desk: Desk) -> None:
    message_id, review_id = desk.open_review(action=Action.WARN, offence="ad")
    before = desk.messages.get(TENANT, message_id)
    desk.decide(review_id, "pass")
    outcome = undo(desk, review_id)
    assert (outcome.state, outcome.action) == ("open", "warn")
    assert desk.messages.get(TENANT, message_id) == before
    assert n_strikes(desk) == 1
    review = desk.review_of(message_id)
    assert (review.id, review.claimed_by, review.decided_at) == (review_id, None, None)
    (line,) = desk.details.get(TENANT, review_id).decisions
    assert line.undone_at == AT + timedelta(seconds=200)
    assert desk.decide(review_id, "remove", after_s=300).action == "remove"


def test_a_strike_that_was_added_goes_with_the_decision(desk: Desk) -> None:
    _, review_id = desk.open_review()
    desk.decide(review_id, "warn", intent=["ad"])
    assert n_strikes(desk) == 1
    undo(desk, review_id)
    assert n_strikes(desk) == 0


@pytest.mark.parametrize(("after_s", "is_late"), [(660, False), (660.1, True)])  # ten minutes after the decision
def test_undo_has_its_time(desk: Desk, after_s: float, is_late: bool) -> None:
    _, review_id = desk.open_review()
    desk.decide(review_id, "remove", after_s=60)
    if is_late:
        with pytest.raises(Conflict):
            undo(desk, review_id, after_s=after_s)
    else:
        undo(desk, review_id, after_s=after_s)


def test_only_who_decided_undoes(desk: Desk) -> None:
    _, review_id = desk.open_review()
    desk.decide(review_id, "remove")
    with pytest.raises(Forbidden):
        undo(desk, review_id, "小何")
    undo(desk, review_id)
    with pytest.raises(Conflict):  # nothing is left to undo
        undo(desk, review_id)


def test_undo_of_an_overturn_brings_the_first_decision_back(desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    desk.decide(review_id, "remove", intent=["ad"])
    overturn(desk, review_id, "pass")
    outcome = undo(desk, review_id, "老周")
    assert (outcome.state, outcome.action, n_strikes(desk)) == ("decided", "remove", 1)
    assert action_of(desk, message_id) == "remove"


def test_what_changed_since_is_not_undone(desk: Desk) -> None:
    message_id, review_id = desk.open_review(name="m")
    desk.decide(review_id, "remove")
    desk.receive("换了一句", name="m", edited_at=AT + timedelta(seconds=100), at=AT)
    with pytest.raises(Conflict):
        undo(desk, review_id)
    assert action_of(desk, message_id) == "review"  # what the new wording was judged as


def test_undo_of_an_escalation_until_an_expert_has_it(desk: Desk) -> None:
    _, first = desk.open_review()
    _, second = desk.open_review()
    for review_id in (first, second):
        desk.rulings.escalate(TENANT, review_id, attempt_of("escalate"), "", actor="a")
    assert undo(desk, first).line == MODERATOR
    desk.queue.claim(TENANT, attempt_of("claim", "老周"), number=9, lease_s=60, line=EXPERT)
    with pytest.raises(Conflict):
        undo(desk, second)


@pytest.mark.parametrize("action", [Action.WARN, Action.REMOVE, Action.BLOCK])
def test_an_appeal_against_the_machine_waits_for_a_moderator(desk: Desk, action: Action) -> None:
    message_id = desk.receive(action=action, priority=None)
    made = appeal(desk, message_id)
    review = desk.review_of(message_id)
    assert made == Appealed(review.id, is_new=True)
    assert (review.kind, review.line, review.note) == ("appeal", MODERATOR, "我没有发广告")
    assert (review.priority, review.reasons) == (APPEAL_PRIORITY[action.value], [f"appeal:{action.value}"])
    assert appeal(desk, message_id) == Appealed(review.id, is_new=False)  # robots ask again
    assert action_of(desk, message_id) == action.value  # until somebody has decided


@pytest.mark.parametrize("action", [Action.PASS, Action.REVIEW])
def test_where_nothing_was_done_there_is_nothing_to_appeal_against(desk: Desk, action: Action) -> None:
    message_id = desk.receive(action=action)
    with pytest.raises(Conflict):
        appeal(desk, message_id)


def test_an_appeal_is_decided_by_somebody_else(desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    desk.decide(review_id, "remove")
    appealed = appeal(desk, message_id).review_id
    assert desk.queue.claim(TENANT, attempt_of("claim"), number=9, lease_s=60, line=MODERATOR) == []
    with pytest.raises(Forbidden):
        desk.decide(appealed, "pass", after_s=100)
    assert desk.decide(appealed, "pass", by="小何", after_s=100).action == "pass"
    with pytest.raises(Forbidden):  # nor may the first one overturn it
        overturn(desk, appealed, "remove", "小林", line=MODERATOR)
    with pytest.raises(Conflict):  # it was heard
        appeal(desk, message_id)


def test_experts_hear_appeals_against_experts(desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    desk.rulings.decide(TENANT, review_id, expert("decide"), ruling("remove"), actor="a")
    overturn(desk, review_id, "remove")
    appeal(desk, message_id)
    assert desk.review_of(message_id).line == EXPERT


def test_a_decided_appeal_that_was_undone_can_be_decided_again(desk: Desk) -> None:
    message_id = desk.receive(action=Action.WARN, priority=None)
    appealed = appeal(desk, message_id).review_id
    desk.decide(appealed, "pass", after_s=100)
    assert undo(desk, appealed).action == "warn"
    assert appeal(desk, message_id) == Appealed(appealed, is_new=False)


def test_a_correction_changes_labels_and_nothing_else(desk: Desk) -> None:
    message_id = desk.receive(action=Action.PASS, priority=None)
    attempt = attempt_of("correct")
    outcome = desk.rulings.correct(TENANT, message_id, attempt, ruling(None, sentiment=-2), actor="a")
    assert outcome.labels is not None
    assert (outcome.labels.sentiment, outcome.labels.confirmed) == (-2, ("sentiment",))
    assert (outcome.action, action_of(desk, message_id), n_strikes(desk)) == ("pass", "pass", 0)
    assert desk.queue.browse(TENANT, Wanted(), AT).reviews == []
    assert undo(desk, outcome.review_id).state == "decided"
    assert list(desk.history.labelled(TENANT)) == []


def test_a_correction_may_confirm_what_was_read(desk: Desk) -> None:
    message_id = desk.receive()
    attempt = attempt_of("correct")
    outcome = desk.rulings.correct(TENANT, message_id, attempt, ruling(None, ("intent", "risk")), actor="a")
    assert outcome.labels is not None
    assert (outcome.labels.intent, outcome.labels.confirmed) == (("complaint",), ("intent", "risk"))


def test_what_the_machine_could_not_say_is_not_confirmed(desk: Desk) -> None:
    message_id = desk.receive(analysis=analysis_of("汤里有虫", abuse=Abuse(None, False)))
    attempt = attempt_of("correct")
    with pytest.raises(BadInput) as caught:
        desk.rulings.correct(TENANT, message_id, attempt, ruling(None, ("abuse",)), actor="a")
    assert caught.value.param == "confirm"


def alike(desk: Desk, review_id: int, action: str = "remove", *, is_exact: bool = False, **labels: object) -> Together:
    attempt = attempt_of("decide")
    return desk.rulings.decide_alike(TENANT, review_id, attempt, ruling(action, **labels), is_exact=is_exact, actor="a")


def test_near_duplicates_are_decided_together(desk: Desk) -> None:
    copies = [desk.open_review(text=f"{ADVERT}，第{n}位咨询的", author=f"u-{n}") for n in range(1, 5)]
    _, other = desk.open_review(text="汤里吃出了一根头发，太恶心了，店家还不认")
    done = alike(desk, copies[2][1], intent=["ad"])
    assert done.decided[0].review_id == copies[2][1]  # the one that was looked at
    assert sorted(outcome.review_id for outcome in done.decided) == [review_id for _, review_id in copies]
    assert (done.left, done.may_be_more) == ([], False)
    assert {action_of(desk, message_id) for message_id, _ in copies} == {"remove"}
    assert n_strikes(desk) == 4
    assert [review.id for review in desk.queue.browse(TENANT, Wanted(), AT).reviews] == [other]
    assert all(outcome.labels and outcome.labels.intent == ("ad",) for outcome in done.decided)
    lines = AuditStore(desk.database).browse(TENANT, action="review.decide")
    assert len(lines) == 4


def test_only_the_same_letters_where_that_is_asked_for(desk: Desk) -> None:
    _, first = desk.open_review(text=ADVERT)
    _, same = desk.open_review(text=ADVERT + "！！！")
    desk.open_review(text=ADVERT + "，速来")
    done = alike(desk, first, is_exact=True)
    assert [outcome.review_id for outcome in done.decided] == [first, same]


def test_texts_too_short_for_keys_are_alike_where_they_are_equal(desk: Desk) -> None:
    _, first = desk.open_review(text="加V")
    _, same = desk.open_review(text="加V")
    desk.open_review(text="加Q")
    assert [outcome.review_id for outcome in alike(desk, first).decided] == [first, same]


def test_what_somebody_else_has_is_left_to_them(desk: Desk) -> None:
    _, first = desk.open_review(text=ADVERT, priority=0.2)
    _, taken = desk.open_review(text=ADVERT, priority=0.9)
    _, high = desk.open_review(text=ADVERT, priority=0.1)
    desk.rulings.escalate(TENANT, high, attempt_of("escalate"), "", actor="a")
    desk.queue.claim(TENANT, attempt_of("claim", "小何"), number=1, lease_s=300, line=MODERATOR)
    done = alike(desk, first)
    assert [outcome.review_id for outcome in done.decided] == [first]
    assert done.left == [taken, high]


def test_all_are_decided_or_none(desk: Desk) -> None:
    ids = [desk.open_review(text=ADVERT)[1] for _ in range(3)]
    with pytest.raises(BadInput):
        alike(desk, ids[0], risk=0, risk_categories=["other"])
    with pytest.raises(BadInput):
        alike(desk, ids[0], pain=[PainLabel(0, 2)])
    assert len(desk.queue.browse(TENANT, Wanted(), AT).reviews) == 3


def test_copies_of_another_tenant_are_left_alone(desk: Desk) -> None:
    _, own = desk.open_review(text=ADVERT)
    desk.receive(text=ADVERT, tenant="other")
    assert len(alike(desk, own).decided) == 1
    with desk.database.read() as connection:
        open_ones = sa.select(reviews.c.tenant).where(reviews.c.state == "open")
        assert list(connection.scalars(open_ones)) == ["other"]


def test_each_of_several_is_undone_by_itself(desk: Desk) -> None:
    ids = [desk.open_review(text=ADVERT)[1] for _ in range(2)]
    alike(desk, ids[0])
    undo(desk, ids[1])
    assert [review.id for review in desk.queue.browse(TENANT, Wanted(), AT).reviews] == [ids[1]]
