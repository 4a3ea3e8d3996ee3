"""What a community does with which messages: the values that a policy is made of.

`deciding.decide` applies them, and `documents` makes them of what operators write. Bounds are inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from nlp_service.moderation.exempt import Exemption
from nlp_service.moderation.flooding import FloodingRules
from nlp_service.moderation.hosts import LinkRules
from nlp_service.moderation.quiet import QuietHours
from nlp_service.moderation.regulated import RegulatedRules
from nlp_service.moderation.sanctions import Strikes
from nlp_service.moderation.word_rules import WordRules
from nlp_service.store.incoming import Windows
from nlp_service.types import UNSAFE, Action, check_probability

ADVERT_PARTNERS = ("contact_spam", "scam", "gambling", "porn_sexual", "illegal_service")
"""Unsafe kinds that make an advert one to remove."""

PROTECTED = ("complaint", "question")
"""Primary intents that a brand must hear."""

Source = Literal["models", "links", "pictures", "flooding", "lexicon"]

PROTECTS_AGAINST: tuple[Source, ...] = get_args(Source)
"""What a complaint or a question can be protected against: see `Finding.source`. A denied host always acts."""

DAY_S = 86_400.0


def check_bounds(name: str, act: float, action: Action, review: float | None) -> None:
    """Refuse bounds that make no sense together.

    Raises:
        ValueError: One is no probability, `review` is above `act`, or set although the action is a pass: then more
            certainty would lead to less. The message begins with `name`.
    """
    check_probability(f"{name}.act", act)
    check_probability(f"{name}.review", review)
    if review is not None and review > act:
        raise ValueError(f"{name}: review at {review} is above act at {act}")
    if review is not None and action is Action.PASS:
        raise ValueError(f"{name}: review at {review}, but a pass from {act} on")


@dataclass(frozen=True, slots=True)
class UnsafeRule:
    """What one unsafe kind leads to.

    Attributes:
        name: One of `UNSAFE`.
        act: Probability from which `action` is taken.
        action: What is done then; a pass switches the rule off.
        review: Probability from which a person is asked to look; None where nobody is.
    """

    name: str
    act: float
    action: Action
    review: float | None = None

    def __post_init__(self) -> None:
        if self.name not in UNSAFE:
            raise ValueError(f"unknown unsafe kind {self.name!r}")
        check_bounds(self.name, self.act, self.action, self.review)


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds and rules. All thresholds are probabilities in [0, 1]; `dataclasses.replace` makes a variant.

    Attributes:
        version: Names these values in every answer.
        ad_warn: P(ad) from which `ad_action` is taken.
        ad_remove: P(ad) from which `ad_partner_action` is, if one of `ADVERT_PARTNERS` reaches `ad_partner` as well.
        ad_partner: See `ad_remove`.
        abuse_warn: P(abuse) from which `abuse_action` is taken.
        certain: Probability that abuse or an unsafe kind needs before a complaint or a question that is no advert
            gets more than a review.
        risk_level: Risk level from which a person must look, 1 to 3.
        self_harm: Probability of that risk category from which a person looks and nothing is done in public.
        unsafe: Rules for the unsafe kinds, one a kind at most; kinds without a rule lead to nothing.
        ad_review, abuse_review: Probabilities from which a person is asked to look; None where nobody is.
        protects_against: Some of `PROTECTS_AGAINST`.
        strikes: What becomes of those who offend again.
        words, links, flooding, regulated: Rules on what is known beside the labels.
        quiet_hours: When it is stricter, or nobody is warned.
        exempt: Who is excused from what.
        is_trial: Whether all is computed and nothing done.
    """

    version: str
    ad_warn: float = 0.60
    ad_remove: float = 0.80
    ad_partner: float = 0.50
    abuse_warn: float = 0.60
    certain: float = 0.90
    risk_level: int = 2
    # Below one half: not to see it costs more than one look too many.
    self_harm: float = 0.30
    unsafe: tuple[UnsafeRule, ...] = (
        UnsafeRule("porn_sexual", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("gambling", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("scam", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("drugs_weapons", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("politics_sensitive", 0.50, Action.REVIEW),
        UnsafeRule("contact_spam", 0.60, Action.WARN),
        UnsafeRule("flooding", 0.60, Action.WARN),
        UnsafeRule("illegal_service", 0.80, Action.REMOVE, review=0.50),
    )
    ad_action: Action = Action.WARN
    ad_review: float | None = None
    ad_partner_action: Action = Action.REMOVE
    abuse_action: Action = Action.WARN
    abuse_review: float | None = None
    protects_against: tuple[Source, ...] = ("models", "links", "pictures", "flooding")
    strikes: Strikes = field(default_factory=Strikes)
    words: WordRules = field(default_factory=WordRules)
    links: LinkRules = field(default_factory=LinkRules)
    flooding: FloodingRules = field(default_factory=FloodingRules)
    regulated: RegulatedRules = field(default_factory=RegulatedRules)
    quiet_hours: tuple[QuietHours, ...] = ()
    exempt: tuple[Exemption, ...] = ()
    is_trial: bool = False

    def __post_init__(self) -> None:
        for name in ("ad_remove", "ad_partner", "certain", "self_harm"):
            check_probability(name, getattr(self, name))
        check_bounds("ad_warn", self.ad_warn, self.ad_action, self.ad_review)
        check_bounds("abuse_warn", self.abuse_warn, self.abuse_action, self.abuse_review)
        if self.ad_warn > self.ad_remove:
            raise ValueError(f"ad_warn {self.ad_warn} is above ad_remove {self.ad_remove}")
        if self.risk_level not in (1, 2, 3):
            raise ValueError(f"risk_level must be 1 to 3, got {self.risk_level}")
        names = [rule.name for rule in self.unsafe]
        if len(set(names)) < len(names):
            raise ValueError("an unsafe kind has more than one rule")
        if not set(self.protects_against) <= set(PROTECTS_AGAINST):
            raise ValueError(f"protects_against holds more than {', '.join(PROTECTS_AGAINST)}")


def windows_of(policy: Policy) -> Windows:
    """How far back the store must look for what this policy counts."""
    return Windows(policy.strikes.longest_days * DAY_S, policy.flooding.window_s)


DEFAULT_POLICY = Policy(version="default-1")
