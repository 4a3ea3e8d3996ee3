"""``serve``: the HTTP service."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from nlp_service.cli.exits import told
from nlp_service.cli.loading import load

if TYPE_CHECKING:
    from nlp_service.api.app import Options
    from nlp_service.api.duty import OnDuty
    from nlp_service.api.insights.routes import Insights
    from nlp_service.settings import Settings
    from nlp_service.store.database import Database


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Inference processes; one for each usable core by default.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="fast, or the folder of a model.")] = None,
) -> None:
    """Run the service until it is told to stop. What is not given here comes from NLP_ variables."""
    from nlp_service.settings import read_settings

    with told():
        settings = read_settings(host=host, port=port, workers=workers, model=model)
        # Read when numpy is loaded, here and in the workers: products of a few rows take longer shared among threads,
        # which then wait for one another on cores that have other work.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from nlp_service import telemetry
        from nlp_service.api.access import PUBLIC, Access
        from nlp_service.api.community import Community
        from nlp_service.api.compat.discovery import PATHS
        from nlp_service.api.knowledge.parts import Knowledge
        from nlp_service.api.server import serve as run
        from nlp_service.store.database import open_database
        from nlp_service.store.founding import make_first_key
        from nlp_service.wiring import build_generator, build_search_model

        telemetry.set_up_logging(settings.log_level)
        generator = build_generator(
            settings.llm_url,
            settings.llm_model,
            key=settings.llm_key.get_secret_value(),
            timeout_s=settings.llm_timeout_s,
        )
        with open_database(settings.database) as database:
            is_open = settings.auth == "off"
            if not is_open:
                make_first_key(database, _show_key)
            run(
                partial(load, settings.model, settings.encoder),
                host=settings.host,
                port=settings.port,
                options=_options(settings),
                knowledge=Knowledge(database, build_search_model(reranker=settings.reranker), generator=generator),
                access=Access(database, is_open=is_open, public=PUBLIC | set(PATHS)),
                community=Community(database),
                insights=_insights(settings, database),
                duty=_on_duty(settings, database),
            )


def _insights(settings: Settings, database: Database) -> Insights:
    from nlp_service.api.insights.mining import mine_stored
    from nlp_service.api.insights.reports import write
    from nlp_service.api.insights.routes import Insights
    from nlp_service.api.insights.work import MiningWork
    from nlp_service.wiring import build_mining

    return Insights(
        database,
        MiningWork(settings.database, partial(mine_stored, build_mining)),
        partial(write, base_url=f"{settings.public_url}/v1/messages/{{id}}" if settings.public_url else None),
        is_private_callback_allowed=settings.private_addresses,
        is_daily=settings.daily_insights,
    )


def _on_duty(settings: Settings, database: Database) -> OnDuty:
    from nlp_service.api.duty import OnDuty
    from nlp_service.wiring import build_vault

    vault = build_vault(settings.secret_key.get_secret_value(), settings.data)
    return OnDuty(database, vault, base_url=settings.public_url, allow_private=settings.private_addresses)


def _show_key(secret: str) -> None:
    # On standard output and in no log. The key is the last word of the line, so that a script finds it.
    typer.echo(f"first start: this key may do everything and is shown only once: {secret}")
    sys.stdout.flush()


def _options(settings: Settings) -> Options:
    from nlp_service.api.analyze import Limits
    from nlp_service.api.app import Options

    return Options(
        workers=settings.workers,
        queue_messages=settings.queue_messages,
        deadline_s=settings.deadline_s,
        limits=Limits(settings.max_messages, settings.max_text, settings.max_body_bytes),
    )
