"""One delivery of messages into the store, in the transaction that is open for it.

Whoever delivers locks the authors first, then the messages that are there, so that of two deliveries one sees all that
the other did. What is known of each message is read for the whole delivery at once, and kept up in memory: the second
message of a delivery is judged with the first one known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store import authors, copies, pending, rows
from nlp_service.store.authors import author_of
from nlp_service.store.bulk import append
from nlp_service.store.history import History, Wording
from nlp_service.store.incoming import Incoming, Judge, Recorded, Windows
from nlp_service.store.pending import Wanted
from nlp_service.store.rows import Judged, Key, Row, key_of
from nlp_service.store.schema import strikes


def record(
    connection: Connection, tenant: str, incoming: Sequence[Incoming], judge: Judge, windows: Windows, actor: str
) -> list[Recorded]:
    """Judge and write messages in their order; gives one result for each."""
    sent = [(author_of(message), message.received_at) for message in incoming]
    n_before = authors.lock(connection, tenant, sent)
    known_rows = rows.find(connection, tenant, [key_of(message) for message in incoming])
    asked = list(_may_be_judged(incoming, known_rows))
    locked = {author for author, _ in sent}
    unnamed = [(author_of(message), message.received_at) for message in asked if author_of(message) not in locked]
    n_before |= authors.lock(connection, tenant, unnamed)
    history = History(connection, tenant, asked, windows, n_before)
    ids = rows.next_ids(connection, len({key_of(message) for message in asked} - known_rows.keys()))
    recorded = [_take(known_rows, history, ids, message, judge) for message in incoming]
    _write(connection, tenant, [(row, row.new) for row in known_rows.values() if row.new is not None], actor)
    return recorded


def _may_be_judged(incoming: Sequence[Incoming], known_rows: Mapping[Key, Row]) -> Iterator[Incoming]:
    """The messages whose history may be asked for; more than once where it may be that of one author or another."""
    names: dict[Key, dict[str, None]] = defaultdict(dict)
    for message in incoming:
        row = known_rows.get(key_of(message))
        if row is not None and (row.is_deleted or _compare(row, message) != "edited"):
            continue
        if row is not None and row.author:
            yield message._replace(author=row.author)
            continue
        names[key_of(message)][message.author] = None
        for name in names[key_of(message)]:
            yield message if name == message.author else message._replace(author=name)


def _compare(row: Row, message: Incoming) -> str:
    """What a message is to a row of the same id: ``edited``, ``duplicate`` or ``outdated``."""
    held = row.edited_at or row.sent_at
    if message.edited_at is None or message.edited_at == held:
        return "duplicate"
    return "edited" if message.edited_at > held else "outdated"


def _take(
    known_rows: dict[Key, Row], history: History, ids: Iterator[int], message: Incoming, judge: Judge
) -> Recorded:
    row = known_rows.get(key_of(message))
    if row is None:
        state = "stored"
        row = Row(next(ids), message.author, message.channel, message.sent_at, message.received_at)
        known_rows[key_of(message)] = row
    else:
        state = "deleted" if row.is_deleted else _compare(row, message)
        if state != "edited":
            return Recorded(row.id, state, row.analysis, row.policy_version, row.model_version)
        # Whoever edits it has written it, also where the platform does not say so again.
        message = message._replace(author=row.author or message.author)
        history.forget(_wording(row, message.platform))
        row.revision += 1
    judgement = judge(message, history.known(message))
    row.author, row.channel, row.edited_at = message.author, message.channel, message.edited_at
    row.new = Judged(message, judgement)
    row.policy_version, row.model_version = judgement.policy_version, message.model_version
    history.add(message, _wording(row, message.platform), judgement.offence)
    return Recorded(row.id, state, judgement.analysis, row.policy_version, row.model_version)


def _wording(row: Row, platform: str) -> Wording:
    return Wording(row.id, (platform, row.author), row.channel, row.received_at)


def _write(connection: Connection, tenant: str, written: Sequence[tuple[Row, Judged]], actor: str) -> None:
    new = [(row, judged) for row, judged in written if not row.is_there]
    edited = [(row, judged) for row, judged in written if row.is_there]
    ids = [row.id for row, _ in edited]
    rows.insert(connection, tenant, new)
    rows.replace(connection, edited)
    if ids:
        copies.remove(connection, ids)
        connection.execute(sa.delete(strikes).where(strikes.c.message_id.in_(ids)))
    copies.write(connection, tenant, [(row.id, judged.message) for row, judged in written])
    _strike(connection, tenant, written)
    pending.begin(connection, tenant, _wanted(new))
    pending.revise(connection, tenant, _wanted(edited), actor)
    counted = [(author_of(judged.message), row.received_at) for row, judged in written if not row.author_there]
    authors.count(connection, tenant, counted)


def _strike(connection: Connection, tenant: str, written: Sequence[tuple[Row, Judged]]) -> None:
    offences = [
        (tenant, message.platform, message.author, judgement.offence, message.received_at, row.id)
        for row, (message, judgement) in written
        if judgement.offence is not None and message.author
    ]
    append(connection, strikes, ("tenant", "platform", "author", "offence", "at", "message_id"), offences)


def _wanted(written: Sequence[tuple[Row, Judged]]) -> dict[int, Wanted]:
    return {row.id: Wanted(judgement.review, message.received_at) for row, (message, judgement) in written}
