"""``/v1/lexicons``: lists are made, listed, shown, changed and removed, and tried on texts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.resources import check_line, respond
from nlp_service.api.rules.parts import RuleParts, name_of_list
from nlp_service.api.rules.words import MAX_BODY, words_of
from nlp_service.api.schemas.lexicons import (
    MAX_WHY,
    LexiconDeletedResponse,
    LexiconPutRequest,
    LexiconRequest,
    LexiconResponse,
    LexiconsResponse,
)
from nlp_service.api.schemas.words import LexiconTestRequest, LexiconTestResponse, WordFound, WordsFound
from nlp_service.errors import BadInput, TooLarge
from nlp_service.moderation.lexicon import Hit
from nlp_service.store.wordlists import Lexicon
from nlp_service.text.normalise import normalise_batch

MAX_TEXTS, MAX_TEXT = 512, 4_000
"""Texts that a test takes, and code points in each."""

_new = msgspec.json.Decoder(LexiconRequest)
_put = msgspec.json.Decoder(LexiconPutRequest)
_test = msgspec.json.Decoder(LexiconTestRequest)


class Lexicons:
    """The routes with what they need."""

    def __init__(self, parts: RuleParts, max_body_bytes: int) -> None:
        self._parts = parts
        self._store = parts.lexicons
        self._max_body_bytes = min(max_body_bytes, MAX_BODY)

    async def browse(self, request: Request) -> Response:
        """Show all lists."""
        tenant = tenant_of(request)
        found = await self._parts.quick.run(lambda: self._store.lists(tenant))
        return respond(LexiconsResponse(request.state.request_id, found))

    async def create(self, request: Request) -> Response:
        """Make a list, with its first words if there are any.

        Raises:
            BadInput: A field cannot be taken; `param` names it.
            TooLarge: There are too many words; the rest is an import.
            Conflict: There is a list of this name.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _new)
        caller, note = caller_of(request), check_line("note", asked.note, MAX_WHY)

        def work() -> Lexicon:
            words = words_of(asked.words)
            create = self._store.create
            return create(caller.tenant, asked.name, asked.kind, asked.category, words, actor=caller.actor, note=note)

        lexicon = await self._parts.quick.run(work)
        self._parts.rulebooks.look()
        return respond(LexiconResponse(request.state.request_id, lexicon), 201)

    async def get(self, request: Request) -> Response:
        """Show one list.

        Raises:
            NotFound: There is no such one.
        """
        tenant, name = tenant_of(request), name_of_list(request)
        lexicon = await self._parts.quick.run(lambda: self._store.get(tenant, name))
        return respond(LexiconResponse(request.state.request_id, lexicon))

    async def put(self, request: Request) -> Response:
        """Make a list or set what it is for, and replace its words where some are given.

        Raises:
            BadInput: The name or a field cannot be taken; `param` names it.
            TooLarge: There are too many words; import them.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _put)
        caller, note = caller_of(request), check_line("note", asked.note, MAX_WHY)
        name = request.path_params["name"]

        def work() -> tuple[Lexicon, bool]:
            words = None if asked.words is None else words_of(asked.words)
            put = self._store.put
            return put(caller.tenant, name, asked.kind, asked.category, words, actor=caller.actor, note=note)

        lexicon, is_new = await self._parts.quick.run(work)
        self._parts.rulebooks.look()
        return respond(LexiconResponse(request.state.request_id, lexicon), 201 if is_new else 200)

    async def delete(self, request: Request) -> Response:
        """Remove a list with all its versions.

        Raises:
            NotFound: There is no such one.
        """
        caller, name = caller_of(request), name_of_list(request)
        await self._parts.quick.run(lambda: self._store.delete(caller.tenant, name, actor=caller.actor))
        self._parts.rulebooks.look()
        return respond(LexiconDeletedResponse(request.state.request_id, 1))

    async def test(self, request: Request) -> Response:
        """Say which words of the lists that hold are in texts.

        Raises:
            BadInput: There is no text.
            TooLarge: There are too many texts, or one is too long.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _test)
        _check_texts(asked.texts)
        rules = await self._parts.rulebooks.of(tenant_of(request))
        at = asked.at or datetime.now(UTC)

        def work() -> list[WordsFound]:
            found = rules.matcher.find(asked.texts, normalise_batch(asked.texts), at)
            return [WordsFound([_shown(hit) for hit in hits]) for hits in found]

        results = await self._parts.quick.run(work)
        return respond(LexiconTestResponse(request.state.request_id, rules.version, rules.n_words, results))


def _check_texts(texts: Sequence[str]) -> None:
    if not texts:
        raise BadInput("there is no text", param="texts")
    if len(texts) > MAX_TEXTS:
        raise TooLarge(f"{len(texts)} texts are more than {MAX_TEXTS}", param="texts")
    for place, text in enumerate(texts):
        if len(text) > MAX_TEXT:
            raise TooLarge(f"the text has {len(text)} characters, at most {MAX_TEXT} are read", param=f"texts[{place}]")


def _shown(hit: Hit) -> WordFound:
    return WordFound(
        hit.span, hit.word, hit.list_name, hit.kind, hit.category, hit.normalised, hit.disguise.name.lower()
    )
