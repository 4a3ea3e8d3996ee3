from __future__ import annotations

from time import monotonic

import pytest

from nlp_service.errors import NotReady, Overloaded
from nlp_service.inference.queue import (
    MAX_BATCH,
    MAX_BATCH_CHARACTERS,
    MAX_QUEUED_CHARACTERS,
    TURN,
    Batch,
    Job,
    JobQueue,
)
from nlp_service.types import Message

pytestmark = pytest.mark.asyncio


def messages(n: int, text: str = "a", *, context: tuple[str, ...] = ()) -> list[Message]:
    return [Message(str(index), text, context) for index in range(n)]


def analyses_of(batch: Batch) -> list[bytes]:
    """What a worker says of a batch; nothing here looks into it."""
    return [f"analysis of {message.id}".encode() for message in batch.messages]


def sizes(queue: JobQueue) -> list[int]:
    """Lengths of all batches until nothing waits."""
    lengths = []
    while (batch := queue.take()) is not None:
        lengths.append(len(batch.messages))
    return lengths


async def test_an_empty_queue_gives_no_batch() -> None:
    assert JobQueue(10).take() is None


async def test_singles_are_joined_into_one_batch() -> None:
    queue = JobQueue(100)
    for index in range(5):
        queue.put(Job([Message(str(index), "a")], evidence=True))

    batch = queue.take()

    assert batch is not None
    assert [message.id for message in batch.messages] == ["0", "1", "2", "3", "4"]
    assert queue.n_messages == 0


async def test_a_large_request_is_cut_into_batches() -> None:
    queue = JobQueue(1000)
    queue.put(Job(messages(2 * MAX_BATCH + 1), evidence=True))
    assert sizes(queue) == [MAX_BATCH, MAX_BATCH, 1]


async def test_a_single_goes_into_the_next_batch_before_the_rest_of_a_large_request() -> None:
    queue = JobQueue(1000)
    queue.put(Job(messages(500), evidence=True))
    queue.put(Job([Message("single", "a")], evidence=True))

    batch = queue.take()

    assert batch is not None
    assert [message.id for message in batch.messages].index("single") == TURN


async def test_a_batch_is_bounded_by_characters() -> None:
    queue = JobQueue(1000)
    quarter = "a" * (MAX_BATCH_CHARACTERS // 4)
    queue.put(Job(messages(5, quarter), evidence=True))
    assert sizes(queue) == [4, 1]


async def test_context_counts_as_characters() -> None:
    queue = JobQueue(1000)
    queue.put(Job(messages(2, context=("a" * (MAX_BATCH_CHARACTERS - 1),)), evidence=True))
    assert sizes(queue) == [1, 1]


async def test_a_message_over_the_bound_is_a_batch_alone() -> None:
    queue = JobQueue(1000)
    queue.put(Job(messages(1, "a" * (MAX_BATCH_CHARACTERS + 1)), evidence=True))
    queue.put(Job(messages(2), evidence=True))
    assert sizes(queue) == [1, 2]


async def test_a_batch_never_mixes_requests_with_and_without_evidence() -> None:
    queue = JobQueue(1000)
    for index in range(6):
        queue.put(Job(messages(1), evidence=index % 2 == 0))

    batches = [queue.take(), queue.take()]

    assert [len(batch.messages) for batch in batches if batch] == [3, 3]
    assert {batch.evidence for batch in batches if batch} == {True, False}


async def test_the_two_kinds_take_turns() -> None:
    queue = JobQueue(1000)
    queue.put(Job(messages(3 * MAX_BATCH), evidence=True))
    queue.put(Job(messages(1), evidence=False))
    assert 1 in [len(batch.messages) for batch in (queue.take(), queue.take()) if batch]


async def test_the_last_message_that_fits_is_taken_and_the_next_refused() -> None:
    queue = JobQueue(3)
    queue.put(Job(messages(3), evidence=True))  # the bound itself is included

    with pytest.raises(Overloaded) as caught:
        queue.put(Job(messages(1), evidence=True))

    assert caught.value.retry_after_s > 0
    assert queue.n_messages == 3


async def test_characters_that_wait_are_bounded_too() -> None:
    queue = JobQueue(1000)
    text = "a" * (MAX_QUEUED_CHARACTERS // 2)
    queue.put(Job(messages(2, text), evidence=True))
    with pytest.raises(Overloaded):
        queue.put(Job(messages(1), evidence=True))


async def test_what_is_dropped_makes_room() -> None:
    queue = JobQueue(200)
    job = Job(messages(200), evidence=True)
    queue.put(job)
    queue.take()

    queue.drop(job)

    assert queue.n_messages == 0
    assert queue.take() is None
    queue.put(Job(messages(200), evidence=True))


async def test_dropping_what_was_taken_changes_nothing() -> None:
    queue = JobQueue(10)
    job = Job(messages(1), evidence=True)
    queue.put(job)
    queue.take()
    queue.drop(job)
    assert queue.n_messages == 0


async def test_analyses_come_back_in_order_whatever_the_order_of_batches() -> None:
    queue = JobQueue(1000)
    job = Job(messages(150), evidence=True)
    queue.put(job)
    batches = [batch for batch in (queue.take(), queue.take(), queue.take()) if batch]

    for batch in reversed(batches):
        batch.finish(analyses_of(batch))

    assert await job.done == [b"analysis of %d" % index for index in range(150)]


async def test_a_late_answer_to_a_dropped_request_is_ignored() -> None:
    queue = JobQueue(1000)
    job = Job(messages(100), evidence=True)
    queue.put(job)
    batch = queue.take()
    assert batch is not None
    analyses = analyses_of(batch)
    queue.drop(job)
    job.done.cancel()

    batch.finish(analyses)

    assert job.done.cancelled()


async def test_a_failed_batch_fails_its_requests_only() -> None:
    queue = JobQueue(1000)
    one, other = Job(messages(1), evidence=True), Job(messages(1), evidence=False)
    queue.put(one)
    queue.put(other)
    for batch in (queue.take(), queue.take()):
        assert batch is not None
        if batch.evidence:
            batch.fail(NotReady("gone"))
        else:
            batch.finish(analyses_of(batch))

    with pytest.raises(NotReady):
        await one.done
    assert len(await other.done) == 1


async def test_all_that_wait_can_be_failed_at_once() -> None:
    queue = JobQueue(1000)
    jobs = [Job(messages(2), evidence=bool(index % 2)) for index in range(4)]
    for job in jobs:
        queue.put(job)

    queue.fail_all(NotReady("gone"))

    assert queue.n_messages == 0
    for job in jobs:
        with pytest.raises(NotReady):
            await job.done


def put(queue: JobQueue, n: int, *, evidence: bool, since: float) -> Job:
    """Let a job wait that came at some time."""
    job = Job(messages(n), evidence=evidence)
    job.since = since
    queue.put(job)
    return job


async def test_a_job_knows_when_it_came() -> None:
    before = monotonic()
    job = Job(messages(1), evidence=True)
    assert before <= job.since <= monotonic()


async def test_nothing_waits_since_any_time_in_an_empty_queue() -> None:
    queue = JobQueue(1000)
    assert queue.waiting_since is None
    put(queue, 1, evidence=True, since=5.0)
    queue.take()
    assert queue.waiting_since is None


async def test_the_queue_tells_since_when_the_first_in_turn_waits() -> None:
    queue = JobQueue(1000)
    first = put(queue, 1, evidence=True, since=5.0)
    put(queue, 1, evidence=True, since=6.0)
    assert queue.waiting_since == 5.0
    queue.drop(first)
    assert queue.waiting_since == 6.0


@pytest.mark.parametrize(("with_evidence", "without"), [(5.0, 6.0), (6.0, 5.0)])
async def test_of_the_two_kinds_the_earlier_one_counts(with_evidence: float, without: float) -> None:
    queue = JobQueue(1000)
    put(queue, 1, evidence=True, since=with_evidence)
    put(queue, 1, evidence=False, since=without)
    assert queue.waiting_since == 5.0


async def test_what_is_left_of_a_job_waits_since_the_job_came() -> None:
    queue = JobQueue(1000)
    put(queue, MAX_BATCH + 1, evidence=True, since=5.0)
    queue.take()
    assert queue.waiting_since == 5.0
