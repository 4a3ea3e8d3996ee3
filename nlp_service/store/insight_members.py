"""The messages behind the items of a run: by pages, as quotes, and counted again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa

from nlp_service.store.database import Database
from nlp_service.store.insight_records import MemberMessage, Recount
from nlp_service.store.schema import insight_members, insight_runs, messages

Named = tuple[str, str]
"""Kind and id of an item."""

_AT_ONCE = 500  # parameters of one statement; SQLite takes no more than 32,766


class MemberPage(NamedTuple):
    """Some messages, and the id of the last of them where there are more; None at the end."""

    messages: list[MemberMessage]
    next_after: int | None


class MemberStore:
    """Messages of runs in a database; each method is one transaction, and takes the tenant first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, tenant: str, run_id: int, kind: str, item: str, *, after: int | None = None, limit: int = 100
    ) -> MemberPage:
        """Messages behind an item in the order of arrival, without those that were deleted since.

        Args:
            tenant: Whose run.
            run_id: Of the run.
            kind: One of `insight_records.KINDS`.
            item: Its id.
            after: `MemberPage.next_after` of the page before.
            limit: Messages of a page.
        """
        m, c = insight_members.c, messages.c
        query = _joined(tenant, run_id).with_only_columns(*_COLUMNS).where(m.kind == kind, m.item == item)
        query = query.where(c.deleted_at.is_(None)).order_by(m.message_id).limit(limit + 1)
        if after is not None:
            query = query.where(m.message_id > after)
        with self._database.read() as connection:
            found = [MemberMessage(*row) for row in connection.execute(query)]
        return MemberPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def read(self, tenant: str, ids: Collection[int]) -> dict[int, MemberMessage]:
        """Messages of a tenant by id, without those that were deleted."""
        c, wanted = messages.c, sorted(set(ids))
        found = {}
        with self._database.read() as connection:
            for begin in range(0, len(wanted), _AT_ONCE):
                some = c.id.in_(wanted[begin : begin + _AT_ONCE])
                query = sa.select(*_COLUMNS).where(c.tenant == tenant, some, c.deleted_at.is_(None))
                found.update({row[0]: MemberMessage(*row) for row in connection.execute(query)})
        return found

    def keys(self, tenant: str, run_id: int, *, most: int) -> dict[Named, list[tuple[int, str, str]]]:
        """Id, platform and the id there of messages behind every item of a run, the first `most` of each."""
        m, c = insight_members.c, messages.c
        rank = sa.func.row_number().over(partition_by=(m.kind, m.item), order_by=m.message_id)
        query = sa.select(m.kind, m.item, m.message_id, rank.label("rank")).where(m.run_id == run_id)
        first = query.subquery()
        rows = sa.select(first.c.kind, first.c.item, c.id, c.platform, c.external_id, c.sent_at)
        rows = rows.join_from(first, messages, c.id == first.c.message_id)
        rows = rows.where(first.c.rank <= most, c.tenant == tenant).order_by(c.sent_at, c.platform, c.external_id)
        found: defaultdict[Named, list[tuple[int, str, str]]] = defaultdict(list)
        with self._database.read() as connection:
            for kind, item, *key, _ in connection.execute(rows):
                found[kind, item].append((key[0], key[1], key[2]))
        return found

    def authors(self, tenant: str, run_id: int, kind: str) -> dict[str, list[tuple[str, str]]]:
        """Platform and name of the known authors behind the items of a kind, by item, sorted."""
        m, c = insight_members.c, messages.c
        query = _joined(tenant, run_id).with_only_columns(m.item, c.platform, c.author).distinct()
        query = query.where(m.kind == kind, c.author != "").order_by(m.item, c.platform, c.author)
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        with self._database.read() as connection:
            for item, platform, author in connection.execute(query):
                found[item].append((platform, author))
        return found

    def recount(self, tenant: str, run_id: int, kind: str, item: str) -> Recount:
        """Count what is behind an item now: known authors once, every message of nobody known as one of its own.

        Messages that were deleted since count no more, as in `page`.
        """
        m, c = insight_members.c, messages.c
        nobody = sa.literal("#") + sa.cast(c.id, sa.String)
        person = sa.case((c.author == "", nobody), else_=c.platform + "/" + c.author)
        counted = sa.func.count(), sa.func.count(person.distinct())
        query = _joined(tenant, run_id).with_only_columns(*counted).where(m.kind == kind, m.item == item)
        query = query.where(c.deleted_at.is_(None))
        with self._database.read() as connection:
            return Recount(*connection.execute(query).one())


_COLUMNS = [
    messages.c[name] for name in ("id", "platform", "external_id", "channel", "author", "sent_at", "text", "revision")
]


def _joined(tenant: str, run_id: int) -> sa.Select[Any]:
    """Members of a run of a tenant, with their messages."""
    m, c, r = insight_members.c, messages.c, insight_runs.c
    rows = sa.select(m.message_id).join_from(insight_runs, insight_members, m.run_id == r.id)
    rows = rows.join(messages, c.id == m.message_id)
    return rows.where(r.id == run_id, r.tenant == tenant, r.completed_at.is_not(None), c.tenant == tenant)
