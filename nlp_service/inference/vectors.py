"""Embeddings as bytes, as workers send them and the store keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def pack(parts: Sequence[Floats]) -> list[bytes]:
    """Each row of the arrays as float16, little-endian; a hundredth of a degree is all that this costs an angle."""
    return [row.tobytes() for part in parts for row in part.astype("<f2")]


def unpack(packed: Sequence[bytes]) -> Floats:
    """The rows that `pack` wrote, (n, columns); all of them must be of one length."""
    return np.frombuffer(b"".join(packed), "<f2").reshape(len(packed), -1).astype(np.float32)
