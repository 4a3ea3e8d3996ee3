from __future__ import annotations

import asyncio
import functools
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nlp_service.errors import ArtifactError, DeadlineExceeded, NotReady, Overloaded, ServiceError
from nlp_service.inference.batcher import PATIENCE_S, Batcher
from nlp_service.inference.frames import read_analysis
from nlp_service.inference.process import FAILED, Build
from nlp_service.inference.queue import MAX_BATCH
from nlp_service.types import Message
from tests.fakes import BROKEN, CRASH, HANG, SLOW, build_broken, build_damaged, build_obedient, build_unless

pytestmark = pytest.mark.asyncio


class Ear:
    """Remembers what the lanes told."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.n_failed = 0
        self.n_lost = 0

    def batch_read(self, n_messages: int, n_failed: int, inference_s: float) -> None:
        self.batches.append(n_messages)
        self.n_failed += n_failed

    def worker_lost(self) -> None:
        self.n_lost += 1


async def settle() -> None:
    """Let the lanes come to where they wait for work or a worker; that takes no time but some turns of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(build: Build = build_obedient, ear: Ear | None = None, **options: Any) -> AsyncIterator[Batcher]:
    batcher = Batcher(build, ear or Ear(), **options)
    await batcher.start()
    await settle()
    try:
        yield batcher
    finally:
        await batcher.stop()


async def until_faults(batcher: Batcher, wanted: bool, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while bool(batcher.find_faults()) is not wanted:
            await asyncio.sleep(0.05)


def texts(*values: str) -> list[Message]:
    return [Message(str(index), value) for index, value in enumerate(values)]


async def test_many_callers_get_their_own_answers_from_shared_batches() -> None:
    ear = Ear()
    async with running(ear=ear) as batcher:
        answers = await asyncio.gather(*(batcher.read([Message(str(n), "a" * n)]) for n in range(100)))
    assert [answer[0].id for answer in answers] == [str(n) for n in range(100)]
    assert [answer[0].pain[0].target for answer in answers[1:]] == [str(n) for n in range(1, 100)]
    assert sum(ear.batches) == 100
    assert len(ear.batches) < 20


async def test_a_large_request_is_read_in_pieces_and_comes_back_in_order() -> None:
    ear = Ear()
    async with running(ear=ear, workers=2) as batcher:
        answer = await batcher.read(texts(*["a"] * 512))
    assert [analysis.id for analysis in answer] == [str(n) for n in range(512)]
    assert max(ear.batches) <= 64


async def test_no_messages_need_no_worker() -> None:
    async with running() as batcher:
        assert await batcher.read([]) == []
        assert await batcher.read_json([]) == []


@pytest.mark.parametrize("evidence", [True, False])
async def test_answers_can_be_had_as_json(evidence: bool) -> None:
    asked = [Message("m", "你好"), Message(7, 'a\0"'), Message(None, ""), Message(8, BROKEN)]
    async with running() as batcher:
        written = await batcher.read_json(asked, evidence=evidence)
        assert list(map(read_analysis, written)) == await batcher.read(asked, evidence=evidence)
    assert [read_analysis(one).id for one in written] == ["m", 7, None, 8]
    assert bool(read_analysis(written[0]).evidence) is evidence


async def test_versions_are_those_of_the_workers() -> None:
    async with running() as batcher:
        assert (batcher.model_version, batcher.policy_version) == ("fake-1", "policy-1")


async def test_a_full_queue_refuses_and_recovers() -> None:
    async with running(queue_messages=4) as batcher:
        busy = asyncio.create_task(batcher.read(texts(SLOW)))
        await asyncio.sleep(0.1)  # the worker holds it now
        waiting = asyncio.create_task(batcher.read(texts("a", "b", "c", "d")))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await batcher.read(texts("one too many"))
        assert len(await busy) == 1
        assert len(await waiting) == 4
        assert len(await batcher.read(texts("room again"))) == 1


async def test_what_is_not_read_in_time_is_given_up_and_leaves_the_queue() -> None:
    async with running(deadline_s=0.2) as batcher:
        busy = asyncio.create_task(batcher.read(texts(*[SLOW] * 3)))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await batcher.read(texts("late"))
        assert time.monotonic() - started < 0.6
        assert batcher.n_queued == 0
        with pytest.raises(DeadlineExceeded):
            await busy


async def test_a_caller_who_leaves_takes_the_messages_along() -> None:
    async with running() as batcher:
        busy = asyncio.create_task(batcher.read(texts(SLOW)))
        await asyncio.sleep(0.1)
        leaving = asyncio.create_task(batcher.read(texts("a", "b")))
        await asyncio.sleep(0)
        assert batcher.n_queued == 2
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert batcher.n_queued == 0
        assert len(await busy) == 1


async def test_a_single_does_not_wait_behind_a_large_request() -> None:
    async with running() as batcher:
        large = asyncio.create_task(batcher.read(texts(*(SLOW if n % 64 == 0 else "a" for n in range(512)))))
        await asyncio.sleep(0.05)
        await batcher.read(texts("single"))
        assert not large.done()
        assert len(await large) == 512


async def test_a_bad_message_fails_alone_also_in_the_batch_of_others() -> None:
    ear = Ear()
    async with running(ear=ear) as batcher:
        answers = await asyncio.gather(*(batcher.read(texts(text)) for text in ("a", BROKEN, "b")))
    verdicts = [answer[0].verdict for answer in answers]
    assert [verdict.reasons for verdict in verdicts if verdict] == [(), (FAILED,), ()]
    assert ear.n_failed == 1


async def test_lone_surrogates_are_read() -> None:
    async with running() as batcher:
        (analysis,) = await batcher.read(texts("a\ud83d"))
    assert analysis.evidence[0].span.text == "a\ufffd"


async def test_what_cannot_be_sent_to_a_worker_fails_and_the_lane_goes_on() -> None:
    async with running() as batcher:
        with pytest.raises(ServiceError):
            await batcher.read([Message(object(), "a")])  # type: ignore[arg-type]
        await until_faults(batcher, False, within_s=15)
        assert len(await batcher.read(texts("a"))) == 1


async def test_a_damaged_model_stops_the_start_with_the_name_of_the_file() -> None:
    batcher = Batcher(functools.partial(build_damaged, "tokenizer.json"), Ear(), workers=2)
    with pytest.raises(ArtifactError, match=r"tokenizer\.json"):
        await batcher.start()


async def test_a_model_that_cannot_infer_stops_the_start() -> None:
    with pytest.raises(ServiceError, match="RuntimeError"):
        await Batcher(build_broken, Ear()).start()


async def test_probes_keep_an_idle_worker_ready() -> None:
    async with running() as batcher:
        await asyncio.sleep(2.5)
        (lane,) = batcher.lanes
        assert lane.last_inference_s is not None
        assert lane.last_inference_s < 2.4
        assert batcher.find_faults() == []


async def test_probes_are_not_told_as_messages() -> None:
    ear = Ear()
    async with running(ear=ear):
        await asyncio.sleep(2.2)
    assert ear.batches == []


async def test_a_killed_worker_is_noticed_replaced_and_trusted_again_after_an_inference() -> None:
    ear = Ear()
    async with running(ear=ear) as batcher:
        killed = batcher.lanes[0].pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until_faults(batcher, True, within_s=1)
        red_since = time.monotonic()
        await until_faults(batcher, False, within_s=15)
        assert time.monotonic() - red_since >= 1.4  # long enough to be seen by a poll
        (lane,) = batcher.lanes
        assert lane.pid != killed
        assert lane.n_restarts == 1
        assert len(await batcher.read(texts("a"))) == 1
    assert ear.n_lost == 1


async def test_callers_of_a_worker_that_crashes_return_at_once() -> None:
    async with running() as batcher:
        started = time.monotonic()
        outcomes = await asyncio.gather(
            batcher.read(texts(CRASH)), batcher.read(texts("in the same batch")), return_exceptions=True
        )
        assert time.monotonic() - started < 2
        assert [type(outcome) for outcome in outcomes] == [NotReady, NotReady]


async def test_who_comes_while_no_worker_is_there_is_refused_at_once() -> None:
    async with running() as batcher:
        with pytest.raises(NotReady):
            await batcher.read(texts(CRASH))
        started = time.monotonic()
        with pytest.raises(NotReady):
            await batcher.read(texts("a"))
        assert time.monotonic() - started < 0.5


async def test_a_second_worker_goes_on_while_the_first_is_replaced() -> None:
    async with running(workers=2) as batcher:
        pid = batcher.lanes[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until_faults(batcher, True, within_s=1)
        answers = await asyncio.gather(*(batcher.read(texts("a")) for _ in range(20)))
        assert len(answers) == 20
        assert batcher.find_faults() == ["worker 0 is down"]


LONG = [SLOW] * 3


@pytest.mark.parametrize("occupied", [[HANG], LONG])
async def test_a_second_worker_takes_over_while_the_first_hangs_or_reads_something_long(occupied: list[str]) -> None:
    async with running(workers=2) as batcher:
        held = asyncio.create_task(batcher.read(texts(*occupied)))
        await settle()
        assert batcher.n_queued == 0  # a worker has it
        for evidence in (True, False):
            started = time.monotonic()
            assert len(await batcher.read(texts("a", "b"), evidence=evidence)) == 2
            assert time.monotonic() - started < 0.4
        assert not held.done()
        held.cancel()


@pytest.mark.parametrize("n_messages", [1, MAX_BATCH])
async def test_what_a_busy_worker_takes_next_is_left_to_it_for_a_while(n_messages: int) -> None:
    async with running(workers=2) as batcher:
        held = asyncio.create_task(batcher.read(texts(*LONG)))
        await asyncio.sleep(PATIENCE_S / 2)
        started = time.monotonic()
        await batcher.read(texts(*["a"] * n_messages))
        assert PATIENCE_S <= time.monotonic() - started < 0.4
        assert not held.done()
        held.cancel()


async def test_what_comes_after_it_does_not_make_a_message_wait_longer() -> None:
    async with running(workers=2) as batcher:
        held = asyncio.create_task(batcher.read(texts(*LONG)))
        await settle()
        started = time.monotonic()
        reading = [asyncio.create_task(batcher.read(texts("a")))]
        while not reading[0].done():
            assert time.monotonic() - started < 0.4
            reading.append(asyncio.create_task(batcher.read(texts("b"))))
            await asyncio.sleep(PATIENCE_S / 4)
        assert not held.done()
        await asyncio.gather(*reading)
        held.cancel()


async def test_another_worker_is_woken_at_once_for_more_than_the_busy_one_takes_next() -> None:
    async with running(workers=2) as batcher:
        held = asyncio.create_task(batcher.read(texts(*LONG)))
        await settle()
        waiting = asyncio.create_task(batcher.read(texts(SLOW, *["a"] * MAX_BATCH)))
        await settle()
        assert batcher.n_queued == 1
        assert len(await waiting) == MAX_BATCH + 1
        held.cancel()


async def test_all_workers_are_woken_at_once_for_a_batch_each() -> None:
    async with running(workers=2) as batcher:
        waiting = asyncio.create_task(batcher.read(texts(*[SLOW, *["a"] * (MAX_BATCH - 1)] * 2)))
        await settle()
        assert batcher.n_queued == 0
        assert len(await waiting) == 2 * MAX_BATCH


async def test_a_worker_that_hangs_is_killed_and_replaced() -> None:
    ear = Ear()
    async with running(ear=ear, deadline_s=0.3) as batcher:
        with pytest.raises(DeadlineExceeded):
            await batcher.read(texts(HANG))
        await until_faults(batcher, True, within_s=5)
        await until_faults(batcher, False, within_s=15)
        assert len(await batcher.read(texts("a"))) == 1
    assert ear.n_lost == 1


async def test_a_stopped_worker_turns_readiness_red_within_five_seconds() -> None:
    async with running() as batcher:
        pid = batcher.lanes[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await until_faults(batcher, True, within_s=5)


async def test_a_restart_that_fails_is_tried_again(tmp_path: Path) -> None:
    flag = tmp_path / "damaged"
    async with running(functools.partial(build_unless, str(flag))) as batcher:
        flag.touch()
        pid = batcher.lanes[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until_faults(batcher, True, within_s=1)
        await asyncio.sleep(2.5)  # the first attempt comes after 1.5 s
        assert batcher.find_faults()
        flag.unlink()
        await until_faults(batcher, False, within_s=15)


async def test_a_stop_answers_those_who_wait() -> None:
    batcher = Batcher(build_obedient, Ear())
    await batcher.start()
    held = asyncio.create_task(batcher.read(texts(SLOW)))
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(batcher.read(texts("a")))
    await asyncio.sleep(0)
    await batcher.stop()
    outcomes = await asyncio.gather(held, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [NotReady, NotReady]
