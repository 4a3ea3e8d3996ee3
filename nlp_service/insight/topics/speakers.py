"""Who made statements: people by numbers that are the same on every day."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from nlp_service.insight.counting import coded
from nlp_service.insight.facts import Floats
from nlp_service.insight.topics.state import PEOPLE, Index, Names

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STIR = np.uint64(0xBF58476D1CE4E5B9)


def speakers_of(of_row: Index, row_people: Names, n: int) -> tuple[Floats, Floats, Names]:
    """Messages, different people, and up to four of these, of each of `n` statements."""
    rows = np.flatnonzero(of_row >= 0)
    own, who = of_row[rows], row_people[rows]
    messages = np.bincount(own, minlength=n).astype(np.float32)
    order = np.lexsort((who, own))
    own, who = own[order], who[order]
    new = np.ones(len(own), np.bool_)
    new[1:] = (own[1:] != own[:-1]) | (who[1:] != who[:-1])
    own, who = own[new], who[new]
    n_people = np.bincount(own, minlength=n)
    rank = np.arange(len(own)) - (np.cumsum(n_people) - n_people)[own]
    people = np.zeros((n, PEOPLE), np.uint64)
    few = rank < PEOPLE
    people[own[few], rank[few]] = who[few]
    return messages, n_people.astype(np.float32), people


def people_of(table: pa.Table) -> Names:
    """Who wrote each row, as the same number on every day; a message of nobody known is by somebody of its own."""
    platforms, authors, ids = (coded(table.column(name)) for name in ("platform", "author", "id"))
    hashed = [names_of([*column.names, ""]) for column in (platforms, authors, ids)]
    nobody = np.array([not name for name in (*authors.names, "")], np.bool_)[authors.codes]
    # The id goes into another half of the bits, so that nobody is taken for the author of that name.
    who = np.where(nobody, ~hashed[2][ids.codes], hashed[1][authors.codes])
    mixed = (who ^ (hashed[0][platforms.codes] * _GOLDEN)) * _STIR
    found: Names = np.maximum(mixed ^ (mixed >> np.uint64(31)), np.uint64(1))
    return found


def names_of(texts: Sequence[str]) -> Names:
    """A number of 64 bits for each text, the same in every process."""
    digests = b"".join(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, "<u8").astype(np.uint64)
