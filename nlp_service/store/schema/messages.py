"""The tables of messages, their authors, and what makes copies of one another known."""

from __future__ import annotations

import sqlalchemy as sa

from nlp_service.store.schema.columns import Big, Id, Json, Moment, metadata

# `id` counts arrivals, so pages by it are pages by time of arrival. `analysis` is JSON, compressed
# (store/packing.py); the columns from `intent` to `ugc_score` repeat what is filtered by. A deleted message keeps its
# row, without text, meta, analysis and vector, so that a late delivery of it changes nothing. `sent_at` and
# `received_at` are those of the first wording, however often it was edited since.
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("platform", sa.String, nullable=False),
    sa.Column("external_id", Id, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("sent_at", Moment, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("edited_at", Moment),
    sa.Column("deleted_at", Moment),
    sa.Column("revision", sa.SmallInteger, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("meta", Json),
    sa.Column("intent", sa.String),
    sa.Column("labels", sa.Integer, nullable=False),
    sa.Column("sentiment", sa.Float),
    sa.Column("risk", sa.SmallInteger, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("ugc_score", sa.Float),
    sa.Column("model_version", sa.String, nullable=False),
    sa.Column("policy_version", sa.String, nullable=False),
    sa.Column("analysis", sa.LargeBinary, nullable=False),
    sa.Column("vector", sa.LargeBinary),
    # The platform stands behind the ids: while PostgreSQL knows nothing of a new table, an index that begins with
    # tenant and platform seems to it as good for every question as the one made for it, and then reads all rows.
    sa.UniqueConstraint("tenant", "external_id", "platform"),
    sa.Index(None, "tenant", "author", "platform", "channel", "received_at"),
    sa.Index(None, "tenant", "sent_at"),
    sa.Index(None, "tenant", "id"),  # pages of one tenant among many
    sqlite_autoincrement=True,  # a cursor behind a message that was removed never meets another one
)

# Locked by whoever writes messages of an author, so that two of them at once cannot both be the first offence.
# `n_messages` counts what ever came, whatever was deleted since; both times are those of receipt.
authors = sa.Table(
    "authors",
    metadata,
    sa.Column("tenant", sa.String, primary_key=True),
    sa.Column("platform", sa.String, primary_key=True),
    sa.Column("author", sa.String, primary_key=True),
    sa.Column("first_at", Moment, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
    sa.Column("n_messages", sa.Integer, nullable=False),
)

strikes = sa.Table(
    "strikes",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("platform", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("offence", sa.String, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("message_id", sa.ForeignKey(messages.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Index(None, "tenant", "platform", "author", "at"),
)

# Messages that share a key are copies or near-copies of one another (text/sketch.py). `received_ms` is when the service
# got the wording that has the key, in milliseconds since 1970, so that a look at the last minutes reads no older rows,
# however often something was said before. There are four rows a message, and a foreign key would be checked for each:
# whoever removes a message removes its rows here (store/copies.py).
copies = sa.Table(
    "copies",
    metadata,
    sa.Column("tenant", sa.String, primary_key=True),
    sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("received_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("message_id", Big, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)
