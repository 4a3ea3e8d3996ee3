from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from nlp_service.notify import sender as sender_module
from nlp_service.notify.sealing import Vault
from nlp_service.notify.sender import Sender, wait_s
from nlp_service.store.database import Database
from nlp_service.store.notifying import NotifyStore
from nlp_service.store.outbox import Outbox
from tests.unit.notify.conftest import Clock, T, notice, tell
from tests.unit.notify.receiver import SECRET, Receiver

HTTP = ("wecom", "feishu", "dingtalk", "webhook")


def sender_of(database: Database, vault: Vault, clock: Clock, **options: Any) -> Sender:
    return Sender(Outbox(database), vault, now=clock, allow_private=True, **options)


def title_of(kind: str, value: Any) -> str:
    found = {
        "wecom": lambda: value["markdown"]["content"],
        "dingtalk": lambda: value["markdown"]["text"],
        "feishu": lambda: value["card"]["header"]["title"]["content"],
        "webhook": lambda: value["notice"]["title"],
    }
    return str(found[kind]())


async def test_each_kind_is_delivered_and_its_signature_holds(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver, clock: Clock
) -> None:
    tell(database, notice(), clock(), *HTTP)
    assert await sender_of(database, vault, clock).deliver() == 4
    assert receiver.refused == []
    assert {kind for kind, _ in receiver.taken} == set(HTTP)
    assert all("三个群" in title_of(kind, value) for kind, value in receiver.taken)
    assert Outbox(database).counts(T) == {"pending": 0, "sent": 4, "dead": 0, "cancelled": 0}


@pytest.mark.parametrize("kind", ["feishu", "dingtalk", "webhook"])
async def test_a_wrong_secret_is_given_up_and_seen(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver, clock: Clock, kind: str
) -> None:
    wrong = vault.seal({"url": f"{receiver.url}/{kind}", "secret": "not the one of the receiver"})
    channels.put(T, kind, kind, {}, wrong, actor="test")
    tell(database, notice(), clock(), kind)
    assert await sender_of(database, vault, clock).deliver() == 0
    (line,) = Outbox(database).browse(T)
    assert (line.state, line.attempts) == ("dead", 1)
    assert line.error in ("code_19021", "code_310000", "http_401")
    channels.put(T, kind, kind, {}, vault.seal({"url": f"{receiver.url}/{kind}", "secret": SECRET}), actor="test")
    Outbox(database).retry(T, line.id, clock(), actor="test")
    assert await sender_of(database, vault, clock).deliver() == 1


async def test_a_receiver_that_was_down_gets_all_in_order_and_none_twice(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver, clock: Clock
) -> None:
    sender = sender_of(database, vault, clock)
    receiver.status, receiver.now = 503, lambda: clock().timestamp()
    ends = clock().timestamp() + 600
    n = 0
    while clock().timestamp() < ends:
        if n < 20:
            tell(database, notice(f"第 {n} 条"), clock(), "webhook", "feishu")
            n += 1
        assert await sender.deliver() == 0
        clock.advance(5)
    receiver.status = 200
    for _ in range(70):  # the longest wait is five minutes
        await sender.deliver()
        clock.advance(5)
    for kind in ("webhook", "feishu"):
        titles = [title_of(kind, value) for got, value in receiver.taken if got == kind]
        assert [title.removeprefix("🟠 ") for title in titles] == [f"第 {i} 条" for i in range(20)]
    assert len(set(receiver.keys)) == len(receiver.keys) == 40


async def test_a_dead_channel_does_not_hold_up_the_others(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver, clock: Clock
) -> None:
    nobody = vault.seal({"url": "http://127.0.0.1:9/hook", "secret": SECRET})
    channels.put(T, "nobody", "webhook", {}, nobody, actor="test")
    for n in range(3):
        tell(database, notice(str(n)), clock(), "nobody", "webhook")
    assert await sender_of(database, vault, clock).deliver() == 3
    waiting = Outbox(database).browse(T, state="pending")
    assert [line.attempts for line in waiting] == [0, 0, 1]
    assert channels.get(T, "nobody").failures == 1


async def test_what_nobody_takes_for_a_day_is_given_up(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver, clock: Clock
) -> None:
    tell(database, notice(), clock(), "webhook")
    receiver.status = 500
    sender = sender_of(database, vault, clock)
    await sender.deliver()
    clock.advance(sender_module.GIVE_UP_S)
    await sender.deliver()
    (line,) = Outbox(database).browse(T)
    assert (line.state, line.error) == ("dead", "too_old http_500")


async def test_a_slow_receiver_is_not_waited_for_for_ever(
    database: Database,
    vault: Vault,
    channels: NotifyStore,
    receiver: Receiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender_module, "TRY_S", 0.2)
    receiver.delay_s = 1.0
    tell(database, notice(), clock(), "webhook")
    assert await sender_of(database, vault, clock).deliver() == 0
    assert Outbox(database).browse(T)[0].error == "timeout"
    await asyncio.sleep(1.0)  # the receiver's thread ends before its server does


async def test_private_addresses_are_not_called_unless_allowed(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver, clock: Clock
) -> None:
    tell(database, notice(), clock(), "webhook")
    assert await Sender(Outbox(database), vault, now=clock).deliver() == 0
    assert Outbox(database).browse(T)[0].error == "address_not_public"
    assert receiver.taken == []


async def test_secrets_sealed_with_another_key_are_not_sent_anywhere(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver, clock: Clock
) -> None:
    from cryptography.fernet import Fernet

    tell(database, notice(), clock(), "webhook")
    other = Vault([Fernet.generate_key().decode()])
    assert await sender_of(database, other, clock).deliver() == 0
    assert Outbox(database).browse(T)[0].state == "dead"
    assert receiver.taken == []


async def test_mail_goes_out(database: Database, vault: Vault, clock: Clock) -> None:
    class Mailbox:
        def __init__(self) -> None:
            self.got: list[bytes] = []

        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            self.got.append(envelope.content)
            return "250 OK"

    mailbox = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{port}?from=ops@example.com&to=duty@example.com&mode=insecure"
        store = NotifyStore(database)
        store.put(T, "mail", "apprise", {}, vault.seal({"url": url}), actor="test")
        tell(database, notice(), clock(), "mail")
        assert await sender_of(database, vault, clock).deliver() == 1
    finally:
        controller.stop()
    (content,) = mailbox.got
    assert b"duty@example.com" in content


async def test_the_background_task_delivers_and_stops(
    database: Database, vault: Vault, channels: NotifyStore, receiver: Receiver
) -> None:
    sender = Sender(Outbox(database), vault, allow_private=True, poll_s=30)
    await sender.start()
    await asyncio.sleep(0.05)
    clock = Clock()
    tell(database, notice(), clock(), "webhook")
    sender.wake()
    for _ in range(200):
        if receiver.taken:
            break
        await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        await sender.stop()
    assert len(receiver.taken) == 1


async def test_logs_carry_no_texts_and_no_addresses(
    database: Database,
    vault: Vault,
    channels: NotifyStore,
    receiver: Receiver,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="nlp_service")
    receiver.status = 404
    tell(database, notice(), clock(), *HTTP)
    await sender_of(database, vault, clock).deliver()
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("nlp_service"))
    assert "given up" in said
    for secret in ("三个群", "不太舒服", receiver.url, SECRET):
        assert secret not in said


def test_what_a_webhook_gets_is_the_notice_whole() -> None:
    from datetime import UTC, datetime

    from nlp_service.notify.kinds import KINDS

    told = notice()
    request = KINDS["webhook"].request(told, {"url": "https://x", "secret": SECRET}, "k", datetime.now(UTC), "UTC")
    value = json.loads(request.body)
    assert value["id"] == "k"
    assert value["notice"]["quotes"] == list(told.quotes)
    assert value["notice"]["lines"][0] == {"label": "影响人数", "value": "12"}


def test_waits_grow_up_to_five_minutes() -> None:
    assert [wait_s(n, 0.0) for n in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, 300, 300]
    assert wait_s(3, 1.0) == pytest.approx(3.2)
