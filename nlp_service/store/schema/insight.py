"""The tables of long work, of what mining found, and of the topics that stay from day to day."""

from __future__ import annotations

import sqlalchemy as sa

from nlp_service.store.schema.columns import Big, Json, Moment, metadata

_IS_ACTIVE = sa.text("state IN ('queued', 'running')")

# `key` says what is to be done, so that the same thing is not done twice at once. `worker` holds the job until
# `lease_until`; whoever finds a lease that has run out takes the job again. `callback_at` is when to tell the callback
# next, and null where nothing is to be told; its secret is kept only until then.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("number", Big, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("parameters", Json, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("result", Json),
    sa.Column("error_code", sa.String),
    sa.Column("error_message", sa.String),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("attempts", sa.SmallInteger, nullable=False),
    sa.Column("worker", sa.String),
    sa.Column("lease_until", Moment),
    sa.Column("callback_url", sa.String),
    sa.Column("callback_secret", sa.String),
    sa.Column("callback_state", sa.String),
    sa.Column("callback_tries", sa.SmallInteger, nullable=False),
    sa.Column("callback_at", Moment),
    sa.Index(None, "tenant", "number"),
    sa.Index(None, "state", "number"),
    sa.Index(None, "callback_at"),
    # Of two who start the same at once, one finds the other's.
    sa.Index(None, "tenant", "key", unique=True, sqlite_where=_IS_ACTIVE, postgresql_where=_IS_ACTIVE),
    sqlite_autoincrement=True,
)

# `document` is JSON, compressed, without any text of a message and without names of authors: these are read from the
# messages when it is shown, so that what is erased there is gone here too. `key` is of `parameters`. Until
# `completed_at` is set, members are still being written, and nobody is shown the run.
insight_runs = sa.Table(
    "insight_runs",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("job_id", sa.String),
    sa.Column("period_start", Moment, nullable=False),
    sa.Column("period_end", Moment, nullable=False),
    sa.Column("zone", sa.String, nullable=False),
    sa.Column("previous_start", Moment, nullable=False),
    sa.Column("previous_end", Moment, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("parameters", Json, nullable=False),
    sa.Column("model_version", sa.String, nullable=False),
    sa.Column("messages", sa.Integer, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("completed_at", Moment),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Index(None, "tenant", "key", "period_start", "period_end"),
    sa.Index(None, "tenant", "id"),
    sqlite_autoincrement=True,  # a cursor into a run that was removed never meets another one
)

# The messages behind each item of a run. There are some rows for every message of a period, and foreign keys would be
# checked for each: whoever removes messages or runs removes their rows here (store/insights.py).
insight_members = sa.Table(
    "insight_members",
    metadata,
    sa.Column("run_id", Big, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("message_id", Big, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)

# What the topics of a tenant were at the end of a day, as `insight` writes it; `day` is a date as 2026-03-01.
topic_states = sa.Table(
    "topic_states",
    metadata,
    sa.Column("tenant", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("day", sa.String, primary_key=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)
