"""A table of figures: a row for each measure of each set, a column for each judge."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

NOT_INSTALLED = "not installed"
NOTHING = "-"
"""In place of the figure of a judge who does not answer."""
_WIDTH = 220  # columns, where no terminal says how many there are


class Cell(NamedTuple):
    """A figure with its 95 % interval, where there is one; NaN where it is not defined."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of one set.

    Attributes:
        set: Its name.
        measure: What is measured.
        messages: Messages or pairs that it is measured on.
        published: Figures of others; may be empty.
        cells: Figure of each judge who answers, by name.
    """

    set: str
    measure: str
    messages: int
    published: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """All rows in order.

    Attributes:
        judges: Headings of the columns.
        absent: Those of them that are not installed.
        rows: The rows.
    """

    judges: tuple[str, ...]
    absent: frozenset[str]
    rows: tuple[Row, ...]

    def markdown(self) -> str:
        """As a table of a document."""
        head, *lines = self._lines()
        return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))

    def json(self) -> str:
        """For machines: what is not defined, or not there, is null."""
        rows = [
            {
                "set": row.set,
                "measure": row.measure,
                "messages": row.messages,
                "published": row.published or None,
                "figures": {name: _plain(row.cells.get(name)) for name in self.judges},
            }
            for row in self.rows
        ]
        whole = {"judges": self.judges, "not_installed": sorted(self.absent), "rows": rows}
        return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False)

    def show(self) -> None:
        """Print it for people."""
        head, *lines = self._lines()
        table = Table()
        for heading in head:
            table.add_column(heading, justify="right" if heading == "n" else "left")
        for line in lines:
            table.add_row(*line)
        console = Console()
        (console if console.is_terminal else Console(width=_WIDTH)).print(table)

    def _lines(self) -> list[list[str]]:
        head = ["set", "measure", "n", *self.judges, "published"]
        rest = ([r.set, r.measure, str(r.messages), *self._cells(r), r.published or NOTHING] for r in self.rows)
        return [head, *rest]

    def _cells(self, row: Row) -> list[str]:
        return [NOT_INSTALLED if name in self.absent else _written(row.cells.get(name)) for name in self.judges]


def _written(cell: Cell | None) -> str:
    if cell is None or math.isnan(cell.value):
        return NOTHING
    if cell.low is None or cell.high is None or math.isnan(cell.low):
        return f"{cell.value:.3f}"
    return f"{cell.value:.3f} ({cell.low:.3f} to {cell.high:.3f})"


def _plain(cell: Cell | None) -> dict[str, float | None] | None:
    if cell is None:
        return None
    return {name: None if value is None or math.isnan(value) else value for name, value in cell._asdict().items()}
