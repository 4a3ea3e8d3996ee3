"""What changes in the store while an assistant answers."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from nlp_service.errors import NotFound, NotReady
from nlp_service.knowledge.assistant import Assistant
from nlp_service.knowledge.entries import Entry, make_entry, to_record
from nlp_service.store.database import open_database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Standing
from tests.unit.knowledge.asking import NOW, SOON_S, always, ask, following, publish, seconds_until
from tests.unit.knowledge.search.made_up import SHOP


async def test_synonyms_take_effect_while_it_runs(store: KnowledgeStore) -> None:
    publish(store, "a", "店", SHOP)
    async with following(store, always()) as assistant:

        async def knows() -> bool:
            return (await ask(assistant, "店", "凭证")).entry_id == "invoice"

        assert not await knows()
        store.change_settings("a", "店", {"synonyms": [["凭证", "发票"]]})
        assert await seconds_until(knows) < SOON_S
        store.change_settings("a", "店", {"synonyms": None})
        assert await seconds_until(lambda: _not(knows())) < SOON_S


async def _not(told: Awaitable[bool]) -> bool:
    return not await told


PUBLISH = """
import sys
from nlp_service.store.database import open_database
from nlp_service.store.knowledge import KnowledgeStore
with open_database(sys.argv[1]) as database:
    KnowledgeStore(database).publish("a", "店")
"""


async def test_a_version_of_another_process_is_answered_from(tmp_path: Path, repository: Path) -> None:
    url = str(tmp_path / "shared.db")
    with open_database(url) as database:
        store = KnowledgeStore(database)
        publish(store, "a", "店", SHOP)
        async with following(store, always()) as assistant:
            assert (await ask(assistant, "店", "怎么退款")).kb_version == 1
            store.put("a", "店", [to_record(make_entry("refund", ["怎么退款"], "新的答案"))])
            command = [sys.executable, "-c", PUBLISH, url]
            await asyncio.to_thread(subprocess.run, command, cwd=repository, check=True, timeout=60)

            async def is_new() -> bool:
                return (await ask(assistant, "店", "怎么退款")).kb_version == 2

            assert await seconds_until(is_new) < SOON_S
            assert (await ask(assistant, "店", "怎么退款")).answer == "新的答案"


async def test_a_request_sees_one_version_whole_while_others_take_its_place(store: KnowledgeStore) -> None:
    def version(number: int) -> list[Entry]:
        # Ids change too, so that a mixture would name an entry that the version does not have.
        return [
            make_entry(f"v{number}-{place}", list(entry.questions), f"第{number}版") for place, entry in enumerate(SHOP)
        ]

    def publish_next(number: int) -> None:
        store.put("a", "店", [to_record(entry) for entry in version(number)])
        store.remove("a", "店", [entry.id for entry in version(number - 1)])
        store.publish("a", "店")

    publish(store, "a", "店", version(1))
    assistant = Assistant(store, always(), poll_s=0.01, now=lambda: NOW)
    await assistant.start()
    seen = []
    publishing = asyncio.create_task(_each(range(2, 8), publish_next))
    while not publishing.done() or not seen or seen[-1].kb_version < 7:
        seen += await asyncio.gather(*(ask(assistant, "店", entry.questions[0]) for entry in SHOP))
    await publishing
    await assistant.stop()
    assert len({reply.kb_version for reply in seen}) >= 3  # else nothing was swapped while it was asked
    assert [reply.kb_version for reply in seen] == sorted(reply.kb_version for reply in seen)
    for reply in seen:
        assert reply.answer == f"第{reply.kb_version}版"
        assert {each.entry_id for each in reply.alternatives} == {e.id for e in version(reply.kb_version)}


async def _each(numbers: range, work: Callable[[int], None]) -> None:
    for number in numbers:
        await asyncio.to_thread(work, number)
        await asyncio.sleep(0.05)


async def test_a_base_that_is_removed_is_forgotten(store: KnowledgeStore) -> None:
    publish(store, "a", "店", SHOP)
    async with following(store, always()) as assistant:
        await ask(assistant, "店", "怎么退款")
        store.delete("a", "店")

        async def is_forgotten() -> bool:
            return assistant.status()["bases"] == 0

        assert await seconds_until(is_forgotten) < SOON_S
        with pytest.raises(NotFound):
            await ask(assistant, "店", "怎么退款")
        # Another one of the same name is another one.
        publish(store, "a", "店", SHOP[1:2])
        assert [each.entry_id for each in (await ask(assistant, "店", "怎么退款")).alternatives] == ["hours"]


@pytest.mark.parametrize("synonyms", [[["只有一个"]], 5])
async def test_settings_that_cannot_be_read_hold_up_no_other_base(
    store: KnowledgeStore, caplog: pytest.LogCaptureFixture, synonyms: object
) -> None:
    for kb in ("坏", "好"):
        publish(store, "a", kb, SHOP)
    async with following(store, always()) as assistant:
        for kb in ("坏", "好"):
            await ask(assistant, kb, "怎么退款")
        with caplog.at_level(logging.WARNING):
            store.change_settings("a", "坏", {"synonyms": synonyms})
            store.change_settings("a", "好", {"synonyms": [["凭证", "发票"]]})

            async def knows() -> bool:
                return (await ask(assistant, "好", "凭证")).entry_id == "invoice"

            assert await seconds_until(knows) < SOON_S
        assert (await ask(assistant, "坏", "怎么退款")).entry_id == "refund"  # as it was
        assert "was not read again" in caplog.text
        assert "只有一个" not in caplog.text


class Away(KnowledgeStore):
    """A store whose database is away while `is_away`."""

    is_away = False

    def standings(self, tenant: str | None = None) -> dict[int, Standing]:
        if self.is_away:
            raise NotReady("the database cannot be used now (away)")
        return super().standings(tenant)


async def test_an_outage_of_the_database_is_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_database(str(tmp_path / "store.db")) as database:
        store = Away(database)
        publish(store, "a", "店", SHOP[:1])
        assistant = Assistant(store, always(), poll_s=0.01, now=lambda: NOW)
        await assistant.start()
        await ask(assistant, "店", "怎么退款")
        store.is_away = True
        assert await seconds_until(lambda: _true("could not be looked up" in caplog.text)) < SOON_S
        assert (await ask(assistant, "店", "怎么退款")).entry_id == "refund"
        publish(store, "a", "店", SHOP)
        store.is_away = False

        async def is_new() -> bool:
            return (await ask(assistant, "店", "怎么退款")).kb_version == 2

        assert await seconds_until(is_new) < SOON_S
        await assistant.stop()


async def _true(value: bool) -> bool:
    return value
