"""Runs the application on a port until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn
import uvloop
from fastapi import FastAPI

from nlp_service.api.app import Options, create_app
from nlp_service.errors import ServiceError
from nlp_service.inference.process import Build, keep_what_was_loaded

if TYPE_CHECKING:
    from nlp_service.api.access import Access
    from nlp_service.api.community import Community
    from nlp_service.api.duty import OnDuty
    from nlp_service.api.insights.routes import Insights
    from nlp_service.api.knowledge.parts import Knowledge

DRAIN_S = 5
"""At a stop, how long requests in progress may take to finish, in seconds."""

log = logging.getLogger(__name__)


def serve(
    build: Build,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    options: Options | None = None,
    knowledge: Knowledge | None = None,
    access: Access | None = None,
    community: Community | None = None,
    insights: Insights | None = None,
    duty: OnDuty | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, which let requests in progress finish.

    Args:
        build: As `create_app` takes it.
        host: Address to bind.
        port: Port to bind; 0 takes a free one, which the log line ``listening`` names.
        options: How the application runs; the defaults when None.
        knowledge: What is behind the routes of knowledge bases; without it there are none.
        access: Finds out who asks; without it everybody may do everything.
        community: What is behind the routes of messages; without it there are none.
        insights: What is behind the routes of insights and jobs; without it there are none.
        duty: What is behind the routes of incidents and notices; without it there are none, and nobody watches.

    Raises:
        ArtifactError: The model cannot be loaded; the message names the file. Nothing runs then.
        ServiceError: The port is taken, or a worker could not start otherwise.
    """
    app = create_app(build, options or Options(), knowledge, access, community, insights, duty)
    with _bind(host, port) as sock, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app, sock))


async def _serve(app: FastAPI, sock: socket.socket) -> None:
    # The lifespan is entered here and not by uvicorn, so that an error of the start reaches the caller as it is.
    async with app.router.lifespan_context(app):
        keep_what_was_loaded()
        config = uvicorn.Config(
            app,
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who the caller is, the key says
            timeout_graceful_shutdown=DRAIN_S,
        )
        await _Server(config).serve(sockets=[sock])
        log.info("stopping")


class _Server(uvicorn.Server):
    """Takes the signals, but does not raise them again when it is done: the workers still have to be ended."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and only then say so: who reads the line may connect at once."""
        await super().startup(sockets)
        for sock in sockets or ():
            host, port = sock.getsockname()[:2]
            log.info("listening", extra={"fields": {"host": host, "port": port}})

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        handlers = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ServiceError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return sock
