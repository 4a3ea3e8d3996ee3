"""Policies as operators write them: JSON documents in which every field is optional, read strictly and written in full.

A document says only what differs from the built-in policy; `default_document` shows all of it. What is an object there
is merged field by field, what is a list or a value is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from nlp_service.errors import BadInput
from nlp_service.moderation.exempt import Rule
from nlp_service.moderation.policy import DEFAULT_POLICY, PROTECTS_AGAINST, Policy, UnsafeRule
from nlp_service.moderation.quiet import DAYS
from nlp_service.moderation.written import (
    FORMAT,
    LabelRule,
    LabelRules,
    PartnerRule,
    PolicyDocument,
    ProtectRule,
    RiskRule,
)
from nlp_service.types import UNSAFE, Action

# How msgspec words its errors; it never quotes what was sent.
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key` in `)?\$\.?(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>[^`]*)`")
_NAMELESS = "[...]"


def default_document() -> dict[str, Any]:
    """The built-in policy as a document with all fields."""
    return encode_document(DEFAULT_POLICY)


def encode_document(policy: Policy) -> dict[str, Any]:
    """A policy as a document with all fields, ready for JSON. Its version is no part of it."""
    rules = {rule.name: LabelRule(rule.act, rule.action, rule.review) for rule in policy.unsafe}
    # A kind without a rule leads to nothing, as one whose action is a pass does.
    unsafe = {name: rules.get(name, LabelRule(1.0, Action.PASS)) for name in UNSAFE}
    document = PolicyDocument(
        format=FORMAT,
        trial=policy.is_trial,
        labels=LabelRules(
            ad=LabelRule(policy.ad_warn, policy.ad_action, policy.ad_review),
            abuse=LabelRule(policy.abuse_warn, policy.abuse_action, policy.abuse_review),
            **unsafe,
        ),
        ad_with_partner=PartnerRule(policy.ad_remove, policy.ad_partner, policy.ad_partner_action),
        risk=RiskRule(policy.risk_level, policy.self_harm),
        protect=ProtectRule(policy.certain, policy.protects_against),
        strikes=policy.strikes,
        lexicon=policy.words,
        links=policy.links,
        flooding=policy.flooding,
        regulated=policy.regulated,
        quiet_hours=policy.quiet_hours,
        exempt=policy.exempt,
    )
    values: dict[str, Any] = msgspec.to_builtins(document)
    return values


def decode_document(document: Mapping[str, Any] | bytes, version: str) -> Policy:
    """Make a policy of what an operator wrote.

    Two bounds follow the operator where the document leaves them out: a label's `review` is no higher than its `act`
    and gone where its action is a pass, and `ad_with_partner.ad` is no lower than ``labels.ad.act``.

    Args:
        document: As JSON, or what JSON holds.
        version: Names the policy in every answer.

    Raises:
        BadInput: A field is unknown, or its value cannot be taken; `param` is its path (``labels.ad.act``).
    """
    given = _parse(document) if isinstance(document, bytes) else document
    merged = _merge(default_document(), given)
    _follow(merged, given)
    try:
        read = msgspec.convert(merged, PolicyDocument)
    except msgspec.ValidationError as error:
        raise _refusal(error, merged) from error
    if read.labels.ad.act > read.ad_with_partner.ad:
        message = f"ad_with_partner.ad {read.ad_with_partner.ad} is below labels.ad.act {read.labels.ad.act}"
        raise BadInput(message, param="ad_with_partner.ad")
    return _policy(read, version)


def _policy(document: PolicyDocument, version: str) -> Policy:
    labels, partner = document.labels, document.ad_with_partner
    rules = {name: getattr(labels, name) for name in UNSAFE}
    return Policy(
        version=version,
        ad_warn=labels.ad.act,
        ad_action=labels.ad.action,
        ad_review=labels.ad.review,
        ad_remove=partner.ad,
        ad_partner=partner.partner,
        ad_partner_action=partner.action,
        abuse_warn=labels.abuse.act,
        abuse_action=labels.abuse.action,
        abuse_review=labels.abuse.review,
        unsafe=tuple(UnsafeRule(name, rule.act, rule.action, rule.review) for name, rule in rules.items()),
        risk_level=document.risk.level,
        self_harm=document.risk.self_harm,
        certain=document.protect.certain,
        protects_against=document.protect.against,
        strikes=document.strikes,
        words=document.lexicon,
        links=document.links,
        flooding=document.flooding,
        regulated=document.regulated,
        quiet_hours=document.quiet_hours,
        exempt=document.exempt,
        is_trial=document.trial,
    )


def _parse(document: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(document, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("the policy is no JSON object", param="document") from error


def _merge(default: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**default, **given}
    for name, value in default.items():
        if isinstance(value, dict) and isinstance(merged[name], dict):
            merged[name] = _merge(value, merged[name])
    return merged


def _follow(merged: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Let the bounds that a document leaves out follow those it gives. What is no bound is refused later."""
    labels = _object(given, "labels")
    for name in UNSAFE:
        rule = _object(labels, name)
        if rule and "review" not in rule:
            merged_rule = merged["labels"][name]
            if merged_rule["action"] == Action.PASS:
                merged_rule["review"] = None
            elif _is_number(rule.get("act")) and merged_rule["review"] is not None:
                merged_rule["review"] = min(merged_rule["review"], rule["act"])
    ad = _object(labels, "ad").get("act")
    if _is_number(ad) and "ad" not in _object(given, "ad_with_partner"):
        partner = _object(merged, "ad_with_partner")
        partner["ad"] = max(partner["ad"], ad)


def _object(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refusal(error: msgspec.ValidationError, document: Mapping[str, Any]) -> BadInput:
    match = _AT.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    named = _FIELD.search(what)
    if named:
        path = f"{path}.{named['name']}".lstrip(".")
    if path.endswith(_NAMELESS):
        path = _name_category(path.removesuffix(_NAMELESS), document)
    if "matching regex" in what:
        what = "must be a time such as 22:00" if path.startswith("quiet_hours") else "must be a host such as taobao.com"
    if what.startswith("Invalid enum value"):
        what = f"must be one of {', '.join(_choices(path))}"
    return BadInput(f"{path}: {what}" if path else what, param=path or "document")


def _name_category(path: str, document: Mapping[str, Any]) -> str:
    """Only the actions of word lists have free names; this is the first one that is at fault."""
    section, kind = path.split(".")
    actions = [action.value for action in Action]
    return next((f"{path}.{name}" for name, value in document[section][kind].items() if value not in actions), path)


def _choices(path: str) -> tuple[str, ...]:
    field = path.rpartition(".")[2].partition("[")[0]
    choices = {"format": (str(FORMAT),), "against": PROTECTS_AGAINST, "days": DAYS, "from": get_args(Rule)}
    return choices.get(field, tuple(Action))
