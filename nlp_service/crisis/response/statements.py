"""Drafts of statements by purpose, topic and emotion. None is sent by itself: a person fills its gaps first."""

from __future__ import annotations

import functools
import re
import tomllib
import zoneinfo
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from nlp_service.errors import BadInput
from nlp_service.text.normalise import message_of, normalise_batch

EMOTIONS = ("anger", "fear", "grief", "sarcasm")
"""What a tone is for; ``calm`` is none of them."""

NEXT_S = 1_800
"""How long after now the next word is promised, unless the caller says otherwise."""

HELPLINE = "〔求助热线〕"
"""Stands where a tenant has not set the text that names its helpline."""


class Tone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one speaks to people of an emotion: its name, how a text begins, what to keep in mind."""

    name: str
    opening: str
    advice: str


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a statement is for: its name, and its text with names in braces."""

    name: str
    text: str


class Wordings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that drafts are made of; a tenant's own replaces parts of it.

    Attributes:
        tones: By emotion.
        purposes: By name.
        topics: What a category is called in a text.
        signs: Words that tell an emotion.
    """

    tones: dict[str, Tone]
    purposes: dict[str, Purpose]
    topics: dict[str, str]
    signs: dict[str, tuple[str, ...]]


class Draft(msgspec.Struct, frozen=True):
    """A statement to be read, filled and sent by a person.

    Attributes:
        purpose: What it is for.
        emotion: Whom it speaks to.
        text: With gaps in 〔〕.
        advice: What to keep in mind.
        gaps: The gaps, in order.
    """

    purpose: str
    emotion: str
    text: str
    advice: str
    gaps: tuple[str, ...]


@functools.cache
def built_in() -> Wordings:
    """The wordings that come with the service."""
    return msgspec.convert(tomllib.loads(Path(__file__).with_name("statements.toml").read_text("utf-8")), Wordings)


def read_wordings(document: Mapping[str, Any]) -> Wordings:
    """The wordings that come with the service, with those of a tenant in place of their like.

    Raises:
        BadInput: A field is unknown, its value cannot be taken, or a text names something that there is not; `param`
            names the field where it is known.
    """
    merged: dict[str, Any] = msgspec.to_builtins(built_in())
    for part, values in document.items():
        if part not in merged or not isinstance(values, Mapping):
            raise BadInput("there is no such part of the wordings", param=part)
        merged[part] = merged[part] | dict(values)
    try:
        found = msgspec.convert(merged, Wordings)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise BadInput(what, param=path.rstrip("`") or "statements") from error
    for name, purpose in found.purposes.items():
        if any(brace in _NAMED.sub("", purpose.text) for brace in "{}"):
            message = f"a text may name {', '.join(f'{{{each}}}' for each in _NAMES)} in braces, and nothing else"
            raise BadInput(message, param=f"purposes.{name}.text")
    return found


_NAMES = ("opening", "topic", "where", "noticed", "next_time", "helpline")
# Not `str.format`: it would read attributes too.
_NAMED = re.compile(rf"\{{({'|'.join(_NAMES)})\}}")


def emotion_of(texts: Sequence[str], wordings: Wordings | None = None) -> str:
    """What most people feel who wrote these texts: one of `EMOTIONS`, or ``calm``.

    Each text counts once for each emotion whose words stand in it. Of two that are as frequent, the one that stands
    first in `EMOTIONS`.

    Args:
        texts: Words of members.
        wordings: A tenant's own.
    """
    signs = (wordings or built_in()).signs
    batch = normalise_batch(list(texts))
    counts: Counter[str] = Counter()
    for i, text in enumerate(texts):
        read = message_of(batch, i, text).normalised
        counts.update(emotion for emotion in EMOTIONS if any(sign in read for sign in signs.get(emotion, ())))
    most = max(counts.values(), default=0)
    return next((emotion for emotion in EMOTIONS if most and counts[emotion] == most), "calm")


def draft(
    purpose: str,
    *,
    category: str,
    emotion: str,
    channels: Sequence[str],
    noticed_at: datetime,
    now: datetime,
    wordings: Wordings | None = None,
    next_s: float = NEXT_S,
    helpline: str = "",
    zone: str = "Asia/Shanghai",
) -> Draft:
    """Make a draft.

    Args:
        purpose: One of the wordings' purposes.
        category: Of the incident.
        emotion: Of `EMOTIONS`, or ``calm``.
        channels: Where it is said.
        noticed_at: When the incident was opened.
        now: When the draft is made.
        wordings: A tenant's own.
        next_s: In how many seconds the next word is promised.
        helpline: The tenant's text that names whom to call.
        zone: In which times are given.

    Raises:
        BadInput: There is no such purpose. `param` is ``purpose``.
    """
    words = wordings or built_in()
    if purpose not in words.purposes:
        raise BadInput("there is no such statement", param="purpose")
    tone = words.tones.get(emotion) or words.tones["calm"]
    local = zoneinfo.ZoneInfo(zone)
    some = "、".join(channels[:3]) + (f" 等 {len(channels)} 个社群" if len(channels) > 3 else "")
    values = {
        "opening": tone.opening,
        "topic": words.topics.get(category, words.topics["other"]),
        "where": some or "〔涉及的社群〕",
        "noticed": noticed_at.astimezone(local).strftime("%H:%M"),
        "next_time": (now + timedelta(seconds=next_s)).astimezone(local).strftime("%H:%M"),
        "helpline": helpline.strip() or HELPLINE,
    }
    text = _NAMED.sub(lambda match: values[match[1]], words.purposes[purpose].text)
    return Draft(purpose, emotion, text.strip(), tone.advice, _gaps(text))


def _gaps(text: str) -> tuple[str, ...]:
    return tuple(part.split("〕", 1)[0] for part in text.split("〔")[1:] if "〕" in part)
