"""The messages behind the numbers: what is counted gets an entry of the appendix when it is referred to first."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from zoneinfo import ZoneInfo

import msgspec

from nlp_service.insight.report.document import Entry, Line, Quoted, Run
from nlp_service.insight.report.language import Language
from nlp_service.insight.report.safe import plain, plain_id
from nlp_service.insight.results import MessageKey, Quote


class Reference(msgspec.Struct, frozen=True):
    """All messages behind a number.

    Attributes:
        title: What was counted.
        count: How many; more than there are `messages` where the data does not name all of them.
        messages: In the order of the data.
    """

    title: str
    count: int
    messages: tuple[MessageKey, ...]


class References:
    """Gives ids to what is counted, in the order in which it is asked for."""

    def __init__(self, language: Language, zone: ZoneInfo, link: str | None, most_messages: int) -> None:
        """Begin with none.

        Args:
            language: Of the titles.
            zone: Of the times beside quotes.
            link: Address of a message with ``{id}`` in it; None for no links.
            most_messages: Ids that an entry lists.
        """
        self._language, self._zone, self._link, self._most = language, zone, link, most_messages
        self._ids: dict[Hashable, str] = {}
        self._all: dict[str, Reference] = {}
        self._quotes: dict[str, tuple[Quote, ...]] = {}

    def add(
        self, slot: Hashable, title: str, count: int, keys: Sequence[MessageKey] = (), quotes: Sequence[Quote] = ()
    ) -> str:
        """The id of what `slot` stands for; the rest counts when it is seen first."""
        if slot not in self._ids:
            id = self._ids[slot] = f"a{len(self._ids) + 1}"
            self._all[id] = Reference(title, count, tuple(keys))
            self._quotes[id] = tuple(quotes)
        return self._ids[slot]

    def all(self) -> dict[str, Reference]:
        """By id, in their order."""
        return dict(self._all)

    def entries(self) -> tuple[Entry, ...]:
        """What the appendix lists."""
        return tuple(self._entry(id, reference) for id, reference in self._all.items())

    def quoted(self, quote: Quote) -> Quoted:
        """A quote with what is personal covered; its spans still fit."""
        text = plain(quote.text)
        marks = _disjoint(quote.spans, len(text))
        when = self._language.time(quote.at.astimezone(self._zone))
        place = f"{plain(quote.channel)} · {when} · " if quote.channel else f"{when} · "
        source: Line = (Run(place, tone="muted"), self._message(quote.key))
        return Quoted(text, marks, source)

    def _entry(self, id: str, reference: Reference) -> Entry:
        listed = reference.messages[: self._most]
        fields = {
            "count": self._language.exact(reference.count),
            "given": self._language.exact(len(reference.messages)),
            "n": self._language.exact(len(listed)),
            "id": id,
        }
        if not reference.count:
            words = self._language.say("appendix.nothing")
        elif not reference.messages:
            words = (
                self._language.say("appendix.count", **fields) + self._language.say("form.stop") + self._space()
                + self._language.say("appendix.no_keys")
            )  # fmt: skip
        else:
            is_partial, is_cut = reference.count > len(reference.messages), len(listed) < len(reference.messages)
            key = ("partial_some" if is_cut else "partial") if is_partial else "some" if is_cut else "count"
            words = self._language.say(f"appendix.{key}", **fields)
        quotes = tuple(self.quoted(quote) for quote in self._quotes[id])
        return Entry(id, reference.title, words, quotes, tuple(self._message(key) for key in listed))

    def _space(self) -> str:
        return " " if self._language.code == "en" else ""

    def _message(self, key: MessageKey) -> Run:
        url = self._link.replace("{id}", str(key.message_id)) if self._link and key.message_id is not None else ""
        name = f"{plain_id(key.platform)}:{plain_id(key.id)}" if key.platform else plain_id(key.id)
        return Run(name, url=url)


def _disjoint(spans: Sequence[tuple[int, int]], length: int) -> tuple[tuple[int, int], ...]:
    """Spans in order within the text, joined where they overlap or touch."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start), min(end, length)) for start, end in spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return tuple(found)
