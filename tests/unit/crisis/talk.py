"""Made-up talk for the watch: ordinary days, and what is put into them. Texts are ours and say what they are."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.incidents import Incident, IncidentChange
from nlp_service.crisis.sightings import Sighting
from nlp_service.crisis.watch import Watch

START = datetime(2026, 3, 2, tzinfo=UTC)
_numbers = itertools.count()
_COMPLAINTS = ("service_attitude", "product_quality", "delivery_delay", "refund_aftersale", "price_dispute", "outage")
_WORDS = "海风山月星河云雨花鸟鱼虫春夏秋冬东西南北红橙黄绿青蓝紫黑白灰"


def say(minute: float, **given: Any) -> Sighting:
    """A message, ordinary unless `given` says otherwise, sent so many minutes after the start."""
    sent = START + timedelta(minutes=minute)
    number = next(_numbers)
    values = {
        "tenant": "shop",
        "platform": "forum",
        "id": f"m{number:07d}",
        "channel": "tea",
        "author": f"u{number % 40}",
        "sent_at": sent,
        "received_at": sent + timedelta(seconds=2),
        "text": f"第{number}句闲话" + "".join(random.Random(number).choices(_WORDS, k=8)),
        "level": 0,
        "p_watch": 0.02,
        "p_high": 0.002,
        "sentiment": 0.1,
    }
    return Sighting(**(values | given))


def grave(minute: float, category: str = "food_safety", **given: Any) -> Sighting:
    """A serious message about something."""
    values = {"level": 2, "p_watch": 0.95, "p_high": 0.85, "categories": {category: 0.9}, "sentiment": -0.7}
    return say(minute, **(values | given))


def ordinary(days: float, an_hour: int = 20, *, seed: int = 1, channels: Sequence[str] = ("tea",)) -> list[Sighting]:
    """Talk of some days; one message in a hundred is a complaint."""
    rng = random.Random(seed)
    found = []
    for _ in range(int(days * 24 * an_hour * len(channels))):
        at, channel = rng.random() * days * 1440, rng.choice(channels)
        if rng.random() < 0.01:
            found.append(
                say(at, channel=channel, level=1, p_watch=0.7, p_high=0.08, categories={rng.choice(_COMPLAINTS): 0.7})
            )
        else:
            found.append(say(at, channel=channel, p_watch=rng.random() ** 4 * 0.3, p_high=rng.random() ** 6 * 0.05))
    return found


def arriving(*parts: Iterable[Sighting]) -> list[Sighting]:
    """In the order of arrival."""
    return sorted(itertools.chain(*parts), key=lambda each: (each.received_at, each.id))


def watch(sightings: Sequence[Sighting], settings: WatchSettings | None = None, size: int = 50) -> list[IncidentChange]:
    """All changes of a run from its beginning to its end."""
    guard = Watch(settings)
    changes = []
    for begin in range(0, len(sightings), size):
        changes += guard.feed(sightings[begin : begin + size])
    return changes + guard.finish()


def last(changes: Iterable[IncidentChange]) -> dict[str, Incident]:
    """Incidents as they ended."""
    return {change.incident.id: change.incident for change in changes}


def serious(changes: Iterable[IncidentChange]) -> list[Incident]:
    """Those of severity 2 and more."""
    return [incident for incident in last(changes).values() if incident.severity >= 2]
