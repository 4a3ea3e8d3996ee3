"""Word lists, for programs that wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nlp_service.client import calls
from nlp_service.client.blocking.sending import Sender
from nlp_service.client.values import Lexicon, Word, WordsWritten


class Lexicons:
    """Word lists. Part of `Client`."""

    def __init__(self, sender: Sender) -> None:
        self._do = sender.do

    def browse(self) -> list[Lexicon]:
        """All word lists."""
        return self._do(calls.lexicons()).lexicons

    def put(self, name: str, kind: str, *, category: str = "", note: str = "") -> Lexicon:
        """Make a word list, or change what it is for; its words stay."""
        return self._do(calls.put_lexicon(name, kind, category=category, note=note)).lexicon

    def delete(self, name: str) -> None:
        """Remove a word list."""
        self._do(calls.delete_lexicon(name))

    def words(self, name: str, **filters: Any) -> Iterator[Word]:
        """Words of a list, page by page: ``search``, ``category``, ``version``."""
        after: str | None = None
        while True:
            page = self._do(calls.words(name, filters, after))
            yield from page.words
            after = page.next
            if after is None:
                return

    def add(self, name: str, words: Sequence[str | Word], *, note: str = "") -> WordsWritten:
        """Put words into a list, at most 10,000; more are an import."""
        return self._do(calls.add_words(name, words, note=note))

    def remove(self, name: str, words: Sequence[str], *, note: str = "") -> WordsWritten:
        """Take words out of a list."""
        return self._do(calls.remove_words(name, words, note=note))

    def import_file(
        self, name: str, data: bytes, *, format: str | None = None, replace: bool = False, note: str = ""
    ) -> WordsWritten:
        """Put the words of a TXT, CSV, XLSX or JSONL file into a list, or make them all that it has."""
        return self._do(calls.import_words(name, data, format=format, replace=replace, note=note))
