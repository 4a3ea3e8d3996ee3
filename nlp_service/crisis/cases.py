"""An incident while it goes on: what the watch keeps of it, and the value that it shows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from nlp_service.crisis import severity as severities
from nlp_service.crisis.evidence import Evidence
from nlp_service.crisis.incidents import (
    BURST,
    SELF_HARM,
    Incident,
    MessageName,
    Outlook,
    Point,
    Quote,
    Step,
    Unusual,
)
from nlp_service.crisis.outlook import POINT_S, look_ahead
from nlp_service.crisis.wordings import overlap

MAX_NAMES = 10_000
MAX_STEPS = 100
N_QUOTES = 5
_SHOWN_POINTS = 3 * 144
_FADING = 0.6  # messages an hour that are still expected of an incident that has just fallen silent
_CANDIDATES = 24  # for quotes; more are thinned out to the gravest


class Case(msgspec.Struct):
    """The state of an incident; times in seconds since 1970, fields as in `Incident`."""

    id: str
    tenant: str
    kind: str
    severity: int = 0
    score: float | None = None
    triggers: list[str] = []
    mass: dict[str, float] = {}
    rooms: dict[str, int] = {}
    products: dict[str, int] = {}
    regions: dict[str, int] = {}
    people: set[tuple[str, str]] = set()
    names: list[tuple[str, str]] = []
    n: int = 0
    serious: list[float] = []
    best: list[Evidence] = []
    points: dict[int, int] = {}
    first_at: float = 0.0
    last_at: float = 0.0
    noticed_at: float = 0.0
    opened_at: float | None = None
    updated_at: float = 0.0
    closed_at: float | None = None
    steps: list[Step] = []
    merged_into: str | None = None
    words: tuple[int, ...] = ()

    def take(self, evidence: Evidence, room: str) -> None:
        """Add a message."""
        self.first_at = min(self.first_at, evidence.at) if self.n else evidence.at
        self.last_at = max(self.last_at, evidence.at)
        self.n += 1
        if len(self.names) < MAX_NAMES:
            self.names.append(evidence.key)
        self.people.add(evidence.person)
        self.rooms[room] = self.rooms.get(room, 0) + 1
        for counts, value in ((self.products, evidence.product), (self.regions, evidence.region)):
            if value:
                counts[value] = counts.get(value, 0) + 1
        for name, probability in evidence.categories.items():
            self.mass[name] = self.mass.get(name, 0.0) + probability
        self.serious = sorted([*self.serious, evidence.serious], reverse=True)[:200]
        self.best = sorted([*self.best, evidence], key=lambda each: (-each.serious, each.at, each.key))[:_CANDIDATES]
        point = int(evidence.at // POINT_S)
        self.points[point] = self.points.get(point, 0) + 1

    def absorb(self, other: Case) -> None:
        """Take over all that another incident of the tenant holds."""
        for mine, theirs in (
            (self.rooms, other.rooms),
            (self.products, other.products),
            (self.regions, other.regions),
        ):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
        for point, count in other.points.items():
            self.points[point] = self.points.get(point, 0) + count
        for name, value in other.mass.items():
            self.mass[name] = self.mass.get(name, 0.0) + value
        self.people |= other.people
        self.names = (self.names + other.names)[:MAX_NAMES]
        self.n += other.n
        self.serious = sorted([*self.serious, *other.serious], reverse=True)[:200]
        self.best = sorted([*self.best, *other.best], key=lambda each: (-each.serious, each.at, each.key))[:_CANDIDATES]
        self.first_at, self.last_at = min(self.first_at, other.first_at), max(self.last_at, other.last_at)

    @property
    def category(self) -> str:
        """What most of it is about."""
        if self.kind == SELF_HARM:
            return SELF_HARM
        return min(self.mass, key=lambda name: (-self.mass[name], name)) if self.mass else "other"

    def rate(self, at: float) -> float:
        """Messages an hour around a time: of its last hour or its last three, whichever is more."""
        point = int(at // POINT_S)
        last = [self.points.get(point - i, 0) for i in range(18)]
        silent_h = max(0.0, at - self.last_at) / 3600
        return max(float(sum(last[:7])), sum(last) / 3, _FADING / (1 + silent_h) ** 2)

    def weigh(self) -> severities.Factors:
        """The factors of its severity now."""
        graver = self.serious[: (len(self.serious) + 1) // 2]
        fastest = max(sum(self.points.get(point + i, 0) for i in range(6)) for point in self.points)
        return severities.factors(len(self.people), len(self.rooms), sum(graver) / len(graver), fastest)

    def step(self, kind: str, at: float) -> None:
        """Note what happened."""
        self.updated_at = at
        if len(self.steps) == MAX_STEPS:
            del self.steps[MAX_STEPS // 2]  # the beginning and the end tell most
        self.steps.append(Step(moment(at), kind, self.severity, self.n))

    def show(self, unusual: tuple[Unusual, ...] = ()) -> Incident:
        """The value that others see."""
        found = self.weigh()
        total = sum(self.mass.values()) or 1.0
        rooms = sorted(self.rooms, key=lambda room: (-self.rooms[room], room))
        names = [room.split("\0", 1) for room in rooms]
        return Incident(
            id=self.id,
            tenant=self.tenant,
            kind=self.kind,
            private=self.kind == SELF_HARM,
            category=self.category,
            categories={name: round(value / total, 4) for name, value in sorted(self.mass.items())},
            severity=self.severity,
            reach=found.reach,
            gravity=found.gravity,
            speed=found.speed,
            score=self.score,
            triggers=tuple(self.triggers),
            platforms=tuple(dict.fromkeys(platform for platform, _ in names)),
            channels=tuple(dict.fromkeys(channel for _, channel in names)),
            products=_most(self.products),
            regions=_most(self.regions),
            people=len(self.people),
            n_messages=self.n,
            messages=tuple(MessageName(*name) for name in self.names),
            first_message_at=moment(self.first_at),
            last_message_at=moment(self.last_at),
            noticed_at=moment(self.noticed_at),
            opened_at=None if self.opened_at is None else moment(self.opened_at),
            updated_at=moment(self.updated_at),
            closed_at=None if self.closed_at is None else moment(self.closed_at),
            quotes=self._quotes(),
            curve=self._curve(),
            outlook=self._outlook(),
            unusual=unusual,
            steps=tuple(self.steps),
            merged_into=self.merged_into,
        )

    def _quotes(self) -> tuple[Quote, ...]:
        chosen: list[Evidence] = []
        for each in self.best:
            if len(chosen) < N_QUOTES and not any(
                each.person == one.person or overlap(each.words, one.words) >= 0.6 for one in chosen
            ):
                chosen.append(each)
        chosen = chosen or self.best[:1]
        chosen.sort(key=lambda each: (each.at, each.key))
        return tuple(
            Quote(MessageName(*each.key), each.channel, moment(each.at), each.text, each.level) for each in chosen
        )

    def _curve(self) -> tuple[Point, ...]:
        last = max(self.points)
        first = max(min(self.points), last - _SHOWN_POINTS + 1)
        return tuple(Point(moment(i * POINT_S), self.points.get(i, 0)) for i in range(first, last + 1))

    def _outlook(self) -> tuple[Outlook, ...]:
        is_over = self.closed_at is not None or self.kind != BURST
        return () if is_over else look_ahead(self.points, max(self.points))


def found(tenant: str, kind: str, evidence: Evidence, category: str) -> Case:
    """A case without messages, named after the one that it was founded on."""
    name = "\0".join((tenant, kind, category, *evidence.key))
    return Case("inc_" + blake2b(name.encode(), digest_size=9).hexdigest(), tenant, kind)


def moment(at: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(at, UTC)


def _most(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5])
