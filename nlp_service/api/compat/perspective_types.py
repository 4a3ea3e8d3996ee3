"""Requests and answers of Perspective's comment analyser, v1alpha1, in its own names."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from nlp_service.api.schemas.errors import ErrorDetail

PROBABILITY = "PROBABILITY"
SCORE_TYPES = ("", "SCORE_TYPE_UNSPECIFIED", PROBABILITY)
"""What may be asked for: all our scores are probabilities."""


class TextEntry(msgspec.Struct):
    """A text; only plain text is read."""

    text: str = ""
    type: str = ""


class ArticleAndParentComment(msgspec.Struct, rename="camel"):
    """What a comment was written under and answers to."""

    article: TextEntry | None = None
    parent_comment: TextEntry | None = None


class Context(msgspec.Struct, rename="camel"):
    """What was said before a comment: a list, oldest first, or what it answers to, not both."""

    entries: list[TextEntry] | None = None
    article_and_parent_comment: ArticleAndParentComment | None = None


class AttributeParameters(msgspec.Struct, rename="camel"):
    """What is wanted of one attribute; `score_threshold` is the least score that is shown."""

    score_type: str = ""
    score_threshold: float | None = None


class AnalyzeCommentRequest(msgspec.Struct, rename="camel"):
    """A comment and what is to be known of it. Nothing is stored, whatever `do_not_store` says.

    Attributes:
        languages: If there are any, Chinese must be among them.
        drop_unsupported_attributes: Leave out what is not known instead of refusing the request.
        span_annotations: Whether to score the passages that drove an attribute, or the comment as a whole.
        client_token: Comes back.
        session_id, community_id: Are taken and not used.
    """

    comment: TextEntry = msgspec.field(default_factory=TextEntry)
    requested_attributes: dict[str, AttributeParameters | None] = {}
    context: Context | None = None
    languages: list[str] | None = None
    do_not_store: bool | None = None
    drop_unsupported_attributes: bool | None = None
    span_annotations: bool | None = None
    client_token: str | None = None
    session_id: str | None = None
    community_id: str | None = None


class Score(msgspec.Struct):
    """A probability."""

    value: float
    type: str = PROBABILITY


class SpanScore(msgspec.Struct):
    """The score of a passage; positions are in UTF-16 code units, as Perspective counts, and `end` is exclusive."""

    begin: int
    end: int
    score: Score


class AttributeScores(msgspec.Struct, rename="camel"):
    """What is said of one attribute."""

    summary_score: Score
    span_scores: list[SpanScore]


class AnalyzeCommentResponse(msgspec.Struct, rename="camel"):
    """Scores of the attributes that were asked for, without those below their threshold.

    Attributes:
        languages: Those of the request, or Chinese.
        detected_languages: Chinese: the models read nothing else.
        model_version: What read the comment.
    """

    attribute_scores: dict[str, AttributeScores]
    languages: list[str]
    detected_languages: list[str]
    model_version: str
    request_id: str
    client_token: str | UnsetType = UNSET


class SuggestedScore(msgspec.Struct):
    """A score as a caller suggests it."""

    value: float | None = None
    type: str = ""


class SuggestedSpan(msgspec.Struct):
    """A suggested score of a passage."""

    score: SuggestedScore | None = None
    begin: int | None = None
    end: int | None = None


class SuggestedScores(msgspec.Struct, rename="camel"):
    """What a caller thinks right for one attribute."""

    summary_score: SuggestedScore | None = None
    span_scores: list[SuggestedSpan] | None = None


class SuggestCommentScoreRequest(msgspec.Struct, rename="camel"):
    """What a caller thinks right for a comment."""

    comment: TextEntry = msgspec.field(default_factory=TextEntry)
    attribute_scores: dict[str, SuggestedScores] = {}
    context: Context | None = None
    languages: list[str] | None = None
    client_token: str | None = None
    session_id: str | None = None
    community_id: str | None = None


class SuggestCommentScoreResponse(msgspec.Struct, rename="camel"):
    """That the suggestion was understood. It is not kept, which `is_stored` says."""

    requested_languages: list[str]
    detected_languages: list[str]
    request_id: str
    client_token: str | UnsetType = UNSET
    is_stored: bool = msgspec.field(default=False, name="stored")


class PerspectiveError(msgspec.Struct):
    """An error in Perspective's shape.

    Attributes:
        code: The HTTP status.
        message: For people; it never repeats the comment.
        status: Google's word for the status: ``INVALID_ARGUMENT`` ...
        details: Perspective's detail with its ``errorType``, and our own error as it reads at other doors.
    """

    code: int
    message: str
    status: str
    details: list[dict[str, Any]]


class PerspectiveErrorResponse(msgspec.Struct):
    """The body of every answer that is an error at this door."""

    error: PerspectiveError
    request_id: str


_ID = "0b9f3c1a5d7e4f60"

EXAMPLES: tuple[msgspec.Struct, ...] = (
    AnalyzeCommentRequest(
        TextEntry("你是不是有病", "PLAIN_TEXT"),
        {"TOXICITY": AttributeParameters(score_threshold=0.1), "CRISIS_RISK": AttributeParameters()},
        context=Context(entries=[TextEntry("客服在吗")]),
        languages=["zh"],
        span_annotations=True,
        client_token="c-17",
    ),
    AnalyzeCommentResponse(
        attribute_scores={"TOXICITY": AttributeScores(Score(0.93), [SpanScore(0, 6, Score(0.93))])},
        languages=["zh"],
        detected_languages=["zh"],
        model_version="fast-1",
        request_id=_ID,
        client_token="c-17",
    ),
    SuggestCommentScoreRequest(
        TextEntry("这奶茶绝了"),
        {"TOXICITY": SuggestedScores(SuggestedScore(0.0))},
        context=Context(
            article_and_parent_comment=ArticleAndParentComment(TextEntry("新品上市"), TextEntry("好喝吗")),
        ),
        client_token="c-18",
    ),
    SuggestCommentScoreResponse(["zh"], ["zh"], _ID, "c-18"),
    AttributeParameters("PROBABILITY", 0.1),
    AttributeScores(Score(0.93), [SpanScore(0, 6, Score(0.93))]),
    SuggestedScores(SuggestedScore(0.0), [SuggestedSpan(SuggestedScore(0.0), 0, 5)]),
    PerspectiveErrorResponse(
        PerspectiveError(
            400,
            "Comment must be non-empty.",
            "INVALID_ARGUMENT",
            [
                {"@type": "type.googleapis.com/google.commentanalyzer.v1alpha1.Error", "errorType": "COMMENT_EMPTY"},
                msgspec.to_builtins(
                    ErrorDetail("invalid_input", "Comment must be non-empty.", "invalid_request_error", "comment.text")
                ),
            ],
        ),
        _ID,
    ),
)
"""One of each type that is a whole body, or stands in one by name."""
