"""Keeps incidents: what happens to one, its clock and what is told of it stand or fall in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from nlp_service.crisis.incidents import CLOSED, MERGED, OPENED, RAISED, REOPENED, IncidentChange
from nlp_service.crisis.response import clock, playbooks
from nlp_service.crisis.response.playbooks import Playbook, read_playbook
from nlp_service.duty import telling
from nlp_service.duty.documents import values_of
from nlp_service.duty.settings import Duty, read_duty
from nlp_service.duty.signals import SIGNAL
from nlp_service.notify.notices import Notice, encode
from nlp_service.notify.routing import plan, read_routing
from nlp_service.store import incident_clock, incidents, posting
from nlp_service.store.database import Connection, Database
from nlp_service.store.incident_records import AlarmRow, IncidentRow
from nlp_service.store.notifying import make_link, routing_of
from nlp_service.store.watching import WatchStore

TOLD = frozenset({OPENED, RAISED, REOPENED})
"""Changes that people are told of; updates are for whoever looks."""

LINK_DAYS = 7
"""For how long somebody may take an incident on by the link of a notice."""

CALMED = "calmed"
"""In the timeline: the watch has heard nothing of an incident for hours. It stays open until somebody closes it."""

WATCH = "watch"
"""The actor of what the watch does."""


class Keeper:
    """Writes what the watch says and what the clocks ring; blocks.

    Args:
        database: Where everything is.
        base_url: Address of the service as people reach it, for the links by which somebody takes an incident on;
            empty for none.
        console_url: Address of pages that show an incident when its id is put behind it; empty for none.
        now: The clock.
    """

    def __init__(
        self,
        database: Database,
        *,
        base_url: str = "",
        console_url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._store = WatchStore(database)
        self._base_url = base_url.rstrip("/")
        self._console_url = console_url
        self._now = now

    def duty_of(self, tenant: str) -> Duty:
        """What holds for a tenant."""
        return read_duty(self._store.settings(tenant).document)

    def apply(self, changes: Iterable[IncidentChange]) -> int:
        """Write changes in their order, each in a transaction of its own; gives how many notices were posted.

        To write one again changes nothing: a watch that was stopped goes over its last minutes once more.
        """
        duties: dict[str, Duty] = {}
        n_posted = 0
        for change in changes:
            tenant = change.incident.tenant
            if tenant not in duties:
                duties[tenant] = self.duty_of(tenant)
            n_posted += self._apply(change, duties[tenant])
        return n_posted

    def ring(self) -> int:
        """Tell of the alarms that are due; gives how many there were."""
        now, n_rung = self._now(), 0
        with self._database.read() as connection:
            if not incident_clock.has_due(connection, now):
                return 0
        while True:
            with self._database.write() as connection:
                due = incident_clock.take_due(connection, now)
                for alarm in due:
                    self._ring(connection, alarm, now)
            n_rung += len(due)
            if not due:
                return n_rung

    def tell(self, connection: Connection, tenant: str, notice: Notice, what: str) -> posting.Posted:
        """Post a notice to whom the tenant's routes name.

        Args:
            connection: The open transaction.
            tenant: Whose routes.
            notice: What is told.
            what: Names the same thing for cool-downs.
        """
        now = self._now()
        postings = plan(read_routing(routing_of(connection, tenant).document), notice, now)
        values: dict[str, Any] = {"subject": notice.subject, "kind": notice.kind, "what": what, "now": now}
        return posting.post(connection, tenant, postings, encode(notice), **values)

    def _apply(self, change: IncidentChange, duty: Duty) -> int:
        one, now = change.incident, self._now()
        values, kind = values_of(change), change.kind
        if kind == CLOSED and one.kind != SIGNAL and one.severity >= 2:
            # The watch hears no more of it; whether it is over, and what was learnt, people say.
            values, kind = values._replace(state="open", closed_at=None), CALMED
        with self._database.write() as connection:
            before, after = incidents.put(connection, one.tenant, values, reopens=kind == REOPENED)
            if before is not None and one.updated_at <= before.updated_at:
                return 0
            detail = {"severity": one.severity, "messages": one.n_messages, "people": one.people}
            if one.merged_into:
                detail["merged_into"] = one.merged_into  # type: ignore[assignment]
            incidents.note_event(connection, after.id, change.at, WATCH, kind, **detail)
            if kind in (CLOSED, MERGED):
                incident_clock.stop(connection, after.id, now)
                if one.merged_into:
                    self._merge(connection, after, one.merged_into)
                return 0
            if after.state != "open" or kind == CALMED:
                return 0  # somebody has closed it, and nothing worse has come since
            self._keep_clock(connection, change, after, duty)
            if kind not in TOLD or not (one.private or one.severity >= duty.tell_from):
                return 0
            return len(self._tell_of(connection, change, after, duty, now).ids)

    def _tell_of(
        self, connection: Connection, change: IncidentChange, row: IncidentRow, duty: Duty, now: datetime
    ) -> posting.Posted:
        take_link = self._take_link(connection, row, now)
        link = telling.link_to(self._console_url, row.key)
        notice = telling.of_change(change, duty, now, link=link, take_link=take_link)
        return self.tell(connection, row.tenant, notice, f"{notice.subject} severity {notice.severity}")

    def _take_link(self, connection: Connection, row: IncidentRow, now: datetime) -> str:
        if not self._base_url or row.acknowledged_at is not None:
            return ""
        expires_at = now + timedelta(days=LINK_DAYS)
        return f"{self._base_url}/take/{make_link(connection, row.tenant, telling.subject_of(row.key), expires_at)}"

    def _merge(self, connection: Connection, row: IncidentRow, target_key: str) -> None:
        target = incidents.find(connection, row.tenant, target_key, is_locked=True)
        incidents.move_messages(connection, row.id, target.id)
        if row.acknowledged_at is not None and target.acknowledged_at is None:
            who = {"acknowledged_at": row.acknowledged_at, "acknowledged_by": row.acknowledged_by}
            incidents.change(connection, target.id, **who, assignee=target.assignee or row.assignee)

    def _keep_clock(self, connection: Connection, change: IncidentChange, row: IncidentRow, duty: Duty) -> None:
        """Let the playbook begin that an incident of this severity asks for, unless it or a stricter one runs."""
        wanted = playbooks.choose(duty.playbooks, row.category, row.severity)
        running = None if row.playbook is None else read_playbook(row.playbook)
        if wanted is None or not _replaces(wanted, running):
            return
        # What is noticed late has no more time than what is noticed at once, and nobody is late before being told.
        began_at = max(change.at, self._now()) if change.kind != OPENED else self._now()
        alarms = [(alarm.step_id, alarm.kind, alarm.to, alarm.at) for alarm in clock.alarms(wanted, began_at)]
        incident_clock.begin(connection, row, msgspec.to_builtins(wanted), began_at, alarms)
        incidents.note_event(connection, row.id, began_at, WATCH, "playbook", name=wanted.name, title=wanted.title)

    def _ring(self, connection: Connection, alarm: AlarmRow, now: datetime) -> None:
        incident = alarm.incident
        if not incident.is_private and incident.severity < self.duty_of(incident.tenant).tell_from:
            return  # nobody was told of it, so nobody is told that it waits
        playbook = read_playbook(incident.playbook or {})
        step = next(step for step in playbook.steps if step.id == alarm.step_id)
        link = telling.link_to(self._console_url, incident.key)
        take_link = self._take_link(connection, incident, now)
        notice = telling.of_alarm(alarm, step, now, link=link, take_link=take_link)
        what = f"{notice.subject} {step.id} {alarm.kind} {incident.clock_began_at}"
        self.tell(connection, incident.tenant, notice, what)
        detail = {"step": step.id, "to": alarm.to, "due_at": alarm.at.isoformat()}
        incidents.note_event(connection, incident.id, now, WATCH, f"step.{alarm.kind}", **detail)


def _replaces(wanted: Playbook, running: Playbook | None) -> bool:
    if running is None:
        return True
    return wanted.name != running.name and wanted.min_severity > running.min_severity
