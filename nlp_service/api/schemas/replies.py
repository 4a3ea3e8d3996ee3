"""Replies from knowledge bases, searches, and what people say of them, as requests and answers carry them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from nlp_service.api.schemas.versions import VersionNumber
from nlp_service.knowledge.reply import Alternative, Decision, Summary
from nlp_service.knowledge.thresholds import Thresholds

MAX_CHANNEL = 100
"""Code points in the name of a channel, as in the audience of an entry."""

MAX_PERSON = 200
"""Code points in what names an author, or who gives feedback."""


class ReplyRequest(msgspec.Struct):
    """A question.

    Attributes:
        question: At most 4,000 code points. It is kept with personal data masked.
        kb: Name of the base, or its id.
        context: What the same person said before, oldest first; at most 20 texts of 4,000 code points.
        channel: Where it is asked; entries for other channels do not come back.
        author: Who asks. Only a hash is kept, to count people.
        phrase: Whether a language model may phrase the answer, where the service has one.
        stream: Whether the reply comes as server-sent events: ``reply`` with a ReplyResponse, ``piece`` with a
            ReplyPiece each, ``done`` with a ReplyDone.
    """

    question: str
    kb: str | int
    context: list[str] | None = None
    channel: str = ""
    author: str | int = ""
    phrase: bool = True
    stream: bool = False


class ReplyResponse(msgspec.Struct):
    """What is to be done with a question, and what that rests on.

    Attributes:
        reply_id: For feedback.
        decision: Answer it, ask back with `alternatives`, fetch a person, or do nothing.
        reason: Why, as a code such as ``probability>=0.62``.
        probability: That the best entry answers the question.
        margin: By how much it leads the second.
        threshold: What the probability was compared with.
        answer, entry_id, wording: The answer, its entry, and which of its wordings matched; null unless the decision is
            ``answer``. In a stream the answer is null too while it is being phrased.
        citations: Entries that the answer rests on.
        phrased: Whether a language model has phrased the answer; ``[n]`` in it means the n-th of `alternatives`.
        alternatives: Entries that were found, the most probable first.
        summary: For the person who takes over; null unless the decision is ``handoff``.
        model_version: The model that read the question.
        search_version: The model that searched.
    """

    request_id: str
    model_version: str
    search_version: str
    kb_version: int
    reply_id: str
    decision: Decision
    reason: str
    probability: float
    margin: float
    threshold: float
    answer: str | None
    entry_id: str | None
    wording: int | None
    citations: list[str]
    phrased: bool
    alternatives: list[Alternative]
    summary: Summary | None


class SearchRequest(msgspec.Struct):
    """A text to look for.

    Attributes:
        n: Entries at the most.
        channel: As in a reply.
        version: One that was published earlier; its index is made for this one search. The published one unless given.
    """

    text: str
    n: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    channel: str = ""
    version: VersionNumber | None = None


class SearchResponse(msgspec.Struct):
    """Entries that may answer, the most probable first."""

    request_id: str
    search_version: str
    kb_version: int
    results: list[Alternative]


class CalibrateRequest(msgspec.Struct):
    """Fit the thresholds of the published version; `precision` is wanted of ``answer``."""

    precision: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.9


class CalibrateResponse(msgspec.Struct):
    """Thresholds with what they were fitted on.

    Attributes:
        asked: Wordings that were asked; 0 where there were too few, and the thresholds are the model's.
        precision: Of ``answer`` on them, unanswerable ones counted in.
        coverage: Share of the answerable ones that are answered.
        false_answers: Share of the unanswerable ones that are answered.
        reason: Why the model's thresholds stay; empty where new ones were fitted.
    """

    request_id: str
    search_version: str
    thresholds: Thresholds
    asked: int
    precision: float | None
    coverage: float | None
    false_answers: float | None
    reason: str


class FeedbackRequest(msgspec.Struct):
    """What somebody says of a reply; at least one of `helpful`, `entry_id` and `answer`.

    Attributes:
        helpful: Thumb up or down.
        entry_id: The entry that would have been right.
        answer: The answer that would have been right, or that a person gave.
        by: Who says it.
    """

    reply_id: str
    helpful: bool | None = None
    entry_id: str | None = None
    answer: str | None = None
    by: str = ""


class FeedbackResponse(msgspec.Struct):
    """It is written down; `is_answered` is whether the question waits no longer for a person."""

    request_id: str
    reply_id: str
    is_answered: bool


_ID = "0b9f3c1a5d7e4f60"
_REPLY_ID = "6f0c2a52-6f2a-4d0e-9a53-0e0d3c2b1a90"
_FOUND = [
    Alternative("refund-time", "退款多久到账？", 0.83),
    Alternative("refund-how", "怎么申请退款？", 0.09),
]
_SUMMARY = Summary(
    ("complaint", "question"), "negative", 2, ("refund_aftersale",), ("钱一直没退",), ("退款多久到账？",)
)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    ReplyRequest("钱什么时候退给我", "shop", ["昨天申请了退款"], "vip", "u-17"),
    ReplyResponse(
        request_id=_ID,
        model_version="fast-1",
        search_version="search-1",
        kb_version=3,
        reply_id=_REPLY_ID,
        decision=Decision.ANSWER,
        reason="probability>=0.62",
        probability=0.83,
        margin=0.74,
        threshold=0.62,
        answer="审核通过后三天内原路退回。",
        entry_id="refund-time",
        wording=1,
        citations=["refund-time"],
        phrased=False,
        alternatives=_FOUND,
        summary=None,
    ),
    ReplyResponse(
        request_id=_ID,
        model_version="fast-1",
        search_version="search-1",
        kb_version=3,
        reply_id=_REPLY_ID,
        decision=Decision.HANDOFF,
        reason="risk_level=2",
        probability=0.41,
        margin=0.2,
        threshold=0.62,
        answer=None,
        entry_id=None,
        wording=None,
        citations=[],
        phrased=False,
        alternatives=_FOUND,
        summary=_SUMMARY,
    ),
    SearchRequest("退款 到账", 5),
    SearchResponse(_ID, "search-1", 3, _FOUND),
    CalibrateRequest(0.95),
    CalibrateResponse(_ID, "search-1", Thresholds(0.71, 0.4, 0.1, 0.95), 600, 0.953, 0.41, 0.02, ""),
    FeedbackRequest(_REPLY_ID, helpful=False, entry_id="refund-how", by="小王"),
    FeedbackResponse(_ID, _REPLY_ID, True),
)
"""One of each type that is a whole body, and a reply of either kind."""
