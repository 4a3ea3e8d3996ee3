"""``/v1/policies``: policies are shown, made, made to hold again, and removed."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.resources import check_line, respond
from nlp_service.api.rules.parts import RuleParts, query_version
from nlp_service.api.schemas.lexicons import MAX_WHY
from nlp_service.api.schemas.policies import (
    ActivateRequest,
    DefaultPolicyResponse,
    PoliciesResponse,
    PolicyDeletedResponse,
    PolicyRequest,
    PolicyResponse,
    PolicySummary,
    PolicyVersionsResponse,
)
from nlp_service.errors import BadInput, NotFound
from nlp_service.moderation.documents import default_document
from nlp_service.moderation.policy import DEFAULT_POLICY
from nlp_service.store.policies import MAX_COMMUNITY, PolicyVersion, name_of, stored_name

MAX_BODY = 2**20
"""Bytes in a body; a policy with a thousand hosts and authors is some 50 KB."""

_put = msgspec.json.Decoder(PolicyRequest)
_activate = msgspec.json.Decoder(ActivateRequest)


class Policies:
    """The routes with what they need."""

    def __init__(self, parts: RuleParts, max_body_bytes: int) -> None:
        self._parts = parts
        self._store = parts.policies
        self._max_body_bytes = min(max_body_bytes, MAX_BODY)

    async def browse(self, request: Request) -> Response:
        """Show the policies that hold."""
        tenant = tenant_of(request)
        found = await self._parts.quick.run(lambda: self._store.active(tenant))
        return respond(PoliciesResponse(request.state.request_id, [summary_of(policy) for policy in found]))

    async def get_default(self, request: Request) -> Response:
        """Show the built-in policy with all fields."""
        return respond(DefaultPolicyResponse(request.state.request_id, DEFAULT_POLICY.version, default_document()))

    async def get(self, request: Request) -> Response:
        """Show what holds in a community, or ``version`` of it.

        Raises:
            NotFound: It has no policy of its own, or no such version.
            BadInput: The parameter cannot be read.
        """
        tenant, community = tenant_of(request), community_of(request)
        version = query_version(request, "version")
        policy = await self._parts.quick.run(lambda: self._store.get(tenant, community, version))
        return self._show(request, policy)

    async def put(self, request: Request) -> Response:
        """Make a document the policy of a community; what holds already makes no new version.

        Raises:
            BadInput: The document is no policy, and `param` names its field; or no community can be named so.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _put)
        caller, note = caller_of(request), check_line("note", asked.note, MAX_WHY)
        name = request.path_params["community"]
        if not name:
            raise BadInput("the name of a community is empty; * is all of them", param="community")
        put = self._store.put
        policy, is_new = await self._parts.quick.run(
            lambda: put(caller.tenant, stored_name(name), asked.document, actor=caller.actor, note=note)
        )
        self._parts.rulebooks.look()
        return self._show(request, policy, 201 if is_new else 200)

    async def delete(self, request: Request) -> Response:
        """Let a community go back to the policy for all, or that to the built-in one. The history stays.

        Raises:
            NotFound: It has no policy of its own.
        """
        caller, community = caller_of(request), community_of(request)
        await self._parts.quick.run(lambda: self._store.remove(caller.tenant, community, actor=caller.actor))
        self._parts.rulebooks.look()
        return respond(PolicyDeletedResponse(request.state.request_id, 1))

    async def browse_versions(self, request: Request) -> Response:
        """Show all versions of a community's policy.

        Raises:
            NotFound: It never had one of its own.
        """
        tenant, community = tenant_of(request), community_of(request)
        found = await self._parts.quick.run(lambda: self._store.versions(tenant, community))
        if not found:
            raise NotFound("this community has no policy of its own", param="community")
        active = next((policy.version for policy in found if policy.is_active), None)
        versions = [summary_of(policy) for policy in found]
        return respond(PolicyVersionsResponse(request.state.request_id, name_of(community), active, versions))

    async def activate(self, request: Request) -> Response:
        """Make an earlier version hold again.

        Raises:
            NotFound: There is no such version.
            BadInput: The body cannot be read, or the document is no policy for this version of the service any more.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _activate)
        caller, community = caller_of(request), community_of(request)
        activate = self._store.activate
        policy = await self._parts.quick.run(
            lambda: activate(caller.tenant, community, asked.version, actor=caller.actor)
        )
        self._parts.rulebooks.look()
        return self._show(request, policy)

    def _show(self, request: Request, policy: PolicyVersion, status: int = 200) -> Response:
        return respond(PolicyResponse(request.state.request_id, summary_of(policy), policy.document), status)


def community_of(request: Request) -> str:
    """The community that the path names, as it is stored.

    Raises:
        NotFound: No community can have this name.
    """
    return find_community(request.path_params["community"])


def find_community(name: str) -> str:
    """A community that is looked for, as it is stored.

    Raises:
        NotFound: No community can have this name.
    """
    if not 0 < len(name) <= MAX_COMMUNITY or "\0" in name:
        raise NotFound("there is no such community", param="community")
    return stored_name(name)


def summary_of(policy: PolicyVersion) -> PolicySummary:
    """A version without its document."""
    name = name_of(policy.community)
    return PolicySummary(
        name,
        policy.version,
        f"{name}/{policy.version}",
        policy.is_active,
        policy.created_at,
        policy.author,
        policy.note,
    )
