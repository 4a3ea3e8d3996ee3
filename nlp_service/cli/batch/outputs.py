"""Where the answers go: the files of an output, or a stream that cannot be continued."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from nlp_service.cli.batch.chunks import Answers, Chunk, Progress
from nlp_service.errors import BadInput, ServiceError


class Paths:
    """The output and the files beside it.

    Attributes:
        output: OUT.
        rows: What is appended to: OUT itself, or for Parquet, which cannot grow, rows that become OUT at the end.
        errors: ``OUT.errors.jsonl``, there only if a line failed.
        progress: ``OUT.progress.json``, there only while a run is unfinished.
    """

    def __init__(self, output: Path, *, is_parquet: bool) -> None:
        self.output = output
        self.rows = beside(output, ".rows.csv") if is_parquet else output
        self.errors = beside(output, ".errors.jsonl")
        self.progress = beside(output, ".progress.json")

    def refuse(self, source: Path) -> None:
        """Refuse to write over the input.

        Raises:
            BadInput: The input is one of these files.
        """
        for path in (self.output, self.rows, self.errors, self.progress):
            if path.exists() and path.samefile(source):
                raise BadInput(f"{path} is the input and would be written over", param="output")


class StreamLedger:
    """Answers to standard output, or to a device or pipe, and failures to standard error. Nothing can be continued."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the output, standard output for None.

        Raises:
            ServiceError: It cannot be written.
        """
        self._name = path or "standard output"
        with writing(self._name):
            self._file = path and path.open("wb")
        self.progress = Progress({})

    def __enter__(self) -> StreamLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            with contextlib.suppress(OSError):
                self._file.close()

    def add(self, chunk: Chunk, answers: Answers) -> None:
        """Write the answers at once.

        Raises:
            BrokenPipeError: The reader of the output has gone.
            ServiceError: The output cannot be written.
        """
        out = self._file or sys.stdout.buffer
        with writing(self._name):
            out.write(answers.output)
            out.flush()
        if answers.errors:
            sys.stderr.buffer.write(answers.errors)
            sys.stderr.buffer.flush()
        self.progress.add(chunk, answers)

    def finish(self) -> None:
        """Everything is written already."""


def beside(path: Path, ending: str) -> Path:
    """A file in the same folder whose name goes on with `ending`."""
    return path.with_name(path.name + ending)


@contextlib.contextmanager
def writing(name: Path | str) -> Iterator[None]:
    """Say which output could not be written.

    Raises:
        ServiceError: In place of an OSError; a broken pipe passes.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the output has seen enough, which is no fault
    except OSError as error:
        raise ServiceError(f"cannot write {name}: {error.strerror}") from error
