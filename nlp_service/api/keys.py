"""``/v1/keys``, ``/v1/audit``, ``/v1/tenants`` and ``/v1/tenant/settings``: who may do what, and who changed what."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.access import Access
from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.keys_openapi import PART
from nlp_service.api.resources import check_line, find_id, is_number, query_number, resource, respond
from nlp_service.api.schemas.access import (
    AuditResponse,
    IssuedResponse,
    KeyRequest,
    KeyResponse,
    KeysResponse,
    RotateRequest,
    SettingsResponse,
    TenantRequest,
    TenantResponse,
    TenantsResponse,
)
from nlp_service.errors import NotFound
from nlp_service.store.founding import found_tenant
from nlp_service.store.keys import MAX_NAME, Wanted
from nlp_service.store.scopes import check_scopes
from nlp_service.store.tenants import TenantSettings, read_settings

PAGE, MOST_PAGE = 100, 1_000

MAX_BODY = 64 * 1024
"""Bytes in a body: a key or the settings of a tenant are some hundred."""

_MAX_FILTER = 200

_key = msgspec.json.Decoder(KeyRequest)
_rotate = msgspec.json.Decoder(RotateRequest)
_tenant = msgspec.json.Decoder(TenantRequest)
_settings = msgspec.json.Decoder(dict[str, Any])


class AccessRoutes:
    """The routes with what they need. All but ``/v1/tenants`` see the tenant of the key that asks, and no other."""

    described = PART

    def __init__(self, access: Access) -> None:
        self._access = access
        admin = partial(resource, read="admin")
        self.all = [
            admin("/v1/keys", GET=self.browse_keys, POST=self.create_key),
            admin("/v1/keys/{id}", GET=self.get_key, DELETE=self.revoke_key),
            admin("/v1/keys/{id}/rotate", POST=self.rotate_key),
            admin("/v1/audit", GET=self.browse_audit),
            admin("/v1/tenant/settings", GET=self.get_settings, PUT=self.put_settings),
            resource("/v1/tenants", read="tenants", GET=self.browse_tenants, POST=self.create_tenant),
        ]

    async def start(self) -> None:
        """Nothing runs before the first request."""

    async def stop(self) -> None:
        """End what runs in the background."""
        await self._access.stop()

    async def create_key(self, request: Request) -> Response:
        """Make a key of the own tenant.

        Raises:
            BadInput: A field cannot be taken; `param` names it.
            Forbidden: It shall be allowed what the key that asks is not.
            Conflict: There are too many keys.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _key)
        caller = caller_of(request)
        for scope in check_scopes(asked.scopes):
            caller.require(scope)
        name = check_line("name", asked.name, MAX_NAME)
        wanted = Wanted(name, asked.scopes, asked.rate_per_s, asked.burst, asked.expires_at)
        create = partial(self._access.keys.create, caller.tenant, wanted, actor=caller.actor)
        issued = await self._access.threads.run(create)
        return respond(IssuedResponse(request.state.request_id, *issued), 201)

    async def browse_keys(self, request: Request) -> Response:
        """Show a page of keys: ``after``, ``limit``.

        Raises:
            BadInput: A parameter cannot be read.
        """
        limit, after = _page(request)
        browse = partial(self._access.keys.list, tenant_of(request), after=after or 0, limit=limit + 1)
        found = await self._access.threads.run(browse)
        following = found[limit - 1].id if len(found) > limit else None
        return respond(KeysResponse(request.state.request_id, found[:limit], following))

    async def get_key(self, request: Request) -> Response:
        """Show one key.

        Raises:
            NotFound: There is no such one.
        """
        key = await self._access.threads.run(partial(self._access.keys.get, tenant_of(request), _id_of(request)))
        return respond(KeyResponse(request.state.request_id, key))

    async def revoke_key(self, request: Request) -> Response:
        """End a key.

        Raises:
            NotFound: There is no such one.
        """
        caller, key_id = caller_of(request), _id_of(request)
        revoke = partial(self._access.keys.revoke, caller.tenant, key_id, actor=caller.actor)
        key = await self._access.threads.run(revoke)
        self._access.forget(key.id)
        return respond(KeyResponse(request.state.request_id, key))

    async def rotate_key(self, request: Request) -> Response:
        """Give a key that is allowed the same, and let the old one end; an empty body leaves it a day.

        Raises:
            NotFound: There is no such one.
            Conflict: It is not good any more.
            Forbidden: It is allowed what the key that asks is not.
            BadInput: The time cannot be taken.
        """
        asked = decode_body(await read_body(request, MAX_BODY) or b"{}", _rotate)
        caller, key_id = caller_of(request), _id_of(request)
        old = await self._access.threads.run(partial(self._access.keys.get, caller.tenant, key_id))
        for scope in old.scopes:
            caller.require(scope)
        rotate = partial(self._access.keys.rotate, caller.tenant, key_id, grace_s=asked.grace_s, actor=caller.actor)
        issued = await self._access.threads.run(rotate)
        self._access.forget(key_id)
        return respond(IssuedResponse(request.state.request_id, *issued), 201)

    async def browse_audit(self, request: Request) -> Response:
        """Show a page of changes, the newest first: ``after``, ``limit``, ``actor``, ``action``, ``object``.

        Raises:
            BadInput: A parameter cannot be read.
        """
        limit, after = _page(request)
        wanted = {name: _filter_of(request, name) for name in ("actor", "action", "object")}
        browse = partial(self._access.audit.browse, tenant_of(request), before=after, limit=limit + 1, **wanted)
        found = await self._access.threads.run(browse)
        following = found[limit - 1].id if len(found) > limit else None
        return respond(AuditResponse(request.state.request_id, found[:limit], following))

    async def browse_tenants(self, request: Request) -> Response:
        """Show all tenants."""
        found = await self._access.threads.run(self._access.tenants.list)
        return respond(TenantsResponse(request.state.request_id, found))

    async def create_tenant(self, request: Request) -> Response:
        """Make a tenant and its first key, which may do all that concerns the tenant.

        Raises:
            BadInput: A field cannot be taken; `param` names it.
            Conflict: There is a tenant of this name.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _tenant)
        settings = _document(asked.settings or TenantSettings())
        found = partial(found_tenant, self._access.database, asked.name, settings, actor=caller_of(request).actor)
        tenant, issued = await self._access.threads.run(found)
        return respond(TenantResponse(request.state.request_id, tenant, *issued), 201)

    async def get_settings(self, request: Request) -> Response:
        """Show what the own tenant has settled."""
        tenant = tenant_of(request)
        settings = await self._access.threads.run(partial(self._access.tenants.settings, tenant))
        return respond(SettingsResponse(request.state.request_id, tenant, settings))

    async def put_settings(self, request: Request) -> Response:
        """Settle all for the own tenant; what is not given is the default again.

        Raises:
            BadInput: A field is unknown or its value cannot be taken; `param` names it.
        """
        given = decode_body(await read_body(request, MAX_BODY), _settings)
        caller, document = caller_of(request), _document(read_settings(given))
        update = partial(self._access.tenants.update_settings, caller.tenant, document, actor=caller.actor)
        settings = await self._access.threads.run(update)
        return respond(SettingsResponse(request.state.request_id, caller.tenant, settings))


def _document(settings: TenantSettings) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(settings)
    return document


def _page(request: Request) -> tuple[int, int | None]:
    """How long a page is, and what it begins behind; None for the first one."""
    limit = query_number(request, "limit", PAGE, least=1, most=MOST_PAGE)
    after = query_number(request, "after", 0, least=0, most=10**10 - 1)
    return limit, after or None


def _filter_of(request: Request, name: str) -> str | None:
    """A text of the query that is compared with; None where it is missing.

    Raises:
        BadInput: It is too long, or no text that is stored.
    """
    text = request.query_params.get(name)
    return None if text is None else check_line(name, text, _MAX_FILTER)


def _id_of(request: Request) -> int:
    text = find_id("id", request.path_params["id"], 10)
    if not is_number(text):
        raise NotFound("there is no such key", param="id")
    return int(text)
