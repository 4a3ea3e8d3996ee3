"""A question that is one of the wordings, but for how it is dressed: "请问啥时候寄呀" is 啥时候寄."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_LOOSE = re.compile(r"[\W_]+")
_GREETINGS = "请问一下|请问下|请问|想问一下|想问下|想问|问一下|问下|你好|您好|亲|客服|在吗|那个|麻烦"
# No alternative begins another one's repetition, or a row of them would be tried in every way that it can be cut.
_BEFORE = re.compile(f"^(?:{_GREETINGS})+")
_AFTER = re.compile("(?:谢谢|[亲啊呢呀哈哦嘛吗么吧啦哇诶哎])+$")


def key(text: str) -> str:
    """What two wordings have in common that ask the same in the same words; empty if nothing is left.

    Args:
        text: Normalised.
    """
    bare = _LOOSE.sub("", text).lower()
    return _AFTER.sub("", _BEFORE.sub("", bare)) or bare


class Keyed:
    """Which rows have which key; sixteen bytes a row.

    Args:
        keys: One a row.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        # 64 bits: among a million keys two different ones meet once in forty million bases.
        hashes = np.fromiter(map(hash, keys), np.int64)
        self._rows = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._rows]

    def rows(self, key: str) -> npt.NDArray[np.intp]:
        """Rows with this key, ascending; none for an empty one."""
        if not key:
            return np.zeros(0, np.intp)
        wanted = np.int64(hash(key))
        return self._rows[np.searchsorted(self._hashes, wanted) : np.searchsorted(self._hashes, wanted, side="right")]
