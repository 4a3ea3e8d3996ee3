"""What is no message but must be told: complaints and satisfaction over days, questions that wait, a slow model.

A signal becomes an incident of its own kind, so that it has a clock, somebody who takes it on, and an end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from nlp_service.crisis.incidents import CLOSED, OPENED, UPDATED, Incident, IncidentChange, MessageName

SIGNAL = "signal"
"""Kind of the incidents that signals become."""

SOURCES = ("complaint_rate", "satisfaction", "ugc_share", "unanswered", "slow_model")
"""Where signals come from; the trigger of their incidents, and the name of their topic in texts."""

MEASURED_ANEW = ("unanswered", "slow_model")
"""Sources that measure each time they are asked: what they do not say any more is over."""

OVER_AFTER = timedelta(hours=36)
"""For how long nothing is heard of figures of days before their incident is closed."""


class Signal(NamedTuple):
    """Something is not as it should be.

    Attributes:
        source: One of `SOURCES`.
        tenant: Whose.
        channel: Where; empty for everywhere.
        since: When it began: names the incident, so the same trouble is one incident.
        at: When it was seen.
        severity: 1 or 2; what only figures tell is never worse.
        value, bound: What was measured and what it is held against.
        people: Members that it touches; 0 where nobody counted.
        messages: Behind it.
    """

    source: str
    tenant: str
    channel: str
    since: datetime
    at: datetime
    severity: int
    value: float
    bound: float
    people: int = 0
    messages: tuple[MessageName, ...] = ()


class _Open(NamedTuple):
    signal: Signal
    told: datetime


class Signals:
    """Turns what sources say, again and again, into changes of incidents. Pure but for what it remembers.

    What it remembers is lost with the process; then a signal that is still there opens the same incident again, which
    changes nothing that is stored.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def hear(self, signals: Iterable[Signal], now: datetime) -> list[IncidentChange]:
        """What follows from all signals that there are now.

        Args:
            signals: Those of all sources.
            now: Aware.
        """
        heard = {key_of(signal): signal for signal in signals}
        changes = []
        for key, signal in heard.items():
            kind = UPDATED if key in self._open else OPENED
            if kind == OPENED or _differs(signal, self._open[key].signal):
                changes.append(IncidentChange(kind, signal.at, incident_of(signal)))
            self._open[key] = _Open(signal, now)
        for key, (signal, told) in list(self._open.items()):
            if key not in heard and (signal.source in MEASURED_ANEW or now - told > OVER_AFTER):
                del self._open[key]
                changes.append(IncidentChange(CLOSED, now, incident_of(signal, closed_at=now)))
        return changes


def key_of(signal: Signal) -> str:
    """The id of a signal's incident: of its source, its place and when it began."""
    named = "\n".join((signal.tenant, signal.source, signal.channel, signal.since.isoformat()))
    return f"sig_{blake2b(named.encode(), digest_size=10).hexdigest()}"


def incident_of(signal: Signal, closed_at: datetime | None = None) -> Incident:
    """A signal as an incident."""
    at = closed_at or signal.at
    return Incident(
        id=key_of(signal),
        tenant=signal.tenant,
        kind=SIGNAL,
        private=False,
        category="other",
        categories={},
        severity=signal.severity,
        reach=0.0,
        gravity=0.0,
        speed=0.0,
        score=None,
        triggers=(signal.source, f"value:{signal.value:.4g}", f"bound:{signal.bound:.4g}"),
        platforms=tuple(sorted({name.platform for name in signal.messages})),
        channels=(signal.channel,) if signal.channel else (),
        products=(),
        regions=(),
        people=signal.people,
        n_messages=len(signal.messages),
        messages=signal.messages[:10_000],
        first_message_at=signal.since,
        last_message_at=signal.at,
        noticed_at=signal.at,
        opened_at=signal.at if signal.severity >= 2 else None,
        updated_at=at,
        closed_at=closed_at,
        quotes=(),
        curve=(),
        outlook=(),
        unusual=(),
        steps=(),
    )


def _differs(now: Signal, before: Signal) -> bool:
    """Whether it is worth a line: a tenth more or less, or more messages."""
    moved = abs(now.value - before.value) > 0.1 * max(abs(before.value), 1e-9)
    return now.severity != before.severity or moved or len(now.messages) > len(before.messages)
