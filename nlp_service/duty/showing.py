"""What is shown of an incident: what the watch says, the words still stored, its clock, and what was learnt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from nlp_service.crisis.incidents import Incident, Quote
from nlp_service.crisis.response import aftermath, clock
from nlp_service.crisis.response.aftermath import Recurrence
from nlp_service.crisis.response.clock import Late, Progress
from nlp_service.crisis.response.playbooks import Step, read_playbook
from nlp_service.duty import telling
from nlp_service.duty.documents import unpack
from nlp_service.errors import Forbidden, NotFound
from nlp_service.store import incident_clock
from nlp_service.store.database import Database
from nlp_service.store.incident_records import ActionRow, IncidentRow, ReviewRow, StepRow
from nlp_service.store.incidents import IncidentStore
from nlp_service.store.messages import MessageStore


class Who(NamedTuple):
    """Who acts.

    Attributes:
        tenant: Whose incidents.
        actor: As the log of changes names them.
        name: What they call themselves; the actor if empty.
        is_entrusted: Whether private incidents are shown to them.
    """

    tenant: str
    actor: str
    name: str = ""
    is_entrusted: bool = True

    @property
    def signed(self) -> str:
        """The name that the timeline has."""
        return self.name or self.actor


class StepState(NamedTuple):
    """A step of the playbook with its deadline and how far it is; `late_s` is 0 for one that is in time."""

    step: Step
    due_at: datetime
    done: StepRow | None
    late_s: float


class Shown(NamedTuple):
    """All that is shown of an incident. `incident` has the texts of its quotes, as far as they are still stored."""

    row: IncidentRow
    incident: Incident
    steps: tuple[StepState, ...]
    review: ReviewRow | None
    actions: tuple[ActionRow, ...]
    late: tuple[Late, ...]
    came_back: tuple[Recurrence, ...]


class Showing:
    """Shows incidents; blocks.

    Args:
        database: Where everything is.
        now: The clock.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
        self._incidents = IncidentStore(database)
        self._messages = MessageStore(database)

    def show(self, who: Who, key: str) -> Shown:
        """Show an incident.

        Raises:
            NotFound: The tenant has no such incident.
            Forbidden: It is private, and not for whoever asks.
        """
        row = allowed(who, self._incidents.get(who.tenant, key))
        incident = self._with_texts(who.tenant, unpack(self._incidents.document(who.tenant, key)))
        with self._database.read() as connection:
            done = incident_clock.steps(connection, row.id)
            review = incident_clock.read_review(connection, row.id)
            actions = incident_clock.actions(connection, row.id)
        since = incident.first_message_at - timedelta(days=aftermath.BACK_WITHIN_DAYS)
        earlier = [_ended(*found) for found in self._incidents.known_since(who.tenant, row.category, since)]
        back = () if row.is_private else aftermath.came_back(incident, earlier)
        steps, late = _steps(row, done, self._now()), _late(row, done)
        return Shown(row, incident, steps, review, tuple(actions), late, back)

    def _with_texts(self, tenant: str, incident: Incident) -> Incident:
        quotes = []
        for quote in incident.quotes:
            try:
                message = self._messages.find(tenant, quote.message.platform, quote.message.id)
            except NotFound:
                continue
            if message.text:
                quotes.append(msgspec.structs.replace(quote, text=telling.covered(message.text)[:400]))
        found: tuple[Quote, ...] = tuple(quotes)
        return msgspec.structs.replace(incident, quotes=found)


def _ended(document: bytes, closed_at: datetime | None) -> Incident:
    """An incident that is over since somebody closed it, else since the watch heard no more of it."""
    incident = unpack(document)
    return msgspec.structs.replace(incident, closed_at=closed_at or incident.closed_at)


def allowed(who: Who, row: IncidentRow) -> IncidentRow:
    """An incident, for those who may see it.

    Raises:
        Forbidden: It is private, and not for whoever asks.
    """
    if row.is_private and not who.is_entrusted:
        raise Forbidden("this incident is for entrusted people alone: it needs the scope admin")
    return row


def _steps(row: IncidentRow, done: list[StepRow], now: datetime) -> tuple[StepState, ...]:
    if row.playbook is None or row.clock_began_at is None:
        return ()
    playbook, by_id = read_playbook(row.playbook), {one.step_id: one for one in done}
    until = row.closed_at or now
    late = {one.step_id: one.late_s for one in clock.late(playbook, row.clock_began_at, _progress(done), until)}
    return tuple(
        StepState(step, clock.deadline(step, row.clock_began_at), by_id.get(step.id), late.get(step.id, 0.0))
        for step in playbook.steps
    )


def _late(row: IncidentRow, done: list[StepRow]) -> tuple[Late, ...]:
    if row.playbook is None or row.clock_began_at is None or row.closed_at is None:
        return ()
    return tuple(clock.late(read_playbook(row.playbook), row.clock_began_at, _progress(done), row.closed_at))


def _progress(done: list[StepRow]) -> list[Progress]:
    return [Progress(one.step_id, one.done_at, one.by, one.is_skipped, one.note) for one in done]
