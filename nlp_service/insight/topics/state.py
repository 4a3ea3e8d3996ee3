"""What is remembered of topics from day to day. Bounded, whatever has been read."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.errors import BadInput
from nlp_service.insight.facts import Floats

VERSION = 1
"""Of the bytes. A reader takes only its own."""

BUCKETS = 1 << 14
"""Counters of words; rare ones may share one."""

PEOPLE = 4
"""People of a statement that are told apart."""

NOBODY = np.uint64(0)

Index = npt.NDArray[np.int64]
Names = npt.NDArray[np.uint64]

_MAGIC = b"topics\0\0"
_DIGEST = 32


@dataclass(frozen=True, eq=False)
class Topics:
    """The topics that are remembered, in order of their numbers.

    Attributes:
        numbers: What assignments name them by; (k,), rising.
        ids: What everybody else does: of the founding day and what was said on it.
        sums: Sum of the statements' vectors, decayed; (k, n_columns).
        mass: Of as many statements; (k,).
        founded, last: Day of the foundation, and the last on which two people spoke of it; ordinals; (k,).
        first_at: Its first message, microseconds since 1970; (k,).
        faded: (k,).
    """

    numbers: Index
    ids: tuple[str, ...]
    sums: Floats
    mass: Floats
    founded: Index
    last: Index
    first_at: Index
    faded: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.numbers)

    def centres(self) -> Floats:
        """Their directions, of unit length; (k, n_columns)."""
        return unit(self.sums)

    def take(self, places: npt.NDArray[Any]) -> Topics:
        """Some of them, by place or mask."""
        chosen = np.arange(len(self))[places]
        columns = {name: getattr(self, name)[chosen] for name in _COLUMNS}
        return Topics(ids=tuple(self.ids[i] for i in chosen.tolist()), **columns)

    def join(self, other: Topics) -> Topics:
        """These and others behind them."""
        columns = {name: np.concatenate((getattr(self, name), getattr(other, name))) for name in _COLUMNS}
        return Topics(ids=self.ids + other.ids, **columns)


@dataclass(frozen=True, eq=False)
class Waiting:
    """Statements that belong to no topic yet.

    Attributes:
        keys: Of what they say; (m,).
        vectors: (m, n_columns), 16 bits.
        messages: How many; (m,).
        people: Up to four of those who said it, 0 for nobody; (m, PEOPLE).
        day: Ordinal of the last day on which it was said; (m,).
    """

    keys: Names
    vectors: npt.NDArray[np.float16]
    messages: Floats
    people: Names
    day: Index

    def take(self, places: npt.NDArray[Any]) -> Waiting:
        """Some of them, by place or mask."""
        return Waiting(*(getattr(self, name)[places] for name in _WAITING))


_COLUMNS = ("numbers", "sums", "mass", "founded", "last", "first_at", "faded")
_WAITING = ("keys", "vectors", "messages", "people", "day")
_KINDS: dict[str, tuple[str, int]] = {
    "numbers": ("<i8", 1), "sums": ("<f4", 2), "mass": ("<f4", 1), "founded": ("<i8", 1), "last": ("<i8", 1),
    "first_at": ("<i8", 1), "faded": ("|b1", 1), "keys": ("<u8", 1), "vectors": ("<f2", 2), "messages": ("<f4", 1),
    "people": ("<u8", 2), "day": ("<i8", 1), "counts": ("<f4", 1), "common": ("<f4", 1), "merged": ("<i8", 2),
}  # fmt: skip


def unit(vectors: Floats) -> Floats:
    """Rows of unit length; zero stays zero."""
    found: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return found


def no_topics(columns: int) -> Topics:
    """No topic, of vectors of so many columns."""
    longs, floats = np.zeros(0, np.int64), np.zeros(0, np.float32)
    return Topics(longs, (), np.zeros((0, columns), np.float32), floats, longs, longs, longs, np.zeros(0, np.bool_))


def nothing_waiting(columns: int) -> Waiting:
    """No statement, of vectors of so many columns."""
    return Waiting(
        np.zeros(0, np.uint64),
        np.zeros((0, columns), np.float16),
        np.zeros(0, np.float32),
        np.zeros((0, PEOPLE), np.uint64),
        np.zeros(0, np.int64),
    )


@dataclass(frozen=True, eq=False)
class TopicState:
    """All that one day leaves to the next. `TopicState()` is that before the first.

    Attributes:
        day: Ordinal of the last day that was read; 0 before the first.
        next_number: Of the next topic.
        topics: Those that are remembered.
        waiting: What may found one.
        counts: In how many statements the words of each bucket were, decayed; (BUCKETS,).
        statements: How many there were, decayed.
        common: Sum of their embeddings, decayed; (n_embedding_columns,), none before the first.
        merged: Number of each topic that is no more, the one it is part of, and the day; (n, 3).
    """

    day: int = 0
    next_number: int = 1
    topics: Topics = field(default_factory=lambda: no_topics(0))
    waiting: Waiting = field(default_factory=lambda: nothing_waiting(0))
    counts: Floats = field(default_factory=lambda: np.zeros(BUCKETS, np.float32))
    statements: float = 0.0
    common: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    merged: Index = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    @property
    def columns(self) -> int:
        """Columns of the vectors; 0 before the first message."""
        return int(self.topics.sums.shape[1])

    def resolve(self, numbers: Index) -> Index:
        """What numbers that were given on earlier days stand for now: the topic that took theirs in, -1 for none.

        A number that has been forgotten gives -1.
        """
        into = dict(self.merged[:, :2].tolist())
        known = set(self.topics.numbers.tolist())
        different, place = np.unique(numbers, return_inverse=True)
        found = []
        for number in different.tolist():
            while number in into:
                number = into[number]
            found.append(number if number in known else -1)
        return np.array(found, np.int64)[place] if found else np.zeros(0, np.int64)

    def to_bytes(self) -> bytes:
        """As bytes, the same ones for the same state."""
        arrays = {name: getattr(self.topics, name) for name in _COLUMNS}
        arrays |= {name: getattr(self.waiting, name) for name in _WAITING}
        arrays |= {"counts": self.counts, "common": self.common, "merged": self.merged}
        plain = {
            "day": self.day,
            "next_number": self.next_number,
            "statements": self.statements,
            "ids": self.topics.ids,
        }
        packed = io.BytesIO()
        plain_bytes = np.frombuffer(json.dumps(plain).encode(), np.uint8)
        np.savez_compressed(packed, allow_pickle=False, plain=plain_bytes, **arrays)
        body = packed.getvalue()
        return _MAGIC + VERSION.to_bytes(2, "little") + hashlib.sha256(body).digest() + body

    @classmethod
    def from_bytes(cls, data: bytes) -> TopicState:
        """What `to_bytes` gave.

        Raises:
            BadInput: They are damaged, or of another version.
        """
        head = len(_MAGIC) + 2
        if data[: len(_MAGIC)] != _MAGIC or len(data) < head + _DIGEST:
            raise BadInput("this is no state of topics", param="state")
        version = int.from_bytes(data[len(_MAGIC) : head], "little")
        if version != VERSION:
            raise BadInput(f"the state of topics is of version {version}, not {VERSION}", param="state")
        body = data[head + _DIGEST :]
        if hashlib.sha256(body).digest() != data[head : head + _DIGEST]:
            raise BadInput(f"the state of topics is damaged ({len(data)} bytes)", param="state")
        try:
            return _unpack(body)
        except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile) as error:
            raise BadInput(
                f"the state of topics does not fit together ({type(error).__name__})", param="state"
            ) from error


def _unpack(body: bytes) -> TopicState:
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        arrays = {name: file[name] for name in _KINDS}
        plain = json.loads(file["plain"].tobytes())
    if any((array.dtype.str, array.ndim) != _KINDS[name] for name, array in arrays.items()):
        raise ValueError("an array of another kind")
    topics = Topics(ids=tuple(map(str, plain["ids"])), **{name: arrays[name] for name in _COLUMNS})
    waiting = Waiting(**{name: arrays[name] for name in _WAITING})
    lengths = {len(topics.ids), *(len(arrays[name]) for name in _COLUMNS)}
    if len(lengths) > 1 or len({len(arrays[name]) for name in _WAITING}) > 1:
        raise ValueError("columns of different lengths")
    if len(arrays["counts"]) != BUCKETS or topics.sums.shape[1] != waiting.vectors.shape[1]:
        raise ValueError("arrays of other shapes")
    return TopicState(
        day=int(plain["day"]),
        next_number=int(plain["next_number"]),
        topics=topics,
        waiting=waiting,
        counts=arrays["counts"],
        statements=float(plain["statements"]),
        common=arrays["common"],
        merged=arrays["merged"],
    )
