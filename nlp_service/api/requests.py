"""What happens to every request: it gets an id, is timed, counted and logged, and always an answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping
from time import perf_counter
from typing import Any, Protocol
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nlp_service.api.caller import Caller
from nlp_service.api.errors import internal_error, service_error_response
from nlp_service.api.metrics import Metrics
from nlp_service.errors import ServiceError
from nlp_service.telemetry import describe

CLIENT_GONE = 499
"""Status in logs and figures of a request whose caller hung up; nobody receives it. nginx uses the same number."""

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_SANE_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")

log = logging.getLogger(__name__)


class Identifies(Protocol):
    """Finds out who sends a request, as `api.access.Access` does."""

    async def identify(self, scope: Scope) -> Caller:
        """Who it is; raises a `ServiceError` for those who get no further."""
        ...


class RequestFrame:
    """ASGI middleware around all routes.

    Who asks is found out first of all, before anything of the body is read and whether or not there is such a path, and
    is the request's state ``caller`` from then on. Without `access` everybody may do everything.

    Routes that are asked for each message are answered here at once: the layers of the framework between this one and
    them would take as long as they do.

    The caller's ``X-Request-ID`` is echoed when it is up to 128 letters, digits and ``._:-``, else replaced.
    What a route fails on unforeseen is answered with 500 and logged without its message, which may quote the request.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, direct: Mapping[str, NamedRoute], access: Identifies | None = None
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._direct = direct
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        state: dict[str, Any] = scope.setdefault("state", {})
        request_id = state["request_id"] = _request_id(scope)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            if self._access is not None and not await self._admit(self._access, scope, send_with_id):
                return
            route = self._direct.get(scope["path"])
            if route is not None and scope["method"] in (route.methods or ()):
                scope["route"] = route
                await _answer(route, Request(scope, receive), send_with_id)
            else:
                await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = status or CLIENT_GONE
        except Exception as error:
            log.error("request_failed", extra={"fields": {"request_id": request_id} | describe(error)})
            if status:
                raise  # the answer has begun: all that is left is to cut the connection
            await internal_error(request_id)(scope, receive, send_with_id)
        finally:
            self._note(scope, state, status, perf_counter() - started)

    async def _admit(self, access: Identifies, scope: Scope, send: Send) -> bool:
        """Find out who asks; who gets no further is told so."""
        try:
            scope["state"]["caller"] = await access.identify(scope)
        except ServiceError as error:
            request = Request(scope)
            await service_error_response(request, error)(scope, request.receive, send)
            return False
        return True

    def _note(self, scope: Scope, state: dict[str, Any], status: int, seconds: float) -> None:
        # A path that no route knows is the caller's own text.
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.request_answered(route, method, status, seconds)
        # Requests that went well are told to /metrics; a line for each would cost more than their answer.
        level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
        if log.isEnabledFor(level):
            fields = {"route": route, "method": method, "status": status, "ms": round(seconds * 1000, 1), **state}
            caller = fields.pop("caller", None)
            if caller is not None:
                fields |= {"tenant": caller.tenant, "actor": caller.actor}
            log.log(level, "request", extra={"fields": fields})


class NamedRoute(Route):
    """A plain route that the request is told of, as FastAPI does with its own, so that figures can name it.

    Args:
        path: As Starlette takes it.
        endpoint: What answers.
        methods: Those that it takes.
        scopes: What a caller needs, by method; empty for what is open to all. It describes: the endpoint checks.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Collection[str] | None = None,
        scopes: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.scopes = dict(scopes or {})

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As in the base class, with the route itself under ``route``."""
        match, child = super().matches(scope)
        return match, child if match is Match.NONE else {**child, "route": self}


async def _answer(route: NamedRoute, request: Request, send: Send) -> None:
    try:
        response = await route.endpoint(request)
    except ServiceError as error:
        response = service_error_response(request, error)
    await response(request.scope, request.receive, send)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            return text if _SANE_ID.fullmatch(text) else uuid4().hex
    return uuid4().hex
