"""Messages of communities as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from nlp_service.api.schemas.analysis import RESPONSE_EXAMPLE
from nlp_service.intake.arrivals import IncomingMessage
from nlp_service.store.erasure import Erased, Receipt
from nlp_service.store.profiles import Profile, Strike
from nlp_service.types import Analysis


class MessagesRequest(msgspec.Struct):
    """Messages to take in, 1 to 512 of them: all are stored, or none.

    Attributes:
        messages: They are judged in this order, and answered in it.
    """

    messages: list[IncomingMessage]


class MessageResult(Analysis, frozen=True, kw_only=True):
    """What is said of a message and decided on it: an `Analysis` with what became of the message.

    Attributes:
        message_id: Of the stored message.
        platform: The caller's.
        state: ``stored``; ``edited`` when it replaced an earlier wording; ``duplicate`` when it was there already and
            ``outdated`` when a newer wording was: then this is what is there. ``deleted`` when it had been deleted:
            then nothing is known of it and nothing is to be done.
        model_version: That read what holds.
        policy_version: That decided on what holds.
        sent_at_adjusted: Whether there was no `sent_at`, or one that lies ahead, so that the time of receipt stands for
            it.
    """

    message_id: int
    platform: str
    state: str
    model_version: str
    policy_version: str
    sent_at_adjusted: bool = False


class MessagesResponse(msgspec.Struct):
    """The results, one for each message, in order.

    Attributes:
        request_id: The caller's ``X-Request-ID``, or a new one.
        model_version: The model that read the messages.
        policy_version: The policy of the tenant; where channels have their own, the results say so.
        results: Each has the `id` of its message.
    """

    request_id: str
    model_version: str
    policy_version: str
    results: list[MessageResult]


class MessageRecord(msgspec.Struct, kw_only=True):
    """A stored message with what was decided on it.

    Attributes:
        message_id: Of the store; counts arrivals.
        id: The platform's.
        sent_at: When it was written.
        received_at: When its first wording came. All times are in UTC.
        edited_at: When this wording was written; null for the first.
        deleted_at: When it was deleted; its text is empty then, and there is no analysis.
        revision: Counts wordings, from 1.
        text: With personal data covered, unless the tenant has it kept.
        meta: The caller's own fields.
        labels: Intents, ``abuse``, and likely unsafe kinds.
        action: What was decided.
    """

    message_id: int
    id: str
    platform: str
    channel: str
    author: str
    sent_at: datetime
    received_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    revision: int
    text: str
    meta: dict[str, Any]
    labels: list[str]
    action: str
    model_version: str
    policy_version: str
    analysis: Analysis | None


class MessageResponse(msgspec.Struct):
    """One message."""

    request_id: str
    message: MessageRecord


class MessagesPage(msgspec.Struct):
    """Some messages, the newest first unless asked otherwise; `next_cursor` is null at the end."""

    request_id: str
    messages: list[MessageRecord]
    next_cursor: str | None


class RemovedResponse(msgspec.Struct):
    """A message that was deleted on its platform; `message_id` is that of the row that says so."""

    request_id: str
    message_id: int
    platform: str
    id: str
    state: str


class AuthorResponse(msgspec.Struct):
    """An author's history and the last messages, the newest first."""

    request_id: str
    author: Profile
    messages: list[MessageRecord]


class ErasureResponse(msgspec.Struct):
    """The receipt of an erasure."""

    request_id: str
    receipt: Receipt


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_READ = RESPONSE_EXAMPLE.results[0]
_RECORD = MessageRecord(
    message_id=4711,
    id="m-1",
    platform="wechat",
    channel="room-07",
    author="u070001",
    sent_at=_AT,
    received_at=_AT,
    edited_at=None,
    deleted_at=None,
    revision=1,
    text="快递一周没到，怎么回事？",
    meta={"region": "华东"},
    labels=["question", "complaint"],
    action="pass",
    model_version="fast-1",
    policy_version="*/3",
    analysis=_READ,
)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    MessagesRequest(
        [
            IncomingMessage(
                id="m-1",
                text="快递一周没到，怎么回事？",
                platform="wechat",
                channel="room-07",
                author="u070001",
                sent_at="2026-03-01T16:00:00+08:00",
                meta={"region": "华东"},
            )
        ]
    ),
    MessagesResponse(
        _ID,
        "fast-1",
        "*/3",
        [
            MessageResult(
                **{name: getattr(_READ, name) for name in Analysis.__struct_fields__},
                message_id=4711,
                platform="wechat",
                state="stored",
                model_version="fast-1",
                policy_version="*/3",
            )
        ],
    ),
    MessageResponse(_ID, _RECORD),
    MessagesPage(_ID, [_RECORD], "AR9vY0V5wQIAAAAAAAASZw"),
    RemovedResponse(_ID, 4711, "wechat", "m-1", "deleted"),
    AuthorResponse(
        _ID,
        Profile("wechat", "u070001", _AT, _AT, 12, {"pass": 10, "warn": 2}, {"ad": 2}, (Strike("ad", _AT, 4700),)),
        [_RECORD],
    ),
    ErasureResponse(
        _ID,
        Receipt(
            "5f0c2a52-6f2a-4d0e-9a53-0e0d3c2b1a90",
            _AT,
            Erased(messages=12, vectors=12, copies=31, strikes=2, reviews=1, decisions=1, authors=1),
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        ),
    ),
)
"""One of each type that is a whole body."""
