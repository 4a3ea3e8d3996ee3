"""``/v1/lexicons/{name}/versions`` and what is done with them: compared, and gone back to."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.resources import check_line, find_id, query_number, respond
from nlp_service.api.rules.parts import RuleParts, name_of_list, query_version
from nlp_service.api.rules.words import MAX_BODY, MOST_PAGE, PAGE
from nlp_service.api.schemas.lexicons import (
    MAX_WHY,
    LexiconDiffResponse,
    LexiconRollbackRequest,
    LexiconVersionsResponse,
)
from nlp_service.api.schemas.words import WordsWrittenResponse
from nlp_service.moderation.entered import MAX_WORD

_rollback = msgspec.json.Decoder(LexiconRollbackRequest)


class History:
    """The routes with what they need."""

    def __init__(self, parts: RuleParts, max_body_bytes: int) -> None:
        self._parts = parts
        self._store = parts.lexicons
        self._max_body_bytes = min(max_body_bytes, MAX_BODY)

    async def browse(self, request: Request) -> Response:
        """Show all versions of a list.

        Raises:
            NotFound: There is no such list.
        """
        tenant, name = tenant_of(request), name_of_list(request)
        found = await self._parts.quick.run(lambda: self._store.versions(tenant, name))
        current = found[-1].version if found else 0
        return respond(LexiconVersionsResponse(request.state.request_id, current, found))

    async def diff(self, request: Request) -> Response:
        """Compare ``old``, the version before the current one unless given, with ``new``: ``after``, ``limit``.

        Raises:
            NotFound: There is no such list or version.
            BadInput: A parameter cannot be read.
        """
        tenant, name = tenant_of(request), name_of_list(request)
        old, new = query_version(request, "old"), query_version(request, "new")
        limit = query_number(request, "limit", PAGE, least=1, most=MOST_PAGE)
        query = request.query_params
        after = find_id("after", query["after"], MAX_WORD) if "after" in query else ""

        def work() -> LexiconDiffResponse:
            current = self._store.get(tenant, name).version
            last = current if new is None else new
            first = max(last - 1, 0) if old is None else old
            changes = self._store.compare(tenant, name, first, last)
            added = sum(change.old is None for change in changes)
            removed = sum(change.new is None for change in changes)
            rest = [change for change in changes if change.word > after]
            following = rest[limit - 1].word if len(rest) > limit else None
            changed = len(changes) - added - removed
            request_id = request.state.request_id
            return LexiconDiffResponse(request_id, first, last, added, changed, removed, rest[:limit], following)

        return respond(await self._parts.long.run(work))

    async def roll_back(self, request: Request) -> Response:
        """Make the words of an earlier version those of a new one.

        Raises:
            NotFound: There is no such list or version.
            Conflict: They are those of the current version.
            BadInput: A field cannot be taken.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _rollback)
        caller, name = caller_of(request), name_of_list(request)
        note = check_line("note", asked.note, MAX_WHY)
        roll_back = self._store.roll_back
        done = await self._parts.long.run(
            lambda: roll_back(caller.tenant, name, asked.version, actor=caller.actor, note=note)
        )
        self._parts.rulebooks.look()
        return respond(WordsWrittenResponse(request.state.request_id, *done), 201)
