"""``/v1/notify/channels``: where people are told."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.notify.parts import NotifyParts
from nlp_service.api.resources import check_line, find_id, respond
from nlp_service.api.schemas.notify import (
    ChannelDeletedResponse,
    ChannelRequest,
    ChannelResponse,
    ChannelsResponse,
    ChannelSwitchRequest,
    TestSentResponse,
)
from nlp_service.errors import BadInput, Conflict
from nlp_service.notify import apprised
from nlp_service.notify.kinds import KINDS
from nlp_service.notify.notices import Line, Notice, encode
from nlp_service.store.posting import Posting, post

MAX_BODY = 2**16
"""Bytes in a body."""

_put = msgspec.json.Decoder(ChannelRequest)
_switch = msgspec.json.Decoder(ChannelSwitchRequest)


class Channels:
    """The routes with what they need."""

    def __init__(self, parts: NotifyParts) -> None:
        self._parts = parts

    async def browse(self, request: Request) -> Response:
        """Show all channels."""
        tenant = tenant_of(request)
        found = await self._parts.threads.run(lambda: self._parts.store.list(tenant))
        return respond(ChannelsResponse(request.state.request_id, found))

    async def get(self, request: Request) -> Response:
        """Show a channel.

        Raises:
            NotFound: There is no such channel.
        """
        tenant, name = tenant_of(request), _name(request)
        found = await self._parts.threads.run(lambda: self._parts.store.get(tenant, name))
        return respond(ChannelResponse(request.state.request_id, found))

    async def put(self, request: Request) -> Response:
        """Make a channel, or change it.

        Raises:
            BadInput: A secret is missing, too many, or cannot be; `param` names it.
            Conflict: It is of another kind.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _put)
        caller, name, parts = caller_of(request), request.path_params["name"], self._parts
        for key, value in asked.settings.items():
            check_line(f"settings.{key}"[:80], value, 500)
        sealed = None
        if asked.secrets is not None:
            secrets = asked.secrets
            # Apprise is loaded for the first of its channels, which takes a second.
            await parts.threads.run(lambda: check_secrets(asked.kind, secrets, allow_private=parts.allow_private))
            sealed = parts.vault.seal(secrets)
        put = parts.store.put
        found = await parts.threads.run(
            lambda: put(caller.tenant, name, asked.kind, asked.settings, sealed, actor=caller.actor)
        )
        parts.sender.wake()
        return respond(ChannelResponse(request.state.request_id, found))

    async def delete(self, request: Request) -> Response:
        """Remove a channel with what was and is to be told there.

        Raises:
            NotFound: There is no such channel.
        """
        caller, name = caller_of(request), _name(request)
        await self._parts.threads.run(lambda: self._parts.store.remove(caller.tenant, name, actor=caller.actor))
        return respond(ChannelDeletedResponse(request.state.request_id, 1))

    async def switch(self, request: Request) -> Response:
        """Switch a channel on or off.

        Raises:
            NotFound: There is no such channel.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _switch)
        caller, name, set_active = caller_of(request), _name(request), self._parts.store.set_active
        found = await self._parts.threads.run(
            lambda: set_active(caller.tenant, name, asked.is_active, actor=caller.actor)
        )
        self._parts.sender.wake()
        return respond(ChannelResponse(request.state.request_id, found))

    async def test(self, request: Request) -> Response:
        """Tell a channel that it works.

        Raises:
            NotFound: There is no such channel.
            Conflict: It is switched off.
        """
        caller, name, parts = caller_of(request), _name(request), self._parts
        number = await parts.threads.run(lambda: self._post_test(caller.tenant, name, caller.actor))
        parts.sender.wake()
        return respond(TestSentResponse(request.state.request_id, number), 202)

    def _post_test(self, tenant: str, name: str, actor: str) -> int:
        if not self._parts.store.get(tenant, name).is_active:
            raise Conflict("the channel is switched off", param="name")
        now = self._parts.now()
        told = Notice(
            kind="channel.test",
            subject=f"channel:{name}",
            title="测试消息：通道可以正常收到通知",
            severity=0,
            category="other",
            at=now,
            lines=(Line("通道", name), Line("发起", actor)),
        )
        with self._parts.database.write() as connection:
            values = {"subject": told.subject, "kind": told.kind, "what": "test"}
            posted = post(connection, tenant, [Posting(name, now, 0.0)], encode(told), now=now, **values)
        return posted.ids[0]


def check_secrets(kind: str, secrets: Mapping[str, str], *, allow_private: bool) -> None:
    """Refuse secrets that a kind does not have, or that cannot be.

    Raises:
        BadInput: `param` names which.
    """
    needed = apprised.SECRETS if kind == "apprise" else KINDS[kind].secrets
    known = (*needed, *(() if kind == "apprise" else KINDS[kind].optional))
    for name in secrets:
        if name not in known:
            raise BadInput(f"a channel of this kind has no such secret, but {', '.join(known)}", param="secrets")
    for name in needed:
        if not secrets.get(name):
            raise BadInput(f"a channel of this kind needs {name}", param=f"secrets.{name}")
    if kind == "apprise":
        apprised.check(secrets)
    else:
        KINDS[kind].check(secrets, allow_private=allow_private)


def _name(request: Request) -> str:
    return find_id("name", request.path_params["name"], 64)
