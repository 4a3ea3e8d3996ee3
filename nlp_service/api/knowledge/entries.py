"""``/v1/kb/{kb}/entries``: entries of a version are read, those of the draft written, and conflicts found on write."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.knowledge.asked import Kb, base_of, query_version
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.knowledge.versions import number_of
from nlp_service.api.resources import find_id, query_number, respond
from nlp_service.api.schemas.knowledge import (
    DeletedResponse,
    EntriesRequest,
    EntriesResponse,
    EntryIn,
    EntryResponse,
    WrittenResponse,
)
from nlp_service.errors import BadInput, NotFound, TooLarge
from nlp_service.knowledge.conflicts import Conflict, conflicts_of, find_conflicts
from nlp_service.knowledge.entries import MAX_ID, Entry, from_record, make_entry, to_record
from nlp_service.knowledge.importing import make_id
from nlp_service.knowledge.versions import read_entries
from nlp_service.store.records import Written

MAX_ENTRIES = 1_000
"""Entries that one request writes; more are an import."""

PAGE, MOST_PAGE = 100, 1_000

MOST_COMPARED = 20_000
"""Wordings of a draft up to which each write looks for conflicts: comparing with them takes a second or two."""

_one = msgspec.json.Decoder(EntryIn)
_several = msgspec.json.Decoder(EntriesRequest | list[EntryIn])


class Entries:
    """The routes with what they need."""

    def __init__(self, knowledge: Knowledge, max_body_bytes: int) -> None:
        self._knowledge = knowledge
        self._store = knowledge.store
        self._max_body_bytes = max_body_bytes

    async def browse(self, request: Request) -> Response:
        """Show a page of entries: ``version``, ``after``, ``limit``.

        Raises:
            NotFound: There is no such base or version.
            BadInput: A parameter cannot be read.
        """
        tenant, kb = tenant_of(request), base_of(request)
        asked = query_version(request, "version", "draft")
        limit = query_number(request, "limit", PAGE, least=1, most=MOST_PAGE)
        after = request.query_params.get("after")
        if after is not None:
            after = find_id("after", after, MAX_ID)

        def work() -> tuple[int | None, list[Entry]]:
            version = number_of(self._store, tenant, kb, asked)
            records = self._store.entries(tenant, kb, version, after=after, limit=limit + 1)
            return version, [from_record(record) for record in records]

        version, found = await self._knowledge.quick.run(work)
        page = found[:limit]
        following = page[-1].id if len(found) > limit else None
        return respond(EntriesResponse(request.state.request_id, version, page, following))

    async def get(self, request: Request) -> Response:
        """Show one entry: ``version``.

        Raises:
            NotFound: There is no such base, version or entry.
        """
        tenant, kb, entry_id = tenant_of(request), base_of(request), _id_of(request)
        asked = query_version(request, "version", "draft")

        def work() -> tuple[int | None, Entry]:
            version = number_of(self._store, tenant, kb, asked)
            return version, from_record(self._store.entry(tenant, kb, entry_id, version))

        return respond(EntryResponse(request.state.request_id, *await self._knowledge.quick.run(work)))

    async def put(self, request: Request) -> Response:
        """Write one entry into the draft.

        Raises:
            NotFound: There is no such base.
            BadInput: A field cannot be taken; `param` names it.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _one)
        entry_id = request.path_params["entry_id"]
        if asked.id not in (None, entry_id):
            raise BadInput("id is not that of the path", param="id")
        asked.id = entry_id
        return await self._write(request, [asked], "")

    async def post(self, request: Request) -> Response:
        """Write entries into the draft, all or none.

        Raises:
            NotFound: There is no such base.
            BadInput: There is no entry, or a field of one cannot be taken; `param` names it.
            TooLarge: There are too many, or a text is too long.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _several)
        several, at = (asked.entries, "entries") if isinstance(asked, EntriesRequest) else (asked, "")
        if not several:
            raise BadInput("there is no entry", param=at or "body")
        if len(several) > MAX_ENTRIES:
            raise TooLarge(f"{len(several)} entries are more than {MAX_ENTRIES}; import them", param=at or "body")
        return await self._write(request, several, f"{at}[{{}}].")

    async def delete(self, request: Request) -> Response:
        """Take one entry out of the draft.

        Raises:
            NotFound: There is no such base, or the draft has no such entry.
        """
        caller, kb, entry_id = caller_of(request), base_of(request), _id_of(request)
        n_removed = await self._knowledge.quick.run(
            lambda: self._store.remove(caller.tenant, kb, [entry_id], actor=caller.actor)
        )
        if not n_removed:
            raise NotFound("there is no such entry", param="entry_id")
        return respond(DeletedResponse(request.state.request_id, n_removed))

    async def _write(self, request: Request, several: Sequence[EntryIn], at: str) -> Response:
        caller, kb = caller_of(request), base_of(request)

        def work() -> WrittenResponse:
            entries = [entry_of(item, at.format(place)) for place, item in enumerate(several)]
            _refuse_twice(entries, at)
            records = [to_record(entry) for entry in entries]
            written = self._store.put(caller.tenant, kb, records, actor=caller.actor)
            return answer_of(self._knowledge, caller.tenant, kb, request.state.request_id, entries, written)

        answer = await self._knowledge.quick.run(work)
        return respond(answer, 201 if answer.created else 200)


def answer_of(
    knowledge: Knowledge, tenant: str, kb: Kb, request_id: str, entries: Sequence[Entry], written: Written
) -> WrittenResponse:
    """What a write did, with the conflicts that entries have with others of the draft."""
    conflicts = _conflicts(knowledge, tenant, kb, entries)
    ids = [entry.id for entry in entries]
    return WrittenResponse(request_id, ids, *written, conflicts or [], conflicts is not None)


def entry_of(item: EntryIn, at: str) -> Entry:
    """Make an entry of what was sent.

    Raises:
        BadInput: A field cannot be taken; `param` names it, behind `at`.
    """
    wordings = [*([] if item.question is None else [item.question]), *(item.questions or ())]
    try:
        if not wordings:
            raise BadInput("question is missing", param="question")
        return make_entry(
            make_id(wordings[0]) if item.id is None else item.id,
            wordings,
            item.answer,
            category=item.category,
            tags=item.tags,
            valid_from=item.valid_from,
            valid_to=item.valid_to,
            audience=item.audience,
            owner=item.owner,
        )
    except BadInput as error:
        raise type(error)(error.message, param=f"{at}{error.param}") from error


def _conflicts(knowledge: Knowledge, tenant: str, kb: Kb, entries: Sequence[Entry]) -> list[Conflict] | None:
    """Conflicts of entries of the draft; None where it is too large to look for them."""
    draft = read_entries(knowledge.store, tenant, kb)
    if sum(len(entry.questions) for entry in draft) > MOST_COMPARED:
        return None
    if len(entries) == 1:
        return conflicts_of(entries[0], draft, knowledge.vectors_of)
    ids = {entry.id for entry in entries}
    found = find_conflicts(draft, knowledge.vectors_of)
    return [conflict for conflict in found if not ids.isdisjoint(conflict.entry_ids)]


def _refuse_twice(entries: Sequence[Entry], at: str) -> None:
    seen: set[str] = set()
    for place, entry in enumerate(entries):
        if entry.id in seen:
            raise BadInput("an entry before has the same id", param=f"{at.format(place)}id")
        seen.add(entry.id)


def _id_of(request: Request) -> str:
    return find_id("entry_id", request.path_params["entry_id"], MAX_ID)
