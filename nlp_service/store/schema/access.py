"""The tables of tenants, their keys, and who changed what."""

from __future__ import annotations

import sqlalchemy as sa

from nlp_service.store.schema.columns import Big, Json, Moment, metadata

# `rules_version` counts every change of a policy, a lexicon or a setting: replicas look at nothing else once a second.
tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("rules_version", sa.Integer, nullable=False),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.ForeignKey(tenants.c.name, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("prefix", sa.String, nullable=False, unique=True),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("scopes", Json, nullable=False),
    sa.Column("rate_per_s", sa.Float),
    sa.Column("burst", sa.Integer),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("revoked_at", Moment),
    sa.Column("used_at", Moment),
    sqlite_autoincrement=True,  # the number of a key that was removed never becomes another key
)

# What is left of a key's rate; replicas take some at a time. `lent` is what each may still hold, and until when.
rate_buckets = sa.Table(
    "rate_buckets",
    metadata,
    sa.Column("key_id", sa.ForeignKey(api_keys.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("tokens", sa.Float, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("lent", Json, nullable=False),
)

# Never changed and never removed, so it refers to nothing by a foreign key.
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("object", sa.String, nullable=False),
    sa.Column("detail", Json, nullable=False),
    sa.Index(None, "tenant", "id"),
)
