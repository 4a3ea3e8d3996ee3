"""What is known of a message beside what the models say: words, links and topics in it, who wrote it, what came before.

The part that the text and the caller's fields give is gathered once, outside the transaction; the store adds what it
knows: ``facts._replace(known=known)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from nlp_service.moderation.cues import find_topics
from nlp_service.moderation.links import Link, find_links
from nlp_service.store.incoming import Incoming, Known


class Hit(Protocol):
    """A word of a list that stands in the message, as far as a policy asks: which list, of which kind, what for."""

    @property
    def kind(self) -> str:
        """``deny``, ``allow`` or ``watch``."""
        ...

    @property
    def list_name(self) -> str:
        """The list's."""
        ...

    @property
    def category(self) -> str:
        """What the word stands for."""
        ...


class Facts(NamedTuple):
    """What is known of a message. Nothing is, by default: then only the text speaks.

    Attributes:
        platform: Where it comes from.
        author: The platform's id of who wrote it; empty if it is not known, and no rule about authors applies then.
        role: What the author is there, in lower case (``owner``, ``admin``, ``member``); empty if nobody said.
        at: When it was written, aware.
        hits: Words of the community's lists in it.
        links: Links in it.
        topics: Regulated topics that it is about by its wording, some of `regulated.TOPICS`.
        has_qr: Whether a picture with it shows a QR code.
        n_images: Pictures with it.
        n_views, n_likes: How often it was seen and liked, where the caller says so.
        known: What the store knows of its author and its copies.
    """

    platform: str = ""
    author: str = ""
    role: str = ""
    at: datetime | None = None
    hits: Sequence[Hit] = ()
    links: tuple[Link, ...] = ()
    topics: tuple[str, ...] = ()
    has_qr: bool = False
    n_images: int = 0
    n_views: int = 0
    n_likes: int = 0
    known: Known = Known()


NOTHING_KNOWN = Facts()
"""Of a message of which only the text is known."""


def gather(
    message: Incoming, hits: Sequence[Hit] = (), text: str | None = None, *, normalised: str | None = None
) -> Facts:
    """Collect what a message itself tells.

    Of `Incoming.meta` are read: ``role`` (text), ``qr`` (true, or how many), ``images``, ``views`` and ``likes``
    (numbers, or lists of what is counted). A value of another type is as good as none.

    Args:
        message: On its way into the store.
        hits: Words of the community's lists in it.
        text: As it was sent, where `message` has it masked.
        normalised: The same as the models read it, so that other letters and forms hide no topic.
    """
    text = message.text if text is None else text
    meta = message.meta
    role = meta.get("role")
    return Facts(
        platform=message.platform,
        author=message.author,
        role=role.strip().lower() if isinstance(role, str) else "",
        at=message.sent_at,
        hits=hits,
        links=find_links(text),
        topics=find_topics(text if normalised is None else normalised),
        has_qr=meta.get("qr") is True or _count(meta, "qr") > 0,
        n_images=_count(meta, "images"),
        n_views=_count(meta, "views"),
        n_likes=_count(meta, "likes"),
    )


def _count(meta: Mapping[str, Any], name: str) -> int:
    value = meta.get(name)
    if isinstance(value, list):
        return len(value)
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0
