"""Long work, what mining found with the messages behind it, and the state of topics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# Written out rather than taken from `schema`: a step must build tomorrow what it builds today.
_MOMENT = sa.DateTime(timezone=True)
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_jobs()
    _index_jobs()
    _create_insight_runs()
    _create_insight_members()
    _create_topic_states()


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", _BIG, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("error_code", sa.String),
        sa.Column("error_message", sa.String),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("lease_until", _MOMENT),
        sa.Column("callback_url", sa.String),
        sa.Column("callback_secret", sa.String),
        sa.Column("callback_state", sa.String),
        sa.Column("callback_tries", sa.SmallInteger, nullable=False),
        sa.Column("callback_at", _MOMENT),
        sa.PrimaryKeyConstraint("number", name="pk_jobs"),
        sa.UniqueConstraint("id", name="uq_jobs_id"),
        sqlite_autoincrement=True,
    )


def _index_jobs() -> None:
    op.create_index("ix_jobs_callback_at", "jobs", ["callback_at"])
    op.create_index("ix_jobs_state_number", "jobs", ["state", "number"])
    is_active = sa.text("state IN ('queued', 'running')")
    op.create_index(
        "ix_jobs_tenant_key",
        "jobs",
        ["tenant", "key"],
        unique=True,
        sqlite_where=is_active,
        postgresql_where=is_active,
    )
    op.create_index("ix_jobs_tenant_number", "jobs", ["tenant", "number"])


def _create_insight_runs() -> None:
    op.create_table(
        "insight_runs",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("job_id", sa.String),
        sa.Column("period_start", _MOMENT, nullable=False),
        sa.Column("period_end", _MOMENT, nullable=False),
        sa.Column("zone", sa.String, nullable=False),
        sa.Column("previous_start", _MOMENT, nullable=False),
        sa.Column("previous_end", _MOMENT, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("model_version", sa.String, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("completed_at", _MOMENT),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_insight_runs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_insight_runs_tenant_id", "insight_runs", ["tenant", "id"])
    op.create_index(
        "ix_insight_runs_tenant_key_period_start_period_end",
        "insight_runs",
        ["tenant", "key", "period_start", "period_end"],
    )


def _create_insight_members() -> None:
    op.create_table(
        "insight_members",
        sa.Column("run_id", _BIG, nullable=False, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("item", sa.String, nullable=False),
        sa.Column("message_id", _BIG, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("run_id", "kind", "item", "message_id", name="pk_insight_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_insight_members_message_id", "insight_members", ["message_id"])


def _create_topic_states() -> None:
    op.create_table(
        "topic_states",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("day", sa.String, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "day", name="pk_topic_states"),
    )
