"""All messages that pass some filters, as a file: JSONL, CSV or Parquet, page after page.

Each page is a transaction of its own, so a slow reader holds nothing up; and never is more than some pages in memory.
"""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Send

from nlp_service.api.messages import records
from nlp_service.store.browsing import MAX_PAGE, StoredMessage

FORMATS = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
"""Types of what is sent, by the name of the format."""

ROW_GROUP = 8 * MAX_PAGE
"""Messages of a row group in Parquet, which are in memory at once."""


class ExportResponse(StreamingResponse):
    """A file that is written while it is sent; its source is closed when the caller hangs up."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], format: str) -> None:
        headers = {
            "content-disposition": f'attachment; filename="messages.{format}"',
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        }
        super().__init__(pieces, headers=headers, media_type=FORMATS[format])
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        """Send the file; the source is closed whatever ends this."""
        async with aclosing(self._pieces):
            await super().stream_response(send)


class Writer:
    """Makes the bytes of a file of what it is given. Every method takes the time of some pages.

    Args:
        format: One of `FORMATS`.
    """

    def __init__(self, format: str) -> None:
        self._format = format
        self._waiting: list[StoredMessage] = []
        self._sink = _Sink()
        self._parquet: Any = None

    def begin(self) -> bytes:
        """What stands at the beginning of the file."""
        if self._format == "parquet":
            import pyarrow.parquet as pq

            self._parquet = pq.ParquetWriter(self._sink, records.schema(), compression="zstd")
            return self._sink.take()
        return records.write_header() if self._format == "csv" else b""

    def add(self, messages: Sequence[StoredMessage]) -> bytes:
        """What becomes of a page."""
        if self._format == "jsonl":
            return records.write_lines(messages)
        if self._format == "csv":
            return records.write_rows(messages)
        self._waiting += messages
        return self._write_group() if len(self._waiting) >= ROW_GROUP else b""

    def end(self) -> bytes:
        """What stands at the end."""
        if self._parquet is None:
            return b""
        written = self._write_group() if self._waiting else b""
        self._parquet.close()
        return written + self._sink.take()

    def _write_group(self) -> bytes:
        group, self._waiting = self._waiting, []
        self._parquet.write_table(records.table_of(group))
        return self._sink.take()


class _Sink(io.RawIOBase):
    """A file that is given away as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._n_bytes = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._n_bytes

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._n_bytes += len(piece)
        return len(piece)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
