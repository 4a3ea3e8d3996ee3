"""``kb search``, ``evaluate``, ``calibrate`` and ``publish``: what a base answers, and how well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nlp_service.cli.databases import ACTOR, TENANT, tell
from nlp_service.cli.exits import SOME_FAILED
from nlp_service.cli.knowledge import Author, Db, Json, Name, Note, Tenant, opened
from nlp_service.errors import BadInput, Conflict

if TYPE_CHECKING:
    from nlp_service.knowledge.assistant import Assistant
    from nlp_service.knowledge.evaluation import Figures, Ranking
    from nlp_service.knowledge.probes import Query
    from nlp_service.store.knowledge import KnowledgeStore
    from nlp_service.store.records import Base
    from nlp_service.types import Analysis

T = TypeVar("T")

BATCH = 256
"""Queries that the models read at once."""

Queries = Annotated[Path | None, typer.Option(help="JSONL: id, text, and entry_id unless nothing answers it.")]

_FIGURES = {
    "hit_at_1": "hit@1",
    "hit_at_3": "hit@3",
    "mrr_at_10": "MRR@10",
    "ndcg_at_10": "nDCG@10",
    "abstention_f1": "abstention F1",
    "answer_precision": "precision of answers",
    "answer_coverage": "coverage of answers",
    "false_answers": "unanswerable answered",
    "calibration_error": "calibration error",
}


def publish(
    name: Name,
    author: Author = "",
    note: Note = "",
    queries: Queries = None,
    allowed: Annotated[float, typer.Option(min=0.0, max=1.0, help="How far a figure may fall.")] = 0.02,
    force: Annotated[bool, typer.Option("--force", help="Publish although a figure fell; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why it may, for the history.")] = None,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Measure the draft of a base and make it the version that is answered from, unless it answers worse.

    Both are asked their own wordings, each taken out of its base, and QUERIES where they are given. Lines of QUERIES
    that cannot be read are named on standard error and make the exit code 1.
    """
    from nlp_service.knowledge.gate import publish_checked
    from nlp_service.settings import read_settings
    from nlp_service.wiring import build_search_model

    with opened(db) as store:
        if force != (reason is not None):
            raise BadInput("--force and --reason go together", param="reason")
        store.get(tenant, name)  # a name that is not there is told before the model is loaded
        asked, n_failed = _read_queries(queries)
        done = publish_checked(
            store,
            build_search_model(reranker=read_settings().reranker),
            tenant,
            name,
            author=author,
            note=note,
            force_reason=reason,
            allowed=allowed,
            queries=asked,
            actor=ACTOR,
        )
        words = [f"version {done.version} is published", _measured(done.figures)]
        words += [f"{fall.figure} on {fall.on} fell from {fall.old} to {fall.new}" for fall in done.falls]
        tell(done, "\n".join(words), as_json=json)
        if n_failed:
            raise typer.Exit(SOME_FAILED)


def search(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A question, as a member asks it.")],
    n: Annotated[int, typer.Option(min=1, max=100, help="Entries at the most.")] = 10,
    version: Annotated[int | None, typer.Option(help="An earlier version; the published one by default.")] = None,
    channel: Annotated[str, typer.Option(help="Where it is asked.")] = "",
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Find the entries that may answer a text, each with the probability that it does."""
    with opened(db) as store:
        check_published(store.get(tenant, name))
        found = _with_assistant(
            store,
            lambda assistant: assistant.search(tenant, name, text, n=n, channel=channel, version=version),
        )
        lines = [f"{one.probability:.3f}  {one.entry_id}  {one.question}" for one in found]
        tell({"results": found}, "\n".join(lines) or "nothing was found", as_json=json)


def calibrate(
    name: Name,
    precision: Annotated[float, typer.Option(min=0.5, max=0.999, help="Wanted of the answers.")] = 0.9,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Fit the thresholds of the published version for a wanted precision; they hold at once."""
    with opened(db) as store:
        check_published(store.get(tenant, name))
        fitted = _with_assistant(store, lambda assistant: assistant.calibrate(tenant, name, precision, actor="cli"))
        words = f"answers from probability {fitted.thresholds.answer:.3f}, fitted on {fitted.asked:,} wordings"
        if fitted.reason:
            words += f": {fitted.reason}, so these are the usual bounds"
        tell(fitted, words, as_json=json)


def evaluate(
    name: Name,
    queries: Queries = None,
    draft: Annotated[bool, typer.Option("--draft", help="The draft instead of the published version.")] = False,
    model: Annotated[str | None, typer.Option(help="What reads QUERIES: fast, or the folder of a model.")] = None,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Measure how well a base answers QUERIES, or its own wordings, each taken out of it.

    Lines of QUERIES that cannot be read are named on standard error and make the exit code 1.
    """
    from nlp_service.knowledge.calibrate import calibrate as fit
    from nlp_service.knowledge.evaluation import evaluate as ask
    from nlp_service.knowledge.evaluation import evaluate_own
    from nlp_service.knowledge.loading import load_index, load_thresholds
    from nlp_service.knowledge.ways import compare_ways
    from nlp_service.settings import read_settings
    from nlp_service.wiring import build_search_model

    with opened(db) as store:
        base = store.get(tenant, name)
        if not draft:
            check_published(base)
        asked, n_failed = _read_queries(queries)
        analyses = _analyse(asked, model) if asked is not None else None
        search_model = build_search_model(reranker=read_settings().reranker)
        index = load_index(store, search_model, base, None if draft else base.published)
        bounds = fit(index).thresholds if draft else load_thresholds(store, search_model, base)
        figures = evaluate_own(index, bounds) if asked is None else ask(index, bounds, asked, analyses)
        ways = compare_ways(index, asked, analyses)
        found = {"version": None if draft else base.published, "figures": figures, "ways": ways}
        tell(found, f"{_table(ways)}\n\n{_measured(figures)}", as_json=json)
        if n_failed:
            raise typer.Exit(SOME_FAILED)


def check_published(base: Base) -> None:
    """Refuse a base that nothing is answered from.

    Raises:
        Conflict: Nothing of it was ever published.
    """
    if not base.published:
        raise Conflict("nothing of this knowledge base is published yet: kb publish")


def _with_assistant(store: KnowledgeStore, work: Callable[[Assistant], Awaitable[T]]) -> T:
    """Do as the service does, in this process."""
    from nlp_service.knowledge.assistant import Assistant
    from nlp_service.settings import read_settings
    from nlp_service.wiring import build_search_model

    async def run() -> T:
        assistant = Assistant(store, build_search_model(reranker=read_settings().reranker))
        try:
            return await work(assistant)
        finally:
            await assistant.stop()

    return asyncio.run(run())


def _read_queries(path: Path | None) -> tuple[list[Query] | None, int]:
    """Queries of a file, None without one, and how many of its lines failed; these are named on standard error."""
    from nlp_service.cli.batch.records import Failure
    from nlp_service.cli.queries import read_questions
    from nlp_service.knowledge.probes import Query

    if path is None:
        return None, 0
    queries: list[Query] = []
    n_failed = 0
    for row in read_questions(path):
        if isinstance(row, Failure):
            n_failed += 1
            typer.echo(row.encode().decode().rstrip(), err=True)
        else:
            queries.append(Query(row.record.id, row.record.text, row.entry_id))
    if not queries:
        raise BadInput(f"{path} holds no query", param="queries")
    return queries, n_failed


def _analyse(queries: Sequence[Query], model: str | None) -> list[Analysis]:
    from nlp_service.cli.loading import load
    from nlp_service.settings import read_settings
    from nlp_service.types import Message

    settings = read_settings(model=model)
    reader = load(settings.model, settings.encoder)
    messages = [Message(query.id, query.text) for query in queries]
    parts = (reader.read(messages[i : i + BATCH], evidence=False) for i in range(0, len(messages), BATCH))
    return [analysis for part in parts for analysis in part]


def _table(ways: Mapping[str, Ranking]) -> str:
    """The figures of each way, one a line."""
    columns = list(_FIGURES)[:4]  # those of a ranking come first
    lines = ["".join([f"{'way':16}", *(f"{_FIGURES[name]:>9}" for name in columns)])]
    for way, figures in ways.items():
        lines.append("".join([f"{way:16}", *(f"{_number(getattr(figures, name)):>9}" for name in columns)]))
    return "\n".join(lines)


def _measured(figures: Figures) -> str:
    """All figures, one a line, and what they were measured on."""
    asked = f"{figures.n:,} queries, {figures.n_answerable:,} of them answerable"
    if figures.n_single:
        asked += f"; {figures.n_single:,} entries of one wording could not be asked"
    decisions = ", ".join(f"{name} {count:,}" for name, count in sorted(figures.decisions.items()))
    lines = [asked, *(f"{words:24}{_number(getattr(figures, name)):>7}" for name, words in _FIGURES.items())]
    return "\n".join([*lines, f"decisions: {decisions or 'none'}"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
