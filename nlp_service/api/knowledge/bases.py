"""``/v1/kb``: bases are made, listed, shown and removed, and their synonyms set."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.knowledge.asked import Kb, base_of, check_new_name
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.resources import respond
from nlp_service.api.schemas.knowledge import (
    BaseRequest,
    BaseResponse,
    BasesResponse,
    DeletedResponse,
    KnowledgeBase,
    SynonymsRequest,
)
from nlp_service.errors import BadInput
from nlp_service.knowledge.search.synonyms import Synonyms
from nlp_service.store.records import Base

_new = msgspec.json.Decoder(BaseRequest)
_synonyms = msgspec.json.Decoder(SynonymsRequest)


class Bases:
    """The routes with what they need."""

    def __init__(self, knowledge: Knowledge, max_body_bytes: int) -> None:
        self._knowledge = knowledge
        self._store = knowledge.store
        self._max_body_bytes = max_body_bytes

    async def create(self, request: Request) -> Response:
        """Make an empty base.

        Raises:
            BadInput: The name or a setting cannot be taken.
            Conflict: There is a base of this name.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _new)
        caller, name = caller_of(request), check_new_name(asked.name)
        groups = asked.settings.synonyms if asked.settings else []

        def work() -> Base:
            _check(groups, "settings.synonyms")
            try:
                settings = {"synonyms": groups} if groups else {}
                return self._store.create(caller.tenant, name, settings, actor=caller.actor)
            except BadInput as error:
                raise BadInput(error.message, param="name") from error

        base = await self._knowledge.quick.run(work)
        return respond(BaseResponse(request.state.request_id, shown(base), 0), 201)

    async def browse(self, request: Request) -> Response:
        """Show all bases."""
        tenant = tenant_of(request)
        bases = await self._knowledge.quick.run(lambda: self._store.bases(tenant))
        return respond(BasesResponse(request.state.request_id, [shown(base) for base in bases]))

    async def get(self, request: Request) -> Response:
        """Show one base.

        Raises:
            NotFound: There is no such one.
        """
        return await self._show(request, base_of(request))

    async def delete(self, request: Request) -> Response:
        """Remove a base with all versions, and the replies that were given from it.

        Raises:
            NotFound: There is no such one.
        """
        caller, kb = caller_of(request), base_of(request)
        await self._knowledge.quick.run(lambda: self._store.delete(caller.tenant, kb, actor=caller.actor))
        return respond(DeletedResponse(request.state.request_id, 1))

    async def put_synonyms(self, request: Request) -> Response:
        """Set the groups of synonyms, without a publish.

        Raises:
            BadInput: A group cannot be taken; `param` names it.
            NotFound: There is no such base.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _synonyms)
        caller, kb = caller_of(request), base_of(request)

        def work() -> None:
            _check(asked.groups, "groups")
            changes = {"synonyms": asked.groups or None}
            self._store.change_settings(caller.tenant, kb, changes, actor=caller.actor)

        await self._knowledge.quick.run(work)
        return await self._show(request, kb)

    async def _show(self, request: Request, kb: Kb) -> Response:
        tenant = tenant_of(request)
        base, n_entries = await self._knowledge.quick.run(
            lambda: (self._store.get(tenant, kb), self._store.count(tenant, kb))
        )
        return respond(BaseResponse(request.state.request_id, shown(base), n_entries))


def shown(base: Base) -> KnowledgeBase:
    """A base without its tenant and the settings that are nobody's to see."""
    settings = {name: value for name, value in base.settings.items() if not name.startswith("_")}
    return KnowledgeBase(
        base.id, base.name, base.published, base.draft, settings, base.settings_version, base.created_at
    )


def _check(groups: Sequence[Sequence[str]], param: str) -> None:
    try:
        Synonyms(groups)
    except BadInput as error:
        raise type(error)(error.message, param=(error.param or "").replace("synonyms", param, 1)) from error
