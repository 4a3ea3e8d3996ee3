"""Logs for machines: one JSON object a line on stderr.

Code of the service logs an event name with its facts, ``log.info("worker_restarted", extra={"fields": {"pid": 7}})``.
Facts are ids, counts, sizes and times, never text of users or keys. The same is kept from the messages of foreign
errors, which may quote what they failed on: of an exception only the type and the places in the code are written.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import msgspec

MAX_FRAMES = 20
"""Places of a traceback that are written, the innermost ones."""


class JsonFormatter(logging.Formatter):
    """Writes ``timestamp``, ``level``, ``event``, ``logger``, the facts, and ``error`` with ``at`` for an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            line |= fields
        if record.exc_info and record.exc_info[0] is not None:
            line |= describe(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=repr).decode()


def describe(error: BaseException | None) -> dict[str, Any]:
    """What may be logged of an exception: ``error``, its type, and ``at``, where it passed, innermost last."""
    if error is None:
        return {}
    return {"error": type(error).__name__, "at": _places(error.__traceback__)}


def set_up_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs of the process to a stream as JSON.

    Args:
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
        stream: Where to; stderr when None.

    Raises:
        ValueError: There is no such level.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # The line of each request is our own. asyncio's warnings print whole objects, futures with results among them.
    # httpx tells the address of a language model with every reply that it phrases.
    quiet = (("uvicorn.access", logging.CRITICAL), ("asyncio", logging.ERROR), ("httpx", logging.WARNING))
    for name, least in quiet:
        logging.getLogger(name).setLevel(least)


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-MAX_FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
