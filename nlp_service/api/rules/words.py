"""``/v1/lexicons/{name}/words``: words of a version are read, and those of the list written."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.resources import check_line, find_id, query_number, respond
from nlp_service.api.rules.parts import RuleParts, name_of_list, query_version
from nlp_service.api.schemas.lexicons import MAX_WHY
from nlp_service.api.schemas.words import (
    WordIn,
    WordsRemovalRequest,
    WordsRequest,
    WordsResponse,
    WordsWrittenResponse,
)
from nlp_service.errors import BadInput, TooLarge
from nlp_service.moderation.entered import MAX_WORD, UNREADABLE, find_unreadable, make_word
from nlp_service.store.wordlists import MAX_CATEGORY, Written
from nlp_service.store.words import Chosen, Word

MOST_WORDS = 10_000
"""Words that one request writes; more are an import."""

MAX_BODY = 4 * 2**20
"""Bytes in the body of such a request: to decode more would keep other requests waiting."""

PAGE, MOST_PAGE = 100, 1_000

_write = msgspec.json.Decoder(WordsRequest)
_remove = msgspec.json.Decoder(WordsRemovalRequest)


class Words:
    """The routes with what they need."""

    def __init__(self, parts: RuleParts, max_body_bytes: int) -> None:
        self._parts = parts
        self._store = parts.lexicons
        self._max_body_bytes = min(max_body_bytes, MAX_BODY)

    async def browse(self, request: Request) -> Response:
        """Show a page of words: ``version``, ``search``, ``category``, ``after``, ``limit``.

        Raises:
            NotFound: There is no such list or version.
            BadInput: A parameter cannot be read.
        """
        tenant, name = tenant_of(request), name_of_list(request)
        version, limit = (
            query_version(request, "version"),
            query_number(request, "limit", PAGE, least=1, most=MOST_PAGE),
        )
        query = request.query_params
        after = find_id("after", query["after"], MAX_WORD) if "after" in query else None
        search = check_line("search", query.get("search", ""), MAX_WORD)
        category = check_line("category", query["category"], MAX_CATEGORY) if "category" in query else None
        chosen = Chosen(search, category, after, limit + 1)

        def work() -> tuple[int, list[Word]]:
            number = self._store.get(tenant, name).version if version is None else version
            return number, self._store.words(tenant, name, number, chosen)

        number, found = await self._parts.quick.run(work)
        page = found[:limit]
        following = page[-1].word if len(found) > limit else None
        return respond(WordsResponse(request.state.request_id, number, page, following))

    async def post(self, request: Request) -> Response:
        """Put words into a list, or make them all that it has.

        Raises:
            NotFound: There is no such list.
            BadInput: A field of a word cannot be taken; `param` names it.
            TooLarge: There are too many words, or a text is too long.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _write)
        caller, name = caller_of(request), name_of_list(request)
        note = check_line("note", asked.note, MAX_WHY)
        if not asked.words and not asked.replace:
            raise BadInput("there is no word", param="words")

        def work() -> Written:
            write = self._store.replace if asked.replace else self._store.add
            return write(caller.tenant, name, words_of(asked.words), actor=caller.actor, note=note)

        return await self._answer(request, await self._parts.quick.run(work))

    async def delete(self, request: Request) -> Response:
        """Take words out of a list: those of the body, or of ``word``, which may come several times.

        Raises:
            NotFound: There is no such list.
            BadInput: No word is named.
        """
        caller, name = caller_of(request), name_of_list(request)
        body = await read_body(request, self._max_body_bytes)
        asked = decode_body(body, _remove) if body else WordsRemovalRequest(request.query_params.getlist("word"))
        note = check_line("note", asked.note, MAX_WHY)
        if not asked.words:
            raise BadInput("there is no word", param="words")
        # No list has words that cannot be stored, and PostgreSQL does not even compare with them.
        words = [word for word in map(str.strip, asked.words) if len(word) <= MAX_WORD and "\0" not in word]
        remove = self._store.remove
        done = await self._parts.quick.run(lambda: remove(caller.tenant, name, words, actor=caller.actor, note=note))
        return await self._answer(request, done)

    async def _answer(self, request: Request, written: Written) -> Response:
        self._parts.rulebooks.look()
        return respond(WordsWrittenResponse(request.state.request_id, *written))


def words_of(given: Sequence[str | WordIn], at: str = "words") -> list[Word]:
    """Make words of what was sent.

    Raises:
        BadInput: A field of one cannot be taken; `param` names it.
        TooLarge: There are more than `MOST_WORDS`, or a text is too long.
    """
    if len(given) > MOST_WORDS:
        raise TooLarge(f"{len(given)} words are more than {MOST_WORDS}; import them", param=at)
    words = [_word(item, f"{at}[{place}]") for place, item in enumerate(given)]
    unreadable = find_unreadable([word.word for word in words])
    if unreadable:
        raise BadInput(UNREADABLE, param=f"{at}[{unreadable[0]}]")
    return words


def _word(item: str | WordIn, at: str) -> Word:
    try:
        if isinstance(item, str):
            return make_word(item)
        return make_word(item.word, item.category, item.valid_from, item.valid_to, item.note)
    except BadInput as error:
        param = at if isinstance(item, str) else f"{at}.{error.param}"
        raise type(error)(error.message, param=param) from error
