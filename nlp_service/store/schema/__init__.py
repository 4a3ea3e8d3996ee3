"""The tables. Migrations build them; a test compares what they build with what stands here."""

from nlp_service.store.schema.access import api_keys, audit_log, rate_buckets, tenants
from nlp_service.store.schema.columns import Moment, metadata
from nlp_service.store.schema.knowledge import entry_revisions, feedback, knowledge_bases, replies, versions
from nlp_service.store.schema.messages import authors, copies, messages, strikes
from nlp_service.store.schema.moderation import (
    lexicon_versions,
    lexicon_words,
    lexicons,
    policies,
    review_decisions,
    reviews,
)

HEAD = "0002"
"""The migration that makes what stands here; `database` compares it with what it finds."""

__all__ = [
    "HEAD",
    "Moment",
    "api_keys",
    "audit_log",
    "authors",
    "copies",
    "entry_revisions",
    "feedback",
    "knowledge_bases",
    "lexicon_versions",
    "lexicon_words",
    "lexicons",
    "messages",
    "metadata",
    "policies",
    "rate_buckets",
    "replies",
    "review_decisions",
    "reviews",
    "strikes",
    "tenants",
    "versions",
]
