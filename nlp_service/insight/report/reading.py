"""A file of data back into a `Mining`.

Read are three forms: a `Mining` as msgspec writes it, a report in JSON, which holds one, and the document that `mine`
writes, which is made for reading and leaves out of most messages what is beside their id; ``memberships.parquet``
beside it, if there is one, has the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from nlp_service.errors import BadInput
from nlp_service.insight.results import Mining

_Fields: TypeAlias = dict[str, Any]
_Found: TypeAlias = Mapping[tuple[str, str], list[_Fields]]
_Keys: TypeAlias = Callable[[str, str, list[str]], list[_Fields]]

MEMBERSHIPS = "memberships.parquet"


def read_mining(path: Path) -> Mining:
    """Read a file of data.

    Raises:
        BadInput: It cannot be read, or is none of the three forms.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", param="file") from error
    beside = path.with_name(MEMBERSHIPS)
    return decode_mining(content, _memberships(beside) if beside.is_file() else {})


def decode_mining(content: bytes, memberships: _Found | None = None) -> Mining:
    """Decode one of the three forms.

    Args:
        content: The file.
        memberships: Messages by kind and item, for what the document leaves out.

    Raises:
        BadInput: It is none of them.
    """
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput("the file is no JSON", param="file") from error
    if isinstance(found, dict) and isinstance(found.get("mining"), dict):
        found = found["mining"]
    if not isinstance(found, dict) or "period" not in found or "pain_points" not in found:
        raise BadInput("the file is none that mine or report has written", param="file")
    try:
        return msgspec.convert(_whole(found, memberships or {}), Mining)
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError, ValueError) as error:
        # The message of a foreign error may quote what is in the file.
        raise BadInput("a field of the file is missing or of another kind", param="file") from error


def _memberships(path: Path) -> dict[tuple[str, str], list[_Fields]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"cannot read {path.name}", param="file") from error
    found: dict[tuple[str, str], list[_Fields]] = {}
    for row in rows:
        key = {name: row[name] for name in ("platform", "id", "message_id")}
        found.setdefault((row["kind"], row["item"]), []).append(key)
    return found


def _whole(found: _Fields, memberships: _Found) -> _Fields:
    """The fields of a `Mining`, whichever form they were in."""
    known = {quote["id"]: _quote(quote)["key"] for quote in _quotes(found) if "id" in quote}
    platforms = {key["platform"] for key in known.values()}
    only = platforms.pop() if len(platforms) == 1 else ""

    def keys(kind: str, item: str, ids: list[str]) -> list[_Fields]:
        listed = memberships.get((kind, item), [])
        if [key["id"] for key in listed] == ids:
            return listed
        return [known.get(id) or {"platform": only, "id": id, "message_id": None} for id in ids]

    return {
        **found,
        "pain_points": [_item(one, one["kind"], one["id"], keys) for one in found["pain_points"]],
        "topics": [_item(one, "topic", one["id"], keys) for one in found["topics"]],
        "keywords": [_item(one, "keyword", one["term"], keys) for one in found["keywords"]],
        "groups": [_item(one, "group", one["name"], keys) for one in found["groups"]],
        "health": [_health(one, keys) for one in found["health"]],
        "warnings": [_item(one, "warning", _place(one["kind"], one["channel"]), keys) for one in found["warnings"]],
        "segments": [_segment(one) for one in found["segments"]],
    }


def _quotes(found: _Fields) -> list[_Fields]:
    lists = (one.get("quotes", ()) for name in ("pain_points", "topics", "groups") for one in found[name])
    return [quote for quotes in lists for quote in quotes]


def _item(item: _Fields, kind: str, name: str, keys: _Keys) -> _Fields:
    whole = dict(item)
    if "keys" not in whole:
        whole["keys"] = keys(kind, name, whole.get("message_ids", []))
    if "quotes" in whole:
        whole["quotes"] = [_quote(quote) for quote in whole["quotes"]]
    if "change" in whole and not isinstance(whole["change"], dict):
        before = whole.get("messages_before")
        whole["change"] = {
            "now": whole["messages"],
            "before": before or 0,
            "rise": whole["change"],
            "known": before is not None,
            "p_value": whole.get("change_p_value"),
        }
    return whole


def _quote(quote: _Fields) -> _Fields:
    if "key" in quote:
        return quote
    key = {"platform": quote["platform"], "id": quote["id"], "message_id": quote.get("message_id")}
    return {**quote, "key": key}


def _health(health: _Fields, keys: _Keys) -> _Fields:
    channel = health["channel"]
    figures = [_item(one, "figure", _place(one["name"], channel), keys) for one in health["figures"]]
    return {**health, "figures": figures}


def _place(name: str, channel: str | None) -> str:
    return name if channel is None else f"{name} {channel}"


def _segment(segment: Any) -> Any:
    return (segment["item"], segment) if isinstance(segment, dict) else segment
