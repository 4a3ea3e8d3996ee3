"""``reply``: a file of questions to what a base says to each."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from nlp_service.cli.databases import TENANT, tell
from nlp_service.cli.exits import SOME_FAILED
from nlp_service.cli.knowledge import Db, Json, Tenant, opened
from nlp_service.cli.loading import load

if TYPE_CHECKING:
    from nlp_service.cli.batch.records import Failure
    from nlp_service.cli.queries import Question
    from nlp_service.intake import Reader
    from nlp_service.knowledge.assistant import Assistant
    from nlp_service.types import Analysis

BATCH = 256
"""Questions that the models read at once."""


def reply(
    kb: Annotated[str, typer.Option(help="Name of the base; its published version answers.")],
    queries: Annotated[Path, typer.Option(help="JSONL: id and text, and context and channel where they are known.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="JSONL: one reply a line, in order.")],
    model: Annotated[str | None, typer.Option(help="fast, or the folder of a model.")] = None,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Decide for each question whether to answer it, to ask back, to fetch a person, or nothing.

    Lines that cannot be read are named in OUT.errors.jsonl and make the exit code 1.
    """
    from nlp_service.cli.answering import check_published
    from nlp_service.cli.batch.outputs import Paths
    from nlp_service.cli.queries import read_questions
    from nlp_service.knowledge.assistant import Assistant
    from nlp_service.settings import read_settings
    from nlp_service.wiring import build_search_model

    with opened(db) as store:
        begun = time.monotonic()
        check_published(store.get(tenant, kb))
        paths = Paths(output, is_parquet=False)
        lines = read_questions(queries)
        first = list(itertools.islice(lines, 1))  # a file that is not there must not cost an older output
        paths.refuse(queries)
        settings = read_settings(model=model)
        reader = load(settings.model, settings.encoder)
        desk = Desk(Assistant(store, build_search_model(reranker=settings.reranker)), reader, tenant, kb)
        counts = asyncio.run(desk.answer(itertools.chain(first, lines), paths.output, paths.errors))
        found = {"replies": counts.total() - counts["failed"], **counts, "seconds": round(time.monotonic() - begun, 2)}
        words = ", ".join(f"{count:,} {name}" for name, count in found.items() if name != "seconds")
        tell(found, f"{words} in {found['seconds']} s", as_json=json)
        if counts["failed"]:
            raise typer.Exit(SOME_FAILED)


class Desk:
    """Answers questions from one base.

    Args:
        assistant: Knows the base; stopped when all is answered.
        reader: Reads the questions.
        tenant: Whose base it is.
        kb: The base.
    """

    def __init__(self, assistant: Assistant, reader: Reader, tenant: str, kb: str) -> None:
        self._assistant = assistant
        self._reader = reader
        self._tenant = tenant
        self._kb = kb

    async def answer(self, lines: Iterator[Question | Failure], output: Path, errors: Path) -> Counter[str]:
        """Write a reply for each question and a failure for each line that is none, both in order.

        Returns:
            How many had each decision, and how many ``failed``.

        Raises:
            BadInput: The questions cannot be read.
            ServiceError: An output cannot be written.
        """
        from nlp_service.cli.batch.outputs import writing

        counts: Counter[str] = Counter()
        try:
            with ExitStack() as files, writing(output):
                out = files.enter_context(output.open("wb"))
                errors.unlink(missing_ok=True)  # else it would still speak of the run before
                while rows := list(itertools.islice(lines, BATCH)):
                    await self._answer_some(rows, out, errors, counts)
        finally:
            await self._assistant.stop()
        return counts

    async def _answer_some(
        self, rows: Sequence[Question | Failure], out: BinaryIO, errors: Path, counts: Counter[str]
    ) -> None:
        import msgspec

        from nlp_service.cli.batch.records import Failure

        for row, analysis in self._read(rows):
            if isinstance(row, Failure):
                with errors.open("ab") as file:
                    file.write(row.encode())
                counts["failed"] += 1
            else:
                line = await self._reply(row, analysis)
                out.write(msgspec.json.encode(line) + b"\n")
                counts[line["decision"]] += 1

    async def _reply(self, question: Question, analysis: Analysis) -> dict[str, Any]:
        import msgspec

        from nlp_service.knowledge.loaded import Asked

        record = question.record
        asked = Asked(record.text, datetime.now(UTC), context=record.context, channel=question.channel)
        found = await self._assistant.reply(self._tenant, self._kb, asked, analysis)
        return {"id": record.id, **msgspec.structs.asdict(found), "model_version": self._assistant.model_version}

    def _read(self, rows: Sequence[Question | Failure]) -> Iterator[tuple[Any, Any]]:
        """Each row with its analysis, a failure with None; a question that the models cannot take becomes a failure."""
        from nlp_service.cli.batch.records import Failure
        from nlp_service.types import Message

        records = [row.record for row in rows if not isinstance(row, Failure)]
        messages = [Message(record.id, record.text, record.context) for record in records]
        try:
            analyses = iter(self._reader.read(messages, evidence=False) if messages else ())
        except Exception as error:
            # One question that the models cannot take must not cost the others of its batch their replies.
            if len(rows) > 1:
                for row in rows:
                    yield from self._read([row])
            else:
                message = f"the model failed with {type(error).__name__}"
                yield Failure(records[0].line, records[0].id, "internal", message), None
            return
        for row in rows:
            yield (row, None) if isinstance(row, Failure) else (row, next(analyses))
