"""A key as a caller holds it: ``nlp_``, eight visible characters, ``_``, and a secret."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from typing import NamedTuple

MAX_KEY = 77
"""Characters of the longest key that is taken."""

_N_VISIBLE, _N_SECRET = 8, 40  # 40 of 62 characters are 238 bits
_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(r"nlp_([0-9A-Za-z]{8})_[0-9A-Za-z]{32,64}")


class KeyText(NamedTuple):
    """A new key: its visible part, all of it, and what is stored of it."""

    prefix: str
    text: str
    digest: str


def make_key() -> KeyText:
    """A key that nobody can guess."""
    prefix = _random(_N_VISIBLE)
    text = f"nlp_{prefix}_{_random(_N_SECRET)}"
    return KeyText(prefix, text, digest_of(text))


def visible_part(text: str) -> str | None:
    """The visible part of what may be a key; None if it cannot be one."""
    match = _KEY.fullmatch(text)
    return match[1] if match else None


def digest_of(text: str) -> str:
    """The sha256 of a key as 64 hexadecimal digits. It needs no salt and no slow hash: a secret has 238 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _random(n: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(n))
