"""``serve``: the HTTP service."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from nlp_service.cli.exits import told
from nlp_service.cli.loading import load


def serve(
    host: Annotated[str | None, typer.Option(help="Loopback address to listen on.")] = None,
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
        from nlp_service import telemetry
        from nlp_service.api.analyze import Limits
        from nlp_service.api.app import Options
        from nlp_service.api.server import serve as run

        telemetry.set_up_logging(settings.log_level)
        run(
            partial(load, settings.model, settings.encoder),
            host=settings.host,
            port=settings.port,
            options=Options(
                workers=settings.workers,
                queue_messages=settings.queue_messages,
                deadline_s=settings.deadline_s,
                limits=Limits(settings.max_messages, settings.max_text, settings.max_body_bytes),
            ),
        )
