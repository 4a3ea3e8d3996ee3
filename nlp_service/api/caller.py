"""Who asks: the tenant that a request is for, and what it may do."""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request

from nlp_service.errors import Forbidden
from nlp_service.store.scopes import SCOPES


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        tenant: Whose data is meant.
        actor: Who is written beside changes: ``key:`` and the visible part of the key, or ``anonymous``.
        scopes: What is allowed, of `SCOPES`.
        key_id: The key's; None where no key was asked for.
    """

    tenant: str
    actor: str
    scopes: frozenset[str]
    key_id: int | None = None

    def require(self, scope: str) -> None:
        """Go on only with a scope.

        Raises:
            Forbidden: The key does not have it.
        """
        if scope not in self.scopes:
            raise Forbidden(f"the key lacks the scope {scope}")


ANYBODY = Caller("default", "anonymous", frozenset(SCOPES))
"""Who asks where no keys are asked for."""

NOBODY = Caller("", "nobody", frozenset())
"""Who asks for what is open to all, where keys are asked for otherwise; may do nothing that needs a scope."""


def caller_of(request: Request) -> Caller:
    """Who asks, as the application found out before the route."""
    caller = getattr(request.state, "caller", ANYBODY)
    assert isinstance(caller, Caller)
    return caller


def tenant_of(request: Request) -> str:
    """Whose data is meant."""
    return caller_of(request).tenant
