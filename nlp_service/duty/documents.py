"""Incidents as the store keeps them: without the words of anybody, which stay with their messages."""

from __future__ import annotations

import zlib

import msgspec

from nlp_service.crisis.incidents import CLOSED, MERGED, Incident, IncidentChange
from nlp_service.errors import ServiceError
from nlp_service.store.incident_records import IncidentValues

_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(Incident)


def pack(incident: Incident) -> bytes:
    """As JSON, compressed; quotes keep the names of their messages and lose their texts."""
    quotes = tuple(msgspec.structs.replace(quote, text="") for quote in incident.quotes)
    return zlib.compress(_ENCODER.encode(msgspec.structs.replace(incident, quotes=quotes, messages=())), 6)


def unpack(packed: bytes) -> Incident:
    """What `pack` wrote; its quotes are empty, and it names no messages but those of its quotes.

    Raises:
        ServiceError: It is damaged, or of another version.
    """
    try:
        return _DECODER.decode(zlib.decompress(packed))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ServiceError("a stored incident cannot be read") from error


def values_of(change: IncidentChange) -> IncidentValues:
    """What is stored of an incident after a change."""
    one = change.incident
    state = {MERGED: "merged", CLOSED: "closed"}.get(change.kind, "closed" if one.closed_at else "open")
    return IncidentValues(
        key=one.id,
        kind=one.kind,
        category=one.category,
        is_private=one.private,
        severity=one.severity,
        state="merged" if one.merged_into else state,
        first_at=one.first_message_at,
        noticed_at=one.noticed_at,
        opened_at=one.opened_at,
        updated_at=one.updated_at,
        closed_at=one.closed_at,
        people=one.people,
        n_messages=one.n_messages,
        merged_into=one.merged_into,
        document=pack(one),
        messages=tuple((name.platform, name.id) for name in one.messages),
    )
