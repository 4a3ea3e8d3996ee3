from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.notify.notices import decode
from nlp_service.notify.sealing import Vault
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database, open_database
from nlp_service.store.notifying import NotifyStore, make_link
from nlp_service.store.outbox import Outbox
from nlp_service.store.posting import Posting, post, take_on
from tests.unit.notify.conftest import Clock, T, notice, tell


@pytest.fixture
def outbox(database: Database, channels: NotifyStore) -> Outbox:
    return Outbox(database)


def test_what_is_posted_comes_back_whole(database: Database, outbox: Outbox, clock: Clock) -> None:
    tell(database, notice(), clock(), "webhook")
    claim = outbox.claim("a", clock(), 30)
    assert claim is not None
    assert (claim.name, claim.kind, claim.failures) == ("webhook", "webhook", 0)
    waiting = outbox.next_of(claim, "a", clock(), 30)
    assert waiting is not None
    assert decode(waiting.notice) == notice()


def test_a_posting_is_undone_with_its_transaction(database: Database, outbox: Outbox, clock: Clock) -> None:
    def fail() -> None:
        with database.write() as connection:
            postings = [Posting("webhook", clock(), 60)]
            post(connection, T, postings, b"{}", subject="s:1", kind="k", what="w", now=clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert outbox.browse(T) == []
    assert tell(database, notice(), clock(), "webhook", what="w", cool_down_s=60.0).n_held_back == 0


def test_the_same_is_not_told_twice_within_its_cool_down(database: Database, outbox: Outbox, clock: Clock) -> None:
    options = {"what": "incident:1 severity 3", "cool_down_s": 600.0}
    assert len(tell(database, notice(), clock(), "webhook", **options).ids) == 1  # type: ignore[arg-type]
    clock.advance(599)
    assert tell(database, notice(), clock(), "webhook", **options) == ([], 1)  # type: ignore[arg-type]
    assert len(tell(database, notice(), clock(), "feishu", **options).ids) == 1  # type: ignore[arg-type]
    assert len(tell(database, notice(), clock(), "webhook", what="severity 4", cool_down_s=600.0).ids) == 1
    clock.advance(2)
    assert len(tell(database, notice(), clock(), "webhook", **options).ids) == 1  # type: ignore[arg-type]


def test_of_many_who_tell_the_same_at_once_one_does(url: str, channels: NotifyStore, clock: Clock) -> None:
    told: list[int] = []

    def work() -> None:
        with open_database(url) as own:
            told.append(len(tell(own, notice(), clock(), "webhook", what="same", cool_down_s=60.0).ids))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [0] * 7 + [1]


def test_a_channel_is_held_by_one_worker_until_its_lease_ends(database: Database, outbox: Outbox, clock: Clock) -> None:
    tell(database, notice(), clock(), "webhook")
    claim = outbox.claim("a", clock(), 30)
    assert claim is not None
    assert outbox.n_due(clock()) == 0
    assert outbox.claim("b", clock(), 30) is None
    clock.advance(31)
    assert outbox.claim("b", clock(), 30) is not None
    assert outbox.next_of(claim, "a", clock(), 30) is None  # it is b's by now


def test_what_is_due_later_waits(database: Database, outbox: Outbox, clock: Clock) -> None:
    tell(database, notice(), clock(), "webhook", due_at=clock() + timedelta(seconds=300))
    assert outbox.claim("a", clock(), 30) is None
    clock.advance(300)
    assert outbox.claim("a", clock(), 30) is not None


def test_whoever_takes_it_on_ends_the_escalations(database: Database, outbox: Outbox, clock: Clock) -> None:
    later = clock() + timedelta(seconds=300)
    tell(database, notice(), clock(), "webhook")
    tell(database, notice(), clock(), "feishu", due_at=later, is_escalation=True)
    tell(database, notice(subject="incident:2"), clock(), "feishu", due_at=later, is_escalation=True)
    with database.write() as connection:
        assert take_on(connection, T, "incident:1", clock()) == 1
        assert take_on(connection, "another", "incident:2", clock()) == 0
    assert [line.state for line in outbox.browse(T)] == ["pending", "cancelled", "pending"]


def test_unknown_and_inactive_channels_are_passed_over(
    database: Database, channels: NotifyStore, outbox: Outbox, clock: Clock
) -> None:
    channels.set_active(T, "feishu", False, actor="test")
    assert tell(database, notice(), clock(), "feishu", "nobody") == ([], 0)


def test_pages_filters_and_counts(database: Database, outbox: Outbox, clock: Clock) -> None:
    for n in range(5):
        tell(database, notice(str(n), subject=f"incident:{n}"), clock(), "webhook")
    newest = outbox.browse(T, limit=2)
    assert [line.subject for line in newest] == ["incident:4", "incident:3"]
    assert [line.subject for line in outbox.browse(T, before=newest[-1].id, limit=2)] == ["incident:2", "incident:1"]
    assert [line.subject for line in outbox.browse(T, subject="incident:3")] == ["incident:3"]
    assert outbox.browse("another") == []
    assert outbox.counts(T)["pending"] == 5


def test_only_what_was_given_up_is_sent_again(database: Database, outbox: Outbox, clock: Clock) -> None:
    (number,) = tell(database, notice(), clock(), "webhook").ids
    with pytest.raises(Conflict):
        outbox.retry(T, number, clock(), actor="test")
    with pytest.raises(NotFound):
        outbox.retry("another", number, clock(), actor="test")


def test_old_lines_go(database: Database, outbox: Outbox, clock: Clock) -> None:
    tell(database, notice(), clock(), "webhook", "feishu")
    claim = outbox.claim("a", clock(), 30)
    assert claim is not None
    waiting = outbox.next_of(claim, "a", clock(), 30)
    assert waiting is not None
    outbox.sent(claim, waiting.id, clock())
    assert outbox.expire(clock() + timedelta(seconds=1)) == 1
    assert [line.state for line in outbox.browse(T)] == ["pending"]


def test_channels_hide_their_secrets_and_changes_are_logged(
    database: Database, channels: NotifyStore, vault: Vault
) -> None:
    assert [channel.name for channel in channels.list(T)] == ["dingtalk", "feishu", "webhook", "wecom"]
    assert channels.list("another") == []
    channels.put(T, "feishu", "feishu", {"note": "x"}, None, actor="test")
    assert channels.get(T, "feishu").settings == {"note": "x"}
    channels.remove(T, "feishu", actor="test")
    with pytest.raises(NotFound):
        channels.get(T, "feishu")
    actions = [line.action for line in AuditStore(database).browse(T)]
    assert actions[:2] == ["channel.remove", "channel.put"]
    with pytest.raises(Conflict):
        channels.put(T, "webhook", "wecom", {}, None, actor="test")
    with pytest.raises(BadInput):
        channels.put(T, "no such", "wecom", {}, b"", actor="test")


def test_the_key_can_be_changed(channels: NotifyStore, vault: Vault, database: Database) -> None:
    from cryptography.fernet import Fernet

    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    channels.put(T, "webhook", "webhook", {}, Vault([old]).seal({"url": "u"}), actor="test")
    for name in ("wecom", "feishu", "dingtalk"):
        channels.remove(T, name, actor="test")
    both = Vault([new, old])
    assert channels.reseal(both.renew) == 1


def test_routes_are_versions(channels: NotifyStore) -> None:
    assert channels.routing(T).version == 0
    first = channels.put_routing(T, {"otherwise": ["webhook"]}, actor="test")
    assert (first.version, first.document) == (1, {"otherwise": ["webhook"]})
    assert channels.put_routing(T, {"otherwise": ["webhook"]}, actor="test").version == 1
    assert channels.put_routing(T, {"otherwise": []}, actor="test").version == 2
    assert channels.routing("another").version == 0


def test_links_are_used_once_and_end(database: Database, channels: NotifyStore, clock: Clock) -> None:
    with database.write() as connection:
        token = make_link(connection, T, "incident:1", clock() + timedelta(hours=1))
    assert channels.look_at_link(token, clock()).used_by is None
    with database.write() as connection:
        channels.use_link(connection, token, "mei", clock())
    with database.write() as connection:
        assert channels.use_link(connection, token, "lan", clock()).used_by == "mei"
    with pytest.raises(NotFound):
        channels.look_at_link("another", clock())
    clock.advance(3_601)
    with pytest.raises(NotFound):
        channels.look_at_link(token, clock())
