"""The repository of messages: recorded with what is decided on them, found again, and removed for good."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, NotFound
from nlp_service.store import browsing, copies, erasure, pending, races, recording, retention, rows
from nlp_service.store.audit import note
from nlp_service.store.browsing import Filters, Page, StoredMessage
from nlp_service.store.database import Database
from nlp_service.store.erasure import Receipt
from nlp_service.store.incoming import Incoming, Judge, Recorded, Windows
from nlp_service.store.retention import Expired
from nlp_service.store.schema import messages

MAX_DELIVERY = 512
"""Messages of one delivery: its transaction holds locks on all their authors."""


class MessageStore:
    """Messages in a database. Every method takes the tenant first, and what is another tenant's is not there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self, tenant: str, incoming: Sequence[Incoming], judge: Judge, windows: Windows, *, actor: str = "ingest"
    ) -> list[Recorded]:
        """Judge messages in their order and write them down, all of them in one transaction.

        A message is named by its platform and id. One that is there already is written again only if it was edited
        later than what is there; so a delivery may come twice, in another order, or to two replicas at once.

        Args:
            tenant: Whose messages.
            incoming: At most `MAX_DELIVERY`. Two with one id count as if they had come one after the other.
            judge: Decides on each; asked again about all of them where another transaction was faster.
            windows: How far back what is known of authors and copies goes.
            actor: Who delivers.

        Returns:
            What became of each message.

        Raises:
            BadInput: There are too many.
            NotReady: The database cannot be used now; nothing was written.
            ServiceError: It refuses for another reason; nothing was written.
        """
        if len(incoming) > MAX_DELIVERY:
            raise BadInput(f"{len(incoming)} messages are more than {MAX_DELIVERY}", param="messages")
        if not incoming:
            return []
        return races.write(
            self._database,
            lambda connection: recording.record(connection, tenant, incoming, judge, windows, actor),
        )

    def remove(self, tenant: str, platform: str, external_id: str, at: datetime, actor: str) -> Recorded:
        """Delete a message as its author or the platform did; removing it again changes nothing.

        Its row stays without content, also for a message that never came, so that a late delivery of it is known as
        deleted. What counts against the author stays too.

        Args:
            tenant: Whose message.
            platform: Where it was written.
            external_id: Its id there.
            at: When it was deleted, aware.
            actor: Who says so.
        """
        key = (platform, external_id)
        return races.write(self._database, lambda connection: _remove(connection, tenant, key, at, actor))

    def get(self, tenant: str, message_id: int) -> StoredMessage:
        """One message by the id that it was recorded with.

        Raises:
            NotFound: The tenant has no such message.
        """
        return self._find(tenant, messages.c.id == message_id)

    def find(self, tenant: str, platform: str, external_id: str) -> StoredMessage:
        """One message by the id that its platform gave it.

        Raises:
            NotFound: The tenant has no such message.
        """
        return self._find(tenant, (messages.c.platform == platform) & (messages.c.external_id == external_id))

    def browse(self, tenant: str, filters: Filters | None = None, cursor: str | None = None, limit: int = 100) -> Page:
        """A page of the messages that pass the filters.

        Args:
            tenant: Whose messages.
            filters: What they must be like, and in which order they come; None for all, the newest first.
            cursor: `Page.next_cursor` of the page before, with the same filters.
            limit: Messages of a page.

        Raises:
            BadInput: A filter cannot be, or the cursor belongs to other filters. `param` names it.
        """
        with self._database.read() as connection:
            return browsing.read_page(connection, tenant, filters or Filters(), cursor, limit)

    def stream(
        self, tenant: str, filters: Filters | None = None, rows_at_a_time: int = 1_000
    ) -> Generator[list[StoredMessage], None, None]:
        """All messages that pass the filters, some at a time, as they were when the first was read.

        The transaction begins with the first page, and ends with the last or when the generator is closed.

        Raises:
            BadInput: A filter cannot be. It is raised here, before anything is read.
        """
        query = browsing.select(self._database.dialect, tenant, filters or Filters())
        return self._stream(query, rows_at_a_time)

    def erase_author(self, tenant: str, platform: str, author: str, actor: str) -> Receipt:
        """Remove all that came from an author, and all that hangs on it, in one transaction.

        Messages that come later are stored again, those of before too.

        Raises:
            BadInput: The author is nobody.
        """
        if not author:
            raise BadInput("nobody is named", param="author")
        return races.write(
            self._database, lambda connection: erasure.erase(connection, tenant, (platform, author), actor)
        )

    def expire(self, tenant: str, older_than: datetime, actor: str = "system", limit: int | None = None) -> Expired:
        """Remove messages that came before a time, with all that hangs on them, in steps of a short transaction each.

        Args:
            tenant: Whose messages.
            older_than: Received before this is too old.
            actor: Who says so.
            limit: At most so many messages; None for all of them.
        """
        return retention.expire(self._database, tenant, older_than, actor, limit)

    def _stream(self, query: sa.Select[Any], rows_at_a_time: int) -> Generator[list[StoredMessage], None, None]:
        with self._database.read() as connection:
            yield from browsing.read_all(connection, query, rows_at_a_time)

    def _find(self, tenant: str, named: sa.ColumnElement[bool]) -> StoredMessage:
        with self._database.read() as connection:
            found = browsing.read_one(connection, tenant, named)
        if found is None:
            raise NotFound("there is no such message", param="id")
        return found


def _remove(connection: Connection, tenant: str, key: rows.Key, at: datetime, actor: str) -> Recorded:
    row = rows.find(connection, tenant, [key]).get(key)
    if row is not None and row.is_deleted:
        return Recorded(row.id, "deleted", None, row.policy_version, row.model_version)
    if row is None:
        row = rows.bury(connection, tenant, key, at)
    else:
        rows.empty(connection, row.id, at)
        copies.remove(connection, [row.id])
        pending.end(connection, tenant, row.id, at, actor)
    note(connection, tenant, actor, "message.delete", f"message:{row.id}")
    return Recorded(row.id, "deleted", None, row.policy_version, row.model_version)
