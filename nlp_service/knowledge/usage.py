"""How a base is used: what is asked of which entry and wording, what goes unanswered, and who waits.

No number without its replies: every count carries their ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from nlp_service.errors import BadInput
from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.tallies import MAX_IDS, ChannelUsage, Count, EntryUsage, Tallies, Tally
from nlp_service.store.usage import Said, StillWaiting, UsageStore

ALERT_LIMIT = 5
"""Questions that may wait in a channel before somebody must be told."""

STALE_DAYS = 30
"""An entry that ends within so many days, or that nobody was answered with for so many, is shown: a month, in which
every recurring question of a community comes up."""


class StaleEntry(msgspec.Struct, frozen=True):
    """An entry to look at. `at`: when it ended, when it will end, or when it last answered."""

    entry_id: str
    reason: Literal["expired", "expiring", "idle"]
    at: datetime


class Waiting(msgspec.Struct, frozen=True):
    """Questions of one channel that nobody has answered.

    Attributes:
        waiting: Ids are the oldest first.
        asked_at: When those of the ids were asked, in the same order.
    """

    channel: str
    waiting: Count
    asked_at: tuple[datetime, ...]


class Alert(msgspec.Struct, frozen=True):
    """A channel in which too many wait.

    Attributes:
        waiting: As in `Waiting`.
        oldest_at: When the one that waits longest was asked.
        since: When the one was asked with which they became too many.
    """

    channel: str
    waiting: Count
    oldest_at: datetime
    since: datetime


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Use of a base in a half-open period.

    Attributes:
        total: All questions.
        answered_share: Share that the machine answered, in [0, 1]; None if nothing was asked.
        entries: Those that were hit, the most asked first; also such as are no longer in the base.
        never_hit: Entries that nobody was ever answered with, up to the end of the period.
        stale: What has ended or soon will, and what was once hit but not lately, in the order of the entries.
        channels: By name; the empty one is of questions without a channel.
        waiting: Those that still wait at the end of the period, whenever they were asked; the longest list first.
    """

    since: datetime
    until: datetime
    total: Tally
    answered_share: float | None
    entries: tuple[EntryUsage, ...]
    never_hit: tuple[str, ...]
    stale: tuple[StaleEntry, ...]
    channels: tuple[ChannelUsage, ...]
    waiting: tuple[Waiting, ...]


def measure(
    store: UsageStore,
    tenant: str,
    kb: int | str,
    entries: Sequence[Entry],
    *,
    since: datetime,
    until: datetime,
    stale_days: int = STALE_DAYS,
) -> Usage:
    """Measure the use of a base.

    Args:
        store: Where the replies are.
        tenant: Whose base it is.
        kb: The base.
        entries: What is in it now.
        since: Begin of the period, aware.
        until: Its end; also the moment for which `never_hit`, `stale` and `waiting` hold.
        stale_days: As `STALE_DAYS`.

    Raises:
        NotFound: The tenant has no such base.
        BadInput: The period is empty.
    """
    if since >= until:
        raise BadInput("until must be later than since", param="until")
    counts = _count(store, tenant, kb, since, until)
    last = store.last_answers(tenant, kb, until=until)
    total = counts.total()
    n_asked = total.asked.number
    return Usage(
        since=since,
        until=until,
        total=total,
        answered_share=total.answered.number / n_asked if n_asked else None,
        entries=counts.entries(),
        never_hit=tuple(entry.id for entry in entries if entry.id not in last),
        stale=tuple(_stale(entries, last, until, timedelta(days=stale_days))),
        channels=counts.channels(),
        waiting=tuple(by_channel(store.waiting(tenant, kb, until=until))),
    )


def _count(store: UsageStore, tenant: str, kb: int | str, since: datetime, until: datetime) -> Tallies:
    said: defaultdict[str, list[Said]] = defaultdict(list)
    for one in store.said(tenant, kb, since=since, until=until):
        said[one.reply_id].append(one)
    counts = Tallies(said)
    for asked in store.asked(tenant, kb, since=since, until=until):
        counts.add(asked)
    return counts


def by_channel(waiting: Iterable[StillWaiting]) -> list[Waiting]:
    """Group questions that wait, given the oldest first, by channel; the longest list first, then by name."""
    groups: defaultdict[str, list[StillWaiting]] = defaultdict(list)
    for one in waiting:
        groups[one.channel].append(one)
    found = []
    for channel, some in groups.items():
        shown = some[:MAX_IDS]
        count = Count(len(some), tuple(one.reply_id for one in shown))
        found.append(Waiting(channel, count, tuple(one.asked_at for one in shown)))
    return sorted(found, key=lambda group: (-group.waiting.number, group.channel))


def alerts(waiting: Iterable[Waiting], limit: int = ALERT_LIMIT) -> list[Alert]:
    """Find the channels in which more than `limit` questions wait, those that are over it for longest first.

    Raises:
        BadInput: The limit is not in [0, `MAX_IDS`).
    """
    if not 0 <= limit < MAX_IDS:
        raise BadInput(f"limit must be 0 to {MAX_IDS - 1}, got {limit}", param="limit")
    found = [
        Alert(group.channel, group.waiting, group.asked_at[0], group.asked_at[limit])
        for group in waiting
        if group.waiting.number > limit
    ]
    return sorted(found, key=lambda alert: (alert.since, alert.channel))


def _stale(
    entries: Iterable[Entry], last: Mapping[str, datetime], now: datetime, margin: timedelta
) -> Iterator[StaleEntry]:
    """One line an entry, and of several reasons the most pressing."""
    for entry in entries:
        hit_at = last.get(entry.id)
        if entry.valid_to is not None and entry.valid_to <= now:
            yield StaleEntry(entry.id, "expired", entry.valid_to)
        elif entry.valid_to is not None and entry.valid_to <= now + margin:
            yield StaleEntry(entry.id, "expiring", entry.valid_to)
        elif hit_at is not None and hit_at <= now - margin:
            yield StaleEntry(entry.id, "idle", hit_at)
