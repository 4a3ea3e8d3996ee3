"""Keys, tenants and the log of changes, as requests and answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from nlp_service.store.audit import AuditLine
from nlp_service.store.keys import GRACE_S, Key
from nlp_service.store.tenants import Tenant, TenantSettings, UgcWeights


class KeyRequest(msgspec.Struct):
    """A key to make.

    Attributes:
        scopes: What it shall allow; no more than the key that asks for it.
        rate_per_s: Requests a second; null for no bound.
        burst: Requests at once after a rest; without it one second's worth.
        expires_at: From then on it is not good any more; with a time zone.
    """

    name: str
    scopes: list[str]
    rate_per_s: float | None = None
    burst: int | None = None
    expires_at: datetime | None = None


class RotateRequest(msgspec.Struct):
    """How long the old key stays good, in seconds."""

    grace_s: float = GRACE_S


class IssuedResponse(msgspec.Struct):
    """A new key. `secret` is what a caller sends, and this is the only time that it is shown."""

    request_id: str
    key: Key
    secret: str


class KeyResponse(msgspec.Struct):
    """One key."""

    request_id: str
    key: Key


class KeysResponse(msgspec.Struct):
    """A page of keys by id, those that are not good any more too; `next` is what ``after`` takes, null at the end."""

    request_id: str
    keys: list[Key]
    next: int | None


class AuditResponse(msgspec.Struct):
    """A page of changes, the newest first; `next` is what ``after`` takes, null at the end."""

    request_id: str
    changes: list[AuditLine]
    next: int | None


class TenantRequest(msgspec.Struct):
    """A tenant to make."""

    name: str
    settings: TenantSettings | None = None


class TenantResponse(msgspec.Struct):
    """A new tenant and its first key; this is the only time that `secret` is shown."""

    request_id: str
    tenant: Tenant
    key: Key
    secret: str


class TenantsResponse(msgspec.Struct):
    """All tenants by name."""

    request_id: str
    tenants: list[Tenant]


class SettingsResponse(msgspec.Struct):
    """What the tenant of the key has settled."""

    request_id: str
    tenant: str
    settings: TenantSettings


_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_SECRET = "nlp_k3yPr3fx_ThisIsAnExampleAndNoKeyOfAnybodyAtAll0"
_KEY = Key(7, "default", "robot", "k3yPr3fx", ("analyze", "ingest"), 20.0, 40, _AT, "key:Adm1nKey", None, None, _AT)
_SETTINGS = TenantSettings(retention_days=180, ugc_weights=UgcWeights(0.4, 0.2, 0.3, 0.1))
_TENANT = Tenant("acme", _AT, _SETTINGS, 3)
_LINE = AuditLine(41, _AT, "key:Adm1nKey", "key.create", "key:7", {"name": "robot", "scopes": ["analyze", "ingest"]})

EXAMPLES: tuple[msgspec.Struct, ...] = (
    KeyRequest("robot", ["analyze", "ingest"], 20.0, 40, _AT),
    RotateRequest(3600.0),
    IssuedResponse(_ID, _KEY, _SECRET),
    KeyResponse(_ID, _KEY),
    KeysResponse(_ID, [_KEY], 7),
    AuditResponse(_ID, [_LINE], 41),
    TenantRequest("acme", _SETTINGS),
    TenantResponse(_ID, _TENANT, _KEY, _SECRET),
    TenantsResponse(_ID, [_TENANT]),
    SettingsResponse(_ID, "acme", _SETTINGS),
    _SETTINGS,
)
"""One of each type that is a whole body."""
