"""``/v1/kb/{kb}/publish`` and the history: what is answered from, what was, and how versions differ."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.knowledge.asked import Kb, base_of, query_version
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.resources import check_line, respond
from nlp_service.api.schemas.versions import (
    MAX_AUTHOR,
    MAX_NOTE,
    DiffResponse,
    PublishedResponse,
    PublishRequest,
    RollbackRequest,
    VersionsResponse,
)
from nlp_service.errors import BadInput, Conflict
from nlp_service.knowledge import versions
from nlp_service.knowledge.gate import publish_checked
from nlp_service.store.knowledge import KnowledgeStore

_publish = msgspec.json.Decoder(PublishRequest)
_rollback = msgspec.json.Decoder(RollbackRequest)


class Versions:
    """The routes with what they need."""

    def __init__(self, knowledge: Knowledge, max_body_bytes: int) -> None:
        self._knowledge = knowledge
        self._store = knowledge.store
        self._max_body_bytes = max_body_bytes

    async def publish(self, request: Request) -> Response:
        """Measure the draft and make it the version that is answered from; an empty body does so without a word.

        Raises:
            NotFound: There is no such base.
            Conflict: The draft has no change, is not the one that was looked at, or answers worse than what is
                published.
            BadInput: It is forced without a reason, or a text cannot be stored.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes) or b"{}", _publish)
        if asked.force and not asked.reason.strip():
            raise BadInput("a publish by force needs a reason", param="reason")
        author = check_line("author", asked.author, MAX_AUTHOR)
        note = check_line("note", asked.note, MAX_NOTE)
        reason = check_line("reason", asked.reason, MAX_NOTE) if asked.force else None
        (tenant, actor, *_), kb = caller_of(request), base_of(request)

        def work() -> PublishedResponse:
            base = self._store.get(tenant, kb)
            if asked.draft not in (None, base.draft):
                raise Conflict(f"the draft is {base.draft}, not {asked.draft}", param="draft")
            done = publish_checked(
                self._store,
                self._knowledge.model,
                tenant,
                base.id,
                author=author,
                note=note,
                force_reason=reason,
                actor=actor,
            )
            published = self._store.version(tenant, base.id, done.version)
            return PublishedResponse(request.state.request_id, done.version, published, list(done.falls))

        return respond(await self._knowledge.long.run(work), 201)

    async def roll_back(self, request: Request) -> Response:
        """Publish the entries of an earlier version as a new one.

        Raises:
            NotFound: There is no such base or version.
            Conflict: The draft has changes, or the version is equal to the published one.
            BadInput: A field cannot be taken.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _rollback)
        author = check_line("author", asked.author, MAX_AUTHOR)
        note = check_line("note", asked.note, MAX_NOTE)
        (tenant, actor, *_), kb = caller_of(request), base_of(request)

        def work() -> PublishedResponse:
            told = {"author": author, "note": note, "actor": actor}
            number = self._store.roll_back(tenant, kb, asked.version, discard=asked.discard, **told)
            return PublishedResponse(request.state.request_id, number, self._store.version(tenant, kb, number), [])

        return respond(await self._knowledge.long.run(work), 201)

    async def browse(self, request: Request) -> Response:
        """Show all versions.

        Raises:
            NotFound: There is no such base.
        """
        tenant, kb = tenant_of(request), base_of(request)
        found = await self._knowledge.quick.run(lambda: self._store.versions(tenant, kb))
        published = found[-1].number if found else 0
        return respond(VersionsResponse(request.state.request_id, published, found))

    async def diff(self, request: Request) -> Response:
        """Compare ``old``, the published version unless given, with ``new``, the draft unless given.

        Raises:
            NotFound: There is no such base or version.
            BadInput: A parameter cannot be read.
        """
        tenant, kb = tenant_of(request), base_of(request)
        old, new = query_version(request, "old", "published"), query_version(request, "new", "draft")

        def work() -> DiffResponse:
            numbers = (number_of(self._store, tenant, kb, old), number_of(self._store, tenant, kb, new))
            found = versions.diff(self._store, tenant, kb, *numbers)
            return DiffResponse(
                request.state.request_id, *numbers, list(found.added), list(found.removed), list(found.changed)
            )

        return respond(await self._knowledge.long.run(work))


def number_of(store: KnowledgeStore, tenant: str, kb: Kb, version: str | int) -> int | None:
    """A version as the store names it: None for the draft.

    Raises:
        NotFound: ``published`` is asked for, and there is no such base.
    """
    if isinstance(version, int):
        return version
    return None if version == "draft" else store.get(tenant, kb).published
