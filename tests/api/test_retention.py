"""Messages older than their tenant keeps them go by themselves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from nlp_service.api.retention import Retention
from nlp_service.store.database import Database
from nlp_service.store.incoming import Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.tenants import TenantStore
from tests.unit.store.conftest import database, postgresql, url
from tests.unit.store.deliveries import Judge, after, message, rows

__all__ = ["database", "postgresql", "url"]

DAY = 86_400


def fill(database: Database) -> None:
    tenants, store = TenantStore(database), MessageStore(database)
    tenants.create("keeps-two-days")
    tenants.update_settings("keeps-two-days", {"retention_days": 2}, actor="test")
    for tenant in ("default", "keeps-two-days"):
        delivery = [message(f"m{day}", at=day * DAY, author="u") for day in range(4)]
        store.record(tenant, delivery, Judge(), Windows())


async def test_each_tenant_keeps_what_it_wants(database: Database) -> None:
    fill(database)
    retention = Retention(database, now=lambda: after(3 * DAY) + timedelta(hours=1))
    assert await asyncio.to_thread(retention.look) == 2
    assert rows(database, "messages", "tenant", "external_id") == [
        *(("default", f"m{day}") for day in range(4)),
        ("keeps-two-days", "m2"),
        ("keeps-two-days", "m3"),
    ]


async def test_it_looks_by_itself_and_again(database: Database) -> None:
    fill(database)
    clock = [after(0)]
    retention = Retention(database, every_s=0.02, now=lambda: clock[0])
    await retention.start()
    clock[0] = after(30 * DAY)
    for _ in range(500):
        if len(rows(database, "messages", "id")) == 4:
            break
        await asyncio.sleep(0.02)
    await retention.stop()
    assert {tenant for (tenant,) in rows(database, "messages", "tenant")} == {"default"}
