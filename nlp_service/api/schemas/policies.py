"""Policies as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from nlp_service.api.schemas.words import Aware
from nlp_service.moderation.comparing import ReasonCount
from nlp_service.moderation.dry_run import MOST_MESSAGES, NOT_KNOWN
from nlp_service.types import Action

PolicyNumber = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class PolicyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A policy to make the one that holds.

    Attributes:
        document: What differs from the built-in policy; ``GET /v1/policies/default`` shows all of that.
        note: For the history.
    """

    document: dict[str, Any]
    note: str = ""


class PolicySummary(msgspec.Struct):
    """A version of a community's policy.

    Attributes:
        community: The channel; ``*`` for all channels without a policy of their own.
        version: Counts from 1.
        policy_version: As answers name it.
        is_active: Whether it is the one that holds.
        created_at: In UTC.
    """

    community: str
    version: int
    policy_version: str
    is_active: bool
    created_at: datetime
    author: str
    note: str


class PoliciesResponse(msgspec.Struct):
    """The policies that hold, that for all first; communities without one have that, or the built-in one."""

    request_id: str
    policies: list[PolicySummary]


class PolicyResponse(msgspec.Struct):
    """One version of a community's policy, with its document as it was sent."""

    request_id: str
    policy: PolicySummary
    document: dict[str, Any]


class DefaultPolicyResponse(msgspec.Struct):
    """The built-in policy, with every field that a document may have."""

    request_id: str
    policy_version: str
    document: dict[str, Any]


class PolicyVersionsResponse(msgspec.Struct):
    """All versions of a community's policy, the first one first.

    Attributes:
        active: The one that holds; null if the community has gone back to the policy for all.
    """

    request_id: str
    community: str
    active: int | None
    versions: list[PolicySummary]


class ActivateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Make an earlier version hold again."""

    version: PolicyNumber


class PolicyDeletedResponse(msgspec.Struct):
    """How many policies that held hold no more."""

    request_id: str
    deleted: int


class PolicyChoice(msgspec.Struct, forbid_unknown_fields=True):
    """A policy: a document, or a version that is stored.

    Attributes:
        document: As in `PolicyRequest`.
        community: Whose version is meant; ``*`` is the policy for all.
        version: 0 is the built-in policy; null what holds.
    """

    document: dict[str, Any] | None = None
    community: str = "*"
    version: PolicyNumber | None = None


class MessageFilter(
    msgspec.Struct, forbid_unknown_fields=True, rename={"sent_from": "from", "sent_to": "to"}, kw_only=True
):
    """What messages must be like, as for ``GET /v1/messages``; all that is set must hold."""

    sent_from: Aware | None = None
    sent_to: Aware | None = None
    platform: str | None = None
    channel: str | None = None
    author: str | None = None
    label: list[str] = []
    action: str | None = None
    risk: Annotated[int, msgspec.Meta(ge=0, le=3)] | None = None
    intent: str | None = None
    text: str | None = None


class DryRunRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Decide on stored messages again by another policy, and see what would change; nothing does.

    Attributes:
        policy: What is tried. If it is for all channels and the filter names none, messages of channels with a policy
            of their own are left out.
        against: What it is compared with; null for what holds in the channel of each message.
        filter: Which messages.
        limit: How many, the newest first.
        examples: Ids for each change, at most.
    """

    policy: PolicyChoice
    against: PolicyChoice | None = None
    filter: MessageFilter = msgspec.field(default_factory=MessageFilter)
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_MESSAGES)] = 2_000
    examples: Annotated[int, msgspec.Meta(ge=0, le=100)] = 10


class ActionChange(msgspec.Struct):
    """Messages on which one action becomes another, or stays.

    Attributes:
        count: How many.
        examples: Ids of the newest of them; none where nothing changes.
    """

    before: str
    after: str
    count: int
    examples: list[int]


class DryRunResponse(msgspec.Struct):
    """What another policy would have done. One on trial counts as what it would do.

    Attributes:
        policy: What was tried, as answers would name it; ``document`` for one that is not stored.
        against: What it was compared with; ``active`` for what holds in each channel.
        messages: How many were decided on.
        left_out: How many were passed over, see `DryRunRequest.policy`.
        stricter, milder: On how many the action becomes more severe, or less.
        reviews_before, reviews_after: How many a person must look at.
        changes: One for each pair of actions that occurs.
        reasons: Those that apply to another number of messages, the greatest difference first.
        not_known: What these figures cannot tell.
    """

    request_id: str
    policy: str
    against: str
    messages: int
    left_out: int
    stricter: int
    milder: int
    reviews_before: int
    reviews_after: int
    changes: list[ActionChange]
    reasons: list[ReasonCount]
    not_known: list[str]


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_DOCUMENT = {"labels": {"ad": {"act": 0.7, "action": "remove"}}}
_SUMMARY = PolicySummary("*", 3, "*/3", True, _AT, "key:nlp_3f9a", "广告直接删除")

EXAMPLES: tuple[msgspec.Struct, ...] = (
    PolicyRequest(_DOCUMENT, "广告直接删除"),
    PoliciesResponse(_ID, [_SUMMARY]),
    PolicyResponse(_ID, _SUMMARY, _DOCUMENT),
    DefaultPolicyResponse(_ID, "default-1", {"format": 1, "trial": False}),
    PolicyVersionsResponse(_ID, "*", 3, [_SUMMARY]),
    ActivateRequest(2),
    PolicyDeletedResponse(_ID, 1),
    DryRunRequest(PolicyChoice(_DOCUMENT), PolicyChoice(version=3), MessageFilter(sent_from=_AT, channel="room-07")),
    DryRunResponse(
        _ID,
        "document",
        "*/3",
        2_000,
        0,
        41,
        3,
        120,
        96,
        [ActionChange(Action.WARN, Action.REMOVE, 41, [90_017, 89_962])],
        [ReasonCount("ad>=0.70", 0, 44)],
        list(NOT_KNOWN),
    ),
)
"""One of each type that is a whole body."""
