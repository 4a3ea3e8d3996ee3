"""The inside of the process that does a job, and what it says to the service.

A job has a process of its own: what it takes of memory is given back, what it breaks breaks nothing else, and it can
be ended in the middle of anything.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from nlp_service.errors import ServiceError

NICENESS = 10
"""Lower priority than whatever answers requests; on a machine with nothing else to do it costs nothing."""

_TELL_EVERY_S = 0.2  # nobody looks more often


class Task(msgspec.Struct, frozen=True):
    """A job as its work sees it.

    Attributes:
        job_id: Of the job.
        tenant: Whose job.
        actor: Who started it.
        parameters: What is to be done; checked when the job was started.
    """

    job_id: str
    tenant: str
    actor: str
    parameters: dict[str, Any]


Tell = Callable[[float, str], None]
"""Says how far a job is: 0 to 1, and its step as a code. Cheap enough for every batch."""

Work = Callable[[Task, Tell], dict[str, Any]]
"""Does a job and gives its result, which JSON can hold: ids and numbers.

It is pickled, so it must be a function of a module, a `partial` of one, or an instance of a class of one. It may be
killed at any moment and begun again.
"""


class Word(msgspec.Struct, omit_defaults=True):
    """What the process says: how far it is, the result, or why there is none."""

    progress: float = 0.0
    what: str = ""
    result: dict[str, Any] | None = None
    code: str = ""
    message: str = ""

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.result is not None or bool(self.code)


_encoder = msgspec.json.Encoder()
decode_word = msgspec.json.Decoder(Word).decode


def run(line: Connection, work: Work, task: Task) -> None:
    """Do a job, and say how it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service ends its jobs itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        line.send_bytes(_encoder.encode(_outcome(line, work, task)))


def _outcome(line: Connection, work: Work, task: Task) -> Word:
    told_at = -_TELL_EVERY_S

    def tell(progress: float, what: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _TELL_EVERY_S:
            told_at = time.monotonic()
            line.send_bytes(_encoder.encode(Word(float(progress), what)))

    try:
        return Word(result=work(task, tell))
    except ServiceError as error:
        return Word(code=error.code, message=error.message)
    except MemoryError:
        return Word(code="out_of_memory", message="there is not enough memory for this period")
    except Exception as error:
        # Only the type: the text of a foreign error may quote a message.
        return Word(code=ServiceError.code, message=f"the work failed ({type(error).__name__})")


def _end_with_parent() -> None:
    """End at once when the service is gone: somebody else will take the job."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
