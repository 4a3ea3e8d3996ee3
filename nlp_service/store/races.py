"""Transactions that are begun again when another one was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import NotReady, ServiceError
from nlp_service.store.database import Database

ATTEMPTS = 8
"""Each time somebody else has come through, so that many in a row mean that too many write the same."""

PAUSE_S = 0.01
"""Longest rest after the first attempt; it doubles with each."""

# A row that was to be inserted is there meanwhile; two transactions could not follow one another; a deadlock.
_LOST = frozenset(("23505", "40001", "40P01"))

_random = random.Random()  # of its own: the pauses of writers are no part of anybody's seed

T = TypeVar("T")


def write(database: Database, work: Callable[[Connection], T]) -> T:
    """Do some work in a transaction, from its beginning again if another one got in its way.

    Args:
        database: On SQLite writers follow one another, and there is one attempt.
        work: Must do nothing outside of the transaction.

    Raises:
        NotReady: The database cannot be used now, or others were always faster.
        ServiceError: It refuses for another reason.
    """
    for attempt in range(ATTEMPTS):
        try:
            with database.write() as connection:
                return work(connection)
        except ServiceError as error:
            if not _is_lost(error):
                raise
        time.sleep(_random.uniform(0, PAUSE_S * 2**attempt))
    raise NotReady(f"others were faster in {ATTEMPTS} attempts")


def _is_lost(error: ServiceError) -> bool:
    cause = error.__cause__
    return isinstance(cause, sa.exc.DBAPIError) and getattr(cause.orig, "sqlstate", None) in _LOST
