"""Exit codes of every command, and how an error becomes one clear line.

0 done · 1 some lines failed · 2 bad usage · 3 could not start or go on · 130 stopped by Ctrl-C
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator

import typer

from nlp_service.errors import BadInput, ServiceError

SOME_FAILED = 1
BAD_USAGE = 2
COULD_NOT_START = 3
INTERRUPTED = 130


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn whatever stops a command into a line on standard error and its exit code.

    Raises:
        typer.Exit: In place of the error.
    """
    try:
        yield
    except BadInput as error:
        raise _exit(BAD_USAGE, error.message) from error
    except ServiceError as error:
        raise _exit(COULD_NOT_START, error.message) from error
    except KeyboardInterrupt as error:
        raise _exit(INTERRUPTED, "stopped") from error
    except BrokenPipeError as error:
        # Python flushes standard output once more at its end and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from error
    except typer.Exit:
        raise
    except Exception as error:
        # The message of a foreign error may hold text of users, so only its kind and its place are shown.
        traceback.print_tb(error.__traceback__)
        raise _exit(COULD_NOT_START, f"unexpected {type(error).__name__}") from error


def _exit(code: int, message: str) -> typer.Exit:
    typer.echo(f"nlp-service: {message}", err=True)
    return typer.Exit(code)
