"""``consume``: messages from a stream of Redis into the store, until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from nlp_service.cli.databases import TENANT, opened_database, tell
from nlp_service.cli.loading import load
from nlp_service.cli.messages import Db, Json, Model, Tenant, Workers
from nlp_service.errors import BadInput

if TYPE_CHECKING:
    from nlp_service.inference.process import Build
    from nlp_service.store.database import Database
    from nlp_service.stream.consumer import Counts
    from nlp_service.stream.group import Place


def consume(
    url: Annotated[str, typer.Option(help="Of the server: redis://, rediss:// or unix://.")],
    stream: Annotated[str, typer.Option(help="Name of the stream.")],
    group: Annotated[str, typer.Option(help="Name of the group; made if it is not there.")],
    consumer: Annotated[str, typer.Option(help="Name in the group; host and process by default.")] = "",
    batch: Annotated[int, typer.Option(min=1, max=512, help="Entries that are read at once.")] = 256,
    claim_after: Annotated[float, typer.Option(min=1, help="Seconds after which a dead consumer's are taken.")] = 60,
    tenant: Tenant = TENANT,
    model: Model = None,
    workers: Workers = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Take messages in from a stream of Redis until told to stop (SIGTERM, Ctrl-C).

    An entry has a field `message`, a message in JSON, or a field for each field of a message. It is acknowledged when
    its message is stored; what cannot be taken is named in the stream STREAM.dead.
    """
    from nlp_service import telemetry
    from nlp_service.settings import read_settings

    with opened_database(db) as database:
        settings = read_settings(model=model, workers=workers)
        telemetry.set_up_logging(settings.log_level)
        try:
            from nlp_service.stream.group import Place
        except ModuleNotFoundError as error:
            raise BadInput("streams of Redis need the extra .[redis]") from error
        name = consumer or f"{socket.gethostname()}-{os.getpid()}"
        place = Place(stream, group, name, batch=batch, claim_after_s=claim_after)
        build = partial(load, settings.model, settings.encoder)
        counts = asyncio.run(consume_until_told(database, build, settings.workers, url, place, tenant))
        words = (
            f"{counts.taken:,} messages taken in, {counts.stored:,} of them new or changed; {counts.refused:,} refused"
        )
        tell({"taken": counts.taken, "stored": counts.stored, "refused": counts.refused}, words, as_json=json)


async def consume_until_told(
    database: Database, build: Build, n_workers: int, url: str, place: Place, tenant: str
) -> Counts:
    """Consume a stream until a signal says to stop; gives what was done.

    Raises:
        BadInput: The address cannot be read.
        NotReady: The server does not answer.
        ServiceError: A worker could not be started, or the server refuses what it is asked.
    """
    from nlp_service.cli.intaking import running_intake
    from nlp_service.stream.consumer import Consumer
    from nlp_service.stream.group import joined

    async with joined(url, place) as group, running_intake(database, build, n_workers) as intake:
        consumer = Consumer(group, intake, tenant)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, consumer.stop)
        return await consumer.run()
