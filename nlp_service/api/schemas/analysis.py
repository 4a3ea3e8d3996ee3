"""Request and answer of ``POST /v1/analyze``. The analyses themselves are `nlp_service.types.Analysis` as it stands."""

from __future__ import annotations

from typing import Annotated

import msgspec

from nlp_service.types import (
    Abuse,
    Action,
    Analysis,
    Evidence,
    Intent,
    Label,
    Pain,
    Risk,
    Sentiment,
    Span,
    UgcQuality,
    Verdict,
)

MAX_ID = 200
MAX_CONTEXT = 20

TextId = Annotated[str, msgspec.Meta(max_length=MAX_ID)]
# What fits 64 bits: larger integers are not numbers any more in most languages that read the answer.
NumberId = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class MessageIn(msgspec.Struct):
    """One message to read.

    Attributes:
        text: What was written, at most 4,000 code points; an empty text is a message too.
        id: Echoed in the result as it is.
        context: What was said before it in the same conversation, oldest first; at most 20 texts of 4,000 code points.
    """

    text: str
    id: TextId | NumberId | None = None
    context: list[str] | None = None


class AnalyzeRequest(msgspec.Struct):
    """Messages to read, 1 to 512 of them. Nothing is stored.

    Attributes:
        messages: They are answered in this order.
        evidence: Whether the results shall show the characters that drove each label.
    """

    messages: list[MessageIn]
    evidence: bool = True


class AnalyzeResponse(msgspec.Struct):
    """The results, one for each message, in order.

    Attributes:
        request_id: The caller's ``X-Request-ID``, or a new one.
        model_version: The model that read the messages.
        policy_version: The policy that decided on the verdicts.
        results: Each has the ``id`` of its message.
    """

    request_id: str
    model_version: str
    policy_version: str
    results: list[Analysis]


REQUEST_EXAMPLE = AnalyzeRequest(
    messages=[MessageIn(text="快递一周没到，怎么回事？", id="m-1", context=["您好，有什么可以帮您？"])], evidence=True
)

RESPONSE_EXAMPLE = AnalyzeResponse(
    request_id="0b9f3c1a5d7e4f60",
    model_version="fast-1",
    policy_version="1",
    results=[
        Analysis(
            id="m-1",
            intent=Intent(
                primary="complaint",
                labels=("complaint", "question"),
                probabilities={"question": 0.81, "ugc": 0.02, "ad": 0.01, "complaint": 0.94, "chat": 0.02},
            ),
            sentiment=Sentiment(label="negative", score=-0.62),
            risk=Risk(level=1, probability=0.12, probability_watch=0.77, categories=(Label("delivery_delay", 0.88),)),
            abuse=Abuse(probability=0.01, flagged=False),
            unsafe=(Label("contact_spam", 0.02),),
            pain=(Pain(target="物流速度", span=Span(0, 6, "快递一周没到"), category="delivery_delay"),),
            evidence=(Evidence(label="intent.complaint", source="model", span=Span(2, 6, "一周没到")),),
            verdict=Verdict(action=Action.PASS),
            ugc_quality=UgcQuality(score=0.31, originality=0.6, usefulness=0.1, spread=0.1, compliance=0.9),
        )
    ],
)
