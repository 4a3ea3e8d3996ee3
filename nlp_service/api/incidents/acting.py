"""What people do about incidents, and what a tenant settles about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import tenant_of
from nlp_service.api.incidents.parts import MAX_BODY, IncidentParts, key_of, who_of
from nlp_service.api.resources import check_line, find_id, is_number, respond
from nlp_service.api.schemas.incidents import (
    AssignRequest,
    ByRequest,
    ChangedIncidentResponse,
    CloseRequest,
    CommentRequest,
    CrisisSettingsRequest,
    CrisisSettingsResponse,
    IncidentActionRequest,
    IncidentReviewRequest,
    MergeRequest,
    StepRequest,
    response_of,
    summary_of,
)
from nlp_service.duty.showing import Shown
from nlp_service.errors import NotFound
from nlp_service.store.incident_records import IncidentRow

T = TypeVar("T")


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


_by, _assign, _comment = _decoder(ByRequest), _decoder(AssignRequest), _decoder(CommentRequest)
_close, _merge, _step = _decoder(CloseRequest), _decoder(MergeRequest), _decoder(StepRequest)
_review, _action = _decoder(IncidentReviewRequest), _decoder(IncidentActionRequest)
_settings = _decoder(CrisisSettingsRequest)


class Acting:
    """The routes with what they need. All raise what `duty.desk` raises, and BadInput for a body."""

    def __init__(self, parts: IncidentParts) -> None:
        self._parts = parts
        self._desk = parts.desk

    async def acknowledge(self, request: Request) -> Response:
        """Take an incident on."""
        asked, key = await _body(request, _by), key_of(request)
        who = who_of(request, _line("by", asked.by))
        return await self._changed(request, lambda: self._desk.acknowledge(who, key))

    async def assign(self, request: Request) -> Response:
        """Give an incident to somebody."""
        asked, key = await _body(request, _assign), key_of(request)
        who, assignee = who_of(request, _line("by", asked.by)), _line("assignee", asked.assignee).strip()
        return await self._changed(request, lambda: self._desk.assign(who, key, assignee))

    async def comment(self, request: Request) -> Response:
        """Add words to the timeline."""
        asked, key = await _body(request, _comment), key_of(request)
        who, text = who_of(request, _line("by", asked.by)), check_line("text", asked.text, 2_000)

        def work() -> IncidentRow:
            self._desk.comment(who, key, text)
            return self._parts.incidents.get(who.tenant, key)

        return await self._changed(request, work)

    async def close(self, request: Request) -> Response:
        """Close an incident."""
        asked, key = await _body(request, _close), key_of(request)
        who, reason = who_of(request, _line("by", asked.by)), check_line("reason", asked.reason, 2_000)
        return await self._changed(request, lambda: self._desk.close(who, key, reason))

    async def reopen(self, request: Request) -> Response:
        """Open an incident again."""
        asked, key = await _body(request, _by), key_of(request)
        who = who_of(request, _line("by", asked.by))
        return await self._changed(request, lambda: self._desk.reopen(who, key))

    async def merge(self, request: Request) -> Response:
        """Let an incident go into another one."""
        asked, key = await _body(request, _merge), key_of(request)
        who, into = who_of(request, _line("by", asked.by)), check_line("into", asked.into, 64)
        return await self._changed(request, lambda: self._desk.merge(who, key, into))

    async def finish_step(self, request: Request) -> Response:
        """Note that a step was done."""
        asked, key = await _body(request, _step), key_of(request)
        step = find_id("step", request.path_params["step"], 64)
        who, note = who_of(request, _line("by", asked.by)), check_line("note", asked.note, 2_000)
        return await self._shown(request, lambda: self._desk.finish_step(who, key, step, note, is_skipped=asked.skip))

    async def reopen_step(self, request: Request) -> Response:
        """Take a step back."""
        who, key = who_of(request), key_of(request)
        step = find_id("step", request.path_params["step"], 64)
        return await self._shown(request, lambda: self._desk.reopen_step(who, key, step))

    async def review(self, request: Request) -> Response:
        """Keep what was learnt."""
        asked, key = await _body(request, _review), key_of(request)
        who = who_of(request, _line("by", asked.by))
        return await self._shown(request, lambda: self._desk.write_review(who, key, asked.review))

    async def add_action(self, request: Request) -> Response:
        """Add something to be done."""
        asked, key = await _body(request, _action), key_of(request)
        who, title = who_of(request, _line("by", asked.by)), check_line("title", asked.title, 500)
        owner = _line("owner", asked.owner)
        return await self._shown(request, lambda: self._desk.add_action(who, key, title, owner, asked.due_at))

    async def finish_action(self, request: Request) -> Response:
        """Note that it was done."""
        asked, key = await _body(request, _by), key_of(request)
        who, text = who_of(request, _line("by", asked.by)), find_id("action", request.path_params["action"], 18)
        if not is_number(text):
            raise NotFound("there is no such action", param="action")
        return await self._shown(request, lambda: self._desk.finish_action(who, key, int(text)))

    async def get_settings(self, request: Request) -> Response:
        """Show what the tenant has written."""
        tenant = tenant_of(request)
        return respond(await self._parts.threads.run(lambda: self._settings(request, tenant)))

    async def put_settings(self, request: Request) -> Response:
        """Let playbooks, statements and a helpline hold."""
        asked, who = await _body(request, _settings), who_of(request)

        def work() -> CrisisSettingsResponse:
            self._desk.put_settings(who, asked.document)
            return self._settings(request, who.tenant)

        return respond(await self._parts.threads.run(work))

    def _settings(self, request: Request, tenant: str) -> CrisisSettingsResponse:
        held = self._parts.watches.settings(tenant)
        names = [playbook.name for playbook in self._desk.duty_of(tenant).playbooks]
        return CrisisSettingsResponse(request.state.request_id, held.version, held.document, names)

    async def _changed(self, request: Request, work: Callable[[], IncidentRow]) -> Response:
        row = await self._parts.threads.run(work)
        return respond(ChangedIncidentResponse(request.state.request_id, summary_of(row)))

    async def _shown(self, request: Request, work: Callable[[], Shown]) -> Response:
        return respond(response_of(request.state.request_id, await self._parts.threads.run(work)))


async def _body(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    return decode_body(await read_body(request, MAX_BODY) or b"{}", decoder)


def _line(name: str, text: str) -> str:
    return check_line(name, text, 100)
