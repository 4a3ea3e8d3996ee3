from __future__ import annotations

import pytest

from nlp_service.errors import NotReady, Overloaded
from nlp_service.inference.queue import MAX_BATCH, MAX_BATCH_CHARACTERS, MAX_QUEUED_CHARACTERS, TURN, Job, JobQueue
from nlp_service.types import Message
from tests.fakes import analysis_of

pytestmark = pytest.mark.asyncio


def messages(n: int, text: str = "a", *, context: tuple[str, ...] = ()) -> list[Message]:
    return [Message(str(index), text, context) for index in range(n)]


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
        batch.finish([analysis_of(message) for message in batch.messages])

    assert [analysis.id for analysis in await job.done] == [str(index) for index in range(150)]


async def test_a_late_answer_to_a_dropped_request_is_ignored() -> None:
    queue = JobQueue(1000)
    job = Job(messages(100), evidence=True)
    queue.put(job)
    batch = queue.take()
    assert batch is not None
    analyses = [analysis_of(message) for message in batch.messages]
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
            batch.finish([analysis_of(message) for message in batch.messages])

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
