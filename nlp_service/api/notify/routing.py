"""``/v1/notify/routes``: who is told what, when."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.notify.parts import NotifyParts
from nlp_service.api.resources import check_line, respond
from nlp_service.api.schemas.notify import (
    PreviewRequest,
    PreviewResponse,
    RoutesRequest,
    RoutesResponse,
    ToldChannel,
)
from nlp_service.notify.notices import Notice
from nlp_service.notify.routing import channels_of, plan, read_routing
from nlp_service.store.notifying import RoutingVersion

MAX_BODY = 2**19
"""Bytes in a body; two hundred routes are some 60 KB."""

_put = msgspec.json.Decoder(RoutesRequest)
_preview = msgspec.json.Decoder(PreviewRequest)


class Routing:
    """The routes with what they need."""

    def __init__(self, parts: NotifyParts) -> None:
        self._parts = parts

    async def get(self, request: Request) -> Response:
        """Show the routes that hold."""
        tenant = tenant_of(request)
        return await self._show(request, tenant, lambda: self._parts.store.routing(tenant))

    async def put(self, request: Request) -> Response:
        """Make routes hold. Names that are no channels are named, not refused: a channel may be made afterwards.

        Raises:
            BadInput: The document cannot be read; `param` names its field.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _put)
        read_routing(asked.document)
        caller, put = caller_of(request), self._parts.store.put_routing
        return await self._show(request, caller.tenant, lambda: put(caller.tenant, asked.document, actor=caller.actor))

    async def preview(self, request: Request) -> Response:
        """Say who would be told.

        Raises:
            BadInput: The document cannot be read; `param` names its field.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _preview)
        tenant, document = tenant_of(request), asked.document
        if document is None:
            document = (await self._parts.threads.run(lambda: self._parts.store.routing(tenant))).document
        at = asked.at or self._parts.now()
        told = Notice(
            kind=check_line("kind", asked.kind, 64),
            subject="preview:1",
            title="",
            severity=asked.severity,
            category=check_line("category", asked.category, 64),
            community=check_line("community", asked.community, 200),
            role=check_line("role", asked.role, 64),
            at=at,
        )
        found = [
            ToldChannel(one.channel, one.due_at, one.is_escalation, one.route)
            for one in plan(read_routing(document), told, at)
        ]
        return respond(PreviewResponse(request.state.request_id, found))

    async def _show(self, request: Request, tenant: str, find: Callable[[], RoutingVersion]) -> Response:
        def work() -> tuple[RoutingVersion, set[str]]:
            version = find()
            return version, {channel.name for channel in self._parts.store.list(tenant)}

        version, known = await self._parts.threads.run(work)
        unknown = sorted(channels_of(read_routing(version.document)) - known)
        values = (version.version, version.document, version.created_at, version.author, unknown)
        return respond(RoutesResponse(request.state.request_id, *values))
