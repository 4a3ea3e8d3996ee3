"""Words as somebody enters them into a list: the same checks for requests, files and the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from nlp_service.errors import BadInput, TooLarge
from nlp_service.store.wordlists import MAX_CATEGORY
from nlp_service.store.words import Word
from nlp_service.text.normalise import normalise_batch

MAX_WORD, MAX_NOTE = 100, 200
"""Code points in a word and in the note on it."""

UNREADABLE = "word has nothing that is read: no message could hold it"

# Whoever pastes a list with such characters has pasted something else with it; PostgreSQL takes not all of them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOTE_CONTROL = re.compile(r"[\x00\ud800-\udfff]")

_AT_ONCE = 5_000


def make_word(
    word: str,
    category: str = "",
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    note: str = "",
) -> Word:
    """Make a word of what was entered, without white space at its ends.

    Raises:
        BadInput: A field cannot be taken; `param` names it.
        TooLarge: A text is too long; `param` names it.
    """
    word, category, note = word.strip(), category.strip(), note.strip()
    if not word:
        raise BadInput("word must not be empty", param="word")
    for name, text, longest in (
        ("word", word, MAX_WORD),
        ("category", category, MAX_CATEGORY),
        ("note", note, MAX_NOTE),
    ):
        if len(text) > longest:
            raise TooLarge(f"{name} has {len(text)} characters, at most {longest} are taken", param=name)
        if (_NOTE_CONTROL if name == "note" else _CONTROL).search(text):
            raise BadInput(f"{name} holds control characters or is not valid Unicode", param=name)
    begin, end = in_utc("valid_from", valid_from), in_utc("valid_to", valid_to)
    if begin is not None and end is not None and begin >= end:
        raise BadInput("valid_to must be later than valid_from", param="valid_to")
    return Word(word, category, begin, end, note)


def find_unreadable(words: Sequence[str]) -> list[int]:
    """Places of words of which nothing is left once texts are normalised: no message could ever hold them."""
    found: list[int] = []
    for begin in range(0, len(words), _AT_ONCE):
        offsets = normalise_batch(words[begin : begin + _AT_ONCE]).offsets
        found += (np.flatnonzero(np.diff(offsets) == 0) + begin).tolist()
    return found


def in_utc(name: str, at: datetime | None) -> datetime | None:
    """A time in UTC; None stays None.

    Raises:
        BadInput: It has no zone, or is outside the years 1 to 9999 there; `param` is `name`.
    """
    if at is None:
        return None
    if at.tzinfo is None:
        raise BadInput(f"{name} has no time zone", param=name)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(f"{name} is out of range", param=name) from error
