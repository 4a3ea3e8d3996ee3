"""``report``: what was mined as a report for people, in the format that the name of the file asks for."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nlp_service.cli.databases import TENANT, tell
from nlp_service.cli.exits import told
from nlp_service.errors import BadInput, NotReady

if TYPE_CHECKING:
    from nlp_service.insight.report.options import ReportOptions
    from nlp_service.insight.report.summary import Summarise
    from nlp_service.insight.results import Mining

_SUMMARY_S = 60.0  # nobody waits for it at a door, and slow machines answer too


def report(
    source: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="What mine has written; else messages of the store are mined.")
    ] = None,
    output: Annotated[
        list[str] | None, typer.Option("--output", "-o", help=".html, .md, .docx or .json; may be repeated.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day of the period, or an ISO time.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First day behind the period, or an ISO time.")] = None,
    daily: Annotated[bool, typer.Option("--daily", help="A daily report; with --from alone, of that day.")] = False,
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    base_url: Annotated[
        str | None, typer.Option(help="Of the service, for links to messages; or with {id} in it.")
    ] = None,
    made_at: Annotated[
        str | None, typer.Option(help="Time stamp of the report, with its zone; now by default.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Whose days count.")] = "Asia/Shanghai",
    tenant: Annotated[str, typer.Option(help="Whose messages of the store.")] = TENANT,
    db: Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder.")] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Let the language model of NLP_LLM_URL word a summary; checked.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Summary for machines.")] = False,
) -> None:
    """Write a weekly or daily report: pains, needs, topics, health and warnings, each number with its messages."""
    from nlp_service.insight.report.options import ReportOptions
    from nlp_service.insight.report.writing import format_of

    with told():
        if not output:
            raise BadInput("where to? name a file with -o REPORT.html", param="output")
        formats = {name: format_of(name) for name in output}
        options = ReportOptions(
            made_at=_time(made_at), language=language, base_url=base_url, is_daily=True if daily else None
        )
        if source is not None and (start or end):
            raise BadInput("a FILE has its period already: leave out --from and --to", param="from")
        mining = _read(source) if source else _mined(start, end, zone, tenant, db, is_daily=daily)
        run_report(mining, options, formats, _language_model() if summary else None)
        found = {"messages": mining.messages, "notes": mining.notes, "outputs": output}
        tell(found, f"{mining.messages:,} messages in {', '.join(output)}", as_json=json)


def run_report(mining: Mining, options: ReportOptions, formats: dict[str, str], ask: Summarise | None = None) -> None:
    """Write a report to each file of `formats`, which says its format; each appears whole or not at all.

    Raises:
        BadInput: Zone, language or base URL cannot be used, or a file cannot be written.
    """
    from nlp_service.cli.batch.outputs import writing
    from nlp_service.insight.report.writing import write_report

    written = write_report(mining, options, sorted(set(formats.values())), ask)
    for name, made in formats.items():
        target = Path(name)
        part = target.with_name(f"{target.name}.part")
        with writing(name):
            try:
                part.write_bytes(written[made])
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)


def _read(source: Path) -> Mining:
    from nlp_service.insight.report.reading import read_mining

    return read_mining(source)


def _mined(start: str | None, end: str | None, zone: str, tenant: str, db: str | None, *, is_daily: bool) -> Mining:
    """Mine the messages of the store, in this process."""
    from nlp_service.insight.engine.choosing import choose, history_start, read_bound
    from nlp_service.insight.engine.stored import stored_facts
    from nlp_service.insight.mining import Parts, mine
    from nlp_service.insight.periods import shift
    from nlp_service.insight.results import Period
    from nlp_service.settings import read_settings
    from nlp_service.store.database import open_database
    from nlp_service.wiring import build_embed, build_tools

    if not start:
        raise BadInput("name a FILE, or the period with --from and --to", param="from")
    first = read_bound(start, zone, "from")
    last = read_bound(end, zone, "to") if end else None
    if last is None and is_daily:
        last = shift(Period(first, first + timedelta(days=1), zone), 1).start  # a day may have 23 or 25 hours
    choice = choose(None, None, first, last, zone)
    settings = read_settings(db=db)
    tools = build_tools(settings.model, settings.encoder, None, True)
    with open_database(settings.database) as database:
        facts, versions = stored_facts(database, tenant, history_start(choice.period), choice.period.end, tools)
    parts = Parts(build_embed())
    return mine(facts, choice.period, parts, notes=choice.notes, model_version=", ".join(versions))


def _language_model() -> Summarise:
    """What answers a prompt with the language model of the settings.

    Raises:
        BadInput: The settings name none, or one that cannot be asked.
    """
    import asyncio

    from nlp_service.knowledge.chat import Chat, ChatFailed
    from nlp_service.settings import read_settings

    settings = read_settings()
    if not settings.llm_url:
        raise BadInput("--summary needs NLP_LLM_URL and NLP_LLM_MODEL", param="summary")

    async def answer(prompt: str) -> str:
        key, limit_s = settings.llm_key.get_secret_value(), _SUMMARY_S
        chat = Chat(
            settings.llm_url, settings.llm_model, key=key, timeout_s=limit_s, first_token_s=limit_s, max_tokens=800
        )
        try:
            return (await chat.ask([{"role": "user", "content": prompt}])).text
        except ChatFailed as error:
            raise NotReady(f"the language model did not answer: {error.reason}") from error
        finally:
            await chat.aclose()

    def ask(prompt: str) -> str:
        try:
            return asyncio.run(answer(prompt))
        except ValueError as error:
            raise BadInput(
                f"NLP_LLM_URL names no language model that can be asked: {error}", param="summary"
            ) from error

    return ask


def _time(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput("--made-at must be a time with its zone, as 2026-03-02T09:00+08:00", param="made_at") from error
    if at.tzinfo is None:
        raise BadInput("--made-at needs a zone, as in 2026-03-02T09:00+08:00", param="made_at")
    return at
