"""Rerank requests as Cohere's, Jina's and TEI's programs send them, and what they expect."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Positive = Annotated[int, msgspec.Meta(ge=1)]


class RerankRequest(msgspec.Struct):
    """A question and what may answer it: `documents` (Cohere, Jina) or `texts` (TEI).

    Attributes:
        documents: 1 to 1,000 texts, or objects with a `text`.
        texts: The same as texts; the answer is then TEI's.
        model: Any name; it is echoed.
        top_n: How many come back; all unless given.
        return_documents: Whether they come back with their texts. As with those who set no value: no, but yes if the
            name of the model begins with ``jina``.
        rank_fields: Fields of the objects that are read in place of `text`.
        max_tokens_per_doc: Characters of a document that are read at the most; never more than 1,000.
        raw_scores: TEI: log-odds in place of probabilities.
        return_text: TEI: whether the texts come back.
        truncation_direction: TEI: whether the end or the beginning of what is too long is left out.
    """

    query: str
    documents: list[str | dict[str, Any]] | None = None
    texts: list[str] | None = None
    model: str | None = None
    top_n: Positive | None = None
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
    max_tokens_per_doc: Positive | None = None
    raw_scores: bool = False
    return_text: bool = False
    truncation_direction: Literal["Left", "Right", "left", "right"] = "Right"


class RerankResult(msgspec.Struct):
    """A document.

    Attributes:
        index: Its place in the request.
        relevance_score: Probability that it answers, judged by itself.
        document: As it was sent, a text as an object with it.
    """

    index: int
    relevance_score: float
    document: dict[str, Any] | UnsetType = UNSET


class ApiVersion(msgspec.Struct):
    """Of Cohere's interface, as the path says."""

    version: str


class BilledUnits(msgspec.Struct):
    """What Cohere would count; nothing is billed here."""

    search_units: int = 1


class RerankMeta(msgspec.Struct):
    """What Cohere's programs look for beside the results."""

    api_version: ApiVersion
    billed_units: BilledUnits


class RerankUsage(msgspec.Struct):
    """Characters that were read, question included, as Jina's programs look for them."""

    total_tokens: int


class RerankResponse(msgspec.Struct):
    """Documents, the most relevant first; those alike in the order that they came in."""

    id: str
    results: list[RerankResult]
    model: str
    meta: RerankMeta
    usage: RerankUsage
    search_version: str
    request_id: str
    object: str = "list"


class RankedText(msgspec.Struct):
    """A text, as TEI's programs expect it; `score` is a probability unless raw scores were asked for."""

    index: int
    score: float
    text: str | UnsetType = UNSET


_ID = "0b9f3c1a5d7e4f60"

EXAMPLES: tuple[msgspec.Struct, ...] = (
    RerankRequest(
        "钱什么时候退", ["审核通过后三天内原路退回。", {"text": "每天九点开门。"}], model="rerank-v3.5", top_n=1
    ),
    RerankRequest("钱什么时候退", texts=["审核通过后三天内原路退回。", "每天九点开门。"], return_text=True),
    RerankResponse(
        id=_ID,
        results=[RerankResult(0, 0.31, {"text": "审核通过后三天内原路退回。"})],
        model="rerank-v3.5",
        meta=RerankMeta(ApiVersion("2"), BilledUnits()),
        usage=RerankUsage(25),
        search_version="search-1",
        request_id=_ID,
    ),
    RankedText(0, 0.31, "审核通过后三天内原路退回。"),
)
"""One of each type that is a whole body, or part of one that is a list."""
