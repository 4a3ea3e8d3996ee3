"""What mining found, as the store keeps it, and back.

The store keeps no text of a message and no author a second time: a quote is the place of an excerpt in a message, a
group is its messages. What is erased, deleted or edited since is gone from here with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from nlp_service.insight.results import MessageKey, Mining, Quote
from nlp_service.store.insight_members import Named
from nlp_service.store.insight_records import Document, MemberMessage, Members, NewRun, Run

_SANE = re.compile(r"[A-Za-z0-9_-]{1,64}")

_LISTS = (("topics", "topic"), ("keywords", "keyword"), ("groups", "group"))

Item = dict[str, Any]


def item_id(text: str) -> str:
    """A name that can stand in a path: the text itself where it can, else a digest of it."""
    if _SANE.fullmatch(text):
        return text
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


def _named(mining: Mining) -> Iterator[tuple[str, str, Any]]:
    """Kind, id and value of all that has messages behind it."""
    for point in mining.pain_points:
        yield point.kind, item_id(point.id), point
    for topic in mining.topics:
        yield "topic", item_id(topic.id), topic
    for keyword in mining.keywords:
        yield "keyword", item_id(f"keyword:{keyword.term}"), keyword
    for group in mining.groups:
        yield "group", item_id(f"group:{group.source}:{group.name}"), group
    for health in mining.health:
        for figure in health.figures:
            yield (
                "figure",
                item_id(figure.name if health.channel is None else f"{figure.name}:{health.channel}"),
                figure,
            )
    for warning in mining.warnings:
        yield "warning", item_id(f"warning:{warning.kind}:{warning.channel}:{warning.at.isoformat()}"), warning


def members_of(mining: Mining) -> Iterator[Members]:
    """The messages behind every item."""
    for kind, name, value in _named(mining):
        yield Members(kind, name, [key.message_id for key in value.keys if key.message_id is not None])


def quoted_ids(mining: Mining) -> set[int]:
    """Ids of the messages that are quoted."""
    quotes = (quote for _, _, value in _named(mining) for quote in getattr(value, "quotes", ()))
    return {quote.key.message_id for quote in quotes if quote.key.message_id is not None}


def to_run(
    mining: Mining, parameters: dict[str, Any], texts: Mapping[int, MemberMessage], job_id: str | None
) -> NewRun:
    """What the store keeps of it.

    Args:
        mining: What was found.
        parameters: What it was asked with, beside the period.
        texts: The messages that are quoted, as they stand now.
        job_id: The job that found it, if one did.
    """
    items: dict[str, list[Item]] = {}
    for place, (kind, name, value) in enumerate(_named(mining)):
        items.setdefault(kind, []).append(_lean(value, name, texts) | {"place": place})
    return NewRun(
        job_id=job_id,
        period_start=mining.period.start,
        period_end=mining.period.end,
        zone=mining.period.zone,
        previous_start=mining.previous.start,
        previous_end=mining.previous.end,
        parameters=parameters,
        model_version=mining.model_version,
        messages=mining.messages,
        people=mining.people,
        head=_head(mining),
        items=items,
    )


def _head(mining: Mining) -> dict[str, Any]:
    """What is said of the whole, with the ids of items as they are stored."""
    health = [
        {"channel": one.channel, "messages": one.messages, "people": one.people, "n_figures": len(one.figures)}
        for one in mining.health
    ]
    head = {name: msgspec.to_builtins(getattr(mining, name)) for name in ("segments", "series", "notes")}
    named = {value.id: name for kind, name, value in _named(mining) if kind in ("pain", "need", "topic")}
    head["segments"] = [[named.get(item, item), segment] for item, segment in head["segments"]]
    head["topic_events"] = [
        {**event, **{name: event[name] and item_id(event[name]) for name in ("topic_id", "other")}}
        for event in msgspec.to_builtins(mining.topic_events)
    ]
    return head | {"messages_before": mining.messages_before, "health": health}


def quotes_of(item: Item, texts: Mapping[int, MemberMessage]) -> list[Quote]:
    """The quotes of an item whose messages still say what they said."""
    found = []
    for place in item.get("quotes", ()):
        message = texts.get(place["message_id"])
        if message is not None and message.revision == place["revision"]:
            key = MessageKey(message.platform, message.external_id, message.id)
            spans = tuple((begin, end) for begin, end in place["spans"])
            text = message.text[place["begin"] : place["end"]]
            found.append(Quote(key, text, message.at, message.channel, spans))
    return found


def quoted_in(items: Sequence[Item]) -> set[int]:
    """Ids of the messages that items of a document quote."""
    return {place["message_id"] for item in items for place in item.get("quotes", ())}


def items_of(document: Document, *kinds: str) -> list[Item]:
    """Items of some kinds of a document, in the order in which they were found."""
    items = [{**item, "kind": item.get("kind", kind)} for kind in kinds for item in document["items"].get(kind, ())]
    return sorted(items, key=lambda item: item["place"])


def rebuild(
    run: Run,
    document: Document,
    keys: Mapping[Named, Collection[tuple[int, str, str]]],
    authors: Mapping[str, Sequence[tuple[str, str]]],
    texts: Mapping[int, MemberMessage],
) -> Mining:
    """What was found, as far as the messages are still there.

    Args:
        run: The run.
        document: Its document.
        keys: Messages behind its items: id, platform, and the id there.
        authors: Of groups, by their ids.
        texts: The messages that are quoted.
    """

    def full(kind: str, item: Item) -> Item:
        found = [
            dict(zip(("message_id", "platform", "id"), key, strict=True)) for key in keys.get((kind, item["id"]), ())
        ]
        known = {"authors": authors.get(item["id"], [])} if kind == "group" else {}
        return {**item, **known, "keys": found, "quotes": quotes_of(item, texts)}

    points = [full(item["kind"], item) for item in items_of(document, "pain", "need")]
    lists = {name: [full(kind, item) for item in items_of(document, kind)] for name, kind in _LISTS}
    head = document["head"]
    figures = iter([full("figure", item) for item in items_of(document, "figure")])
    health = [{**one, "figures": [next(figures) for _ in range(one["n_figures"])]} for one in head["health"]]
    whole = {
        **{name: head[name] for name in ("topic_events", "segments", "series", "notes", "messages_before")},
        **lists,
        "pain_points": points,
        "health": health,
        "warnings": [full("warning", item) for item in items_of(document, "warning")],
        "period": {"start": run.period_start, "end": run.period_end, "zone": run.zone},
        "previous": {"start": run.previous_start, "end": run.previous_end, "zone": run.zone},
        "messages": run.messages,
        "people": run.people,
        "model_version": run.model_version,
    }
    return msgspec.convert(msgspec.to_builtins(whole), Mining)


def _lean(value: Any, name: str, texts: Mapping[int, MemberMessage]) -> Item:
    """An item without what is read from its messages again."""
    item = msgspec.structs.asdict(value)
    item.pop("keys")
    if "authors" in item:
        item["members"] = len(item.pop("authors"))
    if "quotes" in item:
        item["quotes"] = [place for quote in item["quotes"] if (place := _place(quote, texts)) is not None]
    lean: Item = msgspec.to_builtins(item)
    return lean | {"id": name}


def _place(quote: Quote, texts: Mapping[int, MemberMessage]) -> Item | None:
    """Where an excerpt stands in its message; None where the message does not say it any more."""
    message = texts.get(quote.key.message_id or 0)
    # A cut is marked with dots that are not in the message.
    begin = -1 if message is None else message.text.find(quote.text)
    if message is None or begin < 0:
        return None
    place = {"message_id": message.id, "revision": message.revision, "begin": begin, "end": begin + len(quote.text)}
    return place | {"spans": [list(span) for span in quote.spans]}
