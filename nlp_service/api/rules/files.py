"""``/v1/lexicons/{name}/import`` and ``export``: words as files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.resources import check_line, query_flag, respond
from nlp_service.api.rules.parts import MOST_LONG, RuleParts, name_of_list, query_version
from nlp_service.api.rules.tables import TABLES
from nlp_service.api.schemas.lexicons import MAX_WHY
from nlp_service.api.schemas.words import WordImportResponse
from nlp_service.errors import BadInput, Overloaded
from nlp_service.moderation.wordfiles import (
    MAX_FILE_BYTES,
    Import,
    ImportReport,
    WordFile,
    encode_words,
    import_words,
    read_words,
)
from nlp_service.moderation.wordrows import FORMATS

MAX_SHOWN = 1_000
"""Failed rows that an answer names: who has more looks for one reason."""

TYPES = {
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/x-ndjson",
}
"""Types of what is sent, by the name of the format."""


class Files:
    """The routes with what they need."""

    def __init__(self, parts: RuleParts) -> None:
        self._parts = parts
        self._store = parts.lexicons
        self._n_imports = 0

    async def post(self, request: Request) -> Response:
        """Write the words of a file, which is the body: ``format``, ``replace``, ``all_or_nothing``, ``note``.

        Raises:
            NotFound: There is no such list.
            BadInput: The file cannot be read at all, or a parameter cannot.
            TooLarge: The file is too large, or the list would be.
            Overloaded: Too many files are being imported.
        """
        caller, name = caller_of(request), name_of_list(request)
        format, is_whole = _format_of(request, ""), query_flag(request, "replace")
        all_or_nothing = query_flag(request, "all_or_nothing")
        note = check_line("note", request.query_params.get("note", ""), MAX_WHY)
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise BadInput("the body must be the file itself, not a form", param="body")
        if self._n_imports >= MOST_LONG:  # before the body is read: each may be held in memory for a while
            raise Overloaded(f"{self._n_imports} files are being imported", retry_after_s=5.0)
        self._n_imports += 1
        try:
            data = await read_body(request, MAX_FILE_BYTES)

            into = Import(caller.tenant, name, caller.actor, note, is_whole, all_or_nothing)

            def work() -> tuple[WordFile, ImportReport]:
                self._store.get(caller.tenant, name)  # before a large file is read for nothing
                file = read_words(data, TABLES, format)
                return file, import_words(self._store, file, into)

            done = await self._parts.long.run(work)
        finally:
            self._n_imports -= 1
        self._parts.rulebooks.look()
        return respond(_answer(request.state.request_id, *done))

    async def get(self, request: Request) -> Response:
        """Give the words of a version as a file that an import takes back: ``format``, ``version``.

        Raises:
            NotFound: There is no such list or version.
            BadInput: A parameter cannot be read.
        """
        tenant, name = tenant_of(request), name_of_list(request)
        format, version = _format_of(request, "csv"), query_version(request, "version")

        def work() -> tuple[str, bytes]:
            lexicon = self._store.get(tenant, name)
            number = lexicon.version if version is None else version
            data = encode_words(self._store.words(tenant, name, number), format, TABLES)
            # By its number: a header does not take every name.
            return f"lexicon-{lexicon.id}-v{number}.{format}", data

        file, data = await self._parts.long.run(work)
        headers = {"content-disposition": f'attachment; filename="{file}"', "x-content-type-options": "nosniff"}
        return Response(data, headers=headers, media_type=TYPES[format])


def _format_of(request: Request, default: str) -> str:
    format = request.query_params.get("format", default)
    if format != default and format not in FORMATS:
        raise BadInput(f"format must be one of {', '.join(FORMATS)}", param="format")
    return format


def _answer(request_id: str, file: WordFile, report: ImportReport) -> WordImportResponse:
    written = report.written
    return WordImportResponse(
        request_id,
        written.version,
        file.n_rows,
        written.added,
        written.changed,
        written.removed,
        written.unchanged,
        len(file.failed),
        file.failed[:MAX_SHOWN],
        report.is_written,
        file.ignored,
    )
