"""What the OpenAPI document says of keys, tenants and the log of changes."""

from __future__ import annotations

from nlp_service.api.openapi import Operation, Part, Schema, paths_of
from nlp_service.api.schemas.access import EXAMPLES
from nlp_service.store.scopes import SCOPES

_PARAMETERS: dict[str, Schema] = {
    "after": {"type": "integer", "minimum": 0},
    "limit": {"type": "integer", "minimum": 1},
    "actor": {"type": "string"},
    "action": {"type": "string"},
    "object": {"type": "string"},
}

_OPERATIONS = (
    Operation(
        "get", "/v1/keys", "listKeys", "Show a page of keys", "KeysResponse", query=("after", "limit"), errors=()
    ),
    Operation(
        "post", "/v1/keys", "makeKey", "Make a key", "IssuedResponse", "KeyRequest", statuses=(201,), errors=(409,)
    ),
    Operation("get", "/v1/keys/{id}", "showKey", "Show a key", "KeyResponse"),
    Operation("delete", "/v1/keys/{id}", "revokeKey", "End a key at once", "KeyResponse"),
    Operation(
        "post",
        "/v1/keys/{id}/rotate",
        "rotateKey",
        "Give a key anew and let the old one end",
        "IssuedResponse",
        "RotateRequest",
        statuses=(201,),
        errors=(404, 409),
    ),
    Operation(
        "get",
        "/v1/audit",
        "listChanges",
        "Show who changed what, the newest first",
        "AuditResponse",
        query=("after", "limit", "actor", "action", "object"),
        errors=(),
    ),
    Operation("get", "/v1/tenants", "listTenants", "Show all tenants", "TenantsResponse", errors=()),
    Operation(
        "post",
        "/v1/tenants",
        "makeTenant",
        "Make a tenant and its first key",
        "TenantResponse",
        "TenantRequest",
        statuses=(201,),
        errors=(409,),
    ),
    Operation(
        "get", "/v1/tenant/settings", "showSettings", "Show the tenant's settings", "SettingsResponse", errors=()
    ),
    Operation(
        "put",
        "/v1/tenant/settings",
        "setSettings",
        "Set the tenant's settings",
        "SettingsResponse",
        "TenantSettings",
        errors=(),
    ),
)

PART = Part(
    paths_of(_OPERATIONS, _PARAMETERS),
    EXAMPLES,
    {
        ("KeyRequest", "scopes"): {"items": {"enum": list(SCOPES)}, "minItems": 1},
        ("KeyRequest", "name"): {"minLength": 1, "maxLength": 100},
        ("RotateRequest", "grace_s"): {"minimum": 0, "maximum": 2_592_000},
        ("TenantRequest", "name"): {"pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
    },
)
"""The paths and types of `api.keys`."""
