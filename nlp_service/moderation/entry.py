"""Words of lists as they are entered, and as they are found."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from nlp_service.moderation.disguise import Disguise
from nlp_service.types import Span

Kind = Literal["deny", "allow", "watch"]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A word of a list.

    Attributes:
        word: As somebody entered it; how it is written (width, case, traditional forms) makes no difference.
        list_name: The list's.
        kind: Words on ``deny`` and ``watch`` lists are found; phrases on ``allow`` lists hide those within them.
        category: What the word stands for.
        valid_from, valid_to: When it counts, from the one, inclusive, to the other, exclusive; aware, None is open.
        exact: Whether it is found only as it is listed, and not in disguise.
    """

    word: str
    list_name: str
    kind: Kind
    category: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    exact: bool = False


class Hit(msgspec.Struct, frozen=True):
    """A listed word in a message.

    Attributes:
        span: Where, in the text as it was sent.
        word: As it is listed.
        list_name, kind, category: The entry's; `kind` is ``deny`` or ``watch``.
        normalised: What the characters were read as: the word as the normaliser writes it, or another name of it.
        disguise: How it is hidden.
    """

    span: Span
    word: str
    list_name: str
    kind: Kind
    category: str
    normalised: str
    disguise: Disguise = Disguise.NONE
