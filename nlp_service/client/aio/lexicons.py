"""Word lists, for programs of asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from nlp_service.client import calls
from nlp_service.client.aio.sending import AsyncSender
from nlp_service.client.values import Lexicon, Word, WordsWritten


class Lexicons:
    """Word lists. Part of `AsyncClient`."""

    def __init__(self, sender: AsyncSender) -> None:
        self._do = sender.do

    async def browse(self) -> list[Lexicon]:
        """All word lists."""
        return (await self._do(calls.lexicons())).lexicons

    async def put(self, name: str, kind: str, *, category: str = "", note: str = "") -> Lexicon:
        """Make a word list, or change what it is for; its words stay."""
        return (await self._do(calls.put_lexicon(name, kind, category=category, note=note))).lexicon

    async def delete(self, name: str) -> None:
        """Remove a word list."""
        await self._do(calls.delete_lexicon(name))

    async def words(self, name: str, **filters: Any) -> AsyncIterator[Word]:
        """Words of a list, page by page: ``search``, ``category``, ``version``."""
        after: str | None = None
        while True:
            page = await self._do(calls.words(name, filters, after))
            for one in page.words:
                yield one
            after = page.next
            if after is None:
                return

    async def add(self, name: str, words: Sequence[str | Word], *, note: str = "") -> WordsWritten:
        """Put words into a list, at most 10,000; more are an import."""
        return await self._do(calls.add_words(name, words, note=note))

    async def remove(self, name: str, words: Sequence[str], *, note: str = "") -> WordsWritten:
        """Take words out of a list."""
        return await self._do(calls.remove_words(name, words, note=note))

    async def import_file(
        self, name: str, data: bytes, *, format: str | None = None, replace: bool = False, note: str = ""
    ) -> WordsWritten:
        """Put the words of a TXT, CSV, XLSX or JSONL file into a list, or make them all that it has."""
        return await self._do(calls.import_words(name, data, format=format, replace=replace, note=note))
