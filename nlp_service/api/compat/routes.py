"""Every path in the shape of another service, and what answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlp_service.api.analyze import Limits, RulesOf
from nlp_service.api.compat import discovery, openapi
from nlp_service.api.compat.embeddings import Embeddings
from nlp_service.api.compat.moderations import Moderations
from nlp_service.api.compat.perspective import Perspective
from nlp_service.api.compat.reading import Reading
from nlp_service.api.requests import NamedRoute
from nlp_service.api.resources import resource
from nlp_service.inference.batcher import Batcher

if TYPE_CHECKING:
    from nlp_service.knowledge.search.model import SearchModel

RERANK = ("/v1/rerank", "/v2/rerank", "/rerank")
"""Where Cohere's and Jina's programs, newer ones of Cohere's, and TEI's send their requests."""


class CompatRoutes:
    """The routes; nothing of them is stored.

    Args:
        batcher: Has texts read; started and stopped by others.
        limits: What one request may hold.
        model: The search model; without it nothing can be reranked, and those paths are not there.
        rules: What texts are judged by; started and stopped by others. None for the built-in policy.
    """

    def __init__(
        self, batcher: Batcher, limits: Limits, model: SearchModel | None = None, rules: RulesOf | None = None
    ) -> None:
        reading = Reading(batcher, rules, part=limits.max_messages)
        perspective = Perspective(reading, limits)
        needed = {"POST": "analyze"}
        self.all = [
            resource("/v1/moderations", read="analyze", POST=Moderations(reading, limits).post),
            resource("/v1/embeddings", read="analyze", POST=Embeddings(reading, limits).post),
            # They ask for the scope themselves, to refuse it in their own words.
            NamedRoute("/v1alpha1/comments:analyze", perspective.analyze, methods=["POST"], scopes=needed),
            NamedRoute("/v1alpha1/comments:suggestscore", perspective.suggest, methods=["POST"], scopes=needed),
            *(NamedRoute(path, discovery.get, methods=["GET"]) for path in discovery.PATHS),
        ]
        self._reranking = None
        if model is not None:
            # Here, because an application without it need not load a search index.
            from nlp_service.api.compat.reranking import Reranking

            self._reranking = Reranking(model, limits)
            self.all += [resource(path, read="analyze", POST=self._reranking.post) for path in RERANK]
        self.described = openapi.describe(has_rerank=model is not None)

    async def start(self) -> None:
        """Nothing runs before the first request."""

    async def stop(self) -> None:
        """Wait for what runs."""
        if self._reranking is not None:
            await self._reranking.stop()
