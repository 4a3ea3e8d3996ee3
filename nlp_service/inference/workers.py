"""Processes that read messages, as the service sees them.

Inference runs in processes of its own, so that a crash, a kill or a lack of memory there never takes the HTTP process
with it, and its Python work never holds the lock that the event loop needs. A worker ends by itself when the service
closes its line or disappears.

    Worker.read ──► ReadRequest ──► process.run_worker ──► Read.read
           ◄──────── Answer ◄──────
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import cast

import msgspec

from nlp_service.errors import ArtifactError, NotReady, ServiceError
from nlp_service.inference.frames import HEADER, Answer, ReadRequest, Started, StartFailed, Word, decode_word, frame
from nlp_service.inference.process import Build, run_worker
from nlp_service.types import Message

START_WITHIN_S = 60.0
"""A worker that has not loaded its model by then is given up; a healthy one needs a few seconds."""

STOP_WITHIN_S = 2.0
"""How long a worker may take to end after its line is closed, before it is killed."""


class Worker:
    """The service's end of the line to one process; `start` makes it.

    It carries one batch at a time. A cancelled `read` leaves the line out of step: the worker must then be killed.
    """

    def __init__(self, process: BaseProcess, line: _Line) -> None:
        self._process = process
        self._line = line
        self.model_version = ""
        self.policy_version = ""

    @classmethod
    async def start(cls, build: Build, *, on_lost: Callable[[], None]) -> Worker:
        """Start a process and wait until it has loaded its model.

        Args:
            build: Makes the reader inside the process.
            on_lost: Called once when the line breaks, whoever ended it.

        Raises:
            ArtifactError: The model could not be loaded; the message names the file.
            ServiceError: Building the reader failed otherwise.
            NotReady: The process ended, or was silent for `START_WITHIN_S`.
        """
        ours, theirs = socket.socketpair()
        process = multiprocessing.get_context("spawn").Process(
            target=run_worker, args=(theirs, build), name="nlp-worker", daemon=True
        )
        with theirs:
            process.start()
        _, line = await asyncio.get_running_loop().create_unix_connection(lambda: _Line(on_lost), sock=ours)
        worker = cls(process, line)
        try:
            await worker._hear_start()
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid or 0

    @property
    def is_alive(self) -> bool:
        """Whether the line stands; it breaks at once when the process ends."""
        return self._line.is_open

    async def read(self, messages: list[Message], *, evidence: bool, vectors: bool = False) -> Answer:
        """Have a batch read.

        Raises:
            NotReady: The process ended, or what it said is no answer to the batch.
        """
        answer = await self._line.ask(frame(ReadRequest(messages, evidence, vectors)))
        n_vectors = len(messages) if vectors else 0
        if not isinstance(answer, Answer) or (len(answer.analyses), len(answer.vectors)) != (len(messages), n_vectors):
            raise NotReady("the worker's answer does not fit the batch")
        return answer

    async def stop(self) -> None:
        """Close the line and wait for the process to end; kill it when it does not."""
        self._line.close()
        if not await self._has_ended(STOP_WITHIN_S):
            await self.kill()

    async def kill(self) -> None:
        """End the process at once."""
        self._line.close()
        self._process.kill()
        await self._has_ended(STOP_WITHIN_S)

    async def _hear_start(self) -> None:
        try:
            async with asyncio.timeout(START_WITHIN_S):
                word = await self._line.hear()
        except TimeoutError as error:
            raise NotReady(f"an inference worker did not load its model within {START_WITHIN_S:.0f} s") from error
        if isinstance(word, StartFailed):
            raise ArtifactError(word.message) if word.code == ArtifactError.code else ServiceError(word.message)
        if not isinstance(word, Started):
            raise NotReady("an inference worker answered before it was asked")
        self.model_version, self.policy_version = word.model_version, word.policy_version

    async def _has_ended(self, within_s: float) -> bool:
        until = monotonic() + within_s
        while self._process.exitcode is None:  # asking also reaps the process
            if monotonic() > until:
                return False
            await asyncio.sleep(0.01)
        return True


class _Line(asyncio.Protocol):
    """Frames over a socket; at most one word is awaited at a time."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._received = bytearray()
        self._expected: asyncio.Future[Word] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    async def ask(self, request: bytes) -> Word:
        if self._transport is None:
            raise NotReady("the inference worker ended")
        self._expected = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self.hear()

    async def hear(self) -> Word:
        return await self._expected

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < HEADER.size:
            return
        end = HEADER.size + HEADER.unpack_from(self._received)[0]
        if len(self._received) >= end:
            body = bytes(self._received[HEADER.size : end])
            del self._received[:end]
            self._settle(body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._expected.done():
            self._expected.set_exception(NotReady("the inference worker ended"))
            self._expected.exception()  # nobody may be waiting, which is no error
        self._on_lost()

    def _settle(self, body: bytes) -> None:
        if self._expected.done():
            return
        try:
            self._expected.set_result(decode_word(body))
        except msgspec.DecodeError:
            self._expected.set_exception(NotReady("the worker's answer cannot be decoded"))
