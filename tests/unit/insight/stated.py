"""Tables of FACTS from what a test states of its messages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from nlp_service.insight.facts import FACTS
from nlp_service.insight.results import Period
from nlp_service.store.packing import label_mask

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)


def message(hours: float = 0.0, author: str | None = "ann", says: str | None = "chat", **more: Any) -> dict[str, Any]:
    """A row; `says` are its labels, the primary one first, and None is a message that the model could not read."""
    labels = (says or "").split()
    return {
        "platform": "qq",
        "channel": "hall",
        "author": author,
        "at": MONDAY + timedelta(hours=hours),
        "text": "一句话",
        "meta": {},
        "intent": labels[0] if labels else None,
        "labels": label_mask(labels),
        "sentiment": 0.0 if labels else None,
        "risk": 0 if labels else None,
        **more,
    }


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """In the order of FACTS; ids are m0, m1 ... in the order given."""
    numbered = [{"id": f"m{place}", **row} for place, row in enumerate(rows)]
    numbered.sort(key=lambda row: (row["at"], row["platform"] or "", row["id"]))
    columns = []
    for field in FACTS:
        values = [row.get(field.name) for row in numbered]
        if field.name == "meta":
            values = [None if value is None else list(value.items()) for value in values]
        columns.append(pa.array(values, field.type.value_type if pa.types.is_dictionary(field.type) else field.type))
    return pa.Table.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, FACTS, strict=True)], schema=FACTS
    )


def days(first: int, last: int, zone: str = "UTC") -> Period:
    """From the start of a day to the end of another, counted from `MONDAY`."""
    return Period(MONDAY + timedelta(days=first), MONDAY + timedelta(days=last + 1), zone)
