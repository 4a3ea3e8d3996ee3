"""The inside of a worker process: build the reader, then answer batches until the service is gone."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from multiprocessing import connection
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from nlp_service.errors import ServiceError
from nlp_service.inference.frames import (
    HEADER,
    Answer,
    ReadRequest,
    Started,
    StartFailed,
    decode_request,
    frame,
    write_analysis,
)
from nlp_service.types import Abuse, Action, Analysis, Message, Risk, Verdict

if TYPE_CHECKING:
    from nlp_service.inference.vectors import Floats

FAILED = "analysis_failed"
"""Reason of the verdict on a message that the models could not read at all."""


class Read(Protocol):
    """What a worker runs: it reads messages in order, one answer for one message."""

    @property
    def model_version(self) -> str:
        """Name and version of the model."""
        ...

    @property
    def policy_version(self) -> str:
        """Version of the policy."""
        ...

    def read(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        """Read a batch; `vectors` is where to add its embeddings, in arrays of some rows each."""
        ...


Build = Callable[[], Read]
"""Makes the reader inside the worker. It is pickled, so it must be a function of a module, or a `partial` of one."""


def run_worker(line: socket.socket, build: Build) -> None:
    """Live as a worker at one end of a line; returns when the other end closes or the reader cannot be built."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service ends its workers itself
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        reader = build()
    except Exception as error:
        line.sendall(frame(_start_failed(error)))
        return
    try:
        keep_what_was_loaded()
        line.sendall(frame(Started(reader.model_version, reader.policy_version)))
        while (request := _receive(line)) is not None:
            line.sendall(read_batch(reader, request))
    except OSError:
        return  # the service hung up in the middle of a frame


def keep_what_was_loaded() -> None:
    """Spare the garbage collector what a process has loaded and will not let go, and call it more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


def read_batch(reader: Read, request: ReadRequest) -> bytes:
    """Read a batch into the frame of an `Answer`; when that fails, one by one, so that a bad message fails alone."""
    started = perf_counter()
    try:
        return _frame_of(reader, request, started)
    except Exception:
        answers = [_read_alone(reader, message, request) for message in request.messages]
        return frame(
            Answer(
                [analysis for answer in answers for analysis in answer.analyses],
                [failure for answer in answers for failure in answer.failures],
                perf_counter() - started,
                [vector for answer in answers for vector in answer.vectors],
            )
        )


def _frame_of(reader: Read, request: ReadRequest, started: float) -> bytes:
    analyses, vectors = _read(reader, request.messages, request)
    if len(analyses) != len(request.messages):
        raise ValueError(f"{len(request.messages)} messages gave {len(analyses)} analyses")
    return frame(Answer(list(map(write_analysis, analyses)), [], perf_counter() - started, vectors))


def _read(reader: Read, messages: list[Message], request: ReadRequest) -> tuple[list[Analysis], list[bytes]]:
    if not request.vectors:
        return reader.read(messages, evidence=request.evidence), []
    # The HTTP process imports this module too, and needs no numpy for it.
    from nlp_service.inference.vectors import pack

    parts: list[Floats] = []
    analyses = reader.read(messages, evidence=request.evidence, vectors=parts)
    vectors = pack(parts)
    if len(vectors) != len(messages):
        raise ValueError(f"{len(messages)} messages gave {len(vectors)} vectors")
    return analyses, vectors


def _read_alone(reader: Read, message: Message, request: ReadRequest) -> Answer:
    try:
        (analysis,), vectors = _read(reader, [message], request)
        return Answer([write_analysis(analysis)], [], 0.0, vectors)
    except Exception as error:
        # Only the type: the text of a foreign error may quote the message.
        failure = type(error).__name__
        return Answer([write_analysis(_nothing_known(message))], [failure], 0.0, [b""] if request.vectors else [])


def _nothing_known(message: Message) -> Analysis:
    """An analysis that says nothing and asks for a person, because an outage must not look like safety."""
    return Analysis(
        id=message.id,
        intent=None,
        sentiment=None,
        risk=Risk(0, None, None),
        abuse=Abuse(None, False),
        unsafe=(),
        pain=(),
        verdict=Verdict(Action.REVIEW, (FAILED,)),
    )


def _start_failed(error: Exception) -> StartFailed:
    if isinstance(error, ServiceError):
        return StartFailed(error.code, error.message)
    return StartFailed(ServiceError.code, f"{type(error).__name__}: {error}")


def _receive(line: socket.socket) -> ReadRequest | None:
    """The next batch, or None when the service closed the line between two frames.

    Raises:
        OSError: The line broke inside a frame.
    """
    first = line.recv(1, socket.MSG_PEEK)
    if not first:
        return None
    (length,) = HEADER.unpack(_exactly(line, HEADER.size))
    return decode_request(_exactly(line, length))


def _exactly(line: socket.socket, n_bytes: int) -> bytes:
    buffer = bytearray(n_bytes)
    view = memoryview(buffer)
    while view:
        received = line.recv_into(view)
        if not received:
            raise ConnectionResetError("the line closed inside a frame")
        view = view[received:]
    return bytes(buffer)


def _end_with_parent() -> None:
    """End at once when the service is gone, also in the middle of a batch that hangs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
