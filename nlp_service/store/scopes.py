"""What a key may be allowed. Apart from the repository of keys, so that naming a scope loads no database."""

from __future__ import annotations

from collections.abc import Iterable

from nlp_service.errors import BadInput

SCOPES = ("analyze", "ingest", "kb:read", "kb:write", "review", "admin", "tenants")
"""What a key may be allowed; ``tenants`` is to make tenants and their first keys."""

OF_A_TENANT = tuple(scope for scope in SCOPES if scope != "tenants")
"""What the first key of a tenant is allowed: all that concerns its own data."""


def check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Scopes once each, in the order of `SCOPES`.

    Raises:
        BadInput: There is none, or one is unknown; `param` names it by its place.
    """
    given = list(scopes)
    for place, scope in enumerate(given):
        if scope not in SCOPES:
            raise BadInput(f"a scope is one of {', '.join(SCOPES)}", param=f"scopes[{place}]")
    if not given:
        raise BadInput("a key without a scope may do nothing", param="scopes")
    return tuple(scope for scope in SCOPES if scope in given)
