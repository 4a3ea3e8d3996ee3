"""What was known of stored messages when they came, as far as it can still be told."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from nlp_service.store.authors import Author, author_of
from nlp_service.store.bulk import as_parameter, as_text, given
from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Known, Offence
from nlp_service.store.lookback import read_strikes, window
from nlp_service.store.schema import Moment, messages

MOST_EARLIER = 1_000
"""Messages of an author before one that are counted; nobody asks whether it is one more."""


class Replayed(NamedTuple):
    """A stored message as it would come in again, with the id that it has in the store."""

    id: int
    message: Incoming


class ReplayStore:
    """Looks back from stored messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, tenant: str, asked: Sequence[Replayed], strikes_s: float) -> list[Known]:
        """What was known of each message's author: strikes for messages before it, and how many messages there were.

        Copies and frequency are left at zero: what was counted at the time is not kept. Of what was deleted or erased
        since, nothing counts.

        Args:
            tenant: Whose messages.
            asked: The messages.
            strikes_s: How far back strikes count, in seconds.
        """
        if not any(one.message.author for one in asked):
            return [Known()] * len(asked)
        strikes: defaultdict[Author, list[tuple[Offence, int]]] = defaultdict(list)
        with self._database.read() as connection:
            dialect = connection.dialect.name
            parameters = {"tenant": tenant, "given": as_parameter(_rows(dialect, asked))}
            n_earlier = {row.place: row.n_earlier for row in connection.execute(_earlier(dialect), parameters)}
            incoming = [one.message for one in asked]
            for author, offence, message_id in read_strikes(connection, tenant, incoming, strikes_s):
                strikes[author].append((offence, message_id))
        return [
            Known(
                tuple(
                    offence
                    for offence, message_id in strikes.get(author_of(one.message), ())
                    if message_id < one.id and offence.at in window(one.message.received_at, strikes_s)
                ),
                n_earlier.get(place, 0),
            )
            for place, one in enumerate(asked)
        ]


def _rows(dialect: str, asked: Sequence[Replayed]) -> list[dict[str, Any]]:
    return [
        {
            "place": place,
            "platform": one.message.platform,
            "author": one.message.author,
            "at": as_text(dialect, one.message.received_at),
            "id": one.id,
        }
        for place, one in enumerate(asked)
        if one.message.author
    ]


@functools.cache
def _earlier(dialect: str) -> sa.Select[Any]:
    kinds: dict[str, Any] = {
        "place": sa.Integer(),
        "platform": sa.String(),
        "author": sa.String(),
        "at": Moment(),
        "id": sa.BigInteger(),
    }
    asked = given(dialect, kinds)
    c = messages.c
    same = (c.tenant == sa.bindparam("tenant")) & (c.platform == asked.c.platform) & (c.author == asked.c.author)
    # The time alone would not tell messages of one delivery apart, and without it SQLite goes through all earlier ids
    # of the tenant instead of those of the author.
    before = (c.received_at <= asked.c.at) & (c.id < asked.c.id)
    some = sa.select(c.id).where(same, before).limit(MOST_EARLIER).correlate(asked).subquery()
    number = sa.select(sa.func.count()).select_from(some).correlate(asked).scalar_subquery()
    return sa.select(asked.c.place, number.label("n_earlier"))
