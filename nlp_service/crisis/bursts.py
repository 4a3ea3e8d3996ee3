"""Bursts: messages that go into an incident, and those that make one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlp_service.crisis import matching
from nlp_service.crisis.cases import Case, found
from nlp_service.crisis.evidence import Evidence
from nlp_service.crisis.incidents import BURST, LONE, IncidentChange, Unusual
from nlp_service.crisis.scanning import ANY, Finding, scan
from nlp_service.crisis.severity import INCIDENT, severity

if TYPE_CHECKING:
    from nlp_service.crisis.tenants import Tenant

TELLING = 0.7
"""A likelihood ratio below which a message is no evidence for anything."""

_STRONG = 20.0  # from which it counts in the sum over all communities
_MAX_STRONG = 64
_BEFORE_S = 3600.0  # so long before the first message of an incident there may be others that nobody heard


def read(tenant: Tenant, room: str, evidence: Evidence, at: float) -> tuple[list[IncidentChange], bool]:
    """Read a risky message at stream time `at`.

    Returns:
        What happened, and whether the message is part of an incident now.
    """
    settings, here = tenant.settings, tenant.rooms[room]
    if evidence.ratio < TELLING:
        return [], False
    rate = here.rate_at(evidence.at, settings)
    case = matching.best_case(tenant.ledger.bursts.values(), evidence, room, rate, settings)
    if case is not None:
        case.take(evidence, room)
        here.uncount()
        return _merged(tenant, case, at) or tenant.ledger.grew(case, at, _unusual(tenant, case)), True
    here.remember(evidence, evidence.at - settings.window_hours * 3600)
    now = here.recent[-1].at
    finding = scan(here.recent, [rate] * len(here.recent), now, settings)
    members = [(room, here.recent[i]) for i in finding.members]
    needed = settings.alarm if len(members) > 2 else settings.pair_alarm
    if finding.score < needed or len(members) < settings.least:
        finding, members = _spread(tenant, room, evidence)
        if not members:
            return [], False
    changes = _begin(tenant, finding, members, at)
    return changes, any(each is evidence for _, each in members)


def _spread(tenant: Tenant, room: str, evidence: Evidence) -> tuple[Finding, list[tuple[str, Evidence]]]:
    """Test the telling messages of all communities together; no members where they do not suffice."""
    settings = tenant.settings
    nothing: tuple[Finding, list[tuple[str, Evidence]]] = (Finding(0.0, ANY, []), [])
    if evidence.ratio < _STRONG or len(tenant.rooms) < 2:
        return nothing
    kept = [pair for pair in tenant.recent if pair[1].at >= evidence.at - settings.window_hours * 3600]
    kept = sorted([*kept, (room, evidence)], key=lambda pair: (pair[1].at, pair[1].key))[-_MAX_STRONG:]
    tenant.recent = kept
    rate = tenant.all.rate_at(evidence.at, settings)
    finding = scan([each for _, each in kept], [rate] * len(kept), kept[-1][1].at, settings)
    members = [kept[i] for i in finding.members]
    if finding.subject == ANY or finding.score < settings.spread_alarm or len(members) <= settings.least:
        return nothing
    return finding, members


def _begin(tenant: Tenant, finding: Finding, members: list[tuple[str, Evidence]], at: float) -> list[IncidentChange]:
    """Make an incident of a burst, or a part of the one that it belongs to."""
    ledger, settings = tenant.ledger, tenant.settings
    keys = {each.key for _, each in members}
    for room in {room for room, _ in members}:
        tenant.rooms[room].forget(keys)
    tenant.recent = [pair for pair in tenant.recent if pair[1].key not in keys]
    mass: dict[str, float] = {}
    for _, each in members:
        for name, probability in each.categories.items():
            mass[name] = mass.get(name, 0.0) + probability
    rooms = [room for room, _ in members]
    case = matching.same_event(ledger.bursts.values(), mass, rooms, at, settings)
    if case is not None:
        for room, each in members:
            case.take(each, room)
        _gather(tenant, case)
        return ledger.grew(case, at, _unusual(tenant, case))
    case = _noticed(tenant, keys) or found(tenant.name, BURST, members[0][1], _subject(finding, mass))
    case.kind, case.score = BURST, round(finding.score, 3)
    case.triggers = [*case.triggers, f"{'burst' if len(set(rooms)) == 1 else 'spread'}:{finding.subject}"]
    case.triggers += [f"split_from:{other}" for other in _beside(tenant, rooms, at)]
    had = set(case.names)
    for room, each in members:
        if each.key not in had:
            case.take(each, room)
    case.severity = INCIDENT
    _gather(tenant, case)
    case.severity = severity(case.weigh())
    return [ledger.open(case, at, _unusual(tenant, case))]


def _beside(tenant: Tenant, rooms: list[str], at: float) -> list[str]:
    """Incidents that go on in the same place, of which the new one turned out to be no part."""
    reach_s = tenant.settings.window_hours * 3600
    return [
        other.id
        for other in tenant.ledger.bursts.values()
        if other.closed_at is None and at - other.last_at <= reach_s and any(room in other.rooms for room in rooms)
    ]


def _gather(tenant: Tenant, case: Case) -> None:
    """Take what was said of it before anybody could know, there and elsewhere."""
    since = case.first_at - _BEFORE_S
    for name in sorted(tenant.rooms):
        room = tenant.rooms[name]
        if not room.recent or room.recent[-1].at < since:
            continue
        for each in room.recent:
            if each.at < since:
                continue
            rate = room.rate_at(each.at, tenant.settings)
            if matching.best_case([case], each, name, rate, tenant.settings) is not None:
                case.take(each, name)
        room.forget(set(case.names))


def _noticed(tenant: Tenant, keys: set[tuple[str, str]]) -> Case | None:
    """The incident of severity 1 that one of these messages was the first of."""
    for case in tenant.ledger.others.values():
        if case.kind == LONE and case.n == 1 and case.names[0] in keys and case.closed_at is None:
            return case
    return None


def _merged(tenant: Tenant, case: Case, at: float) -> list[IncidentChange]:
    """Let an incident go into an older one of the same place and subject."""
    for other in tenant.ledger.bursts.values():
        if other is case or other.closed_at is not None or at - other.last_at > tenant.settings.window_hours * 3600:
            continue
        shared = sum(min(count, other.rooms.get(room, 0)) for room, count in case.rooms.items())
        if shared >= 3 and matching.alike(case.mass, other.mass) >= 0.6:
            older, younger = sorted((case, other), key=lambda each: (each.first_at, each.id))
            return tenant.ledger.merge(younger, older, at)
    return []


def _subject(finding: Finding, mass: dict[str, float]) -> str:
    if finding.subject != ANY:
        return finding.subject
    return min(mass, key=lambda name: (-mass[name], name)) if mass else "other"


def _unusual(tenant: Tenant, case: Case) -> tuple[Unusual, ...]:
    """The community where most of it is, beside what is usual there."""
    room = min(case.rooms, key=lambda name: (-case.rooms[name], name))
    return tuple(
        Unusual(each.name, each.value, *(each.usual or (None, None, 0.0)))
        for each in tenant.rooms[room].measures(tenant.settings)
    )
