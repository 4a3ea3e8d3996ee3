"""The tables of word lists, policies and reviews."""

from __future__ import annotations

import sqlalchemy as sa

from nlp_service.store.schema.columns import Big, Id, Json, Moment, metadata
from nlp_service.store.schema.messages import messages

lexicons = sa.Table(
    "lexicons",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("category", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("tenant", "name"),
    sqlite_autoincrement=True,
)

# A word belongs to version v when since <= v < until; until NULL is open.
lexicon_words = sa.Table(
    "lexicon_words",
    metadata,
    sa.Column("lexicon_id", sa.ForeignKey(lexicons.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("word", Id, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("until", sa.Integer),
    sa.Column("category", sa.String, nullable=False),
    sa.Column("valid_from", Moment),
    sa.Column("valid_to", Moment),
    sa.Column("note", sa.Text, nullable=False),
)

lexicon_versions = sa.Table(
    "lexicon_versions",
    metadata,
    sa.Column("lexicon_id", sa.ForeignKey(lexicons.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("n_words", sa.Integer, nullable=False),
)

# `community` is a channel, or empty for all of them; `is_active` marks the one version that holds.
policies = sa.Table(
    "policies",
    metadata,
    sa.Column("tenant", sa.String, primary_key=True),
    sa.Column("community", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

# `line` is 2 for moderators, 3 for experts; the first line is the machine. `kind` is review, appeal or correction, and
# `state` open or decided; whoever has claimed an open one has it until `lease_until`. `note` is what an author appeals
# with. The message is the tenant's own, so a review goes with it.
reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("message_id", sa.ForeignKey(messages.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("line", sa.SmallInteger, nullable=False),
    sa.Column("priority", sa.Float, nullable=False),
    sa.Column("reasons", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("claimed_by", sa.String),
    sa.Column("lease_until", Moment),
    sa.Column("decided_at", Moment),
    sa.Column("note", sa.Text),
    sa.Index(None, "tenant", "state", "line", "priority"),
    sa.Index(None, "tenant", "decided_at"),
    sqlite_autoincrement=True,  # what somebody has on the screen never becomes another review
)

# Every decision stays; the last one of a review that was not undone holds. `labels` is what the message should have
# been read as, in the wording `revision`; `before` is what the decision changed, for undoing it and for figures.
review_decisions = sa.Table(
    "review_decisions",
    metadata,
    sa.Column("id", Big, primary_key=True),
    sa.Column("review_id", sa.ForeignKey(reviews.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("line", sa.SmallInteger, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("decision", sa.String, nullable=False),
    sa.Column("action", sa.String),
    sa.Column("labels", Json),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("revision", sa.SmallInteger, nullable=False),
    sa.Column("before", Json, nullable=False),
    sa.Column("undone_at", Moment),
    sqlite_autoincrement=True,
)
