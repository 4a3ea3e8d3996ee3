"""The values that travel through the service.

Frozen and checked when made; msgspec's structs, since a message makes some twenty of them and a dataclass takes several
times as long. Conventions of all of them: a `probability` is
calibrated and in [0, 1], None when the model could not say; positions are half-open ranges of Unicode code points in
the text as it was sent.
"""

from __future__ import annotations

import enum

import msgspec

INTENTS = ("question", "ugc", "ad", "complaint", "chat")
SENTIMENTS = ("negative", "neutral", "positive")
RISK_CATEGORIES = (
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
)
UNSAFE = (
    "porn_sexual",
    "gambling",
    "scam",
    "drugs_weapons",
    "politics_sensitive",
    "contact_spam",
    "flooding",
    "illegal_service",
)


def check_probability(name: str, value: float | None) -> None:
    """Refuse what is no probability.

    Raises:
        ValueError: The value is outside [0, 1] or NaN; the message names it.
    """
    # Written so that NaN is refused too: every comparison with it is false.
    if value is not None and not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be in [0, 1], got {value}")


class Span(msgspec.Struct, frozen=True, gc=False):
    """A piece of the original text; ``end`` is exclusive."""

    start: int
    end: int
    text: str

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"span {self.start}:{self.end} is empty or negative")


class Message(msgspec.Struct, frozen=True):
    """One message to read.

    Attributes:
        id: The caller's, echoed.
        text: As it was sent, at most 4,000 code points where it came through a door of the service.
        context: What was said before it in the same conversation, oldest first.
    """

    id: str | int | None
    text: str
    context: tuple[str, ...] = ()


class Label(msgspec.Struct, frozen=True, gc=False):
    """A name with its probability, as risk categories and unsafe kinds are given."""

    name: str
    probability: float

    def __post_init__(self) -> None:
        check_probability(self.name, self.probability)


class Intent(msgspec.Struct, frozen=True):
    """What the message is for.

    Attributes:
        primary: The label that an operator acts on first.
        labels: All that apply, primary first.
        probabilities: P(label applies) for each of `INTENTS`; they need not add up to one.
    """

    primary: str
    labels: tuple[str, ...]
    probabilities: dict[str, float]

    def __post_init__(self) -> None:
        if self.primary not in self.labels:
            raise ValueError("the primary intent is not among the labels")
        for name, value in self.probabilities.items():
            check_probability(name, value)


class Sentiment(msgspec.Struct, frozen=True):
    """The speaker's feeling.

    Attributes:
        label: The most probable of `SENTIMENTS`.
        score: Expected strength, -1 very negative to 1 very positive.
        probabilities: Of each of `SENTIMENTS`; they add up to one. Empty where they are not known.
    """

    label: str
    score: float
    probabilities: dict[str, float] = {}  # msgspec copies an empty default

    def __post_init__(self) -> None:
        if not -1.0 <= self.score <= 1.0:
            raise ValueError(f"sentiment score must be in [-1, 1], got {self.score}")
        for name, value in self.probabilities.items():
            check_probability(name, value)


class Risk(msgspec.Struct, frozen=True):
    """How urgently an operator must look.

    Attributes:
        level: 0 none, 1 watch, 2 high, 3 critical.
        probability: P(level >= 2); None when the head failed.
        probability_watch: P(level >= 1), never below `probability`; None when the head failed.
        categories: What it is about, most probable first; empty at level 0.
    """

    level: int
    probability: float | None
    probability_watch: float | None
    categories: tuple[Label, ...] = ()

    def __post_init__(self) -> None:
        if self.level not in (0, 1, 2, 3):
            raise ValueError(f"risk level must be 0 to 3, got {self.level}")
        check_probability("probability", self.probability)
        check_probability("probability_watch", self.probability_watch)


class Abuse(msgspec.Struct, frozen=True, gc=False):
    """Whether it insults, demeans, harasses or curses; None when the head failed."""

    probability: float | None
    flagged: bool

    def __post_init__(self) -> None:
        check_probability("abuse", self.probability)


class Pain(msgspec.Struct, frozen=True):
    """A complaint or need that the text names.

    Attributes:
        target: What it is about in few words ("物流速度"), for counting.
        span: Where the text says so.
        category: The risk category or "need" that it belongs to.
    """

    target: str
    span: Span
    category: str


class Evidence(msgspec.Struct, frozen=True):
    """Characters that drove a label.

    Attributes:
        label: ``intent.ad``, ``sentiment.negative``, ``risk``, ``abuse``, ``unsafe.gambling`` ...
        source: ``model`` or ``lexicon``.
        span: The characters as they were sent.
        normalised: What they were read as, where that differs.
        list: The word list, for a lexicon.
    """

    label: str
    source: str
    span: Span
    normalised: str | None = None
    list: str | None = None


class Action(enum.StrEnum):
    """What is to be done with a message, mildest first."""

    PASS = "pass"
    REVIEW = "review"
    WARN = "warn"
    REMOVE = "remove"
    BLOCK = "block"


class Verdict(msgspec.Struct, frozen=True):
    """An action with the reasons for it, as machine-readable codes such as ``ad>=0.60``."""

    action: Action
    reasons: tuple[str, ...] = ()


class UgcQuality(msgspec.Struct, frozen=True, gc=False):
    """Quality of a contribution in four parts and their weighted sum, each in [0, 1]."""

    score: float
    originality: float
    usefulness: float
    spread: float
    compliance: float


class Analysis(msgspec.Struct, frozen=True):
    """All that the models say of one message.

    ``id`` is the caller's. ``intent``, ``sentiment`` and ``unsafe`` are None only when their heads failed; the verdict
    then asks for a person. ``verdict`` is None until a policy has decided. ``ugc_quality`` needs what the community has
    stored, so an analysis of a lone message has None.
    """

    id: str | int | None
    intent: Intent | None
    sentiment: Sentiment | None
    risk: Risk
    abuse: Abuse
    unsafe: tuple[Label, ...] | None
    pain: tuple[Pain, ...]
    evidence: tuple[Evidence, ...] = ()
    verdict: Verdict | None = None
    pii: tuple[Span, ...] = ()
    ugc_quality: UgcQuality | None = None
