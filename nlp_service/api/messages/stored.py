"""Stored messages: browsed, exported, shown, and removed as their platform removed them; and their authors."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.messages.asked import filters_of, message_id_of, named_of
from nlp_service.api.messages.export import FORMATS, ExportResponse, Writer
from nlp_service.api.messages.records import record_of
from nlp_service.api.resources import query_number, respond
from nlp_service.api.schemas.messages import (
    AuthorResponse,
    ErasureResponse,
    MessageResponse,
    MessagesPage,
    RemovedResponse,
)
from nlp_service.api.threads import Threads
from nlp_service.errors import BadInput, Overloaded
from nlp_service.store.browsing import MAX_PAGE, Filters, Page
from nlp_service.store.messages import MessageStore
from nlp_service.store.profiles import ProfileStore

PAGE = 100
LAST_MESSAGES = 20
"""Messages that the history of an author shows."""

MOST_EXPORTS = 4
"""Exports at once; each holds some thousand messages in memory."""


class Stored:
    """The routes with what they need.

    Args:
        messages: Where messages are.
        profiles: What is known of authors.
        threads: For what blocks.
    """

    def __init__(self, messages: MessageStore, profiles: ProfileStore, threads: Threads) -> None:
        self._messages = messages
        self._profiles = profiles
        self._threads = threads
        self._n_exports = 0

    async def browse(self, request: Request) -> Response:
        """Show a page of messages, or send all of them as a file where a ``format`` is named.

        Raises:
            BadInput: A parameter is unknown or cannot be read; `param` names it.
            Overloaded: Too many are being exported.
        """
        tenant, filters = tenant_of(request), filters_of(request)
        format = request.query_params.get("format")
        if format is not None and format not in FORMATS:
            raise BadInput(f"format must be one of {', '.join(FORMATS)}", param="format")
        limit = query_number(request, "limit", PAGE, least=1, most=MAX_PAGE)
        cursor = request.query_params.get("cursor")
        if format is not None:
            if "limit" in request.query_params or cursor is not None:
                raise BadInput("an export has no pages", param="limit" if cursor is None else "cursor")
            return await self._export(tenant, filters, format)
        page = await self._threads.run(partial(self._messages.browse, tenant, filters, cursor, limit))
        return respond(MessagesPage(request.state.request_id, list(map(record_of, page.messages)), page.next_cursor))

    async def get(self, request: Request) -> Response:
        """Show one message by the id that it was stored under.

        Raises:
            NotFound: There is no such message.
        """
        found = await self._threads.run(partial(self._messages.get, tenant_of(request), message_id_of(request)))
        return respond(MessageResponse(request.state.request_id, record_of(found)))

    async def find(self, request: Request) -> Response:
        """Show one message by its platform and the id there.

        Raises:
            NotFound: There is no such message.
        """
        platform, external_id = named_of(request, "id")
        found = await self._threads.run(partial(self._messages.find, tenant_of(request), platform, external_id))
        return respond(MessageResponse(request.state.request_id, record_of(found)))

    async def remove(self, request: Request) -> Response:
        """Delete a message as its author or the platform did; also one that has not come yet.

        Raises:
            BadInput: No message can be named so.
        """
        caller, (platform, external_id) = caller_of(request), named_of(request, "id")
        remove = partial(
            self._messages.remove, caller.tenant, platform, external_id, datetime.now(UTC), actor=caller.actor
        )
        removed = await self._threads.run(remove)
        return respond(RemovedResponse(request.state.request_id, removed.id, platform, external_id, removed.state))

    async def get_author(self, request: Request) -> Response:
        """Show an author's history.

        Raises:
            NotFound: Nothing of them ever came.
        """
        tenant, (platform, author) = tenant_of(request), named_of(request, "author")
        profile = await self._threads.run(partial(self._profiles.get, tenant, platform, author))
        filters = Filters(platform=platform, author=author)
        last = await self._threads.run(partial(self._messages.browse, tenant, filters, limit=LAST_MESSAGES))
        return respond(AuthorResponse(request.state.request_id, profile, list(map(record_of, last.messages))))

    async def erase_author(self, request: Request) -> Response:
        """Remove all that came from an author, and all that hangs on it.

        Raises:
            BadInput: Nobody can be named so.
        """
        caller, (platform, author) = caller_of(request), named_of(request, "author")
        erase = partial(self._messages.erase_author, caller.tenant, platform, author, actor=caller.actor)
        return respond(ErasureResponse(request.state.request_id, await self._threads.run(erase)))

    async def _export(self, tenant: str, filters: Filters, format: str) -> Response:
        if self._n_exports >= MOST_EXPORTS:
            raise Overloaded(f"{self._n_exports} exports are being sent", retry_after_s=5.0)
        # Read before anything is sent, so that what cannot be read at all has a status that says so.
        first = await self._page(tenant, filters, None)
        return ExportResponse(self._write(tenant, filters, Writer(format), first), format)

    async def _write(self, tenant: str, filters: Filters, writer: Writer, page: Page) -> AsyncGenerator[bytes, None]:
        self._n_exports += 1
        try:
            yield await self._threads.run(writer.begin)
            while True:
                if page.messages:
                    yield await self._threads.run(partial(writer.add, page.messages))
                if page.next_cursor is None:
                    break
                page = await self._page(tenant, filters, page.next_cursor)
            yield await self._threads.run(writer.end)
        finally:
            self._n_exports -= 1

    async def _page(self, tenant: str, filters: Filters, cursor: str | None) -> Page:
        return await self._threads.run(partial(self._messages.browse, tenant, filters, cursor, MAX_PAGE))
