"""What the watch sees of a message: who said what where and when, and how the model read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from nlp_service.types import RISK_CATEGORIES, Analysis, check_probability

MAX_TEXT = 400
"""Characters of the text that are kept: enough to quote."""

_CATEGORIES = frozenset(RISK_CATEGORIES)


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One analysed message.

    Attributes:
        tenant: Whose; nothing of one tenant is ever seen beside that of another.
        platform, id: Name the message; a second sighting of the same name counts for nothing.
        channel: The community it was written in.
        author: Of the platform; empty where nobody is known.
        sent_at, received_at: Aware. What happened when is told by the first, what could be known when by the second.
        text: For quotes and for telling wordings apart.
        level: Risk, 0 to 3.
        p_watch, p_high: P(level >= 1) and P(level >= 2), calibrated; None where the model could not say.
        categories: Risk categories with their probabilities; empty where the model lists none.
        sentiment: -1 to 1; None where the model could not say.
        labels: All intents.
        vector: Embedding as 16-bit floats, little-endian; None where there is none.
        meta: Plain fields of the caller, such as ``product`` and ``region``.
    """

    tenant: str
    platform: str
    id: str
    channel: str
    author: str
    sent_at: datetime
    received_at: datetime
    text: str
    level: int
    p_watch: float | None
    p_high: float | None
    categories: dict[str, float] = {}  # msgspec copies an empty default
    sentiment: float | None = None
    labels: tuple[str, ...] = ()
    vector: bytes | None = None
    meta: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.sent_at.tzinfo is None or self.received_at.tzinfo is None:
            raise ValueError("a sighting needs times with a zone")
        if self.level not in (0, 1, 2, 3):
            raise ValueError(f"risk level must be 0 to 3, got {self.level}")
        check_probability("p_watch", self.p_watch)
        check_probability("p_high", self.p_high)
        for name, value in self.categories.items():
            if name not in _CATEGORIES:
                raise ValueError("a sighting names a risk category that there is not")
            check_probability(name, value)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message comes from; fields as in `Sighting`."""

    tenant: str
    platform: str
    id: str
    channel: str
    author: str
    sent_at: datetime
    received_at: datetime


def see(
    origin: Origin, text: str, analysis: Analysis, meta: Mapping[str, str] | None = None, vector: bytes | None = None
) -> Sighting:
    """The sighting of a message that was analysed.

    Raises:
        ValueError: A time has no zone.
    """
    risk = analysis.risk
    return Sighting(
        **msgspec.structs.asdict(origin),
        text=text[:MAX_TEXT],
        level=risk.level,
        p_watch=risk.probability_watch,
        p_high=risk.probability,
        categories={label.name: label.probability for label in risk.categories},
        sentiment=analysis.sentiment.score if analysis.sentiment else None,
        labels=analysis.intent.labels if analysis.intent else (),
        vector=vector,
        meta=dict(meta or {}),
    )
