"""The parts of a policy as operators write it, all of them: `documents` fills in what a document leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from nlp_service.moderation.exempt import Exemption
from nlp_service.moderation.flooding import FloodingRules
from nlp_service.moderation.hosts import LinkRules
from nlp_service.moderation.policy import Source, check_bounds
from nlp_service.moderation.quiet import QuietHours
from nlp_service.moderation.regulated import RegulatedRules
from nlp_service.moderation.sanctions import Strikes
from nlp_service.moderation.word_rules import WordRules
from nlp_service.types import Action

FORMAT: Literal[1] = 1
"""Of the documents. It rises when a field changes its meaning."""

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class LabelRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a label leads to.

    Attributes:
        act: Probability from which `action` is taken.
        action: What is done then; a pass switches the rule off.
        review: Probability from which a person is asked to look; null where nobody is.
    """

    act: Probability
    action: Action
    review: Probability | None = None

    def __post_init__(self) -> None:
        check_bounds("rule", self.act, self.action, self.review)


class LabelRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule a label that can be an offence."""

    ad: LabelRule
    abuse: LabelRule
    porn_sexual: LabelRule
    gambling: LabelRule
    scam: LabelRule
    drugs_weapons: LabelRule
    politics_sensitive: LabelRule
    contact_spam: LabelRule
    flooding: LabelRule
    illegal_service: LabelRule


class PartnerRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a clear advert leads to that is one for contacts, a scam, gambling, porn or an illegal service as well.

    Attributes:
        ad: Probability of an advert from which it holds.
        partner: Probability of one of those kinds from which it holds.
        action: What is done then.
    """

    ad: Probability
    partner: Probability
    action: Action


class RiskRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a person must look: from which level of risk, and from which probability of self-harm."""

    level: Annotated[int, msgspec.Meta(ge=1, le=3)]
    self_harm: Probability


class ProtectRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How complaints and questions that are no advert are kept from being silenced: they get a review instead.

    Attributes:
        certain: Probability from which a label is acted on all the same.
        against: Which kinds of rule.
    """

    certain: Probability
    against: tuple[Source, ...]


class PolicyDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A policy with all of its fields; docs/moderation.md explains them.

    Attributes:
        format: Of the document.
        trial: Whether all is computed and nothing done.
        labels, ad_with_partner, risk: By what the models say.
        protect: Who is heard.
        strikes: What becomes of those who offend again.
        lexicon, links, flooding, regulated: By what is known beside it.
        quiet_hours: When it is stricter, or nobody is warned.
        exempt: Who is excused from what.
    """

    format: Literal[1]
    trial: bool
    labels: LabelRules
    ad_with_partner: PartnerRule
    risk: RiskRule
    protect: ProtectRule
    strikes: Strikes
    lexicon: WordRules
    links: LinkRules
    flooding: FloodingRules
    regulated: RegulatedRules
    quiet_hours: tuple[QuietHours, ...]
    exempt: tuple[Exemption, ...]


def document_schema(ref_template: str = "#/$defs/{name}") -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """JSON schema of a document as operators may write it, and of its parts by name.

    Args:
        ref_template: Where the parts will stand.
    """
    (schema,), parts = msgspec.json.schema_components((PolicyDocument,), ref_template=ref_template)
    for name in _FILLED_IN:
        parts[name].pop("required", None)
    return schema, parts


_FILLED_IN = ("LabelRule", "LabelRules", "PartnerRule", "RiskRule", "ProtectRule", "PolicyDocument", "TopicRule")
