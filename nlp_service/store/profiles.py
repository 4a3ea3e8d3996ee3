"""What is known of an author: how much they wrote, what was decided on it, and what counts against them."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from nlp_service.errors import NotFound
from nlp_service.store.database import Database
from nlp_service.store.schema import authors, messages, strikes

MOST_STRIKES = 100
"""Strikes that a profile lists, the newest; the counts are of all."""


class Strike(msgspec.Struct, frozen=True):
    """One offence: what it was, when its message came, and which that is."""

    offence: str
    at: datetime
    message_id: int


class Profile(msgspec.Struct, frozen=True):
    """An author of a tenant.

    Attributes:
        first_at, last_at: When the first and the last message came, in UTC.
        n_messages: Messages that ever came, those that were deleted since too.
        actions: What was decided on those that are there, by action.
        n_strikes: Offences on record, by kind.
        strikes: The newest of them, at most `MOST_STRIKES`.
    """

    platform: str
    author: str
    first_at: datetime
    last_at: datetime
    n_messages: int
    actions: dict[str, int]
    n_strikes: dict[str, int]
    strikes: tuple[Strike, ...]


class ProfileStore:
    """Reads authors of a tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tenant: str, platform: str, author: str) -> Profile:
        """One author.

        Raises:
            NotFound: Nothing of them ever came to the tenant, or it was erased.
        """
        a, m, s = authors.c, messages.c, strikes.c
        theirs = (s.tenant == tenant) & (s.platform == platform) & (s.author == author)
        written = (m.tenant == tenant) & (m.platform == platform) & (m.author == author) & m.deleted_at.is_(None)
        known = sa.select(a.platform, a.author, a.first_at, a.last_at, a.n_messages)
        known = known.where(a.tenant == tenant, a.platform == platform, a.author == author)
        with self._database.read() as connection:
            row = connection.execute(known).first()
            if row is None:
                raise NotFound("there is no such author", param="author")
            actions = sa.select(m.action, sa.func.count()).where(written).group_by(m.action).order_by(m.action)
            kinds = sa.select(s.offence, sa.func.count()).where(theirs).group_by(s.offence).order_by(s.offence)
            newest = sa.select(s.offence, s.at, s.message_id).where(theirs).order_by(s.at.desc(), s.id.desc())
            return Profile(
                *row,
                actions=dict(connection.execute(actions).all()),
                n_strikes=dict(connection.execute(kinds).all()),
                strikes=tuple(Strike(*one) for one in connection.execute(newest.limit(MOST_STRIKES))),
            )
