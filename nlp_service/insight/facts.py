"""What is known of each message, as columns: the one table that everything in this room counts over.

A row is a message. Whether it came from a file or from the store, and whichever engine read it, the columns are the
same, so that the figures are too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

VECTOR_COLUMNS = 128
"""Columns of a message's embedding, of unit length."""

_NAME = pa.dictionary(pa.int32(), pa.string())

PAIN = pa.struct(
    [
        ("target", pa.string()),  # the canonical name that it is counted by
        ("category", pa.string()),  # a risk category or "need"
        ("start", pa.int32()),
        ("end", pa.int32()),
    ]
)
"""A pain or need of the model; positions are half-open code points of `text`."""

OPINION = pa.struct(
    [
        ("target", pa.string()),  # canonical, never empty
        ("category", pa.string()),  # node of the category tree, its path joined by "/"
        ("aspect_start", pa.int32()),  # both null where the aspect is implied
        ("aspect_end", pa.int32()),
        ("opinion_start", pa.int32()),
        ("opinion_end", pa.int32()),
        ("polarity", pa.float32()),  # -1 to 1
        ("strength", pa.float32()),  # 0 to 1
    ]
)
"""What is said of something; half-open code points of `text`."""

FACTS = pa.schema(
    [
        ("id", pa.string()),  # the platform's
        ("platform", _NAME),
        ("channel", _NAME),
        ("author", pa.string()),  # empty where nobody is known
        ("at", pa.timestamp("us", tz="UTC")),  # when it was written
        ("text", pa.string()),
        ("meta", pa.map_(pa.string(), pa.string())),  # scalar fields of the caller alone, as texts
        ("intent", _NAME),  # the primary one; null where the model could not say
        ("labels", pa.int32()),  # bits of `store.packing.LABELS`
        ("sentiment", pa.float32()),  # -1 to 1; null where the model could not say
        ("risk", pa.int8()),  # 0 to 3
        ("risk_categories", pa.list_(pa.string())),
        ("action", _NAME),  # of the verdict; null where nobody decided
        ("pains", pa.list_(PAIN)),
        ("opinions", pa.list_(OPINION)),
        ("vector", pa.binary(2 * VECTOR_COLUMNS)),  # float16, little-endian; null where there is none
        ("message_id", pa.int64()),  # of the store; null for a message of a file
    ]
)
"""The columns. Rows of one table are ordered by (at, platform, id), which is what makes runs repeatable."""

Floats = npt.NDArray[np.float32]


def plain_meta(meta: Mapping[str, Any]) -> dict[str, str]:
    """The fields that can be grouped by: scalars of up to 100 characters, at most 32 of them, as texts."""
    fields = {}
    for key, value in meta.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        if isinstance(value, (str, int, float)) and 0 < len(text := str(value)) <= 100 and len(key) <= 64:
            fields[key] = text
            if len(fields) == 32:
                break
    return fields


def vectors(table: pa.Table) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The embeddings, (n, 128), zero where there is none, and which rows have one."""
    column = table.column("vector").combine_chunks()
    there = np.asarray(column.is_valid())
    found = np.zeros((len(there), VECTOR_COLUMNS), np.float32)
    packed = b"".join(column.drop_null().to_pylist())
    found[there] = np.frombuffer(packed, "<f2").reshape(-1, VECTOR_COLUMNS)
    return found, there
