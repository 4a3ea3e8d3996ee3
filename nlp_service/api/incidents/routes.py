"""Every path of incidents, and what answers it."""

from __future__ import annotations

from functools import partial

from nlp_service.api.incidents.acting import Acting
from nlp_service.api.incidents.looking import Looking
from nlp_service.api.incidents.openapi import PART
from nlp_service.api.incidents.parts import IncidentParts
from nlp_service.api.incidents.taking import Taking
from nlp_service.api.requests import NamedRoute
from nlp_service.api.resources import resource

TAKE = "/take/"
"""Paths that begin so need no key: their token is one."""


class IncidentRoutes:
    """The routes, and the watch as long as the application runs."""

    described = PART

    def __init__(self, parts: IncidentParts) -> None:
        self._parts = parts
        looking, acting, taking = Looking(parts), Acting(parts), Taking(parts)
        seen, one = partial(resource, read="review"), "/v1/incidents/{incident}"
        self.all = [
            seen("/v1/incidents", GET=looking.browse),
            seen(one, GET=looking.get),
            seen(f"{one}/timeline", GET=looking.timeline),
            seen(f"{one}/messages", GET=looking.messages),
            seen(f"{one}/statements", GET=looking.statements),
            seen(f"{one}/acknowledge", POST=acting.acknowledge),
            seen(f"{one}/assign", POST=acting.assign),
            seen(f"{one}/comments", POST=acting.comment),
            seen(f"{one}/close", POST=acting.close),
            seen(f"{one}/reopen", POST=acting.reopen),
            seen(f"{one}/merge", POST=acting.merge),
            seen(f"{one}/steps/{{step}}", POST=acting.finish_step, DELETE=acting.reopen_step),
            seen(f"{one}/review", PUT=acting.review),
            seen(f"{one}/actions", POST=acting.add_action),
            seen(f"{one}/actions/{{action}}/done", POST=acting.finish_action),
            resource(
                "/v1/crisis/settings", read="review", write="admin", GET=acting.get_settings, PUT=acting.put_settings
            ),
            NamedRoute(f"{TAKE}{{token}}", taking.answer, methods=["GET", "POST"]),
        ]

    async def start(self) -> None:
        """Begin to watch."""
        await self._parts.start()

    async def stop(self) -> None:
        """End."""
        await self._parts.stop()
