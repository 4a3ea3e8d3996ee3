from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nlp_service.errors import BadInput, Conflict, NotFound, Overloaded
from nlp_service.store.database import Database
from nlp_service.store.job_leases import MOST_ATTEMPTS, JobLeases
from nlp_service.store.job_records import Callback
from nlp_service.store.jobs import MOST_ACTIVE, JobStore
from nlp_service.store.schema import jobs
from tests.unit.store.deliveries import NOON, rows

HOOK = Callback("https://example.com/hook", "geheim-genug")


class Clock:
    """A time that only a test moves."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> object:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database, clock: Clock) -> JobStore:
    return JobStore(database, clock)  # type: ignore[arg-type]


@pytest.fixture
def leases(database: Database, clock: Clock) -> JobLeases:
    return JobLeases(database, clock)  # type: ignore[arg-type]


def start(store: JobStore, number: int = 1, tenant: str = "t", **options: Callback) -> str:
    return store.start(tenant, "insight", {"number": number}, actor="key:a", **options)[0].id


def test_a_job_goes_from_the_queue_to_its_result(store: JobStore, leases: JobLeases) -> None:
    job, is_new = store.start("t", "insight", {"days": 7}, actor="key:a")
    assert (job.state, job.progress, job.parameters, is_new) == ("queued", 0.0, {"days": 7}, True)
    taken = leases.take("w1", ["insight"], 30)
    assert taken is not None
    assert (taken.id, taken.state, taken.attempts) == (job.id, "running", 1)
    assert leases.report(taken, "w1", 0.5, "topics", 30)
    assert (store.get("t", job.id).progress, store.get("t", job.id).what) == (0.5, "topics")
    assert leases.finish(taken, "w1", {"run_id": 4})
    done = store.get("t", job.id)
    assert (done.state, done.progress, done.result, done.finished_at) == ("done", 1.0, {"run_id": 4}, NOON)


def test_the_same_work_is_not_begun_twice(store: JobStore, leases: JobLeases) -> None:
    first = start(store)
    assert store.start("t", "insight", {"number": 1}, actor="key:b") == (store.get("t", first), False)
    assert start(store, number=2) != first
    assert start(store, tenant="u") != first
    taken = leases.take("w1", ["insight"], 30)
    assert taken is not None
    leases.finish(taken, "w1", {})
    assert start(store) != first  # what is done may be done again


def test_two_who_start_the_same_at_once_get_one_job(store: JobStore) -> None:
    barrier = threading.Barrier(4)

    def begin(_: int) -> str:
        barrier.wait()
        return start(store)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(begin, range(4)))) == 1


def test_nobody_starts_more_than_a_person_would(store: JobStore) -> None:
    for number in range(MOST_ACTIVE):
        start(store, number)
    with pytest.raises(Overloaded, match=f"{MOST_ACTIVE} jobs"):
        start(store, MOST_ACTIVE)
    start(store, tenant="u")


def test_another_tenant_has_no_such_job(store: JobStore) -> None:
    job_id = start(store)
    for look in (store.get, lambda tenant, id_: store.cancel(tenant, id_, actor="key:b")):
        with pytest.raises(NotFound):
            look("u", job_id)
    assert store.browse("u").jobs == []
    assert store.latest("u", "insight", {"number": 1}) is None


def test_jobs_are_shown_by_pages_the_newest_first(store: JobStore, leases: JobLeases) -> None:
    ids = [start(store, number) for number in range(5)]
    leases.take("w1", ["insight"], 30)
    first = store.browse("t", limit=2)
    second = store.browse("t", cursor=first.next_cursor, limit=2)
    third = store.browse("t", cursor=second.next_cursor, limit=2)
    assert [job.id for page in (first, second, third) for job in page.jobs] == ids[::-1]
    assert third.next_cursor is None
    assert [job.id for job in store.browse("t", state="running").jobs] == ids[:1]
    assert store.browse("t", kind="import").jobs == []


@pytest.mark.parametrize(("name", "value"), [("state", "asleep"), ("cursor", "x"), ("cursor", "9" * 20)])
def test_a_page_that_cannot_be_is_refused(store: JobStore, name: str, value: str) -> None:
    with pytest.raises(BadInput) as caught:
        store.browse("t", **{name: value})  # type: ignore[arg-type]
    assert caught.value.param == name


def test_tenants_get_their_turns(store: JobStore, leases: JobLeases, clock: Clock) -> None:
    for number in range(3):
        start(store, number)
    start(store, tenant="u")
    taken = []
    for _ in range(4):
        job = leases.take("w1", ["insight"], 30)
        assert job is not None
        taken.append(job.tenant)
        clock.pass_by(1)
    assert taken == ["t", "u", "t", "t"]


def test_two_workers_never_get_the_same_job(store: JobStore, leases: JobLeases) -> None:
    ids = {start(store, number) for number in range(8)}
    barrier = threading.Barrier(4)

    def take(worker: int) -> list[str]:
        barrier.wait()
        found = []
        while (job := leases.take(f"w{worker}", ["insight"], 30)) is not None:
            found.append(job.id)
        return found

    with ThreadPoolExecutor(4) as pool:
        taken = [id_ for ids_of_one in pool.map(take, range(4)) for id_ in ids_of_one]
    assert sorted(taken) == sorted(ids)


def test_a_worker_takes_only_what_it_can_do(store: JobStore, leases: JobLeases) -> None:
    start(store)
    assert leases.take("w1", ["export"], 30) is None


def test_a_lost_worker_leaves_its_job_to_another(store: JobStore, leases: JobLeases, clock: Clock) -> None:
    start(store)
    lost = leases.take("w1", ["insight"], 30)
    assert lost is not None
    clock.pass_by(30)  # the lease holds to its end
    assert leases.take("w2", ["insight"], 30) is None
    clock.pass_by(1)
    taken = leases.take("w2", ["insight"], 30)
    assert taken is not None
    assert (taken.id, taken.attempts) == (lost.id, 2)
    # Whoever was slow and not dead does no harm.
    assert not leases.report(lost, "w1", 0.9, "", 30)
    assert not leases.finish(lost, "w1", {"run_id": 1})
    assert not leases.fail(lost, "w1", "internal", "x")
    assert store.get("t", lost.id).state == "running"


def test_a_job_that_kills_its_workers_fails_and_says_so(store: JobStore, leases: JobLeases, clock: Clock) -> None:
    job_id = start(store)
    for _ in range(MOST_ATTEMPTS):
        assert leases.take("w1", ["insight"], 30) is not None
        clock.pass_by(31)
    assert leases.take("w1", ["insight"], 30) is None
    job = store.get("t", job_id)
    assert (job.state, job.error_code) == ("failed", "worker_lost")
    assert job.error_message == "3 workers were lost while they were at it"


def test_a_worker_that_stops_gives_its_job_back(store: JobStore, leases: JobLeases) -> None:
    start(store)
    for _ in range(MOST_ATTEMPTS + 1):  # which is no attempt
        job = leases.take("w1", ["insight"], 30)
        assert job is not None
        assert leases.release(job, "w1")


def test_a_cancelled_job_is_neither_taken_nor_reported_on(store: JobStore, leases: JobLeases) -> None:
    waiting, running = start(store, 1), start(store, 2)
    assert store.cancel("t", waiting, actor="key:a").state == "cancelled"
    job = leases.take("w1", ["insight"], 30)
    assert job is not None
    assert job.id == running
    assert store.cancel("t", running, actor="key:a").finished_at == NOON
    assert store.cancel("t", running, actor="key:a").state == "cancelled"  # again changes nothing
    assert not leases.report(job, "w1", 0.5, "", 30)
    assert not leases.finish(job, "w1", {})
    assert leases.take("w1", ["insight"], 30) is None


def test_what_is_done_cannot_be_cancelled(store: JobStore, leases: JobLeases) -> None:
    job_id = start(store)
    job = leases.take("w1", ["insight"], 30)
    assert job is not None
    leases.fail(job, "w1", "invalid_input", "no messages")
    with pytest.raises(Conflict, match="failed already"):
        store.cancel("t", job_id, actor="key:a")


def test_every_change_is_in_the_log(database: Database, store: JobStore, leases: JobLeases) -> None:
    job_id = start(store)
    job = leases.take("w1", ["insight"], 30)
    assert job is not None
    leases.finish(job, "w1", {"run_id": 1})
    second = start(store)
    store.cancel("t", second, actor="key:b")
    assert rows(database, "audit_log", "tenant", "actor", "action", "object") == [
        ("t", "key:a", "job.start", f"job:{job_id}"),
        ("t", "worker", "job.done", f"job:{job_id}"),
        ("t", "key:a", "job.start", f"job:{second}"),
        ("t", "key:b", "job.cancelled", f"job:{second}"),
    ]


def test_a_callback_is_due_when_its_job_ends(store: JobStore, leases: JobLeases, clock: Clock) -> None:
    start(store, callback=HOOK)
    job = leases.take("w1", ["insight"], 30)
    assert job is not None
    assert leases.due(60) is None
    leases.finish(job, "w1", {})
    due = leases.due(60)
    assert due is not None
    assert (due.callback.url, due.callback.secret, due.tries, due.job.state) == (*HOOK, 1, "done")
    assert leases.due(60) is None  # somebody is at it
    leases.told(due.job, "waiting", clock.at + timedelta(seconds=10))
    assert leases.due(60) is None
    clock.pass_by(10)
    again = leases.due(60)
    assert again is not None
    assert again.tries == 2


@pytest.mark.parametrize("outcome", ["delivered", "failed"])
def test_the_secret_is_forgotten_when_all_is_told(
    database: Database, store: JobStore, leases: JobLeases, outcome: str
) -> None:
    job_id = start(store, callback=HOOK)
    store.cancel("t", job_id, actor="key:a")
    due = leases.due(60)
    assert due is not None
    assert HOOK.secret in repr(rows(database, "jobs"))
    leases.told(due.job, outcome)
    assert leases.due(60) is None
    assert HOOK.secret not in repr([rows(database, table) for table in ("jobs", "audit_log")])
    assert store.get("t", job_id).callback_state == outcome
    assert HOOK.secret not in repr(due)


def test_whoever_joins_a_job_gets_its_callback(store: JobStore, leases: JobLeases) -> None:
    job_id = start(store)
    joined, is_new = store.start("t", "insight", {"number": 1}, actor="key:b", callback=HOOK)
    assert (joined.id, joined.callback_state, is_new) == (job_id, "waiting", False)
    store.cancel("t", job_id, actor="key:b")
    due = leases.due(60)
    assert due is not None
    assert due.callback == HOOK


def test_ended_jobs_are_forgotten_by_age(database: Database, store: JobStore, clock: Clock) -> None:
    store.cancel("t", start(store, 1), actor="key:a")
    store.cancel("u", start(store, 1, tenant="u"), actor="key:a")
    kept = start(store, 2)
    clock.pass_by(60)
    assert store.forget("t", clock.at) == 1
    with database.read() as connection:
        assert connection.scalars(sa.select(jobs.c.tenant).order_by(jobs.c.number)).all() == ["u", "t"]
    assert store.get("t", kept).state == "queued"
