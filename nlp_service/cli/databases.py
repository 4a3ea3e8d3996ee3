"""The database that a command works on, and how it says what it did."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from nlp_service.cli.exits import told

if TYPE_CHECKING:
    from nlp_service.store.database import Database

ACTOR = "cli"
"""Who is written into the log of changes for what is done on the command line."""

TENANT = "default"
"""Whose data is meant where nobody says; a service for one company has one tenant."""


@contextlib.contextmanager
def opened_database(db: str | None) -> Iterator[Database]:
    """The database behind a URL, or that of the settings; what stops the command in here is told as `told` does."""
    with told():
        from nlp_service.settings import read_settings
        from nlp_service.store.database import open_database

        with open_database(read_settings(db=db).database) as database:
            yield database


def tell(found: object, words: str, *, as_json: bool) -> None:
    """Say what was done, to a machine or in words."""
    import msgspec

    typer.echo(msgspec.json.encode(found) if as_json else words)
