from __future__ import annotations

from datetime import timedelta

from nlp_service.crisis.incidents import CLOSED, OPENED, UPDATED, MessageName
from nlp_service.duty.keeper import Keeper
from nlp_service.duty.signals import OVER_AFTER, Signal, Signals, key_of
from nlp_service.duty.sources import SLOW_FOR, EarlyWarnings, SlowModel, Unanswered, of_warning
from nlp_service.insight.results import MessageKey, Warning
from nlp_service.store.database import Database
from nlp_service.store.incidents import IncidentStore
from nlp_service.store.insight_records import NewRun
from nlp_service.store.insights import InsightStore
from nlp_service.store.knowledge import KnowledgeStore
from tests.unit.duty.conftest import AT, T, notices

WAITING = Signal("unanswered", T, "room-1", AT, AT + timedelta(minutes=5), 2, 30.0, 5.0)
DAYS = Signal("complaint_rate", T, "", AT - timedelta(days=3), AT, 2, 0.12, 0.05, 9, (MessageName("wechat", "m1"),))


def kinds(signals: Signals, *heard: Signal, minutes: float) -> list[str]:
    return [change.kind for change in signals.hear(heard, AT + timedelta(minutes=minutes))]


def test_a_signal_opens_changes_and_ends() -> None:
    signals = Signals()
    assert kinds(signals, WAITING, minutes=5) == [OPENED]
    assert kinds(signals, WAITING, minutes=6) == []
    assert kinds(signals, WAITING._replace(value=60.0), minutes=7) == [UPDATED]
    assert kinds(signals, minutes=8) == [CLOSED]
    assert kinds(signals, minutes=9) == []


def test_figures_of_days_last_until_nothing_was_heard_for_long() -> None:
    signals = Signals()
    assert kinds(signals, DAYS, minutes=0) == [OPENED]
    assert kinds(signals, minutes=60) == []
    assert kinds(signals, minutes=OVER_AFTER.total_seconds() / 60 + 1) == [CLOSED]


def test_the_same_trouble_is_one_incident_and_another_is_another() -> None:
    assert key_of(WAITING) == key_of(WAITING._replace(value=1.0, at=AT))
    others = [WAITING._replace(channel="room-2"), WAITING._replace(tenant="x"), WAITING._replace(since=AT - SLOW_FOR)]
    assert len({key_of(one) for one in (WAITING, *others)}) == 4


def test_a_signal_is_stored_and_told(database: Database, keeper: Keeper) -> None:
    signals = Signals()
    assert keeper.apply(signals.hear([WAITING], AT + timedelta(minutes=5))) == 2
    row = IncidentStore(database).get(T, key_of(WAITING))
    assert (row.kind, row.severity, row.playbook and row.playbook["name"]) == ("signal", 2, "golden-hour")
    _, notice = notices(database)[0]
    assert notice.title == "新事件：未回答的问题（一般）"
    assert {line.label: line.value for line in notice.lines}["当前"] == "30"
    # A process that begins again hears it again, and nothing new is told.
    assert keeper.apply(Signals().hear([WAITING], AT + timedelta(minutes=6))) == 0
    assert keeper.apply(signals.hear([], AT + timedelta(minutes=9))) == 0
    assert IncidentStore(database).get(T, key_of(WAITING)).state == "closed"


def test_an_early_warning_is_a_signal() -> None:
    keys = (MessageKey("wechat", "m1"),)
    warning = Warning(
        kind="complaint_rate", channel=None, at=AT, value=0.12, bound=0.05, days=3, reach=0.2, urgency=0.8,
        quadrant="act", keys=keys,
    )  # fmt: skip
    signal = of_warning(T, warning)
    assert (signal.source, signal.severity, signal.since) == ("complaint_rate", 2, AT - timedelta(days=3))
    assert signal.messages == (MessageName("wechat", "m1"),)


def test_models_in_trouble_are_told_after_a_while() -> None:
    faults: list[str] = ["worker 0 is starting"]
    slow = SlowModel(lambda: faults)
    assert slow(AT) == []
    (signal,) = slow(AT + SLOW_FOR)
    assert (signal.since, signal.severity) == (AT, 2)
    faults.clear()
    assert slow(AT + 2 * SLOW_FOR) == []


def test_no_bases_no_signals(database: Database) -> None:
    KnowledgeStore(database).create(T, "empty")
    assert Unanswered(database)(AT) == []


def test_the_warnings_of_the_newest_run_are_signals(database: Database) -> None:
    item = {
        "id": "w1", "place": 0, "kind": "ugc_share", "channel": "room-1", "at": AT.isoformat(), "value": 0.1,
        "bound": 0.15, "days": 7, "reach": 0.5, "urgency": 0.3, "quadrant": "plan",
    }  # fmt: skip
    run = NewRun(
        job_id=None, period_start=AT - timedelta(days=7), period_end=AT, zone="UTC",
        previous_start=AT - timedelta(days=14), previous_end=AT - timedelta(days=7), parameters={},
        model_version="m", messages=1, people=1, head={}, items={"warning": [item]},
    )  # fmt: skip
    InsightStore(database).store(T, run, [], actor="test")
    source = EarlyWarnings(database)
    (signal,) = source(AT + timedelta(hours=3))
    assert (signal.source, signal.channel, signal.severity, signal.value) == ("ugc_share", "room-1", 1, 0.1)
    assert source(AT + timedelta(days=3)) == []
