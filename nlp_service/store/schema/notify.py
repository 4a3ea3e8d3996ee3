"""The tables of what is told to people: where, to whom, and what is still to be told."""

from __future__ import annotations

import sqlalchemy as sa

from nlp_service.store.schema.columns import Big, Json, Moment, metadata

# `secrets` is sealed: addresses of robots are as good as keys. `next_at` is when the channel may be tried again after
# `failures` in a row; whoever delivers holds it by `worker` until `lease_until`, so that its messages stay in order.
channels = sa.Table(
    "notify_channels",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("secrets", sa.LargeBinary, nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_at", Moment),
    sa.Column("worker", sa.String),
    sa.Column("lease_until", Moment),
    sa.UniqueConstraint("tenant", "name"),
    sqlite_autoincrement=True,
)

# One document a tenant; every change is a version.
routings = sa.Table(
    "notify_routings",
    metadata,
    sa.Column("tenant", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("author", sa.String, nullable=False),
)

# `state` is pending, sent, dead or cancelled. `key` goes with every try, so that a receiver knows a second one.
# `subject` is what it is about (``incident:…``); what waits for it is cancelled when somebody takes it on.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("channel_id", sa.ForeignKey(channels.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("is_escalation", sa.Boolean, nullable=False),
    sa.Column("notice", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.String),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("done_at", Moment),
    sa.Index(None, "channel_id", "state", "due_at", "id"),
    sa.Index(None, "tenant", "state", "id"),
    sa.Index(None, "tenant", "subject"),
    sqlite_autoincrement=True,
)

# Until when the same thing is not told again on a channel, and how often it would have been.
quiets = sa.Table(
    "notify_quiets",
    metadata,
    sa.Column("channel_id", sa.ForeignKey(channels.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("what", sa.String, primary_key=True),
    sa.Column("until", Moment, nullable=False),
    sa.Column("held_back", sa.Integer, nullable=False),
)

# Links by which somebody takes a subject on without a key: only the digest is kept.
links = sa.Table(
    "notify_links",
    metadata,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("used_at", Moment),
    sa.Column("used_by", sa.String),
    sa.Index(None, "tenant", "subject"),
)
