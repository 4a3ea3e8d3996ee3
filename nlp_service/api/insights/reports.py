"""``/v1/insights/report``: what a run found as a document for people."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import tenant_of
from nlp_service.api.insights.asked import wanted_of
from nlp_service.api.insights.finding import Shelf, find_run
from nlp_service.api.insights.storing import quoted_in, rebuild
from nlp_service.errors import BadInput
from nlp_service.insight.results import Mining
from nlp_service.store.insight_records import Run

FORMATS = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
}
"""Types of a report by the name of its format; the first is given to who takes anything."""

LANGUAGES = ("zh", "en")

MOST_KEYS = 200
"""Messages behind an item that a report is given; all of them are a page away."""


class Render(Protocol):
    """Writes a report, as `insight.report` does."""

    def __call__(self, mining: Mining, *, format: str, language: str, made_at: datetime) -> bytes:
        """The report in one of `FORMATS`; `made_at` is its time stamp."""
        ...


class Reports:
    """The route with what it needs."""

    def __init__(self, shelf: Shelf, render: Render) -> None:
        self._shelf, self._render = shelf, render

    async def get(self, request: Request) -> Response:
        """Give a report in the format of ``format`` or of the header Accept, in the language of ``language``.

        Raises:
            BadInput: There is no such format or language, or a parameter cannot be read.
        """
        format = format_of(request)
        language = request.query_params.get("language", LANGUAGES[0])
        if language not in LANGUAGES:
            raise BadInput(f"language must be one of {', '.join(LANGUAGES)}", param="language")
        run = await find_run(self._shelf, request, wanted_of(request, "format", "language"))
        if isinstance(run, Response):
            return run
        mining = await self._shelf.threads.run(partial(restore, self._shelf, tenant_of(request), run))
        write = partial(self._render, mining, format=format, language=language, made_at=run.created_at)
        body = await self._shelf.threads.run(write)
        headers = {
            "content-disposition": f'{"inline" if format == "html" else "attachment"}; filename="report.{format}"',
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
            "vary": "accept",
        }
        return Response(body, media_type=FORMATS[format], headers=headers)


def restore(shelf: Shelf, tenant: str, run: Run) -> Mining:
    """What a run found, with some of the messages behind each item, as far as they are still there. Blocks."""
    document = shelf.runs.document(tenant, run.id)
    every = [item for items in document["items"].values() for item in items]
    keys = shelf.members.keys(tenant, run.id, most=MOST_KEYS)
    authors = shelf.members.authors(tenant, run.id, "group")
    return rebuild(run, document, keys, authors, shelf.members.read(tenant, quoted_in(every)))


def format_of(request: Request) -> str:
    """The format that is asked for.

    Raises:
        BadInput: There is no such format.
    """
    named = request.query_params.get("format")
    if named is not None:
        if named not in FORMATS:
            raise BadInput(f"format must be one of {', '.join(FORMATS)}", param="format")
        return named
    plain = {media.partition(";")[0]: name for name, media in FORMATS.items()}
    for media in request.headers.get("accept", "*/*").split(","):
        kind = media.partition(";")[0].strip().lower()
        if kind in plain:
            return plain[kind]
        if kind in ("*/*", "text/*", ""):
            break
    return next(iter(FORMATS))


def write(mining: Mining, *, format: str, language: str, made_at: datetime, base_url: str | None = None) -> bytes:
    """The report of `insight.report`; a `Render`, or one by `partial` where messages have an address.

    Args:
        mining: What was found.
        format: One of `FORMATS`.
        language: One of `LANGUAGES`.
        made_at: Its time stamp.
        base_url: Of the service, for links to messages; None for no links.

    Raises:
        BadInput: The address cannot be used.
    """
    # Here, because a service that writes no report need not load what draws one.
    from nlp_service.insight.report.options import ReportOptions
    from nlp_service.insight.report.writing import write_report

    name = {"md": "markdown"}.get(format, format)
    return write_report(mining, ReportOptions(made_at, language, base_url), [name])[name]
