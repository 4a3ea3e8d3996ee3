"""What people do about incidents: each act is one transaction, with its line in the timeline and the log of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from nlp_service.crisis.response import aftermath, statements
from nlp_service.crisis.response.playbooks import Step, read_playbook
from nlp_service.crisis.response.statements import Draft
from nlp_service.duty import telling
from nlp_service.duty.settings import Duty, read_duty
from nlp_service.duty.showing import Showing, Shown, Who, allowed
from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.store import audit, incident_clock, incidents, posting
from nlp_service.store.database import Connection, Database
from nlp_service.store.incident_records import IncidentRow
from nlp_service.store.incidents import IncidentStore
from nlp_service.store.notifying import Link, NotifyStore
from nlp_service.store.watching import WatchStore


class Desk:
    """Acts on incidents; blocks.

    Args:
        database: Where everything is.
        now: The clock.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
        self._incidents = IncidentStore(database)
        self._showing = Showing(database, now)
        self._watches = WatchStore(database)
        self._notify = NotifyStore(database)

    def show(self, who: Who, key: str) -> Shown:
        """Show an incident; raises as `showing.Showing.show`."""
        return self._showing.show(who, key)

    def acknowledge(self, who: Who, key: str) -> IncidentRow:
        """Take an incident on: it is not escalated any more. Who has it already stays who has it.

        Raises:
            NotFound, Forbidden: As `show`.
            Conflict: It is over.
        """
        with self._acting(who, key) as (connection, row):
            self._take(connection, row, who, self._now())
        return self._incidents.get(who.tenant, key)

    def acknowledge_by_link(self, token: str, name: str) -> tuple[Link, IncidentRow]:
        """As `acknowledge`, by the link of a notice.

        Raises:
            NotFound: There is no such link, or its time is over, or the incident is gone.
        """
        now = self._now()
        with self._database.write() as connection:
            link = self._notify.use_link(connection, token, name, now)
            key = link.subject.removeprefix("incident:")
            row = incidents.find(connection, link.tenant, key, is_locked=True)
            if row.state == "open":
                self._take(connection, row, Who(link.tenant, "link", name), now)
        return link, self._incidents.get(link.tenant, key)

    def look_at_link(self, token: str) -> tuple[Link, IncidentRow]:
        """What the link of a notice is for.

        Raises:
            NotFound: As `acknowledge_by_link`.
        """
        link = self._notify.look_at_link(token, self._now())
        return link, self._incidents.get(link.tenant, link.subject.removeprefix("incident:"))

    def assign(self, who: Who, key: str, assignee: str) -> IncidentRow:
        """Give an incident to somebody; to nobody if empty. Raises as `acknowledge`."""
        with self._acting(who, key) as (connection, row):
            incidents.change(connection, row.id, assignee=assignee or None)
            self._note(connection, row, who, "assigned", assignee=assignee)
        return self._incidents.get(who.tenant, key)

    def comment(self, who: Who, key: str, text: str) -> None:
        """Add words to the timeline, also of an incident that is over. Raises as `show`."""
        with self._acting(who, key, is_open=False) as (connection, row):
            incidents.note_event(connection, row.id, self._now(), who.signed, "comment", text=text)

    def close(self, who: Who, key: str, reason: str) -> IncidentRow:
        """Close an incident: its clock stops, and its escalations are left out. Raises as `acknowledge`."""
        with self._acting(who, key) as (connection, row):
            now = self._now()
            incidents.change(connection, row.id, state="closed", closed_at=now)
            incident_clock.stop(connection, row.id, now)
            posting.take_on(connection, who.tenant, telling.subject_of(key), now)
            self._note(connection, row, who, "closed", text=reason)
        return self._incidents.get(who.tenant, key)

    def reopen(self, who: Who, key: str) -> IncidentRow:
        """Open an incident again that was closed; its clock stays as it was.

        Raises:
            NotFound, Forbidden: As `show`.
            Conflict: It is open, or went into another one.
        """
        with self._acting(who, key, is_open=False) as (connection, row):
            if row.state != "closed":
                raise Conflict(f"the incident is {row.state}", param="incident")
            incidents.change(connection, row.id, state="open", closed_at=None)
            self._note(connection, row, who, "reopened")
        return self._incidents.get(who.tenant, key)

    def merge(self, who: Who, key: str, into: str) -> IncidentRow:
        """Let an incident go into another one, which is about the same; gives that.

        Raises:
            NotFound, Forbidden: As `show`, for either.
            Conflict: One of them is over, or both are the same, or one of them is private and the other is not.
        """
        if key == into:
            raise Conflict("an incident cannot go into itself", param="into")
        now = self._now()
        with self._database.write() as connection:
            # Always in one order, so that two who merge the other way round do not wait for one another for ever.
            rows = {name: self._locked(connection, who, name, is_open=True) for name in sorted((key, into))}
            row, target = rows[key], rows[into]
            if row.is_private != target.is_private:
                raise Conflict("a private incident and another one stay apart", param="into")
            incidents.change(connection, row.id, state="merged", merged_into=into, closed_at=now)
            incidents.move_messages(connection, row.id, target.id)
            incident_clock.stop(connection, row.id, now)
            posting.take_on(connection, who.tenant, telling.subject_of(key), now)
            self._note(connection, row, who, "merged", into=into)
            incidents.note_event(connection, target.id, now, who.signed, "took_in", incident=key)
        return self._incidents.get(who.tenant, into)

    def finish_step(self, who: Who, key: str, step_id: str, note: str, *, is_skipped: bool = False) -> Shown:
        """Note that a step of the playbook was done, or is left out on purpose.

        Raises:
            NotFound, Forbidden: As `show`; also where the playbook has no such step.
            Conflict: The incident is over, or the step was done.
        """
        with self._acting(who, key) as (connection, row):
            self._step(row, step_id)
            now = self._now()
            values = (connection, row.id, step_id, now, who.signed, note)
            if not incident_clock.finish_step(*values, is_skipped=is_skipped):
                raise Conflict("the step was done already", param="step")
            self._note(connection, row, who, "step.skipped" if is_skipped else "step.done", step=step_id, text=note)
        return self.show(who, key)

    def reopen_step(self, who: Who, key: str, step_id: str) -> Shown:
        """Take a step back that was noted as done. Raises as `finish_step`."""
        with self._acting(who, key) as (connection, row):
            self._step(row, step_id)
            if not incident_clock.reopen_step(connection, row.id, step_id, self._now()):
                raise Conflict("the step is not done", param="step")
            self._note(connection, row, who, "step.reopened", step=step_id)
        return self.show(who, key)

    def drafts(self, who: Who, key: str, purpose: str | None, emotion: str | None) -> list[Draft]:
        """Drafts of statements for an incident, by the emotion of what was written unless one is named.

        Raises:
            NotFound, Forbidden: As `show`.
            BadInput: There is no such purpose or emotion.
        """
        shown, duty = self.show(who, key), self.duty_of(who.tenant)
        if emotion is not None and emotion not in duty.wordings.tones:
            raise BadInput(f"emotion is one of {', '.join(duty.wordings.tones)}", param="emotion")
        felt = emotion or statements.emotion_of([quote.text for quote in shown.incident.quotes], duty.wordings)
        if purpose is not None:
            names = [purpose]
        else:
            names = ["care"] if shown.row.is_private else [name for name in duty.wordings.purposes if name != "care"]
        values: dict[str, Any] = {
            "category": shown.row.category,
            "emotion": felt,
            "channels": shown.incident.channels,
            "noticed_at": shown.row.opened_at or shown.row.noticed_at,
            "now": self._now(),
        }
        return [statements.draft(name, wordings=duty.wordings, helpline=duty.helpline, **values) for name in names]

    def write_review(self, who: Who, key: str, document: Any) -> Shown:
        """Keep what was learnt from an incident. Raises as `show`, and BadInput for what is no review."""
        review = msgspec.to_builtins(aftermath.read_review(document))
        with self._acting(who, key, is_open=False) as (connection, row):
            incident_clock.write_review(connection, row.id, review, self._now(), who.signed)
            self._note(connection, row, who, "review")
        return self.show(who, key)

    def add_action(self, who: Who, key: str, title: str, owner: str, due_at: datetime | None) -> Shown:
        """Add something that is to be done so that the problem does not come back. Raises as `show`."""
        with self._acting(who, key, is_open=False) as (connection, row):
            number = incident_clock.add_action(connection, row.id, title, owner, due_at)
            self._note(connection, row, who, "action.added", number=number)
        return self.show(who, key)

    def finish_action(self, who: Who, key: str, action_id: int) -> Shown:
        """Note that it was done. Raises as `show`, and NotFound for an action that there is not."""
        with self._acting(who, key, is_open=False) as (connection, row):
            incident_clock.finish_action(connection, row.id, action_id, self._now(), who.signed)
            self._note(connection, row, who, "action.done", number=action_id)
        return self.show(who, key)

    def duty_of(self, tenant: str) -> Duty:
        """What holds for a tenant."""
        return read_duty(self._watches.settings(tenant).document)

    def put_settings(self, who: Who, document: Mapping[str, Any]) -> None:
        """Let a tenant's own playbooks, wordings and helpline hold. BadInput names what cannot be read."""
        read_duty(document)
        self._watches.put_settings(who.tenant, document, actor=who.actor)

    def _take(self, connection: Connection, row: IncidentRow, who: Who, now: datetime) -> None:
        if row.acknowledged_at is not None:
            return
        taken = {"acknowledged_at": now, "acknowledged_by": who.signed, "assignee": row.assignee or who.signed}
        incidents.change(connection, row.id, **taken)
        n_left_out = posting.take_on(connection, who.tenant, telling.subject_of(row.key), now)
        self._note(connection, row, who, "acknowledged", escalations_left_out=n_left_out)

    @contextmanager
    def _acting(self, who: Who, key: str, *, is_open: bool = True) -> Iterator[tuple[Connection, IncidentRow]]:
        with self._database.write() as connection:
            yield connection, self._locked(connection, who, key, is_open=is_open)

    def _locked(self, connection: Connection, who: Who, key: str, *, is_open: bool) -> IncidentRow:
        row = allowed(who, incidents.find(connection, who.tenant, key, is_locked=True))
        if is_open and row.state != "open":
            raise Conflict(f"the incident is {row.state}", param="incident")
        return row

    def _note(self, connection: Connection, row: IncidentRow, who: Who, kind: str, **detail: object) -> None:
        incidents.note_event(connection, row.id, self._now(), who.signed, kind, **detail)
        told = {name: value for name, value in detail.items() if name != "text"}
        audit.note(connection, who.tenant, who.actor, f"incident.{kind}", telling.subject_of(row.key), **told)

    def _step(self, row: IncidentRow, step_id: str) -> Step:
        steps = read_playbook(row.playbook).steps if row.playbook else ()
        found = next((step for step in steps if step.id == step_id), None)
        if found is None:
            raise NotFound("the playbook has no such step", param="step")
        return found
