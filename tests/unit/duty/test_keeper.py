from __future__ import annotations

from datetime import timedelta

import pytest

from nlp_service.crisis.incidents import CLOSED, LONE, MERGED, RAISED, REOPENED, SELF_HARM, UPDATED, MessageName
from nlp_service.crisis.response.playbooks import built_in
from nlp_service.duty.desk import Desk
from nlp_service.duty.keeper import Keeper
from nlp_service.store.database import Database
from nlp_service.store.incidents import IncidentStore
from nlp_service.store.outbox import Outbox
from nlp_service.store.watching import WatchStore
from tests.unit.duty.conftest import AT, ME, Clock, T, change, notices


def test_an_incident_is_stored_told_and_its_clock_runs(database: Database, keeper: Keeper, told: Outbox) -> None:
    assert keeper.apply([change()]) == 2
    row = IncidentStore(database).get(T, "i1")
    assert (row.state, row.severity, row.people) == ("open", 3, 5)
    assert row.playbook is not None
    assert row.playbook["name"] == "golden-half-hour"
    assert [(line.channel, line.is_escalation) for line in told.browse(T)] == [("manager", True), ("duty", False)]
    kinds = [event.kind for event in IncidentStore(database).timeline(T, "i1")]
    assert kinds == ["opened", "playbook"]


def test_a_notice_says_what_is_needed_and_covers_what_is_personal(database: Database, keeper: Keeper) -> None:
    keeper.apply([change()])
    _, notice = notices(database)[0]
    assert notice.title == "新事件：食品安全（严重）"
    assert notice.draft
    assert "13800138000" not in str(notice)
    assert "不舒服" in notice.quotes[0]
    assert notice.link == "https://ops.example.com/console/incidents/i1"
    assert notice.take_link.startswith("https://ops.example.com/take/")
    assert {line.label: line.value for line in notice.lines}["产品"] == "鲜奶"


def test_the_same_change_again_changes_nothing(database: Database, keeper: Keeper) -> None:
    keeper.apply([change()])
    assert keeper.apply([change()]) == 0
    assert len(IncidentStore(database).timeline(T, "i1")) == 2


def test_updates_are_not_told_and_a_higher_severity_is(database: Database, keeper: Keeper) -> None:
    keeper.apply([change(severity=2)])
    row = IncidentStore(database).get(T, "i1")
    assert row.playbook is not None
    assert row.playbook["name"] == "golden-hour"
    assert keeper.apply([change(UPDATED, AT + timedelta(minutes=1), severity=2, n_messages=9)]) == 0
    assert IncidentStore(database).get(T, "i1").n_messages == 9
    assert keeper.apply([change(RAISED, AT + timedelta(minutes=2), severity=3)]) == 2
    row = IncidentStore(database).get(T, "i1")
    assert row.playbook is not None
    assert row.playbook["name"] == "golden-half-hour"


def test_a_lone_message_is_for_a_look_and_not_told_by_default(database: Database, keeper: Keeper) -> None:
    assert keeper.apply([change(severity=1, opened_at=None)]) == 0
    row = IncidentStore(database).get(T, "i1")
    assert row.playbook is not None
    assert row.playbook["name"] == "look"
    WatchStore(database).put_settings(T, {"tell_from": 1}, actor="test")
    assert keeper.apply([change(key="i2", severity=1, opened_at=None)]) == 2


def test_self_harm_is_private_and_goes_to_whom_it_is_meant_for(
    database: Database, keeper: Keeper, told: Outbox
) -> None:
    WatchStore(database).put_settings(T, {"helpline": "某热线 000"}, actor="test")
    private = {"category": "self_harm", "private": True, "severity": 1}
    assert keeper.apply([change(**private)]) == 1
    assert [line.channel for line in told.browse(T)] == ["counsellor"]
    _, notice = notices(database)[0]
    assert notice.is_private
    assert notice.quotes == ()
    assert "某热线 000" in notice.draft
    row = IncidentStore(database).get(T, "i1")
    assert row.playbook is not None
    assert row.playbook["name"] == "private-care"
    assert IncidentStore(database).browse(T, with_private=False) == []


@pytest.mark.parametrize(("name", "severity"), [("golden-half-hour", 3), ("golden-hour", 2)])
def test_every_alarm_is_told_at_its_second(
    database: Database, keeper: Keeper, clock: Clock, name: str, severity: int
) -> None:
    keeper.apply([change(severity=severity)])
    playbook = next(one for one in built_in() if one.name == name)
    wanted = []
    for step in playbook.steps:
        wanted += [(step.due_s - step.remind_s, "step.reminder"), (step.due_s, "step.overdue")]
        wanted.append((step.due_s + step.escalate_s, "step.escalation"))
    rung = []
    # Second after second around each, and in leaps between them.
    seconds = sorted({second + shift for second, _ in wanted for shift in (-1, 0, 1)})
    for second in seconds:
        clock.at = AT + timedelta(seconds=second)
        before = len(notices(database))
        keeper.ring()
        rung += [(second, kind) for kind, _ in notices(database)[before:]]
    told_once = sorted({(second, kind) for second, kind in rung if kind.startswith("step.")})
    assert told_once == sorted(wanted)


def test_a_step_that_is_done_rings_no_more(database: Database, keeper: Keeper, desk: Desk, clock: Clock) -> None:
    keeper.apply([change()])
    clock.advance(100)
    desk.finish_step(ME, "i1", "isolate", "已下架")
    clock.advance(260)
    keeper.ring()
    assert not [kind for kind, _ in notices(database) if kind.startswith("step.")]


def test_what_calms_down_stays_open_until_somebody_closes_it(
    database: Database, keeper: Keeper, desk: Desk, clock: Clock
) -> None:
    keeper.apply([change()])
    assert keeper.apply([change(CLOSED, AT + timedelta(hours=4), closed_at=AT + timedelta(hours=4))]) == 0
    row = IncidentStore(database).get(T, "i1")
    assert (row.state, row.closed_at) == ("open", None)
    assert IncidentStore(database).timeline(T, "i1")[-1].kind == "calmed"
    clock.advance(200)
    assert keeper.ring() == 2  # its clock goes on
    desk.close(ME, "i1", "已处理")
    clock.advance(90_000)
    assert keeper.ring() == 0


def test_what_was_only_to_be_looked_at_is_closed_by_itself(database: Database, keeper: Keeper, clock: Clock) -> None:
    keeper.apply([change(severity=1)])
    keeper.apply([change(CLOSED, AT + timedelta(hours=4), severity=1, closed_at=AT + timedelta(hours=4))])
    assert IncidentStore(database).get(T, "i1").state == "closed"
    clock.advance(90_000)
    assert keeper.ring() == 0


def test_nobody_is_told_that_something_waits_of_which_nobody_was_told(
    database: Database, keeper: Keeper, clock: Clock
) -> None:
    keeper.apply([change(severity=1)])
    clock.advance(90_000)
    assert keeper.ring() > 0
    assert notices(database) == []


def test_what_comes_back_is_open_again_whoever_closed_it(database: Database, keeper: Keeper, desk: Desk) -> None:
    keeper.apply([change(severity=2)])
    desk.close(ME, "i1", "已处理")
    assert keeper.apply([change(REOPENED, AT + timedelta(hours=5), severity=2)]) == 0  # within its cool-down
    assert IncidentStore(database).get(T, "i1").state == "open"


def test_what_went_into_another_keeps_its_history(database: Database, keeper: Keeper, desk: Desk) -> None:
    keeper.apply([change(), change(key="i2")])
    desk.acknowledge(ME, "i2")
    keeper.apply([change(MERGED, AT + timedelta(minutes=5), key="i2", merged_into="i1", closed_at=AT)])
    store = IncidentStore(database)
    assert (store.get(T, "i2").state, store.get(T, "i2").merged_into) == ("merged", "i1")
    assert store.get(T, "i1").acknowledged_by == "小林"


def test_what_somebody_closed_opens_again_only_if_it_gets_worse(database: Database, keeper: Keeper, desk: Desk) -> None:
    keeper.apply([change(severity=2)])
    desk.close(ME, "i1", "误报")
    assert keeper.apply([change(UPDATED, AT + timedelta(minutes=1), severity=2, n_messages=8)]) == 0
    assert IncidentStore(database).get(T, "i1").state == "closed"
    assert keeper.apply([change(RAISED, AT + timedelta(minutes=2), severity=4)]) == 2
    assert IncidentStore(database).get(T, "i1").state == "open"


def test_without_routes_nobody_is_told_and_all_is_stored(database: Database, clock: Clock) -> None:
    keeper = Keeper(database, now=clock)
    assert keeper.apply([change(kind="opened", category="outage")]) == 0
    assert IncidentStore(database).get(T, "i1").category == "outage"


def test_no_words_of_members_are_in_the_stored_document(database: Database, keeper: Keeper) -> None:
    import zlib

    keeper.apply([change()])
    assert "不舒服" not in zlib.decompress(IncidentStore(database).document(T, "i1")).decode()


def test_kinds_are_kept(database: Database, keeper: Keeper) -> None:
    from nlp_service.crisis.incidents import IncidentChange
    from tests.unit.duty.conftest import incident

    for number, kind in enumerate((LONE, SELF_HARM)):
        keeper.apply([IncidentChange("opened", AT, incident(f"k{number}", kind=kind))])
    assert {row.kind for row in IncidentStore(database).browse(T)} == {LONE, SELF_HARM}


def test_what_is_erased_is_in_no_incident(database: Database, keeper: Keeper) -> None:
    from nlp_service.store.incoming import Windows
    from nlp_service.store.messages import MessageStore
    from tests.unit.store.deliveries import Judge, message, rows

    store = MessageStore(database)
    store.record(T, [message("m1", author="lin"), message("m2", author="mei")], Judge(), Windows())
    names = (MessageName("wechat", "m1"), MessageName("wechat", "m2"))
    keeper.apply([change(messages=names)])
    assert [one.external_id for one in IncidentStore(database).messages(T, "i1")] == ["m1", "m2"]
    receipt = store.erase_author(T, "wechat", "lin", "test")
    assert receipt.erased.members == 1
    assert [one.external_id for one in IncidentStore(database).messages(T, "i1")] == ["m2"]
    assert len(rows(database, "incident_messages")) == 1
