from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.store import keys as keys_module
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database
from nlp_service.store.founding import found_tenant, make_first_key
from nlp_service.store.keys import KeyStore, Wanted
from nlp_service.store.keytext import MAX_KEY, make_key, visible_part
from nlp_service.store.schema import api_keys
from nlp_service.store.scopes import OF_A_TENANT, SCOPES
from nlp_service.store.tenants import TenantStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROBOT = Wanted("robot", ("analyze",))


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database, clock: Clock) -> KeyStore:
    return KeyStore(database, clock)


def test_a_key_has_a_visible_part_and_a_secret_of_at_least_32() -> None:
    made = make_key()
    assert re.fullmatch(r"nlp_[0-9A-Za-z]{8}_[0-9A-Za-z]{32,}", made.text)
    assert visible_part(made.text) == made.prefix
    assert len(made.text) <= MAX_KEY
    assert make_key().text != made.text


@pytest.mark.parametrize(
    "text", ["", "nlp_", "nlp_abcdefgh_" + "a" * 31, "nlp_abcdefg_" + "a" * 40, "sk_abcdefgh_" + "a" * 40, "店" * 60]
)
def test_what_cannot_be_a_key_has_no_visible_part(text: str) -> None:
    assert visible_part(text) is None


def test_the_longest_key_is_as_long_as_is_said() -> None:
    assert visible_part("nlp_abcdefgh_" + "a" * (MAX_KEY - 13)) == "abcdefgh"
    assert visible_part("nlp_abcdefgh_" + "a" * (MAX_KEY - 12)) is None


def test_a_key_opens_what_it_was_made_for(store: KeyStore) -> None:
    issued = store.create("default", Wanted("robot", ["ingest", "analyze", "ingest"], 2.5, 7), actor="cli")
    key = store.authenticate(issued.secret)
    assert key == issued.key == store.get("default", issued.key.id)
    assert (key.tenant, key.scopes, key.rate_per_s, key.burst) == ("default", ("analyze", "ingest"), 2.5, 7)
    assert (key.created_at, key.created_by, key.expires_at, key.used_at) == (NOW, "cli", None, None)


def test_a_rate_alone_lets_one_second_of_it_come_at_once(store: KeyStore) -> None:
    assert store.create("default", Wanted("robot", ["analyze"], 2.5)).key.burst == 3


def test_the_secret_is_nowhere_in_the_database(store: KeyStore, database: Database) -> None:
    issued = store.create("default", ROBOT)
    hidden = issued.secret.rpartition("_")[2]
    with database.read() as connection:
        stored = str(connection.execute(sa.select(api_keys)).all())
    assert issued.key.prefix in stored
    assert hidden not in stored
    assert hidden not in str(AuditStore(database).browse("default"))


def test_another_secret_with_the_same_visible_part_opens_nothing(store: KeyStore) -> None:
    secret = store.create("default", ROBOT).secret
    assert store.authenticate(secret[:-1] + ("a" if secret[-1] != "a" else "b")) is None
    assert store.authenticate(secret + "a") is None
    assert store.authenticate("nlp_abcdefgh_" + "a" * 40) is None
    assert store.authenticate("") is None


def test_a_key_ends_at_the_very_time_that_it_expires(store: KeyStore, clock: Clock) -> None:
    issued = store.create("default", ROBOT._replace(expires_at=NOW + timedelta(seconds=10)))
    clock.go(seconds=9.999)
    assert store.authenticate(issued.secret) is not None
    clock.go(seconds=0.001)
    assert store.authenticate(issued.secret) is None


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(store: KeyStore, clock: Clock) -> None:
    issued = store.create("default", ROBOT)
    revoked = store.revoke("default", issued.key.id, actor="key:abc")
    assert store.authenticate(issued.secret) is None
    clock.go(hours=1)
    assert store.revoke("default", issued.key.id) == revoked  # as it was the first time
    assert store.list("default") == [revoked]


def test_a_rotation_gives_another_key_and_leaves_the_old_one_for_a_while(store: KeyStore, clock: Clock) -> None:
    old = store.create("default", Wanted("robot", ("analyze", "ingest"), 5.0, 9, NOW + timedelta(days=90)))
    clock.go(days=80)
    new = store.rotate("default", old.key.id, grace_s=3600)
    assert (new.key.name, new.key.scopes, new.key.rate_per_s, new.key.burst) == ("robot", old.key.scopes, 5.0, 9)
    assert new.key.expires_at == clock.now + timedelta(days=90)  # as long as the old one was made for
    assert store.authenticate(old.secret) is not None
    clock.go(hours=1)
    assert store.authenticate(old.secret) is None
    assert store.authenticate(new.secret) == new.key


def test_a_rotation_does_not_lengthen_the_old_key(store: KeyStore, clock: Clock) -> None:
    old = store.create("default", ROBOT._replace(expires_at=NOW + timedelta(seconds=10)))
    store.rotate("default", old.key.id, grace_s=3600)
    assert store.get("default", old.key.id).expires_at == NOW + timedelta(seconds=10)


@pytest.mark.parametrize("end", ["revoke", "expire"])
def test_a_key_that_is_not_good_cannot_be_rotated(store: KeyStore, clock: Clock, end: str) -> None:
    issued = store.create("default", ROBOT._replace(expires_at=NOW + timedelta(seconds=10)))
    if end == "revoke":
        store.revoke("default", issued.key.id)
    else:
        clock.go(seconds=10)
    with pytest.raises(Conflict):
        store.rotate("default", issued.key.id)


@pytest.mark.parametrize("grace_s", [-1, float("nan"), float("inf"), 30 * 86_400 + 1])
def test_a_time_of_grace_out_of_bounds_is_refused(store: KeyStore, grace_s: float) -> None:
    key_id = store.create("default", ROBOT).key.id
    with pytest.raises(BadInput) as caught:
        store.rotate("default", key_id, grace_s=grace_s)
    assert caught.value.param == "grace_s"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": " "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": ()}, "scopes"),
        ({"scopes": ("analyze", "root")}, "scopes[1]"),
        ({"rate_per_s": 0.0}, "rate_per_s"),
        ({"rate_per_s": float("nan")}, "rate_per_s"),
        ({"rate_per_s": 1e9}, "rate_per_s"),
        ({"burst": 5}, "burst"),  # of what?
        ({"rate_per_s": 1.0, "burst": 0}, "burst"),
        ({"expires_at": NOW}, "expires_at"),  # over before it begins
        ({"expires_at": datetime(2026, 4, 1)}, "expires_at"),
        ({"expires_at": datetime.max.replace(tzinfo=UTC)}, "expires_at"),
    ],
)
def test_a_key_that_cannot_be_made_names_the_field(store: KeyStore, change: dict[str, Any], param: str) -> None:
    with pytest.raises(BadInput) as caught:
        store.create("default", ROBOT._replace(**change))
    assert caught.value.param == param
    assert store.list("default") == []


def test_a_tenant_has_so_many_good_keys_and_no_more(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "MOST_KEYS", 2)
    first, _ = (store.create("default", ROBOT) for _ in range(2))
    with pytest.raises(Conflict):
        store.create("default", ROBOT)
    store.revoke("default", first.key.id)
    store.create("default", ROBOT)


def test_keys_of_another_tenant_are_not_there(store: KeyStore, database: Database) -> None:
    TenantStore(database).create("acme")
    theirs = store.create("acme", ROBOT).key
    assert store.list("default") == []
    calls: list[Callable[[], object]] = [
        lambda: store.get("default", theirs.id),
        lambda: store.revoke("default", theirs.id),
        lambda: store.rotate("default", theirs.id),
        lambda: store.get("default", 10**12),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert store.get("acme", theirs.id) == theirs


def test_a_key_needs_a_tenant_that_is_there(store: KeyStore) -> None:
    with pytest.raises(NotFound):
        store.create("acme", ROBOT)


def test_keys_are_listed_in_pages(store: KeyStore) -> None:
    made = [store.create("default", ROBOT).key for _ in range(3)]
    assert store.list("default", limit=2) == made[:2]
    assert store.list("default", after=made[1].id, limit=2) == made[2:]
    assert store.list("default", after=10**12) == []


def test_use_is_written_down_once_a_minute(store: KeyStore) -> None:
    key_id = store.create("default", ROBOT).key.id
    for seconds, expected in ((0, 0), (59.9, 0), (60, 60), (61, 60)):
        store.mark_used(key_id, NOW + timedelta(seconds=seconds))
        assert store.get("default", key_id).used_at == NOW + timedelta(seconds=expected)


def test_every_change_is_written_down(store: KeyStore, database: Database) -> None:
    old = store.create("default", ROBOT, actor="a").key.id
    new = store.rotate("default", old, grace_s=60, actor="b").key.id
    store.revoke("default", new, actor="c")
    store.revoke("default", new, actor="d")  # changes nothing
    lines = AuditStore(database).browse("default")[::-1]
    assert [(line.actor, line.action, line.object) for line in lines] == [
        ("a", "key.create", f"key:{old}"),
        ("b", "key.create", f"key:{new}"),
        ("b", "key.rotate", f"key:{old}"),
        ("c", "key.revoke", f"key:{new}"),
    ]
    assert lines[2].detail == {"to": new, "grace_s": 60}


def test_the_first_key_may_do_everything_and_is_made_once(store: KeyStore, database: Database) -> None:
    shown: list[str] = []
    assert make_first_key(database, shown.append)
    assert not make_first_key(database, shown.append)
    (secret,) = shown
    key = KeyStore(database).authenticate(secret)
    assert key is not None
    assert (key.tenant, key.scopes) == ("default", SCOPES)


def test_replicas_that_start_at_once_make_one_key(database: Database) -> None:
    shown: list[str] = []
    barrier = threading.Barrier(4)

    def start(_: int) -> bool:
        barrier.wait()
        return make_first_key(database, shown.append)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(start, range(4))) == 1
    assert len(shown) == len(KeyStore(database).list("default")) == 1


def test_a_key_that_cannot_be_shown_is_not_made(database: Database) -> None:
    def fail(_: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        make_first_key(database, fail)
    assert KeyStore(database).list("default") == []


def test_no_first_key_is_made_where_the_last_one_was_revoked(store: KeyStore, database: Database) -> None:
    store.revoke("default", store.create("default", ROBOT).key.id)
    assert not make_first_key(database, lambda _: None)


def test_a_new_tenant_has_a_key_that_can_make_no_tenants(database: Database) -> None:
    tenant, issued = found_tenant(database, "acme", {"retention_days": 7}, actor="key:abc")
    assert (tenant.name, tenant.settings.retention_days) == ("acme", 7)
    assert (issued.key.tenant, issued.key.scopes, issued.key.created_by) == ("acme", OF_A_TENANT, "key:abc")
    with pytest.raises(Conflict):
        found_tenant(database, "acme")
    assert len(KeyStore(database).list("acme")) == 1
