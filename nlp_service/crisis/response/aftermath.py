"""After an incident: why it happened, what was late, what is done about it, and whether it came back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from nlp_service.crisis.incidents import Incident
from nlp_service.errors import BadInput

WHYS = 5
"""Questions of a review: each asks why the answer before it is so."""

BACK_WITHIN_DAYS = 30
"""For how long after its end an incident of the same kind in the same place is the same problem again."""

_Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was learnt.

    Attributes:
        whys: Answers to "why", each to the one before; at most `WHYS`.
        summary: In a few sentences.
        went_well, went_badly: For the next time.
    """

    whys: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=WHYS)] = ()
    summary: _Text = ""
    went_well: _Text = ""
    went_badly: _Text = ""


class Recurrence(msgspec.Struct, frozen=True):
    """That an earlier incident may be the same problem.

    Attributes:
        incident_id: Of the earlier one.
        closed_at: When it had ended.
        shared: What both have, as ``channel:…``, ``product:…``, ``region:…``.
    """

    incident_id: str
    closed_at: datetime
    shared: tuple[str, ...]


def read_review(document: Any) -> Review:
    """Make a review of what JSON holds.

    Raises:
        BadInput: A field is unknown or its value cannot be taken.
    """
    try:
        return msgspec.convert(document, Review)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise BadInput(what, param=path.rstrip("`") or "review") from error


def came_back(incident: Incident, earlier: Sequence[Incident]) -> tuple[Recurrence, ...]:
    """Earlier incidents of the same category that ended within `BACK_WITHIN_DAYS` and share a product, or a channel.

    The newest first. A product says more than a channel, in which anything may be said, so incidents that name
    different products are different problems even in one channel.

    Args:
        incident: The new one.
        earlier: Others of the tenant, in any order.
    """
    found = []
    for other in earlier:
        ended = other.closed_at
        if ended is None or other.id == incident.id or other.category != incident.category or other.private:
            continue
        if not timedelta(0) <= incident.first_message_at - ended <= timedelta(days=BACK_WITHIN_DAYS):
            continue
        shared = _shared(incident, other)
        if shared:
            found.append(Recurrence(other.id, ended, shared))
    return tuple(sorted(found, key=lambda one: (one.closed_at, one.incident_id), reverse=True))


def _shared(incident: Incident, other: Incident) -> tuple[str, ...]:
    channels = [f"channel:{name}" for name in incident.channels if name in other.channels]
    regions = [f"region:{name}" for name in _leading(incident.regions) if name in _leading(other.regions)]
    mine, theirs = _leading(incident.products), _leading(other.products)
    products = [f"product:{name}" for name in mine if name in theirs]
    if mine and theirs and not products:
        return ()
    return (*products, *channels, *regions) if products or channels else ()


def _leading(values: Sequence[tuple[str, int]]) -> list[str]:
    """Values that stand for a third of all that say one; the rest is chance."""
    total = sum(number for _, number in values)
    return [name for name, number in values if 3 * number >= total]
