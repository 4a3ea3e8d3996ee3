"""What a program sends and gets. Answers may have more fields than these; they are left aside."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from nlp_service.types import Analysis


class NewMessage(msgspec.Struct, omit_defaults=True):
    """A message of a community.

    Attributes:
        id: The platform's; with the platform it names the message for ever.
        text: At most 4,000 code points.
        platform: Where it was written (``wechat``).
        channel: The group or forum.
        author: The platform's id of who wrote it.
        sent_at, edited_at: Aware, ISO 8601, or seconds or milliseconds since 1970.
        context: What was said before it, oldest first.
        meta: Fields of your own, at most 16 KiB. Policies know of ``role``, ``qr``, ``images``, ``views``, ``likes``.
    """

    id: str | int
    text: str
    platform: str
    channel: str = ""
    author: str | int = ""
    sent_at: datetime | str | float | None = None
    edited_at: datetime | str | float | None = None
    context: list[str] | None = None
    meta: dict[str, Any] | None = None


class Analyzed(msgspec.Struct):
    """One analysis for one message, in order; ids and versions are those of the last delivery."""

    request_id: str
    model_version: str
    policy_version: str
    results: list[Analysis]


class MessageResult(Analysis, frozen=True, kw_only=True):
    """An analysis, with its verdict, and what became of the message.

    Attributes:
        state: ``stored``, ``edited``, ``duplicate``, ``outdated`` or ``deleted``.
    """

    message_id: int
    platform: str
    state: str
    model_version: str
    policy_version: str
    sent_at_adjusted: bool = False


class Sent(msgspec.Struct):
    """One result for one message, in order; ids and versions are those of the last delivery."""

    request_id: str
    model_version: str
    policy_version: str
    results: list[MessageResult]


class MessageRecord(msgspec.Struct, kw_only=True):
    """A stored message."""

    message_id: int
    id: str
    platform: str
    channel: str
    author: str
    sent_at: datetime
    received_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    text: str
    meta: dict[str, Any] = {}
    labels: list[str] = []
    action: str
    analysis: Analysis | None = None


class Removed(msgspec.Struct):
    """A message that was deleted on its platform."""

    message_id: int
    platform: str
    id: str
    state: str


class Alternative(msgspec.Struct):
    """An entry that may answer."""

    entry_id: str
    question: str
    probability: float


class Summary(msgspec.Struct):
    """What a person who takes over should know."""

    intents: list[str]
    sentiment: str | None
    risk: int
    categories: list[str]
    pains: list[str]
    nearest: list[str]


class Reply(msgspec.Struct, kw_only=True):
    """What is to be done with a question.

    Attributes:
        decision: ``answer``, ``clarify``, ``handoff`` or ``none``.
        answer: Null unless the decision is ``answer``.
        alternatives: To choose from, for ``clarify``.
        summary: For the person, for ``handoff``.
    """

    reply_id: str
    decision: str
    reason: str
    probability: float
    margin: float
    threshold: float
    kb_version: int
    answer: str | None = None
    entry_id: str | None = None
    citations: list[str] = []
    phrased: bool = False
    alternatives: list[Alternative] = []
    summary: Summary | None = None


class Feedback(msgspec.Struct):
    """That it is written down; `is_answered` is whether the question waits no longer for a person."""

    reply_id: str
    is_answered: bool


class Found(msgspec.Struct):
    """Entries that may answer, the most probable first."""

    kb_version: int
    results: list[Alternative]


class ReviewedMessage(msgspec.Struct, kw_only=True):
    """The message of a review in few words."""

    message_id: int
    platform: str
    id: str
    channel: str
    author: str
    sent_at: datetime
    text: str
    action: str
    labels: list[str]
    risk: int


class Review(msgspec.Struct, kw_only=True):
    """A review that waits, is somebody's, or was decided."""

    id: int
    kind: str
    state: str
    line: int
    priority: float
    reasons: list[str]
    created_at: datetime
    claimed_by: str | None = None
    lease_until: datetime | None = None
    decided_at: datetime | None = None
    note: str | None = None
    message: ReviewedMessage


class ReviewOutcome(msgspec.Struct, kw_only=True):
    """What a step led to."""

    review_id: int
    message_id: int
    decision_id: int | None = None
    state: str
    line: int
    action: str
    strikes_removed: int = 0
    strikes_added: int = 0


class Imported(msgspec.Struct, kw_only=True):
    """What an import of entries did; `failed` names the first rows that were not taken."""

    rows: int
    created: int
    changed: int
    unchanged: int
    n_failed: int
    failed: list[dict[str, Any]] = []
    is_written: bool


class Published(msgspec.Struct):
    """What is answered from now."""

    version: int


class Base(msgspec.Struct, kw_only=True):
    """A knowledge base."""

    id: int
    name: str
    published: int
    draft: int


class Lexicon(msgspec.Struct, kw_only=True):
    """A word list; `kind` is ``deny``, ``allow`` or ``watch``."""

    name: str
    kind: str
    category: str
    version: int


class Word(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A word of a list."""

    word: str
    category: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    note: str = ""


class WordsWritten(msgspec.Struct, kw_only=True):
    """What a change of words did; it holds everywhere within two seconds."""

    version: int
    added: int
    changed: int
    removed: int
    unchanged: int
    n_failed: int = 0
    failed: list[dict[str, Any]] = []
