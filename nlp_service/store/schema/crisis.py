"""The tables of incidents: what they are, what is done about them by when, and where the watch stands."""

from __future__ import annotations

import sqlalchemy as sa

from nlp_service.store.schema.columns import Big, Id, Json, Moment, metadata

# `key` is the incident's own id, the same in every run over the same messages; `id` counts. `state` is open, closed or
# merged. `document` is the incident as JSON, compressed, without any text of a message: quotes are read from the
# messages when it is shown, so that what is erased there is gone here too. `playbook` is a copy of the one that was
# chosen, so that a change of it changes no clock that runs.
incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("key", Id, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("category", sa.String, nullable=False),
    sa.Column("is_private", sa.Boolean, nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("first_at", Moment, nullable=False),
    sa.Column("noticed_at", Moment, nullable=False),
    sa.Column("opened_at", Moment),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("closed_at", Moment),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("n_messages", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("acknowledged_at", Moment),
    sa.Column("acknowledged_by", sa.String),
    sa.Column("assignee", sa.String),
    sa.Column("playbook", Json),
    sa.Column("clock_began_at", Moment),
    sa.Column("merged_into", Id),
    sa.UniqueConstraint("tenant", "key"),
    sa.Index(None, "tenant", "state", "severity"),
    sa.Index(None, "tenant", "updated_at"),
    sqlite_autoincrement=True,
)

# As with `copies`: whoever removes messages removes their rows here (store/incidents.py).
incident_messages = sa.Table(
    "incident_messages",
    metadata,
    sa.Column("incident_id", Big, primary_key=True, autoincrement=False),
    sa.Column("message_id", Big, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)

incident_events = sa.Table(
    "incident_events",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("incident_id", sa.ForeignKey(incidents.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("detail", Json, nullable=False),
    sa.Index(None, "incident_id", "id"),
)

incident_steps = sa.Table(
    "incident_steps",
    metadata,
    sa.Column("incident_id", sa.ForeignKey(incidents.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("step_id", sa.String, primary_key=True),
    sa.Column("done_at", Moment),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("is_skipped", sa.Boolean, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

# Written when the clock of an incident begins; one that is fired or not needed any more has `done_at`.
incident_alarms = sa.Table(
    "incident_alarms",
    metadata,
    sa.Column("incident_id", sa.ForeignKey(incidents.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("step_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("to", sa.String, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("done_at", Moment),
    sa.Column("is_fired", sa.Boolean, nullable=False),
    sa.Index(None, "done_at", "at"),
)

incident_reviews = sa.Table(
    "incident_reviews",
    metadata,
    sa.Column("incident_id", sa.ForeignKey(incidents.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.String, nullable=False),
)

incident_actions = sa.Table(
    "incident_actions",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("incident_id", sa.ForeignKey(incidents.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("due_at", Moment),
    sa.Column("done_at", Moment),
    sa.Column("done_by", sa.String),
    sqlite_autoincrement=True,
)

# A tenant's own playbooks, wordings and helpline, as one document; every change is a version.
crisis_settings = sa.Table(
    "crisis_settings",
    metadata,
    sa.Column("tenant", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("author", sa.String, nullable=False),
)

# One row for each watch: what it knows, and behind which message it goes on. `worker` runs it until `lease_until`.
watches = sa.Table(
    "watches",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("up_to", Big, nullable=False),
    sa.Column("state", sa.LargeBinary),
    sa.Column("saved_at", Moment),
    sa.Column("worker", sa.String),
    sa.Column("lease_until", Moment),
)
