"""Clocks of incidents: playbooks that run, steps that are done, alarms that are due; and what is learnt afterwards.

The functions take an open transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from nlp_service.errors import NotFound
from nlp_service.store import incidents as incident_rows
from nlp_service.store.incident_records import ActionRow, AlarmRow, IncidentRow, ReviewRow, StepRow
from nlp_service.store.schema import incident_actions, incident_alarms, incident_reviews, incident_steps, incidents

_A, _S = incident_alarms.c, incident_steps.c


def begin(
    connection: Connection,
    incident: IncidentRow,
    playbook: dict[str, Any],
    began_at: datetime,
    alarms: Sequence[tuple[str, str, str, datetime]],
) -> None:
    """Let the clock of a playbook begin, in place of any that runs.

    Args:
        connection: The open transaction; the incident is locked.
        incident: Whose clock.
        playbook: As a document; kept as it is now.
        began_at: From when its times count.
        alarms: Step, kind, who is told, and when.
    """
    for table in (incident_alarms, incident_steps):
        connection.execute(sa.delete(table).where(table.c.incident_id == incident.id))
    incident_rows.change(connection, incident.id, playbook=playbook, clock_began_at=began_at)
    rows = [
        {"incident_id": incident.id, "step_id": step, "kind": kind, "to": to, "at": at, "is_fired": False}
        for step, kind, to, at in alarms
    ]
    if rows:
        connection.execute(sa.insert(incident_alarms), rows)


def stop(connection: Connection, incident_id: int, now: datetime) -> int:
    """Silence all alarms of an incident that are still to come; gives how many."""
    waiting = sa.and_(_A.incident_id == incident_id, _A.done_at.is_(None))
    return connection.execute(sa.update(incident_alarms).where(waiting).values(done_at=now)).rowcount


def finish_step(
    connection: Connection, incident_id: int, step_id: str, now: datetime, by: str, note: str, *, is_skipped: bool
) -> bool:
    """Note that a step was done or left out, and silence its alarms; False if it was before."""
    values = {"done_at": now, "by": by, "is_skipped": is_skipped, "note": note}
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(incident_steps).values(incident_id=incident_id, step_id=step_id, **values)
    statement = statement.on_conflict_do_update(
        index_elements=[_S.incident_id, _S.step_id], set_=values, where=_S.done_at.is_(None)
    )
    if connection.execute(statement.returning(_S.step_id)).first() is None:
        return False
    waiting = sa.and_(_A.incident_id == incident_id, _A.step_id == step_id, _A.done_at.is_(None))
    connection.execute(sa.update(incident_alarms).where(waiting).values(done_at=now))
    return True


def reopen_step(connection: Connection, incident_id: int, step_id: str, now: datetime) -> bool:
    """Take a step back that was done; its alarms that lie ahead ring again. False if it was not done."""
    done = sa.and_(_S.incident_id == incident_id, _S.step_id == step_id, _S.done_at.is_not(None))
    if connection.execute(sa.update(incident_steps).where(done).values(done_at=None, by="")).rowcount == 0:
        return False
    ahead = sa.and_(_A.incident_id == incident_id, _A.step_id == step_id, _A.is_fired.is_(False), _A.at > now)
    connection.execute(sa.update(incident_alarms).where(ahead).values(done_at=None))
    return True


def steps(connection: Connection, incident_id: int) -> list[StepRow]:
    """What was done so far."""
    columns = [_S[name] for name in StepRow.__struct_fields__]
    query = sa.select(*columns).where(_S.incident_id == incident_id).order_by(_S.step_id)
    return [StepRow(**row) for row in connection.execute(query).mappings()]


def has_due(connection: Connection, now: datetime) -> bool:
    """Whether any alarm is due; cheap enough for every second."""
    query = sa.select(_A.incident_id).where(_A.done_at.is_(None), _A.at <= now).limit(1)
    return connection.execute(query).first() is not None


def take_due(connection: Connection, now: datetime, limit: int = 100) -> list[AlarmRow]:
    """Alarms that are due, each given once, in order of time; whoever asks tells of them in the same transaction."""
    c = incidents.c
    columns = [c[name] for name in IncidentRow.__struct_fields__]
    marked = [column.label(f"incident_{column.name}") for column in columns]
    query = sa.select(*marked, _A.step_id, _A.kind.label("alarm_kind"), _A.to, _A.at).join(
        incidents, c.id == _A.incident_id
    )
    query = query.where(_A.done_at.is_(None), _A.at <= now, c.state == "open").order_by(
        _A.at, _A.incident_id, _A.step_id
    )
    found = []
    for row in connection.execute(query.limit(limit).with_for_update(skip_locked=True)).mappings():
        incident = IncidentRow(**{column.name: row[f"incident_{column.name}"] for column in columns})
        found.append(AlarmRow(incident, row["step_id"], row["alarm_kind"], row["to"], row["at"]))
        same = (_A.incident_id == incident.id, _A.step_id == row["step_id"], _A.kind == row["alarm_kind"])
        connection.execute(sa.update(incident_alarms).where(*same).values(done_at=now, is_fired=True))
    return found


def write_review(connection: Connection, incident_id: int, document: dict[str, Any], now: datetime, by: str) -> None:
    """Keep what was learnt."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"document": document, "at": now, "by": by}
    statement = insert(incident_reviews).values(incident_id=incident_id, **values)
    statement = statement.on_conflict_do_update(index_elements=[incident_reviews.c.incident_id], set_=values)
    connection.execute(statement)


def read_review(connection: Connection, incident_id: int) -> ReviewRow | None:
    """What was learnt; None if nobody has written it yet."""
    r = incident_reviews.c
    row = connection.execute(sa.select(r.document, r.at, r.by).where(r.incident_id == incident_id)).first()
    return None if row is None else ReviewRow(*row)


def add_action(connection: Connection, incident_id: int, title: str, owner: str, due_at: datetime | None) -> int:
    """Add something that is to be done; gives its id."""
    values = {"incident_id": incident_id, "title": title, "owner": owner, "due_at": due_at}
    statement = sa.insert(incident_actions).values(**values).returning(incident_actions.c.id)
    return int(connection.execute(statement).scalar_one())


def finish_action(connection: Connection, incident_id: int, action_id: int, now: datetime, by: str) -> None:
    """Note that it was done.

    Raises:
        NotFound: The incident has no such action.
    """
    a = incident_actions.c
    same = sa.update(incident_actions).where(a.id == action_id, a.incident_id == incident_id)
    if connection.execute(same.values(done_at=now, done_by=by)).rowcount == 0:
        raise NotFound("there is no such action", param="action")


def actions(connection: Connection, incident_id: int) -> list[ActionRow]:
    """What is to be done after an incident, in the order in which it was added."""
    a = incident_actions.c
    columns = [a[name] for name in ActionRow.__struct_fields__]
    query = sa.select(*columns).where(a.incident_id == incident_id).order_by(a.id)
    return [ActionRow(**row) for row in connection.execute(query).mappings()]
