"""The order of the queue of reviews, in SQL: what is urgent, then by priority and by how long it waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from nlp_service.errors import BadInput
from nlp_service.store.review_records import AGEING_S, URGENT
from nlp_service.store.schema import reviews


def rank() -> sa.ColumnElement[float]:
    """Priority and waiting time in one number that does not change while time goes by."""
    came_s = sa.cast(sa.extract("epoch", reviews.c.created_at), sa.Float)
    return reviews.c.priority * float(AGEING_S) - came_s


def _is_urgent() -> sa.ColumnElement[int]:
    return sa.case((reviews.c.priority >= URGENT, 1), else_=0)


def queue() -> Sequence[sa.ColumnElement[Any]]:
    """The order in which reviews are looked at, as `moderation.review.rank` has it."""
    return _is_urgent().desc(), rank().desc(), reviews.c.id


def behind(is_urgent: float, score: float, review_id: float) -> sa.ColumnElement[bool]:
    """Whether a review stands behind another in the queue."""
    urgent, own = _is_urgent(), rank()
    equal = (urgent == is_urgent) & (own == score) & (reviews.c.id > review_id)
    return sa.or_(urgent < is_urgent, (urgent == is_urgent) & (own < score), equal)


def cursor_of(row: RowMapping, *, is_queue: bool) -> str:
    """The cursor behind a row: of the queue, or of what is shown by id."""
    if not is_queue:
        return str(row["id"])
    return f"{int(row['priority'] >= URGENT)}:{row['rank']!r}:{row['id']}"


def read_cursor(cursor: str, number: int) -> list[float]:
    """Numbers of a cursor.

    Raises:
        BadInput: It is none, or one of other pages.
    """
    parts = cursor.split(":")
    try:
        values = [float(part) for part in parts[:-1]] + [int(parts[-1])]
    except ValueError as error:
        raise BadInput("the cursor is none of these pages", param="cursor") from error
    if len(values) != number or not all(abs(value) < 2**62 for value in values):
        raise BadInput("the cursor is none of these pages", param="cursor")
    return values
