"""Models that do as the texts of messages say. Workers import this, so it loads little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from nlp_service.text.pii import find_pii
from nlp_service.types import Analysis, Intent, Label, Message
from tests.fakes import Obedient, analysis_of

ADVERT, STORY = "#ad", "#ugc"
"""Texts that begin so are adverts or contributions."""


class Reader(Obedient):
    """Reads as `read`, and misbehaves where it is told to."""

    def read(self, messages: Sequence[Message], *, evidence: bool = True, vectors: Any = None) -> list[Analysis]:
        super().read(messages, vectors=vectors)
        return [read(message) for message in messages]


def build_reader() -> Reader:
    return Reader()


def read(message: Message) -> Analysis:
    """What these models say of a message: chat, unless its text says otherwise."""
    analysis = replace(analysis_of(message), risk=replace(analysis_of(message).risk, level=0), verdict=None)
    analysis = replace(analysis, pii=find_pii(message.text))
    for mark, label in ((ADVERT, "ad"), (STORY, "ugc")):
        if message.text.startswith(mark):
            chances = dict.fromkeys(("question", "ugc", "ad", "complaint", "chat"), 0.05) | {label: 0.95}
            analysis = replace(analysis, intent=Intent(label, (label,), chances), unsafe=(Label("scam", 0.1),))
    return analysis
