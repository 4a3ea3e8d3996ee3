from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from nlp_service.errors import ArtifactError, NotReady, ServiceError
from nlp_service.inference.frames import read_analysis
from nlp_service.inference.process import Build
from nlp_service.inference.workers import Worker
from nlp_service.types import Message
from tests.fakes import CRASH, HANG, build_damaged, build_dying, build_failing, build_obedient

pytestmark = pytest.mark.asyncio


def ignore() -> None:
    return


@asynccontextmanager
async def running(build: Build = build_obedient, on_lost: Callable[[], None] = ignore) -> AsyncIterator[Worker]:
    worker = await Worker.start(build, on_lost=on_lost)
    try:
        yield worker
    finally:
        await worker.kill()


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_a_worker_reads_in_a_process_of_its_own() -> None:
    async with running() as worker:
        answer = await worker.read([Message("1", "你好"), Message("2", "")], evidence=True)
        assert [read_analysis(written).id for written in answer.analyses] == ["1", "2"]
        assert worker.pid != os.getpid()
        assert (worker.model_version, worker.policy_version) == ("fake-1", "policy-1")


async def test_a_batch_larger_than_the_buffer_of_the_line_passes() -> None:
    async with running() as worker:
        text = "字" * 4000
        answer = await worker.read([Message(None, text, (text,) * 20)] * 16, evidence=True)
        assert read_analysis(answer.analyses[15]).evidence[0].span.text == text


async def test_a_damaged_model_is_reported_with_the_name_of_the_file() -> None:
    with pytest.raises(ArtifactError, match=r"weights\.onnx: sha256"):
        await Worker.start(functools.partial(build_damaged, "weights.onnx"), on_lost=ignore)


async def test_another_error_of_the_start_is_reported_with_its_type() -> None:
    with pytest.raises(ServiceError, match="ImportError"):
        await Worker.start(build_failing, on_lost=ignore)


async def test_a_process_that_ends_while_it_starts_is_noticed() -> None:
    with pytest.raises(NotReady):
        await Worker.start(build_dying, on_lost=ignore)


async def test_a_crash_reaches_the_caller_at_once() -> None:
    lost = asyncio.Event()
    async with running(on_lost=lost.set) as worker:
        with pytest.raises(NotReady):
            async with asyncio.timeout(5):
                await worker.read([Message(None, CRASH)], evidence=True)
        assert lost.is_set()
        assert not worker.is_alive


async def test_a_worker_killed_while_idle_is_noticed() -> None:
    lost = asyncio.Event()
    async with running(on_lost=lost.set) as worker:
        os.kill(worker.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            await lost.wait()
        with pytest.raises(NotReady):
            await worker.read([Message(None, "a")], evidence=True)


async def test_a_worker_ignores_the_interrupt_of_a_terminal() -> None:
    async with running() as worker:
        os.kill(worker.pid, signal.SIGINT)
        answer = await worker.read([Message(None, "a")], evidence=True)
        assert len(answer.analyses) == 1


async def test_stop_ends_the_process() -> None:
    worker = await Worker.start(build_obedient, on_lost=ignore)
    await worker.stop()
    assert not is_running(worker.pid)


async def test_stop_kills_a_process_that_hangs() -> None:
    async with running() as worker:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await worker.read([Message(None, HANG)], evidence=True)
        await worker.stop()
        assert not is_running(worker.pid)


@pytest.mark.parametrize("text", ["fine", HANG])
async def test_a_worker_ends_when_its_service_is_killed(text: str, repository: Path) -> None:
    script = f"""
import asyncio
from nlp_service.inference.workers import Worker
from nlp_service.types import Message
from tests.fakes import build_obedient

async def main():
    worker = await Worker.start(build_obedient, on_lost=lambda: None)
    asyncio.ensure_future(worker.read([Message(None, {text!r})], evidence=True))
    await asyncio.sleep(0.2)
    print(worker.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=repository) as service:
        assert service.stdout is not None
        pid = int(service.stdout.readline())
        service.kill()
    until = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < until:
        await asyncio.sleep(0.05)
    assert not is_running(pid)
