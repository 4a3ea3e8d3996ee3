"""The first tables: knowledge bases with their entries and versions, replies with their feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Written out rather than taken from `schema`: a step must build tomorrow what it builds today.
_MOMENT = sa.DateTime(timezone=True)
_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create all tables."""
    _create_knowledge()
    _create_versions()
    _create_replies()


def _create_knowledge() -> None:
    op.create_table(
        "knowledge_bases",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("published", sa.Integer, nullable=False),
        sa.Column("draft", sa.Integer, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("settings_version", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_knowledge_bases"),
        sa.UniqueConstraint("tenant", "name", name="uq_knowledge_bases_tenant_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entry_revisions",
        sa.Column("kb_id", sa.Integer, nullable=False),
        sa.Column("entry_id", _ID, nullable=False),
        sa.Column("since", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("until", sa.Integer),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("kb_id", "entry_id", "since", name="pk_entry_revisions"),
        _of_base("entry_revisions"),
    )
    op.create_index("ix_entry_revisions_kb_id_until", "entry_revisions", ["kb_id", "until"])
    op.create_index("ix_entry_revisions_kb_id_since", "entry_revisions", ["kb_id", "since"])


def _create_versions() -> None:
    op.create_table(
        "versions",
        sa.Column("kb_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("published_at", _MOMENT, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("based_on", sa.Integer, nullable=False),
        sa.Column("figures", sa.JSON),
        sa.Column("calibration", sa.JSON),
        sa.PrimaryKeyConstraint("kb_id", "number", name="pk_versions"),
        _of_base("versions"),
    )


def _create_replies() -> None:
    op.create_table(
        "replies",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kb_id", sa.Integer, nullable=False),
        sa.Column("kb_version", sa.Integer, nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("author_hash", sa.String, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("question_vector", sa.LargeBinary),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("entry_id", _ID),
        sa.Column("wording", sa.Integer),
        sa.Column("probability", sa.Float),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("answered_by", sa.String),
        sa.Column("answered_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_replies"),
        _of_base("replies"),
    )
    op.create_index("ix_replies_kb_id_asked_at", "replies", ["kb_id", "asked_at"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("reply_id", sa.String, nullable=False),
        sa.Column("given_at", _MOMENT, nullable=False),
        sa.Column("helpful", sa.Boolean),
        sa.Column("entry_id", _ID),
        sa.Column("answer", sa.Text),
        sa.Column("by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.ForeignKeyConstraint(["reply_id"], ["replies.id"], name="fk_feedback_reply_id_replies", ondelete="CASCADE"),
    )
    op.create_index("ix_feedback_reply_id", "feedback", ["reply_id"])


def _of_base(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_kb_id_knowledge_bases"
    return sa.ForeignKeyConstraint(["kb_id"], ["knowledge_bases.id"], name=name, ondelete="CASCADE")
