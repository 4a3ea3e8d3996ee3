"""What the OpenAPI document says of channels, routes and the outbox."""

from __future__ import annotations

from nlp_service.api.openapi import Operation, Part, Schema, paths_of
from nlp_service.api.schemas import notify
from nlp_service.store.outbox import STATES

_PARAMETERS: dict[str, Schema] = {
    "state": {"enum": list(STATES)},
    "subject": {"type": "string", "description": "What it is about, such as incident:ID."},
    "before": {"type": "integer", "minimum": 0},
    "limit": {"type": "integer", "minimum": 1, "maximum": 500},
}

_CHANNEL = "/v1/notify/channels/{name}"
_OPERATIONS = (
    Operation("get", "/v1/notify/channels", "listChannels", "List channels", "ChannelsResponse", errors=()),
    Operation("get", _CHANNEL, "showChannel", "Show a channel", "ChannelResponse"),
    Operation(
        "put", _CHANNEL, "setChannel", "Make or change a channel", "ChannelResponse", "ChannelRequest", errors=(409,)
    ),
    Operation("delete", _CHANNEL, "removeChannel", "Remove a channel", "ChannelDeletedResponse"),
    Operation(
        "post",
        f"{_CHANNEL}/switch",
        "switchChannel",
        "Switch a channel on or off",
        "ChannelResponse",
        "ChannelSwitchRequest",
    ),
    Operation(
        "post",
        f"{_CHANNEL}/test",
        "testChannel",
        "Send a test message",
        "TestSentResponse",
        statuses=(202,),
        errors=(404, 409),
    ),
    Operation("get", "/v1/notify/routes", "showRoutes", "Show who is told what", "RoutesResponse", errors=()),
    Operation(
        "put",
        "/v1/notify/routes",
        "setRoutes",
        "Say who is told what",
        "RoutesResponse",
        "RoutesRequest",
        errors=(409,),
    ),
    Operation(
        "post",
        "/v1/notify/routes/preview",
        "previewRoutes",
        "Say who would be told",
        "PreviewResponse",
        "PreviewRequest",
        errors=(),
    ),
    Operation(
        "get",
        "/v1/notify/outbox",
        "listOutbox",
        "Show what was told and what waits",
        "OutboxResponse",
        query=("state", "subject", "before", "limit"),
        errors=(),
    ),
    Operation(
        "post",
        "/v1/notify/outbox/{id}/retry",
        "retryOutbox",
        "Send what was given up once more",
        "RetryResponse",
        errors=(404, 409),
    ),
)

PART = Part(paths_of(_OPERATIONS, _PARAMETERS), notify.EXAMPLES)
