from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nlp_service.errors import BadInput
from nlp_service.moderation.documents import decode_document, default_document, encode_document
from nlp_service.moderation.policy import DEFAULT_POLICY, UnsafeRule
from nlp_service.moderation.written import document_schema
from nlp_service.types import UNSAFE, Action

COMMUNITIES = sorted((Path(__file__).parent / "policies").glob("*.json"))


def test_an_empty_document_is_the_built_in_policy() -> None:
    assert decode_document({}, "default-1") == DEFAULT_POLICY
    assert decode_document(b"{}", "default-1") == DEFAULT_POLICY
    assert decode_document(default_document(), "default-1") == DEFAULT_POLICY


def test_the_default_document_is_json_and_shows_every_label() -> None:
    document = json.loads(json.dumps(default_document()))
    assert document["labels"].keys() == {"ad", "abuse", *UNSAFE}
    assert document["labels"]["scam"] == {"act": 0.8, "action": "remove", "review": 0.5}
    assert document["strikes"]["ad"] == {"steps": ["warn", "remove", "block"], "days": 30}


@pytest.mark.parametrize("path", COMMUNITIES, ids=lambda path: path.stem)
def test_a_written_policy_comes_back_in_full(path: Path) -> None:
    policy = decode_document(path.read_bytes(), "1")
    assert decode_document(encode_document(policy), "1") == policy != replace(DEFAULT_POLICY, version="1")


def test_the_version_is_the_callers() -> None:
    assert decode_document({}, "*/3").version == "*/3"


def test_objects_are_merged_and_lists_replaced() -> None:
    policy = decode_document({"links": {"allow": ["a.com"]}, "strikes": {"ad": {"days": 7}}}, "1")
    assert (policy.links.allow, policy.links.qr) == (("a.com",), Action.REVIEW)
    assert (policy.strikes.ad.days, len(policy.strikes.ad.steps), policy.strikes.link.days) == (7, 3, 30)


def test_a_kind_without_a_rule_is_written_as_one_that_leads_to_nothing() -> None:
    policy = replace(DEFAULT_POLICY, unsafe=(UnsafeRule("scam", 0.7, Action.BLOCK),))
    document = encode_document(policy)
    assert document["labels"]["scam"] == {"act": 0.7, "action": "block", "review": None}
    assert document["labels"]["gambling"]["action"] == "pass"


@pytest.mark.parametrize(
    ("labels", "name", "review"),
    [
        ({"scam": {"act": 0.3}}, "scam", 0.3),  # no higher than where it is acted on
        ({"scam": {"act": 0.9}}, "scam", 0.5),
        ({"scam": {"action": "pass"}}, "scam", None),
        ({"scam": {"review": None}}, "scam", None),
        ({"scam": {"act": 0.7, "review": 0.6}}, "scam", 0.6),
        ({"politics_sensitive": {"act": 0.3}}, "politics_sensitive", None),
    ],
)
def test_a_review_that_is_left_out_follows(labels: dict[str, Any], name: str, review: float | None) -> None:
    rules = {rule.name: rule for rule in decode_document({"labels": labels}, "1").unsafe}
    assert rules[name].review == review


def test_the_bound_of_an_advert_with_a_partner_follows() -> None:
    assert decode_document({"labels": {"ad": {"act": 0.95}}}, "1").ad_remove == 0.95
    assert decode_document({"labels": {"ad": {"act": 0.4}}}, "1").ad_remove == 0.80


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"lables": {}}, "lables"),
        ({"labels": {"spam": {"act": 0.5}}}, "labels.spam"),
        ({"labels": {"ad": {"acts": 0.5}}}, "labels.ad.acts"),
        ({"labels": {"ad": {"act": 1.5}}}, "labels.ad.act"),
        ({"labels": {"ad": {"act": -0.1}}}, "labels.ad.act"),
        ({"labels": {"ad": {"act": "high"}}}, "labels.ad.act"),
        ({"labels": {"ad": {"act": True}}}, "labels.ad.act"),
        ({"labels": {"ad": {"act": float("nan")}}}, "labels.ad.act"),
        ({"labels": {"ad": {"act": 10**400}}}, "labels.ad.act"),
        ({"labels": {"ad": {"action": "delete"}}}, "labels.ad.action"),
        ({"labels": {"scam": {"review": 0.9}}}, "labels.scam"),
        ({"labels": {"scam": {"action": "pass", "review": 0.5}}}, "labels.scam"),
        ({"labels": {"scam": None}}, "labels.scam"),
        ({"labels": [1]}, "labels"),
        ({"labels": {"ad": {"act": 0.9}}, "ad_with_partner": {"ad": 0.8}}, "ad_with_partner.ad"),
        ({"risk": {"level": 0}}, "risk.level"),
        ({"risk": {"level": 4}}, "risk.level"),
        ({"protect": {"against": ["everything"]}}, "protect.against[0]"),
        ({"strikes": {"ad": {"steps": ["block", "warn"]}}}, "strikes.ad"),
        ({"strikes": {"ad": {"steps": ["review"]}}}, "strikes.ad"),
        ({"strikes": {"ad": {"days": 0}}}, "strikes.ad.days"),
        ({"strikes": {"regulated": {}}}, "strikes.regulated"),
        ({"lexicon": {"deny": {"politics": "kill"}}}, "lexicon.deny.politics"),
        ({"lexicon": {"watch": {"politics": []}}}, "lexicon.watch.politics"),
        ({"links": {"allow": ["a.com", "http://a.com/b"]}}, "links.allow[1]"),
        ({"links": {"deny": ["*.a.com"]}}, "links.deny[0]"),
        ({"links": {"allow": ["a.com"], "deny": ["A.com."]}}, "links"),
        ({"flooding": {"author": 1}}, "flooding"),
        ({"flooding": {"window_s": 5}}, "flooding.window_s"),
        ({"regulated": {"legal": {}}}, "regulated.legal"),
        ({"quiet_hours": [{"from": "22:00"}]}, "quiet_hours[0].to"),
        ({"quiet_hours": [{"from": "9:00", "to": "10:00", "hold": True}]}, "quiet_hours[0].from"),
        ({"quiet_hours": [{"from": "09:00", "to": "24:30", "hold": True}]}, "quiet_hours[0].to"),
        ({"quiet_hours": [{"from": "09:00", "to": "09:00", "hold": True}]}, "quiet_hours[0]"),
        ({"quiet_hours": [{"from": "09:00", "to": "10:00"}]}, "quiet_hours[0]"),
        ({"quiet_hours": [{"from": "09:00", "to": "10:00", "hold": True, "days": ["Mo"]}]}, "quiet_hours[0].days[0]"),
        ({"quiet_hours": [{"from": "09:00", "to": "10:00", "hold": True, "timezone": "Mars/A"}]}, "quiet_hours[0]"),
        ({"quiet_hours": [{"from": "09:00", "to": "10:00", "hold": True, "timezone": "../a"}]}, "quiet_hours[0]"),
        ({"quiet_hours": [{"from": "09:00", "to": "10:00", "hold": True, "timezone": "Asia"}]}, "quiet_hours[0]"),
        ({"exempt": [{"roles": ["owner"]}]}, "exempt[0].from"),
        ({"exempt": [{"roles": ["owner"], "from": []}]}, "exempt[0]"),
        ({"exempt": [{"from": ["ad"]}]}, "exempt[0]"),
        ({"exempt": [{"roles": ["owner"], "from": ["risk"]}]}, "exempt[0].from[0]"),
        ({"exempt": [{"authors": [{"id": "u1"}], "from": ["ad"]}]}, "exempt[0].authors[0].platform"),
        ({"format": 2}, "format"),
        ({"trial": "yes"}, "trial"),
        (b"{", "document"),
        (b"[]", "document"),
        (b"\xff", "document"),
        (b'{"a":' * 5_000, "document"),
    ],
)
def test_what_cannot_be_taken_is_named(document: Any, param: str) -> None:
    with pytest.raises(BadInput) as caught:
        decode_document(document, "1")
    assert caught.value.param == param
    assert param == "document" or caught.value.message.startswith(param)


def test_an_error_says_what_would_be_right() -> None:
    with pytest.raises(BadInput, match="must be one of pass, review, warn, remove, block"):
        decode_document({"labels": {"ad": {"action": "delete"}}}, "1")
    with pytest.raises(BadInput, match="a time such as 22:00"):
        decode_document({"quiet_hours": [{"from": "ten", "to": "22:00"}]}, "1")
    with pytest.raises(BadInput, match="a host such as taobao"):
        decode_document({"links": {"allow": ["a b"]}}, "1")


def test_the_schema_asks_for_nothing_that_a_document_may_leave_out() -> None:
    schema, parts = document_schema("#/components/schemas/{name}")
    assert schema == {"$ref": "#/components/schemas/PolicyDocument"}
    required = {name: part["required"] for name, part in parts.items() if part.get("required")}
    assert required == {"QuietHours": ["from", "to"], "Exemption": ["from"], "Author": ["platform", "id"]}
    assert parts["PolicyDocument"]["properties"].keys() == default_document().keys()
    assert parts["PolicyDocument"]["additionalProperties"] is False
