"""``/v1/kb/{kb}/import`` and ``export``: entries as files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.knowledge.asked import base_of, query_version
from nlp_service.api.knowledge.parts import MOST_LONG, Knowledge
from nlp_service.api.knowledge.versions import number_of
from nlp_service.api.resources import query_flag, respond
from nlp_service.api.schemas.knowledge import ImportResponse
from nlp_service.errors import BadInput, Overloaded
from nlp_service.knowledge.exporting import encode
from nlp_service.knowledge.files import MAX_FILE_BYTES
from nlp_service.knowledge.importing import ImportReport, import_file
from nlp_service.knowledge.versions import read_entries

MAX_SHOWN = 1_000
"""Failed rows that an answer names: who has more looks for one reason."""

_TYPES = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_ZIP = b"PK\x03\x04"


class Files:
    """The routes with what they need."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._n_imports = 0

    async def post(self, request: Request) -> Response:
        """Write the entries of a file, which is the body, into the draft: ``format``, ``all_or_nothing``.

        What a file is, its bytes say; a ``format`` that they contradict is refused.

        Raises:
            NotFound: There is no such base.
            BadInput: The file cannot be read at all, or a parameter cannot.
            TooLarge: The file is too large.
            Overloaded: Too many files are being imported.
        """
        (tenant, actor, *_), kb = caller_of(request), base_of(request)
        format, all_or_nothing = _format_of(request, ""), query_flag(request, "all_or_nothing")
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise BadInput("the body must be the file itself, not a form", param="body")
        if self._n_imports >= MOST_LONG:  # before the body is read: each may be held in memory for a while
            raise Overloaded(f"{self._n_imports} files are being imported", retry_after_s=5.0)
        self._n_imports += 1
        try:
            data = await read_body(request, MAX_FILE_BYTES)
            _check_format(data, format)

            def work() -> ImportReport:
                # By id: a name that is not there must not become a base by a slip of the pen.
                kb_id = self._knowledge.store.get(tenant, kb).id
                store = self._knowledge.store
                return import_file(store, tenant, kb_id, data, all_or_nothing=all_or_nothing, actor=actor)

            report = await self._knowledge.long.run(work)
        finally:
            self._n_imports -= 1
        return respond(_answer(request.state.request_id, report))

    async def get(self, request: Request) -> Response:
        """Give the entries of a version as a file that an import takes back: ``format``, ``version``.

        Raises:
            NotFound: There is no such base or version.
            BadInput: A parameter cannot be read.
        """
        tenant, kb = tenant_of(request), base_of(request)
        format, asked = _format_of(request, "jsonl"), query_version(request, "version", "draft")
        store = self._knowledge.store

        def work() -> tuple[str, bytes]:
            base = store.get(tenant, kb)
            version = number_of(store, tenant, base.id, asked)
            data = encode(read_entries(store, tenant, base.id, version), format)
            return f"kb-{base.id}-{'draft' if version is None else f'v{version}'}.{format}", data

        name, data = await self._knowledge.long.run(work)
        headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
        return Response(data, headers=headers, media_type=_TYPES[format])


def _format_of(request: Request, default: str) -> str:
    format = request.query_params.get("format", default)
    if format != default and format not in _TYPES:
        raise BadInput(f"format must be one of {', '.join(_TYPES)}", param="format")
    return format


def _check_format(data: bytes, format: str) -> None:
    """Refuse a file that is plainly not of the format that was announced.

    Raises:
        BadInput: It is not.
    """
    is_sheet = data.startswith(_ZIP)
    if format and data.strip() and is_sheet != (format == "xlsx"):
        raise BadInput(f"the body is not {format}", param="format")


def _answer(request_id: str, report: ImportReport) -> ImportResponse:
    return ImportResponse(
        request_id,
        report.rows,
        report.created,
        report.changed,
        report.unchanged,
        len(report.failed),
        list(report.failed[:MAX_SHOWN]),
        report.is_written,
        list(report.ignored),
    )
