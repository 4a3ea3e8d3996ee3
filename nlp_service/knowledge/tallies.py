"""Counts of replies that keep the ids behind them: by entry, by wording and by channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from nlp_service.store.usage import Asked, Said

MAX_IDS = 1_000
"""Ids that a count carries; the number itself is not bounded."""


class Count(msgspec.Struct, frozen=True):
    """A number of replies, and the ids of at most `MAX_IDS` of them; the order is said where it stands."""

    number: int = 0
    reply_ids: tuple[str, ...] = ()


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What became of questions. Ids are the newest first; a reply counts once in each, whoever said how much of it.

    Attributes:
        asked: All for which this was nearest.
        answered: Those that were answered with it.
        offered: Those for which it was shown to choose from (clarify).
        helpful, unhelpful: Those with a thumb up, and with a thumb down.
        corrected: Those for which somebody named another entry or answer.
    """

    asked: Count = Count()
    answered: Count = Count()
    offered: Count = Count()
    helpful: Count = Count()
    unhelpful: Count = Count()
    corrected: Count = Count()


class WordingUsage(msgspec.Struct, frozen=True):
    """Use of one wording; `wording` is its index in the entry of the version that was asked, None where not known."""

    wording: int | None
    tally: Tally


class EntryUsage(msgspec.Struct, frozen=True):
    """Use of one entry and of each wording that was hit, in order."""

    entry_id: str
    tally: Tally
    wordings: tuple[WordingUsage, ...]


class ChannelUsage(msgspec.Struct, frozen=True):
    """Questions of one channel; ids are the newest first."""

    channel: str
    asked: Count
    handoff: Count
    none: Count


class Tallies:
    """Counts replies as they come; those that come first are the ones whose ids are kept."""

    def __init__(self, said: Mapping[str, Sequence[Said]]) -> None:
        """`said` is the feedback by reply."""
        self._said = said
        self._total = _Growing()
        self._entries: defaultdict[str, _Growing] = defaultdict(_Growing)
        self._wordings: defaultdict[tuple[str, int | None], _Growing] = defaultdict(_Growing)
        self._channels: defaultdict[str, _Growing] = defaultdict(_Growing)

    def add(self, asked: Asked) -> None:
        """Count one reply wherever it belongs."""
        targets = [self._total, self._channels[asked.channel]]
        if asked.entry_id is not None:
            targets += [self._entries[asked.entry_id], self._wordings[asked.entry_id, asked.wording]]
        for name in _names(asked, self._said.get(asked.reply_id, ())):
            for target in targets:
                target.add(name, asked.reply_id)

    def total(self) -> Tally:
        """All of them."""
        return self._total.tally()

    def entries(self) -> tuple[EntryUsage, ...]:
        """By entry, the most asked first, then by id."""
        wordings: defaultdict[str, list[WordingUsage]] = defaultdict(list)
        # A wording that is not known comes last.
        for entry_id, wording in sorted(self._wordings, key=lambda key: (key[0], key[1] is None, key[1] or 0)):
            wordings[entry_id].append(WordingUsage(wording, self._wordings[entry_id, wording].tally()))
        found = [
            EntryUsage(entry_id, growing.tally(), tuple(wordings[entry_id]))
            for entry_id, growing in self._entries.items()
        ]
        return tuple(sorted(found, key=lambda usage: (-usage.tally.asked.number, usage.entry_id)))

    def channels(self) -> tuple[ChannelUsage, ...]:
        """By channel, in the order of names."""
        return tuple(
            ChannelUsage(channel, *(growing.count(name) for name in ("asked", "handoff", "none")))
            for channel, growing in sorted(self._channels.items())
        )


class _Growing:
    """Counts by name, with the first `MAX_IDS` ids of each."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._ids: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, name: str, reply_id: str) -> None:
        self._numbers[name] += 1
        if self._numbers[name] <= MAX_IDS:
            self._ids[name].append(reply_id)

    def count(self, name: str) -> Count:
        return Count(self._numbers.get(name, 0), tuple(self._ids.get(name, ())))

    def tally(self) -> Tally:
        return Tally(**{name: self.count(name) for name in Tally.__struct_fields__})


def _names(asked: Asked, said: Sequence[Said]) -> Iterator[str]:
    """Under which names a reply counts."""
    yield "asked"
    names = {"answer": "answered", "clarify": "offered"}
    yield names.get(asked.decision, asked.decision)
    if any(one.helpful is True for one in said):
        yield "helpful"
    if any(one.helpful is False for one in said):
        yield "unhelpful"
    if any(one.is_corrected for one in said):
        yield "corrected"
