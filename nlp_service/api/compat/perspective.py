"""``/v1alpha1/comments:analyze`` and ``comments:suggestscore``: Perspective's questions, answered by our models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.analyze import Limits
from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of
from nlp_service.api.compat.attributes import ATTRIBUTES
from nlp_service.api.compat.faults import Refused, fault_response
from nlp_service.api.compat.perspective_types import (
    SCORE_TYPES,
    AnalyzeCommentRequest,
    AnalyzeCommentResponse,
    AttributeParameters,
    AttributeScores,
    Context,
    Score,
    SpanScore,
    SuggestCommentScoreRequest,
    SuggestCommentScoreResponse,
    SuggestedScores,
    TextEntry,
)
from nlp_service.api.compat.reading import Reading
from nlp_service.api.resources import respond
from nlp_service.api.schemas.analysis import MAX_CONTEXT
from nlp_service.errors import BadInput, NotReady, ServiceError
from nlp_service.types import Analysis, Span

MAX_TOKEN = 10_000
"""Code points of a ``clientToken``, which is sent back."""

MAX_LANGUAGES = 100
CHINESE = "zh"
# Mandarin, Cantonese and Wu have codes of their own.
_READ = ("zh", "cmn", "yue", "wuu")

_analyze = msgspec.json.Decoder(AnalyzeCommentRequest)
_suggest = msgspec.json.Decoder(SuggestCommentScoreRequest)

Handler = Callable[["Perspective", Request], Awaitable[Response]]


def _in_their_words(handler: Handler) -> Handler:
    """Answer errors in Perspective's shape, also that the key does not allow it."""

    @wraps(handler)
    async def answer(self: Perspective, request: Request) -> Response:
        try:
            caller_of(request).require("analyze")
            return await handler(self, request)
        except ServiceError as error:
            return fault_response(request, error)

    return answer


class Perspective:
    """The routes with what they need."""

    def __init__(self, reading: Reading, limits: Limits) -> None:
        self._reading = reading
        self._limits = limits

    @_in_their_words
    async def analyze(self, request: Request) -> Response:
        """Score a comment; nothing is stored."""
        asked = decode_body(await read_body(request, self._limits.max_body_bytes), _analyze)
        wanted = self._wanted(asked.requested_attributes, is_lenient=bool(asked.drop_unsupported_attributes))
        self._check(asked.comment, asked.languages, asked.client_token, next(iter(asked.requested_attributes)))
        context = [text[: self._limits.max_text] for text in _texts_of(asked.context)]
        (analysis,) = await self._reading.analyses(
            request, [asked.comment.text], context=context[-MAX_CONTEXT:], evidence=bool(asked.span_annotations)
        )
        return respond(
            AnalyzeCommentResponse(
                attribute_scores=dict(_scores(analysis, asked.comment.text, wanted, bool(asked.span_annotations))),
                languages=asked.languages or [CHINESE],
                detected_languages=[CHINESE],
                model_version=self._reading.model_version,
                request_id=request.state.request_id,
                client_token=asked.client_token or UNSET,
            )
        )

    @_in_their_words
    async def suggest(self, request: Request) -> Response:
        """Take a suggested score and say that it was understood.

        It is not kept: it has no message that it belongs to, so that neither the erasure of its author nor any
        retention would find it. Corrections that models learn from are decisions of ``/v1/reviews``.
        """
        asked = decode_body(await read_body(request, self._limits.max_body_bytes), _suggest)
        _check_suggested(asked.attribute_scores)
        self._check(asked.comment, asked.languages, asked.client_token, next(iter(asked.attribute_scores)))
        _texts_of(asked.context)
        return respond(
            SuggestCommentScoreResponse(
                requested_languages=asked.languages or [CHINESE],
                detected_languages=[CHINESE],
                request_id=request.state.request_id,
                client_token=asked.client_token or UNSET,
            )
        )

    def _wanted(
        self, asked: Mapping[str, AttributeParameters | None], *, is_lenient: bool
    ) -> dict[str, AttributeParameters]:
        if not asked:
            raise Refused("NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes", param="requestedAttributes")
        wanted = {name: given or AttributeParameters() for name, given in asked.items()}
        if is_lenient:
            wanted = {name: given for name, given in wanted.items() if name in ATTRIBUTES}
        for name, given in wanted.items():
            _check_known(name, "requestedAttributes")
            if given.score_type not in SCORE_TYPES:
                raise BadInput(
                    f"Requested score type is not supported by attribute {name}",
                    param=f"requestedAttributes.{name}.scoreType",
                )
        return wanted

    def _check(self, comment: TextEntry, languages: Sequence[str] | None, token: str | None, attribute: str) -> None:
        if not comment.text:
            raise Refused("COMMENT_EMPTY", "Comment must be non-empty.", param="comment.text")
        if len(comment.text) > self._limits.max_text:
            raise Refused("COMMENT_TOO_LONG", "Comment text too long.", param="comment.text")
        _check_plain(comment, "comment")
        if token is not None and len(token) > MAX_TOKEN:
            raise BadInput(f"clientToken has more than {MAX_TOKEN} characters", param="clientToken")
        if languages and len(languages) > MAX_LANGUAGES:
            raise BadInput(f"there are more than {MAX_LANGUAGES} languages", param="languages")
        if languages and not any(language.lower().replace("_", "-").split("-")[0] in _READ for language in languages):
            known = attribute if attribute in ATTRIBUTES else "TOXICITY"
            raise Refused(
                "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
                f"Attribute {known} does not support request languages; the models read Chinese",
                param="languages",
                more={"languageNotSupportedByAttributeError": {"detectedLanguages": [CHINESE], "attribute": known}},
            )


def utf16(text: str, span: Span) -> tuple[int, int]:
    """A span of code points in UTF-16 code units."""
    begin = _n_code_units(text[: span.start])
    return begin, begin + _n_code_units(text[span.start : span.end])


def _scores(
    analysis: Analysis, text: str, wanted: Mapping[str, AttributeParameters], is_annotated: bool
) -> Iterator[tuple[str, AttributeScores]]:
    """The scores that reach their threshold.

    Raises:
        NotReady: A model failed that is asked for: its silence must not look like a low score.
    """
    for name, given in wanted.items():
        attribute = ATTRIBUTES[name]
        probability = attribute.probability(analysis)
        if probability is None:
            raise NotReady(f"attribute {name} cannot be told now")
        if given.score_threshold is not None and probability < given.score_threshold:
            continue
        score = Score(round(probability, 6))
        driven = [one.span for one in analysis.evidence if one.label in attribute.evidence] if is_annotated else []
        spans = [SpanScore(*utf16(text, span), score) for span in driven]
        yield name, AttributeScores(score, spans or [SpanScore(0, _n_code_units(text), score)])


def _texts_of(context: Context | None) -> list[str]:
    """What was said before, oldest first."""
    if context is None:
        return []
    around = context.article_and_parent_comment
    if context.entries and around:
        raise BadInput(
            "Context can have either entries or article_and_parent_comment, but both fields were populated.",
            param="context",
        )
    entries = list(context.entries or ())
    if around:
        entries = [entry for entry in (around.article, around.parent_comment) if entry]
    for entry in entries:
        _check_plain(entry, "context")
    return [entry.text for entry in entries]


def _check_plain(entry: TextEntry, at: str) -> None:
    if entry.type not in ("", "TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT"):
        raise BadInput("Currently, only 'PLAIN_TEXT' comments are supported", param=f"{at}.type")


def _check_known(name: str, at: str) -> None:
    if name not in ATTRIBUTES:
        # A name of theirs is told back, since programs look for it; what else stands there may be anything.
        shown = name if name.replace("_", "").isalnum() and name.isascii() and len(name) <= 60 else "?"
        raise BadInput(f"Unknown requested attribute: {shown}", param=at)


def _check_suggested(given: Mapping[str, SuggestedScores]) -> None:
    if not given:
        raise BadInput("Missing attribute_scores", param="attributeScores")
    for name, scores in given.items():
        _check_known(name, "attributeScores")
        each: list[Any] = [scores.summary_score, *(span.score for span in scores.span_scores or ())]
        for score in each:
            if score is not None and (score.type not in SCORE_TYPES or not 0.0 <= (score.value or 0.0) <= 1.0):
                raise BadInput("a suggested score is a probability", param=f"attributeScores.{name}")


def _n_code_units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)
