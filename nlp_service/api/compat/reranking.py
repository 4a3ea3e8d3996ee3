"""``POST /v1/rerank``, ``/v2/rerank`` and ``/rerank``: how well documents answer a question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.analyze import Limits
from nlp_service.api.body import decode_body, read_body
from nlp_service.api.compat.rerank_types import (
    ApiVersion,
    BilledUnits,
    RankedText,
    RerankMeta,
    RerankRequest,
    RerankResponse,
    RerankResult,
    RerankUsage,
)
from nlp_service.api.resources import respond
from nlp_service.api.threads import Threads
from nlp_service.errors import BadInput, TooLarge
from nlp_service.knowledge.rerank import MAX_DOCUMENT, Relevance, rank
from nlp_service.knowledge.search.model import SearchModel

MAX_DOCUMENTS = 1_000
MOST_AT_ONCE = 16
"""Requests that are worked on or wait. A thousand documents of a hundred characters take half a second."""

MAX_FIELDS = 32
"""Fields of an object that are read."""

JINA = "jina"
"""How the names of Jina's models begin. Its programs expect the documents back unless they say no; Cohere's do not."""


class Reranking:
    """The routes with what they need.

    Args:
        model: The search model.
        limits: What one request may hold.
    """

    def __init__(self, model: SearchModel, limits: Limits) -> None:
        self._model = model
        self._limits = limits
        # A cross-encoder of the operator's ranks the few best of a base, not a thousand documents: it has no part here.
        self._version = model.version.partition("+")[0]
        # One thread: it is numpy's work on one core, and a second one would only fight with it.
        self._threads = Threads("rerank", threads=1, most=MOST_AT_ONCE)

    async def post(self, request: Request) -> Response:
        """Rank documents; nothing is stored.

        Raises:
            BadInput: The body is none of the three, or there is nothing to rank; `param` names the field.
            TooLarge: The body, the question or the list is over its limit.
            Overloaded: Too many requests of this kind wait.
        """
        asked = decode_body(await read_body(request, self._limits.max_body_bytes), _decoder)
        texts = texts_of(asked)
        self._check(asked.query, texts, "documents" if asked.texts is None else "texts")
        cut = min(MAX_DOCUMENT, asked.max_tokens_per_doc or MAX_DOCUMENT)
        is_end = asked.truncation_direction.lower() == "left"
        read = [text[-cut:] if is_end else text[:cut] for text in texts]
        ranked = await self._threads.run(partial(rank, self._model, asked.query, read))
        if asked.texts is not None:
            return _bare(asked, ranked)
        n_read = len(asked.query) + sum(map(len, read))
        return respond(self._answer(request, asked, ranked[: asked.top_n], n_read))

    async def stop(self) -> None:
        """Wait for what runs."""
        await asyncio.to_thread(self._threads.close)

    def _answer(
        self, request: Request, asked: RerankRequest, ranked: Sequence[Relevance], n_read: int
    ) -> RerankResponse:
        model = asked.model or self._version
        is_wanted = model.startswith(JINA) if asked.return_documents is None else asked.return_documents
        documents = asked.documents or ()
        return RerankResponse(
            id=request.state.request_id,
            results=[
                RerankResult(one.place, one.probability, _shown(documents[one.place]) if is_wanted else UNSET)
                for one in ranked
            ],
            model=model,
            meta=RerankMeta(ApiVersion("2" if request.url.path.startswith("/v2") else "1"), BilledUnits()),
            usage=RerankUsage(n_read),
            search_version=self._version,
            request_id=request.state.request_id,
        )

    def _check(self, query: str, texts: Sequence[str], name: str) -> None:
        if not query.strip():
            raise BadInput("the question is empty", param="query")
        if len(query) > self._limits.max_text:
            raise TooLarge(f"{len(query)} code points are more than {self._limits.max_text}", param="query")
        if len(texts) > MAX_DOCUMENTS:
            raise TooLarge(f"{len(texts)} documents are more than {MAX_DOCUMENTS}", param=name)


def texts_of(asked: RerankRequest) -> list[str]:
    """What is to be ranked.

    Raises:
        BadInput: There is nothing, it is given in two ways, or a document has none of the fields that are read.
    """
    if asked.texts is not None and asked.documents is not None:
        raise BadInput("documents and texts are two ways to say the same; one of them is taken", param="texts")
    given: Sequence[str | dict[str, Any]] = asked.documents or asked.texts or ()
    if not given:
        raise BadInput("there is nothing to rank", param="documents" if asked.texts is None else "texts")
    fields = asked.rank_fields or ["text"]
    if len(fields) > MAX_FIELDS:
        raise BadInput(f"{len(fields)} fields are more than {MAX_FIELDS}", param="rank_fields")
    return [
        document if isinstance(document, str) else _text_of(document, fields, f"documents[{place}]")
        for place, document in enumerate(given)
    ]


def _text_of(document: dict[str, Any], fields: Sequence[str], at: str) -> str:
    values = [document[name] for name in fields if name in document]
    if not values:
        raise BadInput("a document is a text, or an object with a text", param=at)
    if not all(isinstance(value, str) for value in values):
        raise BadInput("what is read of a document is text", param=at)
    return "\n".join(values)


def _shown(document: str | dict[str, Any]) -> dict[str, Any]:
    return {"text": document} if isinstance(document, str) else document


def _bare(asked: RerankRequest, ranked: Sequence[Relevance]) -> Response:
    """TEI's answer: the list itself."""
    texts = asked.texts or ()
    answer = [
        RankedText(
            one.place,
            one.logit if asked.raw_scores else one.probability,
            texts[one.place] if asked.return_text else UNSET,
        )
        for one in ranked
    ]
    return Response(msgspec.json.encode(answer), media_type="application/json")


_decoder = msgspec.json.Decoder(RerankRequest)
