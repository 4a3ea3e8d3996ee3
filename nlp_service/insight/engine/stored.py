"""Messages of the store as parts: what was read when they came is not read again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

from nlp_service.inference.vectors import unpack
from nlp_service.insight.engine.parts import Part
from nlp_service.insight.engine.reading import Known, Tools, pack_vectors, to_table
from nlp_service.insight.engine.rows import Row
from nlp_service.insight.facts import FACTS, VECTOR_COLUMNS, plain_meta
from nlp_service.store.database import Database, open_database
from nlp_service.store.mining import Extent, MinedMessage, MiningStore

PART_MESSAGES = 16_384
"""About how many messages a part of the store has."""

_MOST_PARTS = 4_096


class Stored(NamedTuple):
    """Where messages are: the URL of the database, and whose they are."""

    url: str
    tenant: str


def look(stored: Stored, since: datetime | None, until: datetime | None) -> Extent:
    """How much lies in [since, until).

    Raises:
        NotReady: The database cannot be used now.
    """
    with open_database(stored.url) as database:
        return MiningStore(database).extent(stored.tenant, since, until)


def cut_stored(extent: Extent) -> list[Part]:
    """Cut the time between the first and the last message evenly; no part where there are none."""
    if extent.first is None or extent.last is None:
        return []
    n_parts = min(extent.messages // PART_MESSAGES + 1, _MOST_PARTS)
    end = extent.last + timedelta(microseconds=1)
    cuts = [extent.first + (end - extent.first) * i / n_parts for i in range(n_parts)] + [end]
    return [
        Part(number, "store", since=since, until=until)
        for number, (since, until) in enumerate(itertools.pairwise(cuts))
    ]


def read_stored(stored: Stored, part: Part, rows_at_a_time: int) -> Iterator[list[Known]]:
    """The messages of a part of the store, some at a time.

    Raises:
        NotReady: The database cannot be used now.
        ServiceError: What is stored is damaged.
    """
    assert part.since is not None
    assert part.until is not None
    with open_database(stored.url) as database:
        for found in MiningStore(database).read(stored.tenant, part.since, part.until, rows_at_a_time):
            yield [_known(message) for message in found]


def _known(message: MinedMessage) -> Known:
    row = Row(
        line=0,
        id=message.external_id,
        platform=message.platform,
        channel=message.channel,
        author=message.author,
        at=message.sent_at,
        edited_at=message.edited_at,
        text=message.text,
        context=(),
        meta=plain_meta(message.meta),
    )
    vector = message.vector or None
    if vector is not None and len(vector) != 2 * VECTOR_COLUMNS:
        vector = pack_vectors(unpack([vector]))[0]
    return Known(row, message.analysis, vector, message.action, message.id, message.model_version)


def stored_facts(
    database: Database, tenant: str, since: datetime, until: datetime, tools: Tools
) -> tuple[pa.Table, tuple[str, ...]]:
    """FACTS of [since, until), read in this process, and the versions of the models that read them.

    Raises:
        NotReady: The database cannot be used now.
        ServiceError: What is stored is damaged.
    """
    versions: set[str] = set()
    tables = []
    for found in MiningStore(database).read(tenant, since, until):
        versions.update(message.model_version for message in found)
        tables.append(to_table([_known(message) for message in found], tools).drop_columns("edited_at"))
    if not tables:
        return FACTS.empty_table(), ()
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks(), tuple(sorted(versions))
