"""Progress of a run on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from nlp_service.cli.batch.chunks import Progress


class ProgressBar:
    """Messages done, messages a second and the time left, on standard error."""

    def __init__(self, *, is_shown: bool) -> None:
        self._bar: Bar | None = None
        if not is_shown:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[done]:,} messages, {task.fields[rate]:,.0f}/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, done=0, rate=0.0)
        self._done_before: int | None = None

    def __enter__(self) -> ProgressBar:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, progress: Progress, total: int | None) -> None:
        """Show how far the run is; `total` is in the unit of ``progress.offset``, None for a stream."""
        if not self._bar:
            return
        if self._done_before is None:
            # What an earlier run did took none of the time of this one.
            self._done_before = progress.done
            self._bar.reset(self._task)
        elapsed_s = self._bar.tasks[self._task].elapsed or 0.0
        rate = (progress.done - self._done_before) / elapsed_s if elapsed_s else 0.0
        self._bar.update(self._task, total=total, completed=progress.offset, done=progress.done, rate=rate)
