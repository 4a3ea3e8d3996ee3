"""The caller's own fields of a message, in bounds that every database keeps."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from nlp_service.errors import BadInput, TooLarge

MAX_BYTES, MAX_DEPTH, MAX_NAME = 16 * 1024, 6, 100
"""Size as JSON, lists and objects in one another, and code points in a name."""

# What PostgreSQL does not take as text.
_REFUSED = re.compile(r"[\x00\ud800-\udfff]")


def check_meta(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the fields back if they can be stored.

    Raises:
        BadInput: A name or a value cannot be.
        TooLarge: They are too much, or nested too deeply.
    """
    _check(meta, MAX_DEPTH)
    size = len(msgspec.json.encode(meta))
    if size > MAX_BYTES:
        raise TooLarge(f"meta has {size} bytes as JSON, at most {MAX_BYTES} are kept", param="meta")
    return meta


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        if _REFUSED.search(value):
            raise BadInput("meta holds NUL or is not valid Unicode", param="meta")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BadInput("meta holds a number that is not finite", param="meta")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise BadInput("meta holds a number of more than 64 bits", param="meta")
    elif isinstance(value, (Mapping, list)):
        if not depth:
            raise TooLarge(f"meta is nested deeper than {MAX_DEPTH}", param="meta")
        if isinstance(value, Mapping):
            _check_names(value)
        for part in value.values() if isinstance(value, Mapping) else value:
            _check(part, depth - 1)


def _check_names(names: Mapping[str, Any]) -> None:
    for name in names:
        if len(name) > MAX_NAME or _REFUSED.search(name):
            raise BadInput(f"a name in meta is not of at most {MAX_NAME} plain characters", param="meta")
