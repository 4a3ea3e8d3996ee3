"""Channels, routes and the outbox as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from nlp_service.api.schemas.words import Aware
from nlp_service.store.notifying import NotifyChannel
from nlp_service.store.outbox import OutboxLine

Kind = Literal["wecom", "feishu", "dingtalk", "webhook", "apprise"]
_Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]


class ChannelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A channel to make or change.

    Attributes:
        kind: What it is; it never changes.
        secrets: ``url`` for all kinds; ``secret`` too for a webhook, and for robots of Feishu and DingTalk that check
            signatures. They are sealed and never shown. Left out, those that are there stay.
        settings: Notes for people, such as who owns it.
    """

    kind: Kind
    secrets: dict[str, _Secret] | None = None
    settings: dict[str, Annotated[str, msgspec.Meta(max_length=500)]] = {}


class ChannelsResponse(msgspec.Struct):
    """All channels by name, without their secrets."""

    request_id: str
    channels: list[NotifyChannel]


class ChannelResponse(msgspec.Struct):
    """One channel, without its secrets."""

    request_id: str
    channel: NotifyChannel


class ChannelSwitchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whether anything goes to a channel; what waits for one that is off waits on."""

    is_active: bool


class ChannelDeletedResponse(msgspec.Struct):
    """How many channels were removed: 1."""

    request_id: str
    deleted: int


class TestSentResponse(msgspec.Struct):
    """A test that goes out; `outbox_id` shows what becomes of it."""

    request_id: str
    outbox_id: int


class RoutesRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Routes to make hold; see docs/notify.md for the document."""

    document: dict[str, Any]


class RoutesResponse(msgspec.Struct):
    """The routes that hold; version 0 are none.

    Attributes:
        unknown_channels: Names that the routes tell and that are no channels; nobody is told there.
    """

    request_id: str
    version: int
    document: dict[str, Any]
    created_at: datetime | None
    author: str
    unknown_channels: list[str]


class PreviewRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Something that might happen, to see who would be told.

    Attributes:
        document: Routes to try; those that hold if left out.
        at: When; now if left out.
    """

    kind: str = "incident.opened"
    category: str = "other"
    severity: Annotated[int, msgspec.Meta(ge=0, le=4)] = 2
    community: str = ""
    role: str = ""
    at: Aware | None = None
    document: dict[str, Any] | None = None


class ToldChannel(msgspec.Struct):
    """Who would be told, when, and by which route."""

    channel: str
    due_at: datetime
    is_escalation: bool
    route: str


class PreviewResponse(msgspec.Struct):
    """Who would be told, in order of time."""

    request_id: str
    told: list[ToldChannel]


class OutboxResponse(msgspec.Struct):
    """A page of what was and is to be told, the newest first.

    Attributes:
        counts: Messages of the tenant by state; ``dead`` are those that were given up.
        next_before: For the next page; null at the end.
    """

    request_id: str
    counts: dict[str, int]
    messages: list[OutboxLine]
    next_before: int | None


class RetryResponse(msgspec.Struct):
    """A message that is sent once more."""

    request_id: str
    id: int


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_CHANNEL = NotifyChannel(3, "duty-robot", "wecom", {"owner": "值班组"}, True, _AT, 0, None)
_ROUTES = {
    "routes": [
        {
            "name": "serious",
            "min_severity": 3,
            "steps": [{"to": ["duty-robot"]}, {"to": ["manager-mail"], "after_s": 300}],
        }
    ],
    "otherwise": ["duty-robot"],
}
_LINE = OutboxLine(41, "9f0c", "duty-robot", "incident:5b1f", "incident.opened", False, "sent", 1, None, _AT, _AT, _AT)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    ChannelRequest("wecom", {"url": "https://robots.example.com/send?key=YOURS"}, {"owner": "值班组"}),
    ChannelsResponse(_ID, [_CHANNEL]),
    ChannelResponse(_ID, _CHANNEL),
    ChannelSwitchRequest(False),
    ChannelDeletedResponse(_ID, 1),
    TestSentResponse(_ID, 42),
    RoutesRequest(_ROUTES),
    RoutesResponse(_ID, 2, _ROUTES, _AT, "key:nlp_3f9a", []),
    PreviewRequest(category="food_safety", severity=3),
    PreviewResponse(_ID, [ToldChannel("duty-robot", _AT, False, "serious")]),
    OutboxResponse(_ID, {"pending": 0, "sent": 41, "dead": 0, "cancelled": 2}, [_LINE], None),
    RetryResponse(_ID, 41),
)
"""One of each type that is a whole body."""
