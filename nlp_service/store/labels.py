"""What a message should have been read as, in the form of annotated data: the machine's reading and what people say.

A record is full: what nobody has looked at is the machine's own reading, and `Labels.confirmed` says which fields a
person has set or found right. Only these may be learnt from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

import msgspec

from nlp_service.errors import BadInput
from nlp_service.store.packing import LIKELY
from nlp_service.types import Analysis

IntentName = Literal["question", "ugc", "ad", "complaint", "chat"]
RiskCategory = Literal[
    "product_quality",
    "food_safety",
    "health_injury",
    "fraud_fake",
    "refund_aftersale",
    "service_attitude",
    "delivery_delay",
    "price_dispute",
    "privacy_security",
    "legal_regulatory",
    "media_exposure",
    "collective_action",
    "discrimination_values",
    "outage",
    "self_harm",
    "violence_threat",
    "other",
]
UnsafeKind = Literal[
    "porn_sexual",
    "gambling",
    "scam",
    "drugs_weapons",
    "politics_sensitive",
    "contact_spam",
    "flooding",
    "illegal_service",
]
Field = Literal["intent", "sentiment", "risk", "risk_categories", "abuse", "unsafe", "pain"]

FIELDS: tuple[Field, ...] = ("intent", "sentiment", "risk", "risk_categories", "abuse", "unsafe", "pain")
"""Fields that a person may set or confirm."""

# What adverts do besides, and what is only a nuisance.
_LIGHT = ("contact_spam", "flooding")

MAX_PAINS, MAX_TARGET = 20, 50

Level = Annotated[int, msgspec.Meta(ge=0, le=3)]


class PainLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a text names a problem or a need: a half-open range of its code points, and what it is about."""

    start: Annotated[int, msgspec.Meta(ge=0)]
    end: Annotated[int, msgspec.Meta(ge=1)]
    target: Annotated[str, msgspec.Meta(max_length=MAX_TARGET)] = ""


class LabelsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a person says of a message; fields that are left out are not looked at.

    Attributes:
        intent: All that apply, the primary first.
        sentiment: The speaker's, very negative to very positive.
        risk: 0 none, 1 watch, 2 high, 3 critical.
        risk_categories: What the risk is about; empty at risk 0.
        abuse: Whether it insults, demeans, harasses or curses.
        unsafe: All kinds that apply.
        pain: All places where it names a problem or a need.
    """

    intent: Annotated[list[IntentName], msgspec.Meta(min_length=1)] | None = None
    sentiment: Annotated[int, msgspec.Meta(ge=-2, le=2)] | None = None
    risk: Level | None = None
    risk_categories: list[RiskCategory] | None = None
    abuse: Annotated[int, msgspec.Meta(ge=0, le=1)] | None = None
    unsafe: list[UnsafeKind] | None = None
    pain: Annotated[list[PainLabel], msgspec.Meta(max_length=MAX_PAINS)] | None = None


class Labels(msgspec.Struct, frozen=True):
    """All labels of a message; None where the machine could not say and no person has.

    Attributes:
        confirmed: Fields that a person has set or found right, in the order of `FIELDS`.
    """

    intent: tuple[IntentName, ...] | None = None
    sentiment: int | None = None
    risk: int | None = None
    risk_categories: tuple[RiskCategory, ...] | None = None
    abuse: int | None = None
    unsafe: tuple[UnsafeKind, ...] | None = None
    pain: tuple[PainLabel, ...] | None = None
    confirmed: tuple[Field, ...] = ()


def as_read(analysis: Analysis) -> Labels:
    """The machine's reading. A head that failed leaves its field open."""
    risk, sentiment = analysis.risk, analysis.sentiment
    has_risk = risk.probability is not None
    likely = [label.name for label in risk.categories if label.probability >= LIKELY]
    named = likely or [label.name for label in risk.categories[:1]]
    pain = [PainLabel(one.span.start, one.span.end, one.target[:MAX_TARGET]) for one in analysis.pain[:MAX_PAINS]]
    unsafe = [label.name for label in analysis.unsafe or () if label.probability >= LIKELY]
    found: dict[str, Any] = {
        "intent": analysis.intent and analysis.intent.labels,
        "sentiment": None if sentiment is None else _strength(sentiment.label, sentiment.score),
        "risk": risk.level if has_risk else None,
        "risk_categories": named if has_risk and risk.level else [] if has_risk else None,
        "abuse": None if analysis.abuse.probability is None else int(analysis.abuse.flagged),
        "unsafe": None if analysis.unsafe is None else unsafe,
        "pain": pain,
    }
    return msgspec.convert(found, Labels, from_attributes=True)


def amend(before: Labels, said: LabelsIn | None, confirmed: Collection[Field], text: str) -> Labels:
    """The record after a person has looked at a message.

    Args:
        before: What was known: the machine's reading, or the last record of the same wording.
        said: What the person says.
        confirmed: Fields that the person found right as they were.
        text: Of the message, for the ranges of pains.

    Raises:
        BadInput: A value contradicts another one; `param` names it.
    """
    given: dict[str, Any] = {name: value for name in FIELDS if (value := getattr(said, name, None)) is not None}
    for name in confirmed:
        if getattr(before, name) is None and name not in given:
            raise BadInput(f"there is nothing to confirm: the machine could not say {name}", param="confirm")
    if given.get("risk") == 0:
        given.setdefault("risk_categories", [])
    values: dict[str, Any] = {name: given.get(name, getattr(before, name)) for name in FIELDS}
    _check(given, values, text)
    known = {*before.confirmed, *confirmed, *given}
    return msgspec.convert(values | {"confirmed": [name for name in FIELDS if name in known]}, Labels)


def offence_of(labels: Labels) -> str | None:
    """What a message that is acted on counts as against its author, the gravest first; None for none of it."""
    unsafe = labels.unsafe or ()
    grave = [kind for kind in unsafe if kind not in _LIGHT]
    if grave:
        return grave[0]
    if labels.intent and "ad" in labels.intent:
        return "ad"
    if labels.abuse:
        return "abuse"
    return unsafe[0] if unsafe else None


def _check(given: dict[str, Any], values: dict[str, Any], text: str) -> None:
    for name in ("intent", "risk_categories", "unsafe"):
        if len(set(given.get(name, ()))) < len(given.get(name, ())):
            raise BadInput(f"{name} names something twice", param=f"labels.{name}")
    if given.get("risk_categories") and not values["risk"]:
        raise BadInput("risk_categories need a risk of 1 or more", param="labels.risk_categories")
    _check_pains(given.get("pain", ()), text)


def _check_pains(pains: Sequence[PainLabel], text: str) -> None:
    last = 0
    for place, pain in enumerate(sorted(pains, key=lambda pain: pain.start)):
        if not last <= pain.start < pain.end <= len(text):
            raise BadInput(
                f"range {pain.start}:{pain.end} is empty, overlaps another or leaves the text of {len(text)}",
                param=f"labels.pain[{place}]",
            )
        last = pain.end


def _strength(label: str, score: float) -> int:
    """The score as it is annotated, -2 to 2, on the side that the label names."""
    if label == "neutral":
        return 0
    strong = 2 if abs(score) >= 0.75 else 1
    return strong if label == "positive" else -strong
