"""The incidents of a tenant: opened, raised, told about, merged, closed, and let go of."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from nlp_service.crisis import incidents
from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.cases import Case, moment
from nlp_service.crisis.incidents import BURST, LONE, IncidentChange, Unusual
from nlp_service.crisis.severity import INCIDENT, severity

_DAY_S, _HOUR_S = 86400.0, 3600.0
_TOLD = 1.5  # an incident is told about again when it has grown by so much


class Ledger(msgspec.Struct):
    """Incidents that are open or may come back.

    Attributes:
        bursts: By id.
        others: Lone messages, and people who may hurt themselves, by id.
        told: How many messages an incident had when it was last told about.
    """

    bursts: dict[str, Case] = {}
    others: dict[str, Case] = {}
    told: dict[str, int] = {}

    def open(self, case: Case, at: float, unusual: tuple[Unusual, ...] = ()) -> IncidentChange:
        """Put a new incident in, or one that has become a burst."""
        is_new = case.id not in self.others
        self.others.pop(case.id, None)
        (self.bursts if case.kind == BURST else self.others)[case.id] = case
        if is_new:
            case.noticed_at = at
        if case.severity >= INCIDENT and case.opened_at is None:
            case.opened_at = at
        return self._tell(incidents.OPENED if is_new else incidents.RAISED, case, at, unusual)

    def grew(self, case: Case, at: float, unusual: tuple[Unusual, ...] = ()) -> list[IncidentChange]:
        """Tell of messages that an incident took, where there is something to tell."""
        if case.closed_at is not None:
            case.closed_at = None
            return [self._tell(incidents.REOPENED, case, at, unusual)]
        now = severity(case.weigh()) if case.kind == BURST else case.severity
        if now > case.severity:
            case.severity = now
            return [self._tell(incidents.RAISED, case, at, unusual)]
        if case.n >= _TOLD * self.told.get(case.id, 0):
            return [self._tell(incidents.UPDATED, case, at, unusual)]
        return []

    def raised(self, case: Case, at: float) -> IncidentChange:
        """Tell of a severity that was set."""
        return self._tell(incidents.RAISED, case, at)

    def merge(self, case: Case, into: Case, at: float) -> list[IncidentChange]:
        """Let an incident go into an older one."""
        into.absorb(case)
        case.severity, case.closed_at, case.merged_into = 0, at, into.id
        gone = self._tell(incidents.MERGED, case, at)
        self._drop(case)
        return [gone, *(self.grew(into, at) or [self._tell(incidents.UPDATED, into, at)])]

    def close_silent(self, now: float, settings: WatchSettings) -> list[IncidentChange]:
        """Close what has been silent for `quiet_hours`; let go of what cannot come back."""
        changes = []
        for case in list(self._all()):
            silent = now - case.last_at
            if case.closed_at is None and silent >= settings.quiet_hours * _HOUR_S:
                case.closed_at = now
                changes.append(self._tell(incidents.CLOSED, case, now))
            elif case.closed_at is not None and silent >= _kept_s(case, settings):
                self._drop(case)
        return changes

    def tell_rest(self, now: float) -> list[IncidentChange]:
        """Tell of all messages that nothing was told of yet."""
        untold = [case for case in self._all() if case.closed_at is None and self.told.get(case.id) != case.n]
        return [self._tell(incidents.UPDATED, case, now) for case in untold]

    def _all(self) -> Iterator[Case]:
        yield from self.bursts.values()
        yield from self.others.values()

    def _drop(self, case: Case) -> None:
        self.bursts.pop(case.id, None)
        self.others.pop(case.id, None)
        self.told.pop(case.id, None)

    def _tell(self, kind: str, case: Case, at: float, unusual: tuple[Unusual, ...] = ()) -> IncidentChange:
        case.step(kind, at)
        self.told[case.id] = case.n
        return IncidentChange(kind, moment(at), case.show(unusual))


def _kept_s(case: Case, settings: WatchSettings) -> float:
    if case.kind == LONE:
        return settings.lone_days * _DAY_S
    return (settings.quiet_hours + settings.cooldown_hours) * _HOUR_S
