"""The zone whose days count where nobody names one: that in which the times of a file are written."""

from __future__ import annotations

import re
from pathlib import Path

DEFAULT = "Asia/Shanghai"
"""Where most of the communities are; for files that say nothing, or say several things."""

_HEAD = 2**16  # bytes that are looked at
_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(Z|[+-]\d\d:?\d\d)")
_ZONES = {b"Z": "UTC", b"+00:00": "UTC", b"-00:00": "UTC", b"+08:00": DEFAULT}


def zone_of(source: Path) -> str:
    """The zone of a file's times: ``UTC`` where all that begin it are in UTC, else `DEFAULT`.

    Whoever writes ``2026-03-01T16:00:00Z`` and asks for the first of March means that day of these times. Binary files
    hold no offsets as they were written, so they have the default.

    Args:
        source: A file, or a folder, of which the first text file by name is looked at.
    """
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    text = next((file for file in files if file.suffix.lower() in (".jsonl", ".ndjson", ".csv")), None)
    if text is None:
        return DEFAULT
    try:
        with text.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return DEFAULT  # who reads it says what is wrong
    offsets = {
        offset if b":" in offset or offset == b"Z" else offset[:3] + b":" + offset[3:] for offset in _TIME.findall(head)
    }
    zones = {_ZONES.get(offset, DEFAULT) for offset in offsets}
    return zones.pop() if len(zones) == 1 else DEFAULT
