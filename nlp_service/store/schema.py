"""The tables. Migrations build them; a test compares what they build with what stands here."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

HEAD = "0001"
"""The migration that makes what stands here; `database` compares it with what it finds."""


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware time, in UTC when it comes back. SQLite knows no zones, so it keeps the UTC time without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone, which would be another time on another machine.

        Raises:
            ValueError: The time has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Ids are ordered by code point on both databases, so that pages and exports are the same.
_Id = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_Json = sa.JSON(none_as_null=True)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# `published` is the one number that decides what is answered from; `draft` is the number that the next publish takes.
knowledge_bases = sa.Table(
    "knowledge_bases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("published", sa.Integer, nullable=False),
    sa.Column("draft", sa.Integer, nullable=False),
    sa.Column("settings", _Json, nullable=False),
    sa.Column("settings_version", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("tenant", "name"),
    sqlite_autoincrement=True,  # an id that was deleted never comes back as another base
)

# A revision belongs to version v when since <= v < until; until NULL is open, and so part of the draft.
entry_revisions = sa.Table(
    "entry_revisions",
    metadata,
    sa.Column("kb_id", sa.ForeignKey(knowledge_bases.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("entry_id", _Id, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("until", sa.Integer),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Index(None, "kb_id", "until"),
    sa.Index(None, "kb_id", "since"),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("kb_id", sa.ForeignKey(knowledge_bases.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("published_at", Moment, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("based_on", sa.Integer, nullable=False),
    sa.Column("figures", _Json),
    sa.Column("calibration", _Json),
)

replies = sa.Table(
    "replies",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kb_id", sa.ForeignKey(knowledge_bases.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("kb_version", sa.Integer, nullable=False),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("author_hash", sa.String, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("question_vector", sa.LargeBinary),
    sa.Column("decision", sa.String, nullable=False),
    sa.Column("entry_id", _Id),
    sa.Column("wording", sa.Integer),
    sa.Column("probability", sa.Float),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("answered_by", sa.String),
    sa.Column("answered_at", Moment),
    sa.Index(None, "kb_id", "asked_at"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("reply_id", sa.ForeignKey(replies.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("given_at", Moment, nullable=False),
    sa.Column("helpful", sa.Boolean),
    sa.Column("entry_id", _Id),
    sa.Column("answer", sa.Text),
    sa.Column("by", sa.String, nullable=False),
)
