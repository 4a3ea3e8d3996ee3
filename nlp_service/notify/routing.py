"""Who is told what, when: a pure function of a tenant's routes, a notice and the time."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from nlp_service.errors import BadInput
from nlp_service.notify.notices import Notice
from nlp_service.store.posting import Posting

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=7 * 86_400)]
_Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
COOL_DOWN_S = 1_800.0
"""For how long the same thing is not told again on a channel, unless a route says otherwise; in seconds."""

DAYS: tuple[_Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """A part of the week; `end` before or at `start` runs over midnight, and belongs to the day on which it starts."""

    start: _Clock
    end: _Clock
    days: tuple[_Day, ...] = DAYS

    def __contains__(self, at: object) -> bool:
        if not isinstance(at, datetime):
            return False
        clock, today, yesterday = at.strftime("%H:%M"), DAYS[at.weekday()], DAYS[at.weekday() - 1]
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told how long after the beginning, if nobody has taken it on by then. The first steps of a duty rota.

    Attributes:
        to: Names of channels.
        after_s: Seconds after the notice; what is told at once is told to everybody.
    """

    to: Annotated[tuple[_Name, ...], msgspec.Meta(min_length=1, max_length=20)]
    after_s: _Seconds = 0


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule: what is empty or left out matches everything.

    Attributes:
        name: For people.
        steps: Who is told.
        kinds: Kinds of notices; one that ends in ``.`` stands for all of its subject (``incident.``).
        categories, communities, roles: Of notices; steps of playbooks are for roles.
        min_severity: 0 to 4.
        hours: When it holds.
        cool_down_s: For how long the same thing is not told again on a channel.
        goes_on: Whether the routes behind it are looked at too.
    """

    name: _Name
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=10)]
    kinds: tuple[_Name, ...] = ()
    categories: tuple[_Name, ...] = ()
    communities: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    min_severity: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0
    hours: Hours | None = None
    cool_down_s: _Seconds = COOL_DOWN_S
    goes_on: bool = False


class Routing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All routes of a tenant, the first that matches first.

    Attributes:
        routes: In order.
        otherwise: Channels that are told what no route matches; nobody if empty.
        zone: In which `Route.hours` are read.
    """

    routes: Annotated[tuple[Route, ...], msgspec.Meta(max_length=200)] = ()
    otherwise: tuple[_Name, ...] = ()
    zone: str = "Asia/Shanghai"


def read_routing(document: Mapping[str, Any]) -> Routing:
    """Make routes of what JSON holds.

    Raises:
        BadInput: A field is unknown or its value cannot be taken; `param` names it where it is known.
    """
    try:
        routing = msgspec.convert(document, Routing)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise BadInput(what, param=path.rstrip("`") or "routes") from error
    try:
        zoneinfo.ZoneInfo(routing.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput("there is no time zone of this name", param="zone") from error
    names = [route.name for route in routing.routes]
    if len(set(names)) != len(names):
        raise BadInput("two routes have one name", param="routes")
    return routing


def channels_of(routing: Routing) -> set[str]:
    """Names of all channels that the routes tell."""
    return {name for route in routing.routes for step in route.steps for name in step.to} | set(routing.otherwise)


def plan(routing: Routing, notice: Notice, at: datetime) -> list[Posting]:
    """Who is told, in order of time; each channel once, at the earliest that any route wants.

    Args:
        routing: Of the tenant.
        notice: What is told.
        at: Now; aware.
    """
    local = at.astimezone(zoneinfo.ZoneInfo(routing.zone))
    found: dict[str, Posting] = {}
    has_matched = False
    for route in routing.routes:
        if not _matches(route, notice, local):
            continue
        has_matched = True
        for step in route.steps:
            for name in step.to:
                due_at = at + timedelta(seconds=step.after_s)
                posting = Posting(name, due_at, route.cool_down_s, step.after_s > 0, route.name)
                if name not in found or due_at < found[name].due_at:
                    found[name] = posting
        if not route.goes_on:
            break
    if not has_matched:
        found = {name: Posting(name, at, COOL_DOWN_S, False, "") for name in routing.otherwise}
    return sorted(found.values(), key=lambda posting: posting.due_at)


def _matches(route: Route, notice: Notice, local: datetime) -> bool:
    kinds = any(notice.kind == kind or (kind.endswith(".") and notice.kind.startswith(kind)) for kind in route.kinds)
    return (
        (kinds or not route.kinds)
        and (notice.category in route.categories or not route.categories)
        and (notice.community in route.communities or not route.communities)
        and (notice.role in route.roles or not route.roles)
        and notice.severity >= route.min_severity
        and (route.hours is None or local in route.hours)
    )
