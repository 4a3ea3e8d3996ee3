"""What is told: a notice says one thing to a person who has a minute."""

from __future__ import annotations

from datetime import datetime

import msgspec

from nlp_service.errors import BadInput

MAX_TITLE, MAX_LINES, MAX_LINE, MAX_QUOTES = 120, 20, 400, 5
"""Code points of a title, lines, code points of a line and quotes; robots of chat groups take about 4 KB in all."""


class Line(msgspec.Struct, frozen=True):
    """A fact with its name ("影响人数": "12")."""

    label: str
    value: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is told. It goes to several channels, each with its own words for it.

    Attributes:
        kind: What happened, as ``subject.verb`` (``incident.opened``, ``step.overdue``, ``warning.raised``).
        subject: What it is about, as ``subject:id`` (``incident:9f3c``).
        title: In one line.
        severity: 0 to 4.
        category: A risk category or the kind of a warning; routes look at it.
        community: Channel of the platform, empty for several or none; routes look at it.
        at: When it happened; aware.
        lines: Facts, the most important first.
        quotes: Words of members, personal data covered.
        draft: A text to copy, such as a first statement; empty for none.
        link: Where to look; empty for none.
        take_link: Where somebody says "I have it"; empty for none.
        role: Whom it is for, as playbooks name them (``duty``, ``manager``); empty for whoever is on duty.
        is_private: That it must stay between as few as possible; such a one never carries quotes.
    """

    kind: str
    subject: str
    title: str
    severity: int
    category: str
    at: datetime
    community: str = ""
    lines: tuple[Line, ...] = ()
    quotes: tuple[str, ...] = ()
    draft: str = ""
    link: str = ""
    take_link: str = ""
    role: str = ""
    is_private: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a notice needs a time with a zone")
        if not 0 <= self.severity <= 4:
            raise ValueError(f"severity must be 0 to 4, got {self.severity}")
        if self.is_private and self.quotes:
            raise ValueError("a private notice carries no quotes")


_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(Notice)


def encode(notice: Notice) -> bytes:
    """As the outbox keeps it, cut to what channels take."""
    lines = tuple(Line(line.label[:40], line.value[:MAX_LINE]) for line in notice.lines[:MAX_LINES])
    quotes = tuple(quote[:MAX_LINE] for quote in notice.quotes[:MAX_QUOTES])
    return _ENCODER.encode(msgspec.structs.replace(notice, title=notice.title[:MAX_TITLE], lines=lines, quotes=quotes))


def decode(packed: bytes) -> Notice:
    """What `encode` wrote.

    Raises:
        BadInput: It is no notice of this version.
    """
    try:
        return _DECODER.decode(packed)
    except msgspec.MsgspecError as error:
        raise BadInput("a kept notice cannot be read") from error
