"""Where the answers go, and how far they are.

A file is written in whole chunks. About once a second it is forced to the disk, and a small file beside it then records
how far input, output and errors are. A run that begins where another was killed cuts both files back to what is
recorded and goes on from there: no line is lost and none comes twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from nlp_service.cli.batch import tables
from nlp_service.cli.batch.chunks import Answers, Chunk, Progress
from nlp_service.cli.batch.outputs import Paths, beside, writing
from nlp_service.errors import BadInput

CHECKPOINT_S = 1.0
"""Work that a crash can cost; oftener, and waiting for the disk begins to show."""


class FileLedger:
    """Answers to a file that can be continued."""

    def __init__(
        self, paths: Paths, run: dict[str, str | int | bool], *, is_table: bool, is_resumable: bool, is_fresh: bool
    ) -> None:
        """Open the files, cut back to where an earlier run of the same kind stopped.

        Args:
            paths: Where to write.
            run: What identifies the run.
            is_table: Whether the rows need the header of a table.
            is_resumable: Whether the input can be read again from a position.
            is_fresh: Whether to forget an earlier run.

        Raises:
            BadInput: An earlier run had another input, other options or another model; or a run is going on.
            ServiceError: A file cannot be written.
        """
        self.paths = paths
        self._is_resumable = is_resumable
        self._saved_at = time.monotonic()
        with writing(paths.output):
            self._rows = _open_locked(paths.rows)
        try:
            self.progress = Progress(run) if is_fresh else self._earlier(run)
            self.started_at = self.progress.line
            with writing(paths.output):
                self._begin(is_table)
        except BaseException:
            self._rows.close()
            raise

    def __enter__(self) -> FileLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # The disk may be what failed. The record made before stays true then.
            with contextlib.suppress(OSError):
                self._save()
        # Closing flushes, and fails once more where writing did.
        for file in (self._rows, self._errors):
            with contextlib.suppress(OSError):
                file.close()

    def add(self, chunk: Chunk, answers: Answers) -> None:
        """Append the answers to a chunk.

        Raises:
            ServiceError: A file cannot be written. What was saved before can be continued.
        """
        with writing(self.paths.output):
            self._rows.write(answers.output)
            self._errors.write(answers.errors)
            self.progress.add(chunk, answers)
            if not self._is_resumable:
                self._rows.flush()
            elif time.monotonic() - self._saved_at >= CHECKPOINT_S:
                self._save()

    def finish(self) -> None:
        """Complete the output and remove what was only for continuing it.

        Raises:
            ServiceError: A file cannot be written.
        """
        with writing(self.paths.output):
            self._save()
            if self.paths.rows != self.paths.output:
                tables.write_parquet(self.paths.rows, self.paths.output)
            if not self.progress.error_bytes:
                self.paths.errors.unlink()
            self.paths.progress.unlink(missing_ok=True)
            if self.paths.rows != self.paths.output:
                self.paths.rows.unlink()

    def _earlier(self, run: dict[str, str | int | bool]) -> Progress:
        """The progress of an unfinished run that this one continues, or a new one."""
        if not self._is_resumable or not self.paths.progress.exists():
            return Progress(run)
        advice = "use --fresh to begin again"
        try:
            progress = msgspec.json.decode(self.paths.progress.read_bytes(), type=Progress)
        except (msgspec.MsgspecError, ValueError, OSError) as error:
            raise BadInput(f"{self.paths.progress} cannot be read: {advice}") from error
        changed = sorted(name for name in run.keys() | progress.run.keys() if run.get(name) != progress.run.get(name))
        if changed:
            raise BadInput(
                f"{self.paths.output} is unfinished and was begun with another {', '.join(changed)}: {advice}"
            )
        for path, size in ((self.paths.rows, progress.output_bytes), (self.paths.errors, progress.error_bytes)):
            if size and (not path.exists() or path.stat().st_size < size):
                raise BadInput(f"{path} is shorter than the unfinished run left it: {advice}")
        return progress

    def _begin(self, is_table: bool) -> None:
        if not self.progress.offset:
            # Recorded before anything is cut, so that a crash in between finds a run that has done nothing.
            self.progress = Progress(self.progress.run)
            self._record()
        self._errors = self.paths.errors.open("ab")
        self._rows.truncate(self.progress.output_bytes)
        self._errors.truncate(self.progress.error_bytes)
        if is_table and not self.progress.output_bytes:
            self.progress.output_bytes = self._rows.write(tables.header())

    def _save(self) -> None:
        for file in (self._rows, self._errors):
            file.flush()
            os.fsync(file.fileno())
        self._record()
        self._saved_at = time.monotonic()

    def _record(self) -> None:
        if not self._is_resumable:
            self.paths.progress.unlink(missing_ok=True)
            return
        unfinished = beside(self.paths.progress, ".unfinished")
        with unfinished.open("wb") as file:
            file.write(msgspec.json.encode(self.progress))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self.paths.progress)


def _open_locked(path: Path) -> BinaryIO:
    """Open a file for appending that no other run may write; the lock goes with the process, however it ends."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise BadInput(f"another run is writing {path}", param="output") from error
    return file
