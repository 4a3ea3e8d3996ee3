"""The tables of knowledge bases, replies and feedback."""

from __future__ import annotations

import sqlalchemy as sa

from nlp_service.store.schema.columns import Id, Json, Moment, metadata

# `published` is the one number that decides what is answered from; `draft` is the number that the next publish takes.
knowledge_bases = sa.Table(
    "knowledge_bases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("published", sa.Integer, nullable=False),
    sa.Column("draft", sa.Integer, nullable=False),
    sa.Column("settings", Json, nullable=False),
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
    sa.Column("entry_id", Id, primary_key=True),
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
    sa.Column("figures", Json),
    sa.Column("calibration", Json),
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
    sa.Column("entry_id", Id),
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
    sa.Column("entry_id", Id),
    sa.Column("answer", sa.Text),
    sa.Column("by", sa.String, nullable=False),
)
