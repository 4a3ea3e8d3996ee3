"""Incidents and what is done about them; where people are told, by which routes, and what is still to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Written out rather than taken from `schema`: a step must build tomorrow what it builds today.
_MOMENT = sa.DateTime(timezone=True)
_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_notify_channels()
    _create_notify_routings()
    _create_outbox()
    _create_notify_quiets()
    _create_notify_links()
    _create_incidents()
    _create_incident_messages()
    _create_incident_events()
    _create_incident_steps()
    _create_incident_alarms()
    _create_incident_reviews()
    _create_incident_actions()
    _create_crisis_settings()
    _create_watches()


def _create_notify_channels() -> None:
    op.create_table(
        "notify_channels",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("secrets", sa.LargeBinary, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("next_at", _MOMENT),
        sa.Column("worker", sa.String),
        sa.Column("lease_until", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_notify_channels"),
        sa.UniqueConstraint("tenant", "name", name="uq_notify_channels_tenant_name"),
        sqlite_autoincrement=True,
    )


def _create_notify_routings() -> None:
    op.create_table(
        "notify_routings",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "version", name="pk_notify_routings"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("channel_id", sa.Integer, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("is_escalation", sa.Boolean, nullable=False),
        sa.Column("notice", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.String),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["notify_channels.id"], name="fk_outbox_channel_id_notify_channels", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_channel_id_state_due_at_id", "outbox", ["channel_id", "state", "due_at", "id"])
    op.create_index("ix_outbox_tenant_state_id", "outbox", ["tenant", "state", "id"])
    op.create_index("ix_outbox_tenant_subject", "outbox", ["tenant", "subject"])


def _create_notify_quiets() -> None:
    op.create_table(
        "notify_quiets",
        sa.Column("channel_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("held_back", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "what", name="pk_notify_quiets"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["notify_channels.id"],
            name="fk_notify_quiets_channel_id_notify_channels",
            ondelete="CASCADE",
        ),
    )


def _create_notify_links() -> None:
    op.create_table(
        "notify_links",
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT),
        sa.Column("used_by", sa.String),
        sa.PrimaryKeyConstraint("digest", name="pk_notify_links"),
    )
    op.create_index("ix_notify_links_tenant_subject", "notify_links", ["tenant", "subject"])


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("key", _ID, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("is_private", sa.Boolean, nullable=False),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("noticed_at", _MOMENT, nullable=False),
        sa.Column("opened_at", _MOMENT),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("n_messages", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("acknowledged_at", _MOMENT),
        sa.Column("acknowledged_by", sa.String),
        sa.Column("assignee", sa.String),
        sa.Column("playbook", sa.JSON),
        sa.Column("clock_began_at", _MOMENT),
        sa.Column("merged_into", _ID),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.UniqueConstraint("tenant", "key", name="uq_incidents_tenant_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incidents_tenant_state_severity", "incidents", ["tenant", "state", "severity"])
    op.create_index("ix_incidents_tenant_updated_at", "incidents", ["tenant", "updated_at"])


def _create_incident_messages() -> None:
    op.create_table(
        "incident_messages",
        sa.Column("incident_id", _BIG, nullable=False, autoincrement=False),
        sa.Column("message_id", _BIG, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("incident_id", "message_id", name="pk_incident_messages"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_incident_messages_message_id", "incident_messages", ["message_id"])


def _create_incident_events() -> None:
    op.create_table(
        "incident_events",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("incident_id", _BIG, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident_events"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_incident_events_incident_id_incidents", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_incident_events_incident_id_id", "incident_events", ["incident_id", "id"])


def _create_incident_steps() -> None:
    op.create_table(
        "incident_steps",
        sa.Column("incident_id", _BIG, nullable=False, autoincrement=False),
        sa.Column("step_id", sa.String, nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("is_skipped", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "step_id", name="pk_incident_steps"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_incident_steps_incident_id_incidents", ondelete="CASCADE"
        ),
    )


def _create_incident_alarms() -> None:
    op.create_table(
        "incident_alarms",
        sa.Column("incident_id", _BIG, nullable=False, autoincrement=False),
        sa.Column("step_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("to", sa.String, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.Column("is_fired", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "step_id", "kind", name="pk_incident_alarms"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_incident_alarms_incident_id_incidents", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_incident_alarms_done_at_at", "incident_alarms", ["done_at", "at"])


def _create_incident_reviews() -> None:
    op.create_table(
        "incident_reviews",
        sa.Column("incident_id", _BIG, nullable=False, autoincrement=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_incident_reviews"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_incident_reviews_incident_id_incidents", ondelete="CASCADE"
        ),
    )


def _create_incident_actions() -> None:
    op.create_table(
        "incident_actions",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("incident_id", _BIG, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("due_at", _MOMENT),
        sa.Column("done_at", _MOMENT),
        sa.Column("done_by", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_incident_actions"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_incident_actions_incident_id_incidents", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incident_actions_incident_id", "incident_actions", ["incident_id"])


def _create_crisis_settings() -> None:
    op.create_table(
        "crisis_settings",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "version", name="pk_crisis_settings"),
    )


def _create_watches() -> None:
    op.create_table(
        "watches",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("up_to", _BIG, nullable=False),
        sa.Column("state", sa.LargeBinary),
        sa.Column("saved_at", _MOMENT),
        sa.Column("worker", sa.String),
        sa.Column("lease_until", _MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_watches"),
    )
