"""How fast messages go into the store, and whether it stays so: `python -m tests.load.ingest --db URL --messages N`.

The store is to take 0.6 ms a message on PostgreSQL with four writers and batches of 256, and the last tenth of two
million messages at most 1.3 times as long as the first. What is measured is the store alone: messages are made up
between deliveries, and that time is taken out of the times of batches, though not out of the total.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from nlp_service.store.database import Database, open_database
from nlp_service.store.incoming import Windows
from nlp_service.store.messages import MessageStore
from tests.load.made_up_stream import judge, stream

TABLES = ("messages", "copies", "authors", "strikes", "reviews")


class Batch(NamedTuple):
    """One delivery: when it was done, and how long it took, in seconds."""

    done_at: float
    took_s: float


def write(url: str, seed: int, n_batches: int, options: argparse.Namespace, barrier: Barrier) -> list[Batch]:
    batches = stream(seed, datetime.now(UTC), options.per_second / options.writers, options.batch)
    delivery = next(batches)  # the first takes the time to make up all words
    with open_database(url) as database:
        store = MessageStore(database)
        barrier.wait()
        done = []
        for _ in range(n_batches):
            begun = time.monotonic()
            recorded = store.record(options.tenant, delivery, judge, Windows())
            done.append(Batch(time.monotonic(), time.monotonic() - begun))
            if any(one.state != "stored" for one in recorded):
                raise RuntimeError("a new message was not stored as one")
            delivery = next(batches)
    return done


def work(url: str, seed: int, n_batches: int, options: argparse.Namespace, barrier: Barrier, results: Any) -> None:
    cpu = time.process_time()
    batches: list[Batch] = []
    try:
        batches = write(url, seed, n_batches, options, barrier)
    finally:
        results.put((batches, time.process_time() - cpu))


def measure(options: argparse.Namespace) -> None:
    with open_database(options.db) as database:
        before = sizes(database)
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(options.writers + 1), context.Queue()
    n_batches = max(1, options.messages // options.batch // options.writers)
    seeds = [time.time_ns() + writer for writer in range(options.writers)]  # ids of an earlier run never come again
    arguments = [(options.db, seed, n_batches, options, barrier, results) for seed in seeds]
    writers = [context.Process(target=work, args=given) for given in arguments]
    for writer in writers:
        writer.start()
    barrier.wait()
    begun = time.monotonic()
    found = [results.get() for _ in writers]
    for writer in writers:
        writer.join()
    if any(writer.exitcode for writer in writers):
        raise SystemExit("a writer failed")
    report([batch for batches, _ in found for batch in batches], begun, sum(cpu for _, cpu in found), options)
    with open_database(options.db) as database:
        for name, size in sizes(database).items():
            say(f"{name:>24} {(size - before.get(name, 0)) / 1e6:10.1f} MB")


def report(batches: list[Batch], begun: float, cpu_s: float, options: argparse.Namespace) -> None:
    batches.sort()
    n_messages = len(batches) * options.batch
    elapsed = batches[-1].done_at - begun
    took = sorted(batch.took_s for batch in batches)
    tenth = max(1, len(batches) // 10)
    first = (batches[tenth - 1].done_at - begun) / tenth / options.batch * 1e3
    last = (batches[-1].done_at - batches[-tenth - 1].done_at) / tenth / options.batch * 1e3
    say(
        f"messages {n_messages:,} in {elapsed:.1f} s: {n_messages / elapsed:,.0f}/s, "
        f"{elapsed / n_messages * 1e3:.3f} ms each"
    )
    say(
        f"batches of {options.batch}, {options.writers} writers: p50 {took[len(took) // 2] * 1e3:.0f} ms, "
        f"p99 {took[int(len(took) * 0.99)] * 1e3:.0f} ms, longest {took[-1] * 1e3:.0f} ms"
    )
    say(f"CPU of the writers, making up included: {cpu_s / n_messages * 1e3:.3f} ms a message")
    say(f"first tenth {first:.3f} ms, last tenth {last:.3f} ms a message: {last / first:.2f}")


def sizes(database: Database) -> dict[str, int]:
    """Bytes on disk: by table with its indexes on PostgreSQL, by file on SQLite."""
    with database.read() as connection:
        if database.dialect == "sqlite":
            path = Path(connection.exec_driver_sql("PRAGMA database_list").first()[2])
            files = (path, path.with_name(path.name + "-wal"))
            return {file.name: file.stat().st_size for file in files if file.exists()}
        query = sa.text("SELECT pg_table_size(CAST(:name AS regclass)), pg_indexes_size(CAST(:name AS regclass))")
        found = {}
        for name in TABLES:
            found[name], found[f"{name}, indexes"] = connection.execute(query, {"name": name}).one()
        return found


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load.ingest", description=__doc__)
    parser.add_argument("--db", required=True, help="URL of the database")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--per-second", type=float, default=200.0, help="rate of arrival that the times pretend")
    parser.add_argument("--tenant", default="default")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
