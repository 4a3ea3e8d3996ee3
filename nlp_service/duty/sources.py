"""The sources of signals in a running service, asked about once a minute. All block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from nlp_service.crisis.incidents import MessageName
from nlp_service.duty.settings import read_duty
from nlp_service.duty.signals import Signal
from nlp_service.errors import NotFound
from nlp_service.insight.results import Warning as EarlyWarning
from nlp_service.knowledge.usage import alerts, by_channel
from nlp_service.store.database import Database
from nlp_service.store.insights import InsightStore
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.tenants import TenantStore
from nlp_service.store.usage import UsageStore
from nlp_service.store.watching import WatchStore

LATELY = timedelta(hours=48)
"""How long ago a period may have ended whose warnings still matter."""

_LAST_RUNS = 20

SLOW_FOR = timedelta(seconds=60)
"""For how long the models must be in trouble before somebody is told: a worker that died is back in seconds."""


class Unanswered:
    """Questions to knowledge bases that wait, by channel."""

    def __init__(self, database: Database) -> None:
        self._bases, self._usage = KnowledgeStore(database), UsageStore(database)
        self._tenants, self._watches = TenantStore(database), WatchStore(database)

    def __call__(self, now: datetime) -> list[Signal]:
        """A signal for each channel in which more wait than the tenant has settled."""
        found = []
        for tenant in self._tenants.list():
            limit = read_duty(self._watches.settings(tenant.name).document).unanswered_questions
            for base in self._bases.bases(tenant.name):
                try:
                    waiting = by_channel(self._usage.waiting(tenant.name, base.id, until=now))
                except NotFound:
                    continue  # removed meanwhile
                for alert in alerts(waiting, limit):
                    n_waiting = float(alert.waiting.number)
                    found.append(
                        Signal(
                            "unanswered",
                            tenant.name,
                            alert.channel or base.name,
                            alert.since,
                            now,
                            2 if n_waiting > 4 * limit else 1,
                            n_waiting,
                            float(limit),
                        )
                    )
        return found


class SlowModel:
    """Trouble of the inference processes, told to every tenant whose messages they read.

    Args:
        find_faults: Says what is wrong now; nothing if all is well.
        tenant: Who runs the service.
    """

    def __init__(self, find_faults: Callable[[], list[str]], tenant: str = "default") -> None:
        self._find_faults = find_faults
        self._tenant = tenant
        self._since: datetime | None = None

    def __call__(self, now: datetime) -> list[Signal]:
        """A signal once it has lasted for `SLOW_FOR`."""
        n_faults = len(self._find_faults())
        if not n_faults:
            self._since = None
            return []
        self._since = self._since or now
        if now - self._since < SLOW_FOR:
            return []
        return [Signal("slow_model", self._tenant, "", self._since, now, 2, float(n_faults), 0.0)]


class EarlyWarnings:
    """The warnings of what was looked at lately, as stored runs have them."""

    def __init__(self, database: Database) -> None:
        self._tenants, self._runs = TenantStore(database), InsightStore(database)

    def __call__(self, now: datetime) -> list[Signal]:
        """A signal for each warning of the newest run over a period that ended lately."""
        found = []
        for tenant in self._tenants.list():
            runs = self._runs.browse(tenant.name, limit=_LAST_RUNS).runs
            lately = [run for run in runs if timedelta(0) <= now - run.period_end <= LATELY]
            if lately:
                newest = max(lately, key=lambda run: (run.period_end, run.id))
                items = self._runs.document(tenant.name, newest.id)["items"].get("warning", [])
                found += [of_item(tenant.name, item) for item in items]
        return found


def of_item(tenant: str, item: Mapping[str, Any]) -> Signal:
    """The signal of a warning as a stored run has it."""
    names = EarlyWarning.__struct_fields__
    given = {name: value for name, value in item.items() if name in names}
    return of_warning(tenant, msgspec.convert(given | {"keys": ()}, EarlyWarning))


def of_warning(tenant: str, warning: EarlyWarning) -> Signal:
    """The signal of an early warning of `insight`."""
    return Signal(
        source=warning.kind,
        tenant=tenant,
        channel=warning.channel or "",
        since=warning.at - timedelta(days=warning.days),
        at=warning.at,
        severity=2 if warning.quadrant == "act" else 1,
        value=warning.value,
        bound=warning.bound,
        messages=tuple(MessageName(key.platform, key.id) for key in warning.keys),
    )
