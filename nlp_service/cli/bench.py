"""``bench``: what the serving stack does on this machine, against rivals in the same run on the same messages."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from nlp_service.cli.exits import told
from nlp_service.errors import BadInput, ServiceError

if TYPE_CHECKING:
    from nlp_service.cli.measuring.client import Load
    from nlp_service.cli.measuring.racers import Lap

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "messages.jsonl"
N_CONNECTIONS = 32
N_SINGLES = 500

Report = dict[str, Any]
T = TypeVar("T")


def bench(
    messages: Annotated[Path, typer.Option(help="JSONL of messages to measure with.")] = EXAMPLES,
    model: Annotated[str | None, typer.Option(help="fast, or the folder of a model.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Turns of each rival; medians are reported.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="Length of a turn.")] = 2.0,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure the serving stack on this machine; rivals take turns with it, so that both see the same machine.

    Throughput is from text to Analysis, a process a core, against an int8 encoder of BGE-small's shape. HTTP is single
    messages on 32 connections, against a bare FastAPI endpoint. Takes about two minutes.
    """
    import msgspec

    from nlp_service.settings import read_settings

    with told():
        settings = read_settings(model=model)
        texts = read_texts(messages)
        report = measure(settings.model, texts, settings.workers, rounds, seconds)
        if json:
            typer.echo(msgspec.json.encode(report))
        else:
            _print_table(report)


def read_texts(path: Path) -> list[str]:
    """The texts of a JSONL file.

    Raises:
        BadInput: It cannot be read, or holds no message.
    """
    from nlp_service.cli.batch.records import Record, parse

    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", param="messages") from error
    rows = (parse(raw, line) for line, raw in enumerate(lines, 1))
    texts = [row.text for row in rows if isinstance(row, Record)]
    if not texts:
        raise BadInput(f"{path} holds no message", param="messages")
    return texts


def measure(model: str, texts: Sequence[str], n_workers: int, rounds: int, seconds: float) -> Report:
    """Measure everything, one after the other.

    Raises:
        ServiceError: The model or the service could not start.
    """
    from nlp_service.cli.measuring.racers import time_apart

    singles = [texts[index % len(texts)] for index in range(N_SINGLES)]
    return {
        "machine": {"cores": os.cpu_count(), "workers": n_workers, "python": platform.python_version()},
        "messages": {"n": len(texts), "mean_characters": round(sum(map(len, texts)) / len(texts), 1)},
        "throughput": _throughput(model, texts, n_workers, rounds, seconds),
        "single": _latency(time_apart(model, singles)),
        **_http(model, texts, n_workers, rounds, seconds),
    }


def _throughput(model: str, texts: Sequence[str], n_workers: int, rounds: int, seconds: float) -> Report:
    from nlp_service.cli.measuring.encoder import build_encoder, make_encoder
    from nlp_service.cli.measuring.racers import Racer, make_reader

    # Enough for full batches in every process; the same for every rival.
    n_least = 512 * n_workers
    repeated = list(texts) * -(-n_least // len(texts))
    makes: dict[str, Callable[[], Lap]] = {
        "reader": partial(make_reader, model, True),
        "reader_without_evidence": partial(make_reader, model, False),
    }
    skipped: Report = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            makes["encoder"] = partial(make_encoder, build_encoder(Path(folder)))
        except ServiceError as error:
            skipped = {"encoder": {"skipped": error.message}}
        racers: dict[str, Racer] = {}
        try:
            for name, make in makes.items():
                racers[name] = Racer(make, repeated, n_workers)
            turns = _take_turns({name: partial(racer.run, seconds) for name, racer in racers.items()}, rounds)
        finally:
            for racer in racers.values():
                racer.close()
    report: Report = {name: _rate("messages_per_s", rates) for name, rates in turns.items()} | skipped
    report["evidence_cost"] = _ratio(turns["reader_without_evidence"], turns["reader"])
    for name in ("reader", "reader_without_evidence"):
        report[f"{name}_to_encoder"] = _ratio(turns[name], turns["encoder"]) if "encoder" in turns else None
    return report


def _http(model: str, texts: Sequence[str], n_workers: int, rounds: int, seconds: float) -> Report:
    from nlp_service.cli.measuring.service import Server

    serve = ("nlp_service", "serve", "--port", "{port}", "--model", model, "--workers", str(n_workers))
    # Without keys: else the first start would show one that nobody sees.
    with Server(*serve, NLP_AUTH="off", NLP_HOST="127.0.0.1") as service:
        # Alone first: a second server would share libraries with it and so make it look smaller.
        service.load(texts, seconds, N_CONNECTIONS)
        peak_mb = service.peak_mb
        with Server("nlp_service.cli.measuring.bare", "{port}") as bare:
            servers = {"service": service, "bare": bare}
            loads = _take_turns(
                {name: partial(server.load, texts, seconds, N_CONNECTIONS) for name, server in servers.items()}, rounds
            )
        peak_mb = max(peak_mb, service.peak_mb)
    rates = {name: [load.answers / load.seconds for load in each] for name, each in loads.items()}
    return {
        "service": {"ready_s": round(service.ready_s, 2), "peak_memory_mb": round(peak_mb, 1)},
        "http": {
            "connections": N_CONNECTIONS,
            **{name: _rate("requests_per_s", rates[name]) | _answers(loads[name]) for name in servers},
            "service_to_bare": _ratio(rates["service"], rates["bare"]),
        },
    }


def _take_turns(rivals: dict[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    results: dict[str, list[T]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, run in rivals.items():
            results[name].append(run())
    return results


def _rate(unit: str, rates: Sequence[float]) -> Report:
    return {unit: round(median(rates), 1), "turns": [round(rate, 1) for rate in rates]}


def _answers(loads: Sequence[Load]) -> Report:
    return {"errors": sum(load.errors for load in loads)} | _latency([ms for load in loads for ms in load.latencies_ms])


def _latency(times_ms: Sequence[float]) -> Report:
    """Median and 99th percentile; None where too little was measured."""
    cuts = quantiles(times_ms, n=100) if len(times_ms) > 1 else None
    return {"p50_ms": cuts and round(cuts[49], 3), "p99_ms": cuts and round(cuts[98], 3)}


def _ratio(ours: Sequence[float], others: Sequence[float]) -> float | None:
    """Median of the ratios of turns that followed one another: what slowed the machine slowed both."""
    ratios = [our / other for our, other in zip(ours, others, strict=True) if other]
    return round(median(ratios), 3) if ratios else None


def _print_table(report: Report, indent: str = "") -> None:
    for name, value in report.items():
        if isinstance(value, dict):
            typer.echo(f"{indent}{name}")
            _print_table(value, indent + "  ")
        elif name != "turns":
            typer.echo(f"{indent}{name:28} {value if value is not None else '-'}")
