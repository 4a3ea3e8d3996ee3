"""A `Mining` as JSON, as docs/insight.md describes it, and its memberships as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa

from nlp_service.insight.results import Change, MessageKey, Mining, Quote

MEMBERSHIPS = pa.schema(
    [
        ("kind", pa.string()),  # pain, need, topic, keyword, group, figure or warning
        ("item", pa.string()),  # its id, or its name where it has none
        ("platform", pa.string()),
        ("id", pa.string()),  # the platform's, of the message
        ("message_id", pa.int64()),  # the store's; null for a message of a file
    ]
)
"""A row is a message behind a number."""


def to_json(mining: Mining) -> bytes:
    """The document: the same mining gives the same bytes."""
    return msgspec.json.encode(to_document(mining)) + b"\n"


def to_document(mining: Mining) -> dict[str, Any]:
    """The fields of a `Mining` as JSON has them.

    They are named as in `results`, with three exceptions that make a document easy to read: ``change`` is the number
    `Change.rise` (null where it is not known) with ``messages_before`` beside it, ``message_ids`` are the platforms'
    ids of ``keys``, and a quote has the ``id`` and ``platform`` of its message.
    """
    document: dict[str, Any] = _plain(mining)
    document["segments"] = [{"item": item, **_plain(segment)} for item, segment in mining.segments]
    return document


def memberships(mining: Mining) -> pa.Table:
    """Every message behind every number, in the order of the document; `MEMBERSHIPS`."""
    columns: dict[str, list[Any]] = {name: [] for name in MEMBERSHIPS.names}
    for kind, item, keys in _members(mining):
        columns["kind"] += [kind] * len(keys)
        columns["item"] += [item] * len(keys)
        columns["platform"] += [key.platform for key in keys]
        columns["id"] += [key.id for key in keys]
        columns["message_id"] += [key.message_id for key in keys]
    return pa.table(columns, schema=MEMBERSHIPS)


def _members(mining: Mining) -> Iterator[tuple[str, str, tuple[MessageKey, ...]]]:
    for pain in mining.pain_points:
        yield pain.kind, pain.id, pain.keys
    for topic in mining.topics:
        yield "topic", topic.id, topic.keys
    for keyword in mining.keywords:
        yield "keyword", keyword.term, keyword.keys
    for group in mining.groups:
        yield "group", group.name, group.keys
    for health in mining.health:
        for figure in health.figures:
            yield "figure", figure.name if health.channel is None else f"{figure.name} {health.channel}", figure.keys
    for warning in mining.warnings:
        yield "warning", warning.kind if warning.channel is None else f"{warning.kind} {warning.channel}", warning.keys


def _plain(value: Any) -> Any:
    if isinstance(value, Quote):
        fields = {"id": value.key.id, "platform": value.key.platform, "text": value.text, "at": value.at}
        return {**fields, "channel": value.channel, "spans": value.spans, "message_id": value.key.message_id}
    if isinstance(value, msgspec.Struct):
        return dict(_fields(value))
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return value


def _fields(value: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if isinstance(field, Change):
            yield "change", field.rise
            yield "messages_before", field.before if field.known else None
            yield "change_p_value", field.p_value
        elif name == "keys":
            yield "message_ids", [key.id for key in field]
        else:
            yield name, _plain(field)
