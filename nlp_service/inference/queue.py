"""Requests that wait for a worker, and how batches are made of them.

Requests take turns: a batch takes a few messages of the first request, then of the next, and so on round, until it is
full. A single message therefore never waits behind the whole of a request of hundreds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from nlp_service.errors import Overloaded, ServiceError
from nlp_service.types import Message

MAX_BATCH = 64
"""Messages in a batch."""

MAX_BATCH_CHARACTERS = 16_384
"""Code points in a batch, context included, unless one message alone has more. It bounds the time of a batch."""

TURN = 16
"""Messages that a request may put into a batch before it is the next one's turn."""

MAX_QUEUED_CHARACTERS = 16_000_000
"""Code points in the queue, context included. It bounds memory: at four bytes each they are 64 MB."""

RETRY_AFTER_S = 1.0
"""Advice to callers who found the queue full; a full queue of short messages is read in a few seconds."""


class Job:
    """One request: its messages in order, and the place where their analyses come together."""

    __slots__ = ("_analyses", "_n_missing", "_n_taken", "_sizes", "done", "evidence", "messages", "since", "vectors")

    def __init__(self, messages: Sequence[Message], *, evidence: bool, vectors: bool = False) -> None:
        self.messages = messages
        self.evidence = evidence
        self.vectors = [b""] * len(messages) if vectors else None
        """The embeddings as they come in, None when they are not wanted."""
        self.since = monotonic()
        self.done: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        self._sizes = [len(message.text) + sum(map(len, message.context)) for message in messages]
        self._analyses = [b""] * len(messages)
        self._n_taken = 0
        self._n_missing = len(messages)

    @property
    def n_waiting(self) -> int:
        """Messages that no batch has taken yet."""
        return len(self.messages) - self._n_taken

    @property
    def n_waiting_characters(self) -> int:
        """Code points of those messages and their contexts."""
        return sum(self._sizes[self._n_taken :])

    def take(self, n_messages: int, n_characters: int, *, at_least_one: bool) -> Piece | None:
        """The next messages within both bounds; None when not even one fits and none is due."""
        start = end = self._n_taken
        while end < len(self.messages) and end - start < n_messages:
            fits = self._sizes[end] <= n_characters
            if not fits and not (at_least_one and end == start):
                break
            n_characters -= self._sizes[end]
            end += 1
        self._n_taken = end
        return Piece(self, start, end, sum(self._sizes[start:end])) if end > start else None

    def receive(self, start: int, analyses: Sequence[bytes], vectors: Sequence[bytes] = ()) -> None:
        """Put analyses, and vectors if they are wanted, in their places from ``start`` on; the last finish the job."""
        self._analyses[start : start + len(analyses)] = analyses
        if self.vectors is not None:
            self.vectors[start : start + len(vectors)] = vectors
        self._n_missing -= len(analyses)
        if not self._n_missing and not self.done.done():
            self.done.set_result(self._analyses)

    def fail(self, error: ServiceError) -> None:
        """End the job with an error, unless it has ended."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # counts as seen: the caller may be giving up at this very moment

    def abandon(self) -> None:
        """Let go of the messages; nothing of the job waits any more."""
        self.messages, self._sizes, self._n_taken = (), [], 0


@dataclass(frozen=True, slots=True)
class Piece:
    """The messages ``start:end`` of a job, with their number of code points."""

    job: Job
    start: int
    end: int
    n_characters: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces of one or more jobs that a worker reads together."""

    pieces: tuple[Piece, ...]

    @property
    def evidence(self) -> bool:
        """Whether evidence is wanted; the same for all of them."""
        return self.pieces[0].job.evidence

    @property
    def vectors(self) -> bool:
        """Whether any of them wants vectors."""
        return any(piece.job.vectors is not None for piece in self.pieces)

    @property
    def messages(self) -> list[Message]:
        """The messages of all pieces, in order."""
        return [message for piece in self.pieces for message in piece.job.messages[piece.start : piece.end]]

    def finish(self, analyses: Sequence[bytes], vectors: Sequence[bytes] = ()) -> None:
        """Hand the analyses of `messages`, and their vectors if there are any, to their jobs."""
        position = 0
        for piece in self.pieces:
            n_messages = piece.end - piece.start
            end = position + n_messages
            piece.job.receive(piece.start, analyses[position:end], vectors[position:end])
            position = end

    def fail(self, error: ServiceError) -> None:
        """End all jobs that have a piece here."""
        for piece in self.pieces:
            piece.job.fail(error)


class JobQueue:
    """Jobs that wait, bounded by messages and by code points.

    Jobs with and without evidence are kept apart, because a batch is read one way or the other; the two kinds take
    turns as well.
    """

    def __init__(self, max_messages: int) -> None:
        self._max_messages = max_messages
        self._waiting: tuple[deque[Job], deque[Job]] = (deque(), deque())
        self._turn = 0
        self._n_characters = 0
        self.n_messages = 0

    @property
    def waiting_since(self) -> float | None:
        """When the earlier of the jobs that are next came, on the monotonic clock; None when none waits."""
        return min((jobs[0].since for jobs in self._waiting if jobs), default=None)

    def put(self, job: Job) -> None:
        """Let a job wait.

        Raises:
            Overloaded: It does not fit; nothing was kept of it.
        """
        n_messages = self.n_messages + job.n_waiting
        n_characters = self._n_characters + job.n_waiting_characters
        if n_messages > self._max_messages or n_characters > MAX_QUEUED_CHARACTERS:
            raise Overloaded(
                f"{self.n_messages} messages are waiting, {job.n_waiting} more have no room",
                retry_after_s=RETRY_AFTER_S,
            )
        self.n_messages, self._n_characters = n_messages, n_characters
        self._waiting[job.evidence].append(job)

    def take(self) -> Batch | None:
        """The next batch, or None when nothing waits."""
        self._turn = 1 - self._turn
        return self._take_from(self._waiting[self._turn]) or self._take_from(self._waiting[1 - self._turn])

    def drop(self, job: Job) -> None:
        """Forget what still waits of a job, for instance because its caller has gone."""
        if job.n_waiting:
            self._waiting[job.evidence].remove(job)
            self._forget(job)

    def fail_all(self, error: ServiceError) -> None:
        """End every waiting job with an error."""
        for jobs in self._waiting:
            while jobs:
                job = jobs.popleft()
                self._forget(job)
                job.fail(error)

    def _take_from(self, jobs: deque[Job]) -> Batch | None:
        pieces: list[Piece] = []
        n_messages, n_characters = MAX_BATCH, MAX_BATCH_CHARACTERS
        while jobs and n_messages:
            job = jobs[0]
            piece = job.take(min(TURN, n_messages), n_characters, at_least_one=not pieces)
            if piece is None:
                break
            pieces.append(piece)
            n_messages -= piece.end - piece.start
            n_characters -= piece.n_characters
            self.n_messages -= piece.end - piece.start
            self._n_characters -= piece.n_characters
            jobs.popleft()
            if job.n_waiting:
                jobs.append(job)
        return Batch(tuple(pieces)) if pieces else None

    def _forget(self, job: Job) -> None:
        self.n_messages -= job.n_waiting
        self._n_characters -= job.n_waiting_characters
        job.abandon()
