"""The application: routes around one batcher."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.analyze import Analyze, Limits
from nlp_service.api.errors import add_error_handlers
from nlp_service.api.health import HealthRoutes
from nlp_service.api.metrics import Metrics
from nlp_service.api.openapi import add_openapi
from nlp_service.api.requests import NamedRoute, RequestFrame
from nlp_service.inference.batcher import Batcher
from nlp_service.inference.process import Build


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


def create_app(build: Build, options: Options) -> FastAPI:
    """Put the application together; its lifespan starts and ends the workers.

    Args:
        build: Makes the reader inside each worker: a function of a module, or a `partial` of one.
        options: How it runs.

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

    analyze = NamedRoute("/v1/analyze", Analyze(batcher, options.limits).post, methods=["POST"])
    app = FastAPI(
        title="nlp-service",
        version="1",
        description="Reads messages of Chinese communities.",
        lifespan=_running(batcher, metrics),
        docs_url=None,  # the pages would load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(RequestFrame, metrics=metrics, direct={analyze.path: analyze})],
    )
    add_error_handlers(app)
    add_openapi(app)
    app.router.routes += [analyze, *_routes(batcher, metrics)]
    return app


def _running(batcher: Batcher, metrics: Metrics) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan: workers run as long as the application does."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            await batcher.start()
            metrics.set_versions(batcher.model_version, batcher.policy_version)
            yield
        finally:
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
