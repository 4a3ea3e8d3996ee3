"""``analyze`` with the fake reader, as a process that can be killed: ``python -m tests.unit.cli.driver IN OUT``."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import typer

from nlp_service.cli.analyze import answer
from nlp_service.cli.batch import ledger
from nlp_service.cli.batch.run import Job
from nlp_service.cli.exits import told
from tests.unit.cli.fakes import build_fake


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("output")
    parser.add_argument("--model", default="fake-1")
    parser.add_argument("--sleep-s", type=float, default=0.0)
    parser.add_argument("--checkpoint-s", type=float, default=ledger.CHECKPOINT_S)
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    ledger.CHECKPOINT_S = given.checkpoint_s
    job = Job(
        None if given.source == "-" else Path(given.source),
        None if given.output == "-" else Path(given.output),
        n_workers=2,
        is_fresh=given.fresh,
    )
    try:
        with told():
            raise typer.Exit(answer(job, partial(build_fake, given.model, given.sleep_s), as_json=True))
    except typer.Exit as end:
        sys.exit(end.exit_code)


if __name__ == "__main__":
    main()
