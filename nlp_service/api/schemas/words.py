"""Words of lists as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from nlp_service.moderation.wordrows import BadRow
from nlp_service.store.words import Word
from nlp_service.types import Span

Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class WordIn(msgspec.Struct, forbid_unknown_fields=True):
    """A word to enter; where nothing more is to be said than the word, it may be a string.

    Attributes:
        category: What it stands for; empty for what the list stands for.
        valid_from, valid_to: When it counts, from the one, inclusive, to the other, exclusive; with a time zone.
        note: Why it is there.
    """

    word: str
    category: str = ""
    valid_from: Aware | None = None
    valid_to: Aware | None = None
    note: str = ""


class WordsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Words to put into a list, all or none; one that is in it becomes what is given.

    Attributes:
        words: At most 10,000; more are an import.
        replace: Whether all other words of the list go.
        note: For the history.
    """

    words: list[str | WordIn]
    replace: bool = False
    note: str = ""


class WordsRemovalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Words to take out of a list."""

    words: list[str]
    note: str = ""


class WordsWrittenResponse(msgspec.Struct):
    """What a change did; it holds in all processes within two seconds.

    Attributes:
        version: The one that holds now; as before if nothing was changed.
        added, changed, removed, unchanged: How many words.
    """

    request_id: str
    version: int
    added: int
    changed: int
    removed: int
    unchanged: int


class WordsResponse(msgspec.Struct):
    """A page of words, in the order of code points.

    Attributes:
        version: Of the list.
        next: What ``after`` must be for the next page; null on the last.
    """

    request_id: str
    version: int
    words: list[Word]
    next: str | None


class WordImportResponse(msgspec.Struct):
    """What an import did.

    Attributes:
        version: The one that holds now; as before if nothing was changed.
        rows: Rows of the file that held something, failed ones included.
        added, changed, removed, unchanged: How many words.
        n_failed: Rows that were not taken.
        failed: The first 1,000 of them, in the order of the file.
        is_written: False if nothing was kept because a row failed and all or nothing was asked for.
        ignored: Names of columns or fields that no word has, the first 20.
    """

    request_id: str
    version: int
    rows: int
    added: int
    changed: int
    removed: int
    unchanged: int
    n_failed: int
    failed: list[BadRow]
    is_written: bool
    ignored: list[str]


class LexiconTestRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Texts in which words are looked for; nothing is stored.

    Attributes:
        texts: 1 to 512, of at most 4,000 code points each.
        at: When words must be valid; now unless given.
    """

    texts: list[str]
    at: Aware | None = None


class WordFound(msgspec.Struct):
    """A word of a list in a text.

    Attributes:
        span: Where, in code points of the text as it was sent.
        word, list, kind, category: The list's.
        normalised: What the characters were read as.
        disguise: How it is hidden; ``none`` where it is not.
    """

    span: Span
    word: str
    list: str
    kind: str
    category: str
    normalised: str
    disguise: str


class WordsFound(msgspec.Struct):
    """What was found in one text, from left to right."""

    hits: list[WordFound]


class LexiconTestResponse(msgspec.Struct):
    """What the lists of the tenant find, one result for each text, in order.

    Attributes:
        rules_version: Counts changes of lists, policies and settings; what this process holds.
        words: How many words it holds.
    """

    request_id: str
    rules_version: int
    words: int
    results: list[WordsFound]


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_TEXT = "加微信领券"

NEW_WORD = WordIn(_TEXT, "contact_spam", _AT, note="三月的广告")
WORD = Word(_TEXT, "contact_spam", _AT, None, "三月的广告")

EXAMPLES: tuple[msgspec.Struct, ...] = (
    WordsRequest(["代购联系", NEW_WORD], note="客服反馈"),
    WordsRemovalRequest(["代购联系"], "误伤"),
    WordsWrittenResponse(_ID, 4, 2, 0, 0, 0),
    WordsResponse(_ID, 3, [WORD], _TEXT),
    WordImportResponse(_ID, 4, 121, 118, 2, 0, 0, 1, [BadRow(17, "word", "word must not be empty")], True, ["来源"]),
    LexiconTestRequest(["加微信领券，先到先得"]),
    LexiconTestResponse(
        _ID, 7, 120, [WordsFound([WordFound(Span(0, 5, _TEXT), _TEXT, "ads", "deny", "contact_spam", _TEXT, "none")])]
    ),
)
"""One of each type that is a whole body."""
