"""Word lists and their versions as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from nlp_service.api.schemas.words import NEW_WORD, WORD, WordIn
from nlp_service.store.wordlists import Lexicon, LexiconVersion
from nlp_service.store.words import WordChange

MAX_WHY = 2_000
"""Code points in the note on a change."""

ListVersion = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class LexiconRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A list to make.

    Attributes:
        name: 1 to 100 printable characters without a slash.
        kind: ``deny``, ``allow`` or ``watch``.
        category: What its words stand for, where a word says nothing else.
        words: At most 10,000; more are an import.
        note: For the history.
    """

    name: str
    kind: str
    category: str = ""
    words: list[str | WordIn] = []
    note: str = ""


class LexiconPutRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a list is for; it is made if it is not there.

    Attributes:
        kind, category, note: As in `LexiconRequest`.
        words: All that it has from now on, at most 10,000; null leaves them as they are.
    """

    kind: str
    category: str = ""
    words: list[str | WordIn] | None = None
    note: str = ""


class LexiconResponse(msgspec.Struct):
    """One list."""

    request_id: str
    lexicon: Lexicon


class LexiconsResponse(msgspec.Struct):
    """All lists, by name."""

    request_id: str
    lexicons: list[Lexicon]


class LexiconDeletedResponse(msgspec.Struct):
    """How many lists of this name are gone now."""

    request_id: str
    deleted: int


class LexiconVersionsResponse(msgspec.Struct):
    """All versions of a list, the first one first; what was stays."""

    request_id: str
    version: int
    versions: list[LexiconVersion]


class LexiconDiffResponse(msgspec.Struct):
    """What leads from one version of a list to another.

    Attributes:
        old, new: The versions.
        added, changed, removed: How many words, in all.
        changes: A page of them, in the order of code points: each word as it is in both versions, null where it is not.
        next: What ``after`` must be for the next page; null on the last.
    """

    request_id: str
    old: int
    new: int
    added: int
    changed: int
    removed: int
    changes: list[WordChange]
    next: str | None


class LexiconRollbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Make the words of an earlier version those of a new one; 0 is the empty list."""

    version: ListVersion
    note: str = ""


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_LEXICON = Lexicon(1, "ads", "deny", "contact_spam", 3, 120, _AT)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    LexiconRequest("ads", "deny", "contact_spam", ["代购联系", NEW_WORD], "第一批"),
    LexiconPutRequest("watch", "contact_spam", ["代购联系"], "先观察"),
    LexiconResponse(_ID, _LEXICON),
    LexiconsResponse(_ID, [_LEXICON]),
    LexiconDeletedResponse(_ID, 1),
    LexiconVersionsResponse(_ID, 3, [LexiconVersion(3, _AT, "key:nlp_3f9a", "第一批", 120)]),
    LexiconDiffResponse(_ID, 2, 3, 1, 0, 0, [WordChange(WORD.word, None, WORD)], None),
    LexiconRollbackRequest(2, "误伤太多"),
)
"""One of each type that is a whole body."""
