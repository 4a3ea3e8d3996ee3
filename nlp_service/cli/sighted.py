"""Where `replay` has its sightings from: a file that is analysed now, a table of facts, or the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nlp_service.crisis.sightings import MAX_TEXT, Origin, Sighting, see
from nlp_service.errors import BadInput
from nlp_service.types import Analysis

if TYPE_CHECKING:
    from nlp_service.cli.batch.records import Failure
    from nlp_service.inference.process import Build
    from nlp_service.store.database import Database

_FACTS = (
    "id",
    "platform",
    "channel",
    "author",
    "at",
    "received_at",
    "text",
    "meta",
    "intent",
    "sentiment",
    "risk",
    "p_watch",
    "p_high",
    "category_p",
)
"""Columns of a table of facts that the watch needs."""


class _Line(msgspec.Struct):
    """What a line says beside its text; see POST /v1/messages."""

    id: str | int
    sent_at: datetime
    text: str = ""
    platform: str = ""
    channel: str = ""
    author: str = ""
    received_at: datetime | None = None
    meta: dict[str, Any] = {}

    def origin(self, tenant: str) -> Origin:
        """Where it is from.

        Raises:
            ValueError: A time has no zone.
        """
        received = self.received_at or self.sent_at
        if self.sent_at.tzinfo is None or received.tzinfo is None:
            raise ValueError("sent_at and received_at need a zone")
        return Origin(
            tenant=tenant,
            platform=self.platform,
            id=str(self.id),
            channel=self.channel,
            author=self.author,
            sent_at=self.sent_at,
            received_at=received,
        )


def analysed(
    source: Path, tenant: str, build: Build, n_workers: int, failed: Callable[[Failure], None]
) -> Iterator[list[Sighting]]:
    """Sightings of a JSONL file, analysed by worker processes, a chunk at a time and in its order.

    Args:
        source: Messages as POST /v1/messages takes them, with `sent_at`, and `received_at` where it is another time.
        tenant: Whose they are.
        build: Makes the reader of each worker.
        n_workers: Processes.
        failed: Told of each line that could not be taken.

    Raises:
        BadInput: The file cannot be read.
        ServiceError: A worker could not be started or two died over one chunk.
    """
    from nlp_service.cli.batch.chunks import Position
    from nlp_service.cli.batch.crew import Crew
    from nlp_service.cli.batch.reading import Manner
    from nlp_service.cli.batch.sources import JsonLinesFile

    if not source.is_file():
        raise BadInput(f"cannot read {source}: it is no file", param="FILE")
    file = JsonLinesFile(source)
    with Crew(build, max(1, min(n_workers, file.n_chunks or 1)), Manner(evidence=False)) as crew:
        for chunk, answers in crew.answer(file.chunks(Position())):
            assert isinstance(chunk.payload, bytes) or not answers.output
            yield list(_joined(chunk.payload, chunk.first_line, answers.output, answers.errors, tenant, failed))


def _joined(
    payload: object, first_line: int, output: bytes, errors: bytes, tenant: str, failed: Callable[[Failure], None]
) -> Iterator[Sighting]:
    """Lines of a chunk with their analyses; those that failed have none."""
    from nlp_service.cli.batch.records import Failure

    lost = set()
    for raw in errors.splitlines():
        told = msgspec.json.decode(raw)
        lost.add(told["line"])
        failed(Failure(told["line"], told.get("id"), **told["error"]))
    analyses, line_of = msgspec.json.Decoder(Analysis), msgspec.json.Decoder(_Line)
    answers = iter(output.split(b"\n"))
    for index, raw in enumerate(payload.split(b"\n") if isinstance(payload, bytes) else ()):
        number = first_line + index
        if not raw.strip() or number in lost:
            continue
        analysis = analyses.decode(next(answers))
        try:
            line = line_of.decode(raw.removeprefix(b"\xef\xbb\xbf"))
            origin = line.origin(tenant)
        except (msgspec.ValidationError, ValueError) as error:
            # Such an error names fields and types; another one could quote the line.
            known = str(error) if isinstance(error, msgspec.ValidationError) else "a time needs its zone"
            failed(Failure(number, analysis.id, "invalid_input", known))
            continue
        yield see(origin, line.text, analysis, _plain(line.meta))


def of_facts(source: Path, tenant: str) -> Iterator[list[Sighting]]:
    """Sightings of a Parquet file of facts with `received_at`, `p_watch`, `p_high` and `category_p`.

    Raises:
        BadInput: It cannot be read or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(source, columns=list(_FACTS))
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{source.name} is no table of facts with {', '.join(_FACTS)}", param="FILE") from error
    # Facts keep platforms by numbers of their names, which have no order.
    table = table.set_column(
        table.column_names.index("platform"), "platform", table.column("platform").cast(pa.string())
    )
    table = table.sort_by([("received_at", "ascending"), ("platform", "ascending"), ("id", "ascending")])
    for batch in table.to_batches(max_chunksize=2_000):
        yield [_of_fact(row, tenant) for row in batch.to_pylist()]


def _of_fact(row: dict[str, Any], tenant: str) -> Sighting:
    return Sighting(
        tenant=tenant,
        platform=row["platform"],
        id=row["id"],
        channel=row["channel"],
        author=row["author"],
        sent_at=row["at"],
        received_at=row["received_at"],
        text=row["text"][:MAX_TEXT],
        level=row["risk"],
        p_watch=row["p_watch"],
        p_high=row["p_high"],
        categories=dict(row["category_p"] or ()),
        sentiment=row["sentiment"],
        labels=(row["intent"],) if row["intent"] else (),
        meta=dict(row["meta"] or ()),
    )


def stored(
    database: Database, tenant: str, sent_from: datetime | None, sent_to: datetime | None
) -> Iterator[list[Sighting]]:
    """Sightings of stored messages with the analyses that they were stored with, in the order of arrival.

    Raises:
        BadInput: There is no such tenant, or a time has no zone.
    """
    from nlp_service.store.browsing import Filters
    from nlp_service.store.messages import MessageStore
    from nlp_service.store.tenants import TenantStore

    TenantStore(database).get(tenant)  # a misspelt name must not be a quiet time
    filters = Filters(sent_from=sent_from, sent_to=sent_to, oldest_first=True)
    for messages in MessageStore(database).stream(tenant, filters):
        found = []
        for message in messages:
            if message.analysis is not None:
                origin = Origin(
                    tenant=tenant,
                    platform=message.platform,
                    id=message.external_id,
                    channel=message.channel,
                    author=message.author,
                    sent_at=message.sent_at,
                    received_at=message.received_at,
                )
                found.append(see(origin, message.text, message.analysis, _plain(message.meta)))
        yield found


def _plain(meta: dict[str, Any]) -> dict[str, str]:
    return {key: str(meta[key]) for key in ("product", "region") if isinstance(meta.get(key), (str, int, float))}
