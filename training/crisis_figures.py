"""What the watch does on streams with planted incidents, and a rule of thumb beside it in the same table.

A stream is a folder with ``messages.jsonl`` in order of arrival and ``truth.jsonl``, as a generator of streams writes
them: a line of the truth is ``{"kind": "incident", "category", "severity", "channels", "start", "messages"}``. A
``facts.parquet`` beside them (columns of FACTS with received_at, p_watch, p_high and category_p) saves reading the
messages again; without it they are read by the model, and kept as ``sightings.bin``.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import msgspec
import numpy as np

from nlp_service.crisis.incidents import BURST, Incident
from nlp_service.crisis.sightings import MAX_TEXT, Origin, Sighting, see
from nlp_service.crisis.tenants import NEGATIVE
from nlp_service.crisis.watch import Watch
from nlp_service.inference.analyser import Analyser
from nlp_service.types import Message

HELD = 3
"""Messages of a planted incident that one of ours must hold to have found it."""

_WARM_UP_H = 72
_BATCH = 512


class Alarm(NamedTuple):
    """What is judged of an incident, ours or that of the rule of thumb."""

    opened_at: datetime
    messages: frozenset[str]
    severity: int
    outlooks: tuple[tuple[int, int, int], ...] = ()


@dataclass
class Figures:
    """Of some streams together.

    Attributes:
        delays: Minutes from the first message of an event to our opening; infinite where it was not found.
        n_found, n_once: Events found, and those that exactly one of our incidents has to do with.
        n_false: Incidents of severity 2 and more that hold `HELD` messages of no event.
        months: Communities times days, in thirties.
        severities: (planted, ours).
        per_second: Messages a second of CPU time, of each stream.
    """

    delays: list[float] = field(default_factory=list)
    n_found: int = 0
    n_once: int = 0
    n_false: int = 0
    months: float = 0.0
    severities: list[tuple[int, int]] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    def row(self, name: str) -> dict[str, Any]:
        """As a row of the table."""
        n = len(self.delays)
        return {
            "watch": name,
            "events": n,
            "recall": round(self.n_found / n, 3) if n else None,
            "median delay": round(float(np.median(self.delays)), 1) if n else None,
            "p90 delay": round(float(np.percentile(self.delays, 90, method="higher")), 1) if n else None,
            "one incident an event": round(self.n_once / n, 3) if n else None,
            "false a community and month": round(self.n_false / self.months, 3) if self.months else None,
            "messages a second": round(float(np.median(self.per_second))) if self.per_second else None,
        }


def measure(folders: Sequence[Path], model: Path | None) -> list[dict[str, Any]]:
    """The rows of the table: the watch, and the rule of thumb.

    Raises:
        FileNotFoundError: A stream lacks a file.
    """
    ours, thumb = Figures(), Figures()
    for folder in folders:
        sightings, truth = read_stream(folder, model)
        begun = process_time()
        alarms = watch(sightings)
        ours.per_second.append(len(sightings) / max(process_time() - begun, 1e-9))
        judge(ours, alarms, truth, sightings)
        judge(thumb, rule_of_thumb(sightings), truth, sightings)
    return [ours.row("watch"), thumb.row("mean + 3 sigma of hourly negatives")]


def read_stream(folder: Path, model: Path | None) -> tuple[list[Sighting], list[dict[str, Any]]]:
    """The messages of a stream in order of arrival, and its planted incidents.

    Raises:
        FileNotFoundError: The stream lacks a file.
    """
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text("utf-8").splitlines()]
    kept = folder / "sightings.bin"
    if kept.is_file():
        sightings = msgspec.msgpack.decode(kept.read_bytes(), type=list[Sighting])
    else:
        rows = [json.loads(line) for line in (folder / "messages.jsonl").read_text("utf-8").splitlines()]
        facts = folder / "facts.parquet"
        sightings = _of_facts(rows, facts) if facts.is_file() else _read(rows, model)
        kept.write_bytes(msgspec.msgpack.encode(sightings))
    return sightings, [row for row in truth if row["kind"] == "incident"]


def watch(sightings: Sequence[Sighting]) -> list[Alarm]:
    """Our incidents of severity 2 and more."""
    guard, last = Watch(), dict[str, Incident]()
    for begin in range(0, len(sightings), 1_000):
        for change in guard.feed(sightings[begin : begin + 1_000]):
            last[change.incident.id] = change.incident
    for change in guard.finish():
        last[change.incident.id] = change.incident
    return [
        Alarm(each.opened_at, frozenset(name.id for name in each.messages), each.severity)
        for each in last.values()
        if each.severity >= 2 and each.opened_at is not None and each.kind == BURST
    ]


def rule_of_thumb(sightings: Iterable[Sighting]) -> list[Alarm]:
    """An alarm for each run of hours in which a community has more negative messages than mean + 3 sigma before."""
    hours: dict[str, dict[datetime, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in {sighting.id: sighting for sighting in sightings}.values():
        hour = each.sent_at.replace(minute=0, second=0, microsecond=0)
        said = hours[each.channel][hour]
        if each.sentiment is not None and each.sentiment <= NEGATIVE:
            said.append(each.id)
    alarms = []
    for by_hour in hours.values():
        alarms += _runs(by_hour)
    return alarms


def _runs(said: dict[datetime, list[str]]) -> list[Alarm]:
    alarms: list[Alarm] = []
    counts: list[int] = []
    running: Alarm | None = None
    hour, end = min(said), max(said)
    while hour <= end:
        ids = said.get(hour, [])
        is_high = len(counts) >= _WARM_UP_H and len(ids) > np.mean(counts) + 3 * np.std(counts)
        after = hour + timedelta(hours=1)
        if is_high:
            running = Alarm(
                running.opened_at if running else after, (running.messages if running else frozenset()) | set(ids), 2
            )
        elif running:
            alarms.append(running)
            running = None
        counts.append(len(ids))
        hour = after
    return alarms + ([running] if running else [])


def judge(
    figures: Figures, alarms: Sequence[Alarm], truth: Sequence[dict[str, Any]], sightings: Sequence[Sighting]
) -> None:
    """Add a stream to the figures."""
    owner = {name: i for i, event in enumerate(truth) for name in event["messages"]}
    holders: dict[int, list[Alarm]] = defaultdict(list)
    touching: Counter[int] = Counter()
    for alarm in alarms:
        held = Counter(owner[name] for name in alarm.messages if name in owner)
        touching.update(held.keys())
        for i, n in held.items():
            if n >= HELD:
                holders[i].append(alarm)
        figures.n_false += not any(n >= HELD for n in held.values())
    for i, event in enumerate(truth):
        start = datetime.fromisoformat(event["start"])
        found = holders.get(i, [])
        delays = [(alarm.opened_at - start).total_seconds() / 60 for alarm in found]
        figures.delays.append(min(delays, default=math.inf))
        figures.n_found += bool(found)
        figures.n_once += len(found) == 1 and touching[i] == 1
        if found:
            figures.severities.append((event["severity"], max(alarm.severity for alarm in found)))
    days = (sightings[-1].received_at - sightings[0].received_at).total_seconds() / 86400
    figures.months += days / 30 * len({each.channel for each in sightings})


def _of_facts(rows: Sequence[dict[str, Any]], path: Path) -> list[Sighting]:
    import pyarrow.parquet as pq

    columns = ["id", "platform", "risk", "p_watch", "p_high", "category_p", "sentiment", "intent"]
    facts = {(row["platform"], row["id"]): row for row in pq.read_table(path, columns=columns).to_pylist()}
    found = []
    for row in rows:
        fact = facts[row["platform"], row["id"]]
        found.append(
            Sighting(
                **msgspec.structs.asdict(_origin(row)),
                text=row["text"][:MAX_TEXT],
                level=fact["risk"],
                p_watch=fact["p_watch"],
                p_high=fact["p_high"],
                categories=dict(fact["category_p"] or ()),
                sentiment=fact["sentiment"],
                labels=(fact["intent"],) if fact["intent"] else (),
                meta=row["meta"],
            )
        )
    return found


def _read(rows: Sequence[dict[str, Any]], model: Path | None) -> list[Sighting]:
    if model is None:
        raise FileNotFoundError("the stream has no facts.parquet, and no model was named to read it")
    analyser, found = Analyser.load(model), []
    for begin in range(0, len(rows), _BATCH):
        part = rows[begin : begin + _BATCH]
        analyses = analyser.analyse([Message(None, row["text"]) for row in part], evidence=False)
        found += [see(_origin(row), row["text"], each, row["meta"]) for row, each in zip(part, analyses, strict=True)]
    return found


def _origin(row: dict[str, Any]) -> Origin:
    return Origin(
        tenant="stream",
        platform=row["platform"],
        id=row["id"],
        channel=row["channel"],
        author=row["author"],
        sent_at=datetime.fromisoformat(row["sent_at"]),
        received_at=datetime.fromisoformat(row["received_at"]),
    )
