from __future__ import annotations

from datetime import timedelta

import pytest

from nlp_service.crisis.incidents import CLOSED
from nlp_service.duty.desk import Desk
from nlp_service.duty.keeper import Keeper
from nlp_service.duty.showing import Who
from nlp_service.errors import BadInput, Conflict, Forbidden, NotFound
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database
from nlp_service.store.incidents import IncidentStore
from nlp_service.store.outbox import Outbox
from tests.unit.duty.conftest import AT, ME, Clock, T, change, notices


@pytest.fixture(autouse=True)
def _opened(keeper: Keeper) -> None:
    keeper.apply([change()])


def test_whoever_takes_it_on_ends_the_escalations(database: Database, desk: Desk, told: Outbox) -> None:
    row = desk.acknowledge(ME, "i1")
    assert (row.acknowledged_by, row.assignee) == ("小林", "小林")
    assert told.counts(T) == {"pending": 1, "sent": 0, "dead": 0, "cancelled": 1}
    assert desk.acknowledge(Who(T, "key:other", "小周"), "i1").acknowledged_by == "小林"
    assert next(line.action for line in AuditStore(database).browse(T)) == "incident.acknowledged"


def test_a_link_takes_it_on_without_a_key(database: Database, desk: Desk) -> None:
    _, notice = notices(database)[0]
    token = notice.take_link.rpartition("/")[2]
    link, row = desk.look_at_link(token)
    assert (link.used_by, row.acknowledged_by) == (None, None)
    assert desk.acknowledge_by_link(token, "老王")[1].acknowledged_by == "老王"
    assert desk.acknowledge_by_link(token, "小李")[1].acknowledged_by == "老王"
    with pytest.raises(NotFound):
        desk.look_at_link("no such token")


def test_a_playbook_is_worked_through(desk: Desk, clock: Clock) -> None:
    steps = desk.show(ME, "i1").steps
    assert [(one.step.id, (one.due_at - AT).total_seconds()) for one in steps][:3] == [
        ("isolate", 180),
        ("apologise", 600),
        ("compensate", 1020),
    ]
    clock.advance(200)
    shown = desk.finish_step(ME, "i1", "isolate", "已下架")
    assert shown.steps[0].done is not None
    assert (shown.steps[0].done.by, shown.steps[0].late_s) == ("小林", 20)
    with pytest.raises(Conflict):
        desk.finish_step(ME, "i1", "isolate", "")
    assert desk.reopen_step(ME, "i1", "isolate").steps[0].done.done_at is None  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        desk.finish_step(ME, "i1", "dance", "")


def test_closing_tells_what_was_late(desk: Desk, clock: Clock) -> None:
    clock.advance(700)
    desk.finish_step(ME, "i1", "isolate", "")
    desk.finish_step(ME, "i1", "apologise", "", is_skipped=True)
    desk.close(ME, "i1", "已处理")
    late = desk.show(ME, "i1").late
    assert [(one.step_id, one.late_s, one.is_done) for one in late] == [("isolate", 520, True)]
    with pytest.raises(Conflict):
        desk.assign(ME, "i1", "小周")
    assert desk.reopen(ME, "i1").state == "open"
    with pytest.raises(Conflict):
        desk.reopen(ME, "i1")


def test_what_was_learnt_and_what_is_to_be_done(desk: Desk, clock: Clock) -> None:
    desk.close(ME, "i1", "")
    shown = desk.write_review(ME, "i1", {"whys": ["冷链断了", "报警没人看"], "summary": "一批奶坏了"})
    assert shown.review is not None
    assert shown.review.document["whys"] == ["冷链断了", "报警没人看"]
    shown = desk.add_action(ME, "i1", "报警接入值班群", "物流组", AT + timedelta(days=7))
    (action,) = shown.actions
    assert action.done_at is None
    assert desk.finish_action(ME, "i1", action.id).actions[0].done_by == "小林"
    with pytest.raises(NotFound):
        desk.finish_action(ME, "i1", 999)
    with pytest.raises(BadInput):
        desk.write_review(ME, "i1", {"whys": ["x"] * 6})


def test_the_same_problem_is_known_again(desk: Desk, keeper: Keeper) -> None:
    keeper.apply([change(CLOSED, AT + timedelta(hours=1), closed_at=AT + timedelta(hours=1))])
    again = {"first_message_at": AT + timedelta(days=3), "key": "i2"}
    keeper.apply([change("opened", AT + timedelta(days=3), **again)])
    (back,) = desk.show(ME, "i2").came_back
    assert (back.incident_id, back.shared[0]) == ("i1", "product:鲜奶")


def test_two_about_the_same_become_one(desk: Desk, keeper: Keeper, database: Database) -> None:
    keeper.apply([change(key="i2")])
    desk.merge(ME, "i2", "i1")
    assert IncidentStore(database).get(T, "i2").merged_into == "i1"
    with pytest.raises(Conflict):
        desk.merge(ME, "i1", "i1")
    with pytest.raises(Conflict):
        desk.merge(ME, "i2", "i1")
    keeper.apply([change(key="p", category="self_harm", private=True)])
    with pytest.raises(Conflict):
        desk.merge(ME, "p", "i1")


def test_drafts_follow_purpose_and_emotion(desk: Desk) -> None:
    drafts = desk.drafts(ME, "i1", None, "anger")
    assert "care" not in {one.purpose for one in drafts}
    assert {one.emotion for one in drafts} == {"anger"}
    assert [one.purpose for one in desk.drafts(ME, "i1", "apology", None)] == ["apology"]
    for purpose, emotion in (("poem", None), (None, "joy")):
        with pytest.raises(BadInput):
            desk.drafts(ME, "i1", purpose, emotion)


def test_what_is_private_is_for_the_entrusted_alone(desk: Desk, keeper: Keeper) -> None:
    keeper.apply([change(key="p", category="self_harm", private=True, severity=1)])
    other = ME._replace(is_entrusted=False)
    with pytest.raises(Forbidden):
        desk.show(other, "p")
    with pytest.raises(Forbidden):
        desk.acknowledge(other, "p")
    assert [one.purpose for one in desk.drafts(ME, "p", None, None)] == ["care"]


def test_another_tenants_incident_is_not_there(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.show(Who("another", "key:x"), "i1")
    with pytest.raises(NotFound):
        desk.close(Who("another", "key:x"), "i1", "")


def test_settings_are_checked_before_they_hold(desk: Desk) -> None:
    with pytest.raises(BadInput) as refused:
        desk.put_settings(ME, {"playbooks": [{"name": "x", "title": "x", "steps": []}]})
    assert refused.value.param == "playbooks[0].steps"
    with pytest.raises(BadInput) as refused:
        desk.put_settings(ME, {"statements": {"purposes": {"first": {"name": "x", "text": "{who}"}}}})
    assert refused.value.param == "statements.purposes.first.text"
    desk.put_settings(ME, {"helpline": "某热线"})
    assert desk.duty_of(T).helpline == "某热线"
