"""Tenants, keys and the log of changes; messages and their authors; word lists, policies and reviews."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Written out rather than taken from `schema`: a step must build tomorrow what it builds today.
_MOMENT = sa.DateTime(timezone=True)
_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_audit_log()
    _create_authors()
    _create_lexicons()
    _create_messages()
    _create_policies()
    _create_tenants()
    _create_api_keys()
    _create_copies()
    _create_lexicon_versions()
    _create_lexicon_words()
    _create_reviews()
    _create_strikes()
    _create_rate_buckets()
    _create_review_decisions()


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("object", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_tenant_id", "audit_log", ["tenant", "id"])


def _create_authors() -> None:
    op.create_table(
        "authors",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("platform", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("n_messages", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "platform", "author", name="pk_authors"),
    )


def _create_lexicons() -> None:
    op.create_table(
        "lexicons",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lexicons"),
        sa.UniqueConstraint("tenant", "name", name="uq_lexicons_tenant_name"),
        sqlite_autoincrement=True,
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("platform", sa.String, nullable=False),
        sa.Column("external_id", _ID, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("sent_at", _MOMENT, nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("edited_at", _MOMENT),
        sa.Column("deleted_at", _MOMENT),
        sa.Column("revision", sa.SmallInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("meta", sa.JSON),
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
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("tenant", "external_id", "platform", name="uq_messages_tenant_external_id_platform"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_messages_tenant_author_platform_channel_received_at",
        "messages",
        ["tenant", "author", "platform", "channel", "received_at"],
    )
    op.create_index("ix_messages_tenant_id", "messages", ["tenant", "id"])
    op.create_index("ix_messages_tenant_sent_at", "messages", ["tenant", "sent_at"])


def _create_policies() -> None:
    op.create_table(
        "policies",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("community", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "community", "version", name="pk_policies"),
    )


def _create_tenants() -> None:
    table = op.create_table(
        "tenants",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("rules_version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tenants"),
    )
    # The one tenant that is always there: what stood before there were tenants is its.
    row = {"name": "default", "created_at": datetime.now(UTC), "settings": {}, "rules_version": 0}
    op.bulk_insert(table, [row])


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("prefix", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("rate_per_s", sa.Float),
        sa.Column("burst", sa.Integer),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name="fk_api_keys_tenant_tenants", ondelete="CASCADE"),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant"])


def _create_copies() -> None:
    op.create_table(
        "copies",
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("key", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("message_id", _BIG, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("tenant", "key", "received_ms", "message_id", name="pk_copies"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_copies_message_id", "copies", ["message_id"])


def _create_lexicon_versions() -> None:
    op.create_table(
        "lexicon_versions",
        sa.Column("lexicon_id", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("n_words", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("lexicon_id", "version", name="pk_lexicon_versions"),
        sa.ForeignKeyConstraint(
            ["lexicon_id"], ["lexicons.id"], name="fk_lexicon_versions_lexicon_id_lexicons", ondelete="CASCADE"
        ),
    )


def _create_lexicon_words() -> None:
    op.create_table(
        "lexicon_words",
        sa.Column("lexicon_id", sa.Integer, nullable=False),
        sa.Column("word", _ID, nullable=False),
        sa.Column("since", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("until", sa.Integer),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("valid_from", _MOMENT),
        sa.Column("valid_to", _MOMENT),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("lexicon_id", "word", "since", name="pk_lexicon_words"),
        sa.ForeignKeyConstraint(
            ["lexicon_id"], ["lexicons.id"], name="fk_lexicon_words_lexicon_id_lexicons", ondelete="CASCADE"
        ),
    )


def _create_reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("message_id", _BIG, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("line", sa.SmallInteger, nullable=False),
        sa.Column("priority", sa.Float, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("claimed_by", sa.String),
        sa.Column("lease_until", _MOMENT),
        sa.Column("decided_at", _MOMENT),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_reviews_message_id_messages", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reviews_message_id", "reviews", ["message_id"])
    op.create_index("ix_reviews_tenant_decided_at", "reviews", ["tenant", "decided_at"])
    op.create_index("ix_reviews_tenant_state_line_priority", "reviews", ["tenant", "state", "line", "priority"])


def _create_strikes() -> None:
    op.create_table(
        "strikes",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("platform", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("offence", sa.String, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("message_id", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_strikes"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_strikes_message_id_messages", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_strikes_message_id", "strikes", ["message_id"])
    op.create_index("ix_strikes_tenant_platform_author_at", "strikes", ["tenant", "platform", "author", "at"])


def _create_rate_buckets() -> None:
    op.create_table(
        "rate_buckets",
        sa.Column("key_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tokens", sa.Float, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("lent", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_rate_buckets"),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name="fk_rate_buckets_key_id_api_keys", ondelete="CASCADE"
        ),
    )


def _create_review_decisions() -> None:
    op.create_table(
        "review_decisions",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("review_id", _BIG, nullable=False),
        sa.Column("line", sa.SmallInteger, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("action", sa.String),
        sa.Column("labels", sa.JSON),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("revision", sa.SmallInteger, nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("undone_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_review_decisions"),
        sa.ForeignKeyConstraint(
            ["review_id"], ["reviews.id"], name="fk_review_decisions_review_id_reviews", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_review_decisions_review_id", "review_decisions", ["review_id"])
