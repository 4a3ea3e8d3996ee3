from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nlp_service.errors import NotFound, NotReady
from nlp_service.moderation import rulebook
from nlp_service.moderation.rulebook import Rulebooks, Rules, RuleStore
from nlp_service.moderation.rules import DEFAULT_RULES
from nlp_service.store.database import Database, open_database
from nlp_service.store.policies import PolicyStore
from nlp_service.store.words import Word
from nlp_service.text.normalise import normalise_batch

T, WHO = "default", "key:test"
SOON_S = 2.0
"""Within which a change must be seen."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "rules.db")) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> RuleStore:
    return RuleStore(database)


@asynccontextmanager
async def following(store: RuleStore, poll_s: float = 0.02, **options: Any) -> AsyncIterator[Rulebooks]:
    books = Rulebooks(store, poll_s=poll_s, **options)
    await books.start()
    try:
        yield books
    finally:
        await books.stop()


async def soon(books: Rulebooks, is_so: Callable[[Rules], bool], tenant: str = T) -> bool:
    """Whether the rules of a tenant become such in time."""
    until = time.monotonic() + SOON_S
    while not is_so(await books.of(tenant)):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.01)
    return True


def found(rules: Rules, text: str) -> list[str]:
    return [hit.word for hit in rules.matcher.find([text], normalise_batch([text]), datetime.now(UTC))[0]]


def put(store: RuleStore, act: float, community: str = "", tenant: str = T) -> None:
    store.policies.put(tenant, community, {"labels": {"ad": {"act": act}}}, actor=WHO)


async def test_a_tenant_that_settled_nothing_has_the_default(store: RuleStore) -> None:
    async with following(store) as books:
        rules = await books.of(T)
        assert rules.is_default
        assert rules.policy_version("any") == rules.policy_for("any").version == "default-1"
        assert rules.matcher is DEFAULT_RULES.matcher  # none is built for nothing
        assert found(rules, "加微信") == []


@pytest.mark.parametrize(
    "settle",
    [
        lambda store: put(store, 0.5),
        lambda store: put(store, 0.5, "群"),
        lambda store: store.lexicons.create(T, "a", "deny", entries=[Word("出售发票")], actor=WHO),
        lambda store: store.tenants.update_settings(T, {"mask": "none"}),
    ],
)
async def test_whoever_settled_something_has_not(store: RuleStore, settle: Callable[[RuleStore], object]) -> None:
    settle(store)
    async with following(store) as books:
        assert not (await books.of(T)).is_default


async def test_an_empty_list_costs_nothing(store: RuleStore) -> None:
    store.lexicons.create(T, "a", "deny", actor=WHO)
    async with following(store) as books:
        assert (await books.of(T)).is_default


async def test_a_channel_has_its_own_policy_or_that_for_all_or_the_built_in_one(store: RuleStore) -> None:
    put(store, 0.5, "群")
    async with following(store) as books:
        rules = await books.of(T)
        assert [rules.policy_version(channel) for channel in ("群", "别的", "")] == ["群/1", "default-1", "default-1"]
        put(store, 0.7)
        put(store, 0.8)
        assert await soon(books, lambda rules: rules.policy_version("别的") == "*/2")
        rules = await books.of(T)
        assert [rules.policy_for(channel).ad_warn for channel in ("群", "别的", "")] == [0.5, 0.8, 0.8]
        assert rules.policy_for("群").version == "群/1"


async def test_words_count_for_the_category_and_kind_of_their_list(store: RuleStore) -> None:
    store.lexicons.create(T, "票", "watch", "illegal_service", [Word("出售发票"), Word("办假证", "scam")], actor=WHO)
    async with following(store) as books:
        text = "出售发票也办假证"
        (hits,) = (await books.of(T)).matcher.find([text], normalise_batch([text]), datetime.now(UTC))
        told = [(hit.word, hit.kind, hit.list_name, hit.category, hit.span.start) for hit in hits]
        assert told == [("出售发票", "watch", "票", "illegal_service", 0), ("办假证", "watch", "票", "scam", 5)]


async def test_the_state_of_the_lists_is_part_of_the_version(store: RuleStore) -> None:
    store.lexicons.create(T, "a", "deny", entries=[Word("出售发票")], actor=WHO)
    put(store, 0.5)
    async with following(store) as books:
        first = (await books.of(T)).policy_version("")
        assert first == f"*/1+lex{store.versions()[T]}"
        store.lexicons.add(T, "a", [Word("办假证")], actor=WHO)
        assert await soon(books, lambda rules: rules.policy_version("") == f"*/1+lex{store.versions()[T]}")
        assert (await books.of(T)).policy_version("") != first


async def test_words_are_valid_for_a_time_without_being_read_again(store: RuleStore) -> None:
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    store.lexicons.create(T, "a", "deny", entries=[Word("出售发票", "", begin, end)], actor=WHO)
    async with following(store) as books:
        matcher, batch = (await books.of(T)).matcher, normalise_batch(["出售发票"])
        days = [datetime(2026, 2, 28, tzinfo=UTC), begin, datetime(2026, 3, 31, tzinfo=UTC), end]
        assert [len(matcher.find(["出售发票"], batch, day)[0]) for day in days] == [0, 1, 1, 0]


CHANGES: dict[str, tuple[Callable[[RuleStore], object], Callable[[Rules], bool]]] = {
    "words": (
        lambda s: s.lexicons.add(T, "a", [Word("办假证")], actor=WHO),
        lambda r: found(r, "办假证") == ["办假证"],
    ),
    "kind": (lambda s: s.lexicons.put(T, "a", "allow", actor=WHO), lambda r: found(r, "出售发票") == []),
    "list gone": (lambda s: s.lexicons.delete(T, "a", actor=WHO), lambda r: found(r, "出售发票") == []),
    "policy": (lambda s: put(s, 0.7), lambda r: r.policy_for("").ad_warn == 0.7),
    "policy gone": (lambda s: s.policies.remove(T, "群", actor=WHO), lambda r: r.policy_version("群")[0] == "d"),
    "settings": (lambda s: s.tenants.update_settings(T, {"mask": "none"}), lambda r: r.settings.mask == "none"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_seen_in_every_replica(store: RuleStore, name: str) -> None:
    change, is_seen = CHANGES[name]
    store.lexicons.create(T, "a", "deny", entries=[Word("出售发票")], actor=WHO)
    put(store, 0.5, "群")
    # Both with the time between two looks that they have in service.
    async with following(store, rulebook.POLL_S) as one, following(store, rulebook.POLL_S) as two:
        for books in (one, two):
            assert not is_seen(await books.of(T))
        await asyncio.to_thread(change, store)
        for books in (one, two):
            assert await soon(books, is_seen)


async def test_whoever_changes_something_sees_it_at_once(store: RuleStore) -> None:
    async with following(store, poll_s=60) as books:
        await books.of(T)
        put(store, 0.7)
        books.look()
        assert await soon(books, lambda rules: rules.policy_version("") == "*/1")


async def test_what_was_handed_out_stays_what_it_was(store: RuleStore) -> None:
    put(store, 0.5)
    async with following(store) as books:
        held = await books.of(T)
        put(store, 0.7)
        assert await soon(books, lambda rules: rules is not held)
        assert (held.policy_version(""), held.policy_for("").ad_warn) == ("*/1", 0.5)


async def test_words_are_not_read_again_for_another_policy(store: RuleStore) -> None:
    store.lexicons.create(T, "a", "deny", entries=[Word("出售发票")], actor=WHO)
    async with following(store) as books:
        matcher = (await books.of(T)).matcher
        put(store, 0.7)
        assert await soon(books, lambda rules: rules.policy_for("").ad_warn == 0.7)
        assert (await books.of(T)).matcher is matcher


async def test_tenants_are_apart(store: RuleStore) -> None:
    store.tenants.create("other")
    put(store, 0.7)
    store.lexicons.create(T, "a", "deny", entries=[Word("出售发票")], actor=WHO)
    async with following(store) as books:
        assert (await books.of("other")).is_default
        assert found(await books.of(T), "出售发票") == ["出售发票"]
        with pytest.raises(NotFound):
            await books.of("nobody")
        assert books.status() == {"tenants": 2, "words": 1}


class Counting(RuleStore):
    """Counts what is read, and waits where it is told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.n_read = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def read(self, tenant: str, held: Rules | None = None) -> Rules:
        self.n_read += 1
        self.may_go_on.wait(10)
        return super().read(tenant, held)


async def test_rules_are_read_once_however_many_ask(database: Database) -> None:
    store = Counting(database)
    store.may_go_on.clear()
    async with following(store) as books:
        asking = [asyncio.create_task(books.of(T)) for _ in range(20)]
        await asyncio.sleep(0.05)
        asking[0].cancel()  # one who has gone takes nothing from the others
        store.may_go_on.set()
        got = await asyncio.gather(*asking[1:])
        assert len({id(rules) for rules in got}) == store.n_read == 1
        await asyncio.sleep(0.1)
        assert store.n_read == 1  # nothing was changed


PUT = """
import sys
from nlp_service.moderation.rules import RuleStore
from nlp_service.store.database import open_database
with open_database(sys.argv[1]) as database:
    RuleStore(database).policies.put("default", "", {"labels": {"ad": {"act": 0.7}}}, actor="cli")
"""


async def test_a_change_by_another_process_is_seen(tmp_path: Path, store: RuleStore, repository: Path) -> None:
    async with following(store, rulebook.POLL_S) as books:
        assert (await books.of(T)).is_default
        command = [sys.executable, "-c", PUT, str(tmp_path / "rules.db")]
        await asyncio.to_thread(subprocess.run, command, cwd=repository, check=True, timeout=60)
        assert await soon(books, lambda rules: rules.policy_version("") == "*/1")


def put_broken(database: Database, tenant: str = T) -> None:
    """Store what this version cannot read, as a later one might."""

    def anything(document: Mapping[str, Any]) -> None:
        """Let it pass."""

    PolicyStore(database, anything).put(tenant, "", {"of": "秘密"}, actor=WHO)


async def test_a_broken_reload_keeps_the_old_state_and_holds_up_nobody(
    database: Database, store: RuleStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.tenants.create("other")
    put(store, 0.5)
    failures: list[None] = []
    async with following(store, on_failure=lambda: failures.append(None)) as books:
        for tenant in (T, "other"):
            await books.of(tenant)
        with caplog.at_level(logging.WARNING):
            put_broken(database)
            put(store, 0.6, tenant="other")
            assert await soon(books, lambda rules: rules.policy_for("").ad_warn == 0.6, "other")
            await asyncio.sleep(0.2)
        assert (await books.of(T)).policy_version("") == "*/1"
        assert len(failures) == 1  # not with every look
        assert "their old state decides" in caplog.text
        assert "秘密" not in caplog.text
        put(store, 0.7)
        assert await soon(books, lambda rules: rules.policy_version("") == "*/3")


async def test_what_was_broken_is_tried_again_after_a_while(
    database: Database, store: RuleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulebook, "RETRY_S", 0.1)
    failures: list[None] = []
    async with following(store, on_failure=lambda: failures.append(None)) as books:
        await books.of(T)
        put_broken(database)
        until = time.monotonic() + 5
        while len(failures) < 3 and time.monotonic() < until:
            await asyncio.sleep(0.02)
        assert len(failures) >= 3


async def test_rules_that_can_never_be_read_are_an_outage_and_not_the_default(
    database: Database, store: RuleStore
) -> None:
    put_broken(database)
    async with following(store) as books:
        with pytest.raises(NotReady):
            await books.of(T)
        put(store, 0.7)
        assert (await books.of(T)).policy_version("") == "*/2"


class Away(RuleStore):
    """A store whose database is away while `is_away`."""

    is_away = False

    def versions(self) -> dict[str, int]:
        if self.is_away:
            raise NotReady("the database cannot be used now (away)")
        return super().versions()

    def read(self, tenant: str, held: Rules | None = None) -> Rules:
        if self.is_away:
            raise NotReady("the database cannot be used now (away)")
        return super().read(tenant, held)


async def test_an_outage_of_the_database_is_survived(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    store = Away(database)
    store.tenants.create("other")
    put(store, 0.5)
    async with following(store) as books:
        await books.of(T)
        store.is_away = True
        put(store, 0.7)
        await asyncio.sleep(0.1)
        assert "could not be looked up" in caplog.text
        assert (await books.of(T)).policy_version("") == "*/1"  # what is held goes on deciding
        with pytest.raises(NotReady):
            await books.of("other")
        store.is_away = False
        assert await soon(books, lambda rules: rules.policy_version("") == "*/2")
        assert (await books.of("other")).is_default


async def test_an_outage_in_the_middle_of_a_look_is_over_with_the_next(database: Database) -> None:
    class Halfway(Away):
        def versions(self) -> dict[str, int]:
            return RuleStore.versions(self)

    store = Halfway(database)
    failures: list[None] = []
    async with following(store, on_failure=lambda: failures.append(None)) as books:
        await books.of(T)
        store.is_away = True
        put(store, 0.7)
        await asyncio.sleep(0.1)
        store.is_away = False
        assert await soon(books, lambda rules: rules.policy_version("") == "*/1")
        assert failures == []  # else it would have waited for half a minute


async def test_stopping_ends_the_looks(database: Database) -> None:
    store = Counting(database)
    async with following(store) as books:
        await books.of(T)
    put(store, 0.7)
    await asyncio.sleep(0.1)
    assert store.n_read == 1


async def test_it_stops_although_something_was_changed_at_that_moment(store: RuleStore) -> None:
    for _ in range(20):
        rulebooks = Rulebooks(store, poll_s=30.0)
        await rulebooks.start()
        await asyncio.sleep(0)
        rulebooks.look()
        async with asyncio.timeout(10):
            await rulebooks.stop()
