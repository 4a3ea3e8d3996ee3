"""The application: routes around one batcher, and those of knowledge bases where it has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.analyze import Analyze, Limits
from nlp_service.api.errors import add_error_handlers
from nlp_service.api.health import HealthRoutes
from nlp_service.api.metrics import Metrics
from nlp_service.api.openapi import Part, add_openapi
from nlp_service.api.requests import NamedRoute, RequestFrame
from nlp_service.api.resources import resource
from nlp_service.inference.batcher import Batcher
from nlp_service.inference.process import Build

if TYPE_CHECKING:
    from nlp_service.api.access import Access
    from nlp_service.api.community import Community, CommunityRooms
    from nlp_service.api.duty import OnDuty
    from nlp_service.api.insights.routes import Insights
    from nlp_service.api.knowledge.parts import Knowledge
    from nlp_service.api.knowledge.routes import KnowledgeRoutes
    from nlp_service.knowledge.search.model import SearchModel


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


class Room(Protocol):
    """Routes of one subject, and what runs behind them as long as the application does.

    Attributes:
        all: The routes.
        described: What the OpenAPI document says of them.
    """

    all: list[NamedRoute]
    described: Part

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End, even what did not begin."""


def create_app(
    build: Build,
    options: Options,
    knowledge: Knowledge | None = None,
    access: Access | None = None,
    community: Community | None = None,
    insights: Insights | None = None,
    duty: OnDuty | None = None,
) -> FastAPI:
    """Put the application together; its lifespan starts and ends the workers.

    Args:
        build: Makes the reader inside each worker: a function of a module, or a `partial` of one.
        options: How it runs.
        knowledge: What is behind the routes of knowledge bases; without it there are none.
        access: Finds out who asks; without it everybody may do everything, and there are no routes of keys.
        community: What is behind the routes of messages, rules and reviews; without it there are none.
        insights: What is behind the routes of insights and of jobs; without it there are none.
        duty: What is behind the routes of incidents and of notices; without it there are none, and nobody watches.

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

    rules = community.rulebooks if community else None
    analyze = resource("/v1/analyze", read="analyze", POST=Analyze(batcher, options.limits, rules).post)
    bases = _knowledge_routes(knowledge, batcher, metrics, options.limits)
    groups = _community_rooms(community, batcher, options, knowledge.model if knowledge else None)
    others = (*_insight_rooms(insights), *_duty_rooms(duty, batcher), *_access_routes(access))
    rooms: list[Room] = [*([bases] if bases else []), *(groups.all if groups else ()), *others]
    direct = [analyze, *([bases.reply] if bases else []), *([groups.messages] if groups else [])]
    frame = Middleware(RequestFrame, metrics=metrics, direct={route.path: route for route in direct}, access=access)
    app = FastAPI(
        title="nlp-service",
        version="1",
        description="Reads messages of Chinese communities.",
        lifespan=_running(batcher, metrics, rooms),
        docs_url=None,  # the pages would load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        middleware=[frame],
    )
    add_error_handlers(app)
    add_openapi(app, [room.described for room in rooms], needs_key=access is not None and not access.is_open)
    app.router.routes += [analyze, *(route for room in rooms for route in room.all), *_routes(batcher, metrics)]
    return app


def _knowledge_routes(
    knowledge: Knowledge | None, batcher: Batcher, metrics: Metrics, limits: Limits
) -> KnowledgeRoutes | None:
    if knowledge is None:
        return None
    # Here, because an application without them need not load a database and a search index.
    from nlp_service.api.knowledge.routes import KnowledgeRoutes

    return KnowledgeRoutes(knowledge, batcher, metrics, limits)


def _community_rooms(
    community: Community | None, batcher: Batcher, options: Options, model: SearchModel | None
) -> CommunityRooms | None:
    if community is None:
        return None
    from nlp_service.api.community import CommunityRooms

    return CommunityRooms(community, batcher, options.limits, options.deadline_s, model)


def _insight_rooms(insights: Insights | None) -> Sequence[Room]:
    if insights is None:
        return ()
    from nlp_service.api.insights.routes import InsightRooms

    return InsightRooms(insights).all


def _duty_rooms(duty: OnDuty | None, batcher: Batcher) -> Sequence[Room]:
    if duty is None:
        return ()
    duty.watch_models(batcher.find_faults)
    from nlp_service.api.duty import DutyRooms

    return DutyRooms(duty).all


def _access_routes(access: Access | None) -> list[Room]:
    if access is None:
        return []
    from nlp_service.api.keys import AccessRoutes

    return [AccessRoutes(access)]


def _running(
    batcher: Batcher, metrics: Metrics, rooms: Sequence[Room]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan: workers, and what is behind the routes, run as long as the application does."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            await batcher.start()
            metrics.set_versions(batcher.model_version, batcher.policy_version)
            for room in rooms:
                await room.start()
            yield
        finally:
            for room in reversed(rooms):
                await room.stop()
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
