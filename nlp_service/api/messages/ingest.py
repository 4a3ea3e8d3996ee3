"""``POST /v1/messages``: read messages, judge and store them, and answer what was decided."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.analyze import Limits
from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import tenant_of
from nlp_service.api.resources import respond
from nlp_service.api.schemas.messages import MessageResult, MessagesRequest, MessagesResponse
from nlp_service.errors import BadInput, TooLarge
from nlp_service.intake.arrivals import Arrival, admit
from nlp_service.intake.taking import Intake, RulesOf, Taken
from nlp_service.store.messages import MAX_DELIVERY
from nlp_service.types import Analysis

_decoder = msgspec.json.Decoder(MessagesRequest)
_FIELDS = Analysis.__struct_fields__


class Ingest:
    """The route with what it needs.

    Args:
        intake: Takes messages in.
        rules: Knows the version of the policy that answers name.
        limits: What one request may hold.
    """

    def __init__(self, intake: Intake, rules: RulesOf, limits: Limits) -> None:
        self._intake = intake
        self._rules = rules
        self._limits = limits
        self._most = min(limits.max_messages, MAX_DELIVERY)

    async def post(self, request: Request) -> Response:
        """Take messages in, all or none.

        Raises:
            BadInput: The body is no list of messages, or a field cannot be taken; `param` names it.
            TooLarge: The body, the list or a text is over its limit.
            Overloaded: There is no room; nothing was done.
            NotReady: No worker or no database is there now, or not in time; to send the same again does no harm.
        """
        body = await read_body(request, self._limits.max_body_bytes)
        arrivals = self._admit(decode_body(body, _decoder))
        request.state.n_messages = len(arrivals)
        tenant = tenant_of(request)
        taken = await self._intake.take(tenant, arrivals)
        rules = await self._rules.of(tenant)
        return respond(
            MessagesResponse(
                request.state.request_id,
                self._intake.model_version,
                rules.policy_version(""),
                list(map(result_of, taken)),
            )
        )

    def _admit(self, asked: MessagesRequest) -> list[Arrival]:
        n_messages = len(asked.messages)
        if not n_messages:
            raise BadInput("there is no message", param="messages")
        if n_messages > self._most:
            raise TooLarge(f"{n_messages} messages are more than {self._most}", param="messages")
        now, longest = datetime.now(UTC), self._limits.max_text
        return [
            admit(given, now, at=f"messages[{place}].", max_text=longest) for place, given in enumerate(asked.messages)
        ]


def result_of(taken: Taken) -> MessageResult:
    """What became of a message, as answers show it."""
    analysis = taken.analysis
    return MessageResult(
        **{name: getattr(analysis, name) for name in _FIELDS},
        message_id=taken.message_id,
        platform=taken.arrival.platform,
        state=taken.state,
        model_version=taken.model_version,
        policy_version=taken.policy_version,
        sent_at_adjusted=taken.arrival.is_adjusted,
    )
