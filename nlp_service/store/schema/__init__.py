"""The tables. Migrations build them; a test compares what they build with what stands here."""

from nlp_service.store.schema.access import api_keys, audit_log, rate_buckets, tenants
from nlp_service.store.schema.columns import Moment, metadata
from nlp_service.store.schema.crisis import (
    crisis_settings,
    incident_actions,
    incident_alarms,
    incident_events,
    incident_messages,
    incident_reviews,
    incident_steps,
    incidents,
    watches,
)
from nlp_service.store.schema.insight import insight_members, insight_runs, jobs, topic_states
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
from nlp_service.store.schema.notify import channels, links, outbox, quiets, routings

HEAD = "0004"
"""The migration that makes what stands here; `database` compares it with what it finds."""

__all__ = [
    "HEAD",
    "Moment",
    "api_keys",
    "audit_log",
    "authors",
    "channels",
    "copies",
    "crisis_settings",
    "entry_revisions",
    "feedback",
    "incident_actions",
    "incident_alarms",
    "incident_events",
    "incident_messages",
    "incident_reviews",
    "incident_steps",
    "incidents",
    "insight_members",
    "insight_runs",
    "jobs",
    "knowledge_bases",
    "lexicon_versions",
    "lexicon_words",
    "lexicons",
    "links",
    "messages",
    "metadata",
    "outbox",
    "policies",
    "quiets",
    "rate_buckets",
    "replies",
    "review_decisions",
    "reviews",
    "routings",
    "strikes",
    "tenants",
    "topic_states",
    "versions",
    "watches",
]
