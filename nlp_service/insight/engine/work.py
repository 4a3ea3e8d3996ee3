"""The work folder: a file a part, and what they were made of, so that a run can be continued.

A part is done when its Parquet file is there: it is written beside and renamed, after the file of its failures.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from nlp_service.errors import BadInput, ServiceError
from nlp_service.insight.engine.parts import Part


class Done(msgspec.Struct):
    """What became of a part; stands in its file too.

    Attributes:
        number: Of the part.
        versions: Of the models that read it, sorted.
        rows, failed: Messages that are in the file, and records that could not be taken.
        undated: Of the rows, those whose time nothing says.
        first, last: Earliest and latest time that was said.
    """

    number: int
    versions: list[str] = []
    rows: int = 0
    failed: int = 0
    undated: int = 0
    first: datetime | None = None
    last: datetime | None = None


class Manifest(msgspec.Struct):
    """What a work folder holds, ``manifest.json``.

    Attributes:
        made_of: What must be the same for the folder to be continued, by names that the user can read.
        parts: How the input was cut.
    """

    made_of: dict[str, str]
    parts: list[Part]


class Paths(NamedTuple):
    """The files of a part while it is written."""

    table: Path
    errors: Path


class Work:
    """A work folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def opened(self, made_of: Mapping[str, str], parts: Sequence[Part], *, is_fresh: bool) -> Iterator[None]:
        """Make the folder, or open that of an earlier run of the same kind; no other run may write it meanwhile.

        Args:
            made_of: What identifies the run.
            parts: Its parts.
            is_fresh: Whether to forget an earlier run.

        Raises:
            BadInput: An earlier run was another one, or a run is going on, or the folder holds something else.
            ServiceError: The folder cannot be written.
        """
        path = self.folder / "manifest.json"
        try:
            if self.folder.exists() and not path.exists() and any(self.folder.glob("[!.]*")):
                raise BadInput(f"{self.folder} is not a work folder: it holds other files", param="work")
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ".lock").open("ab") as lock:
                _lock(lock.fileno(), self.folder)
                if is_fresh:
                    self._empty()
                if path.exists():
                    self._compare(path, made_of, parts)
                else:
                    unfinished = path.with_suffix(".unfinished")
                    unfinished.write_bytes(msgspec.json.encode(Manifest(dict(made_of), list(parts))))
                    os.replace(unfinished, path)
                self._sweep()
                try:
                    yield
                finally:
                    self._sweep()
        except OSError as error:
            raise ServiceError(f"cannot write to {self.folder}: {error.strerror}") from error

    def table(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"part-{number:06}.parquet"

    def errors(self, number: int) -> Path:
        """The failures of a part."""
        return self.folder / f"part-{number:06}.errors.jsonl"

    def left(self, parts: Sequence[Part]) -> list[Part]:
        """The parts that are not done."""
        return [part for part in parts if not self.table(part.number).exists()]

    @contextlib.contextmanager
    def writing(self, number: int) -> Iterator[Paths]:
        """Where to write the files of a part; they get their names when the block ends well."""
        # With the process in the name: one that is thought dead may still be writing.
        ending = f".{os.uname().nodename}-{os.getpid()}.unfinished"
        paths = Paths(*(path.with_name(path.name + ending) for path in (self.table(number), self.errors(number))))
        try:
            yield paths
            os.replace(paths.errors, self.errors(number))
            os.replace(paths.table, self.table(number))
        finally:
            for path in paths:
                path.unlink(missing_ok=True)

    def done(self, parts: Sequence[Part]) -> list[Done]:
        """What became of each part.

        Raises:
            ServiceError: A file of the folder is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = []
        for part in parts:
            path = self.table(part.number)
            try:
                written = pq.read_metadata(path).metadata[b"done"]
                found.append(msgspec.json.decode(written, type=Done))
            except (OSError, pa.ArrowException, KeyError, msgspec.MsgspecError) as error:
                raise ServiceError(f"{path} is damaged: begin again with --fresh") from error
        return found

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what workers left that were killed."""
        for path in self.folder.glob("*.unfinished"):
            path.unlink(missing_ok=True)

    def _empty(self) -> None:
        for path in self.folder.glob("part-*"):
            path.unlink()
        (self.folder / "manifest.json").unlink(missing_ok=True)

    def _compare(self, path: Path, made_of: Mapping[str, str], parts: Sequence[Part]) -> None:
        advice = "use --fresh to begin again"
        try:
            earlier = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except msgspec.MsgspecError as error:
            raise BadInput(f"{path} cannot be read: {advice}", param="work") from error
        names = sorted(earlier.made_of.keys() | made_of.keys())
        changed = [name for name in names if earlier.made_of.get(name) != made_of.get(name)]
        if not changed and earlier.parts != list(parts):
            changed = ["cut of the input"]
        if changed:
            raise BadInput(f"{self.folder} was begun with another {', '.join(changed)}: {advice}", param="work")


def _lock(descriptor: int, folder: Path) -> None:
    """Lock a folder; the lock goes with the process, however it ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadInput(f"another run is writing to {folder}", param="work") from error
