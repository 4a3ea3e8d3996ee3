"""``doctor``: whether this machine and this installation can serve."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nlp_service.cli.exits import COULD_NOT_START, told
from nlp_service.cli.loading import load
from nlp_service.errors import ServiceError

if TYPE_CHECKING:
    from nlp_service.settings import Settings

LEAST_MEMORY_MB = 500
"""What the service may need at its peak, all processes together."""

_PACKAGES = ("numpy", "onnxruntime", "fastapi", "uvicorn", "msgspec", "pyarrow", "jieba", "opencc", "typer")
_SAMPLE = "客服一直不回复，快递也没到，怎么办？"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: its name, whether it is as it must be, and what was found."""

    name: str
    is_ok: bool
    found: str


def doctor(
    model: Annotated[str | None, typer.Option(help="fast, or the folder of a model.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that the service is to listen on.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check what the service needs: versions, the model and a real inference, memory, folder, port.

    The exit code is 0 if all is well, else 3.
    """
    from nlp_service.settings import read_settings

    with told():
        findings = list(examine(read_settings(model=model, port=port)))
        is_ok = all(finding.is_ok for finding in findings)
        if json:
            import msgspec

            typer.echo(msgspec.json.encode({"ok": is_ok, "checks": [asdict(finding) for finding in findings]}))
        else:
            _print_table(findings)
        if not is_ok:
            raise typer.Exit(COULD_NOT_START)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other; what is broken is a finding and stops nothing."""
    yield Finding("python", sys.version_info >= (3, 11), platform.python_version())
    for name in _PACKAGES:
        yield _look(name, lambda name=name: importlib.metadata.version(name))  # type: ignore[misc]
    yield _look("normaliser", _normaliser)
    yield from _examine_model(settings.model, settings.encoder)
    yield _memory()
    yield Finding("cores", settings.workers >= 1, f"{os.cpu_count()}, {settings.workers} workers")
    yield _look("folder", _write_here)
    yield _look("port", lambda: _bind(settings.host, settings.port))


def _look(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except ServiceError as error:
        return Finding(name, False, error.message)
    except OSError as error:
        return Finding(name, False, error.strerror or type(error).__name__)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed")
    except Exception as error:
        # An edge: whatever is wrong with the installation is what this command is to say.
        return Finding(name, False, type(error).__name__)


def _normaliser() -> str:
    from nlp_service.text import normalise

    normalise.normalise(_SAMPLE)
    return f"version {normalise.VERSION}"


def _examine_model(model: str, encoder: str) -> Iterator[Finding]:
    def infer() -> str:
        from nlp_service.types import Message

        begun = time.perf_counter()
        reader = load(model, encoder)
        loaded = time.perf_counter()
        messages = [Message(None, _SAMPLE)]
        reader.read(messages)
        warm = time.perf_counter()
        (analysis,) = reader.read(messages)
        done = time.perf_counter()
        failed = [name for name in ("intent", "sentiment") if getattr(analysis, name) is None]
        if failed or analysis.risk.probability is None or analysis.abuse.probability is None:
            raise ServiceError("a head of the model fails")
        versions.append(f"{reader.model_version}, policy {reader.policy_version}, files as in the manifest")
        return f"loaded in {loaded - begun:.2f} s, one message in {(done - warm) * 1000:.1f} ms"

    versions: list[str] = []
    inference = _look("inference", infer)
    # The load checks the files, so a model that was read is one whose files are whole.
    yield Finding("model", bool(versions), versions[0] if versions else inference.found)
    yield inference


def _memory() -> Finding:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return Finding("memory", True, "unknown on this system")
    sizes_kb = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    free_mb = sizes_kb["MemAvailable"] // 1024
    return Finding("memory", free_mb >= LEAST_MEMORY_MB, f"{free_mb:,} MB free, {LEAST_MEMORY_MB} MB needed")


def _write_here() -> str:
    with tempfile.TemporaryFile(dir=Path.cwd()):
        return f"{Path.cwd()} can be written"


def _bind(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        # As the service does: a port that was in use a moment ago is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    return f"{host}:{port} is free"


def _print_table(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "check", "found")
    for finding in findings:
        table.add_row("[green]ok[/]" if finding.is_ok else "[red]no[/]", finding.name, finding.found)
    Console().print(table)
