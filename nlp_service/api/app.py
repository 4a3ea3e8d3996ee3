"""The application: routes around one batcher, and those of knowledge bases where it has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.analyze import Analyze, Limits
from nlp_service.api.errors import add_error_handlers
from nlp_service.api.health import HealthRoutes
from nlp_service.api.metrics import Metrics
from nlp_service.api.openapi import add_openapi
from nlp_service.api.requests import NamedRoute, RequestFrame
from nlp_service.api.resources import resource
from nlp_service.inference.batcher import Batcher
from nlp_service.inference.process import Build

if TYPE_CHECKING:
    from nlp_service.api.knowledge.parts import Knowledge
    from nlp_service.api.knowledge.routes import KnowledgeRoutes


@dataclass(frozen=True, slots=True)
class Options:
    """How the application runs.

    Attributes:
        workers: Inference processes.
        queue_messages: Messages that may wait for one of them.
        deadline_s: Longest time that a request waits for its results.
        limits: What one request may hold.
    """

    workers: int = 1
    queue_messages: int = 4096
    deadline_s: float = 10.0
    limits: Limits = field(default_factory=Limits)


def create_app(build: Build, options: Options, knowledge: Knowledge | None = None) -> FastAPI:
    """Put the application together; its lifespan starts and ends the workers.

    Args:
        build: Makes the reader inside each worker: a function of a module, or a `partial` of one.
        options: How it runs.
        knowledge: What is behind the routes of knowledge bases; without it there are none.

    Entering the lifespan raises what `Batcher.start` raises, so a damaged model stops the start.
    """
    metrics = Metrics()
    batcher = Batcher(
        build,
        metrics,
        workers=options.workers,
        queue_messages=options.queue_messages,
        deadline_s=options.deadline_s,
    )
    metrics.watch_queue(lambda: batcher.n_queued)

    analyze = resource("/v1/analyze", read="analyze", POST=Analyze(batcher, options.limits).post)
    bases = _knowledge_routes(knowledge, batcher, metrics, options.limits)
    direct = [analyze, *([bases.reply] if bases else [])]
    app = FastAPI(
        title="nlp-service",
        version="1",
        description="Reads messages of Chinese communities.",
        lifespan=_running(batcher, metrics, bases),
        docs_url=None,  # the pages would load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(RequestFrame, metrics=metrics, direct={route.path: route for route in direct})],
    )
    add_error_handlers(app)
    add_openapi(app, has_knowledge=bases is not None)
    app.router.routes += [analyze, *(bases.all if bases else ()), *_routes(batcher, metrics)]
    return app


def _knowledge_routes(
    knowledge: Knowledge | None, batcher: Batcher, metrics: Metrics, limits: Limits
) -> KnowledgeRoutes | None:
    if knowledge is None:
        return None
    # Here, because an application without them need not load a database and a search index.
    from nlp_service.api.knowledge.routes import KnowledgeRoutes

    return KnowledgeRoutes(knowledge, batcher, metrics, limits)


def _running(
    batcher: Batcher, metrics: Metrics, bases: KnowledgeRoutes | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan: workers run as long as the application does."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            await batcher.start()
            metrics.set_versions(batcher.model_version, batcher.policy_version)
            if bases is not None:
                await bases.start()
            yield
        finally:
            if bases is not None:
                await bases.stop()
            await batcher.stop()

    return lifespan


def _routes(batcher: Batcher, metrics: Metrics) -> list[NamedRoute]:
    # Plain routes: they decode and encode by themselves, and FastAPI's machinery would double the cost of a request.
    health = HealthRoutes(batcher)
    return [
        NamedRoute("/healthz", health.healthz, methods=["GET"]),
        NamedRoute("/readyz", health.readyz, methods=["GET"]),
        NamedRoute("/metrics", metrics.get, methods=["GET"]),
    ]
