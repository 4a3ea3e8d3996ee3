from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from nlp_service.errors import NotFound, NotReady
from nlp_service.knowledge.assistant import Assistant
from nlp_service.knowledge.entries import make_entry, to_record
from nlp_service.knowledge.loaded import Asked
from nlp_service.knowledge.reply import Decision
from nlp_service.store.knowledge import KnowledgeStore
from tests.unit.knowledge.asking import CALM, NOW, always, ask, following, publish
from tests.unit.knowledge.search.made_up import SHOP, sensible


async def test_answers_from_what_is_published(store: KnowledgeStore) -> None:
    assert publish(store, "a", "店", SHOP) == 1
    store.put("a", "店", [to_record(make_entry("refund", ["怎么退款"], "草稿里的答案"))])
    async with following(store, always()) as assistant:
        reply = await ask(assistant, "店", "怎么退款")
        assert (reply.decision, reply.entry_id, reply.kb_version) == (Decision.ANSWER, "refund", 1)
        assert reply.answer == SHOP[0].answer
        assert assistant.status() == {"bases": 1, "wordings": sum(len(entry.questions) for entry in SHOP)}
        assert assistant.model_version == "planted-1"


async def test_a_base_that_was_never_published_is_empty(store: KnowledgeStore) -> None:
    store.put("a", "店", [to_record(entry) for entry in SHOP], may_create=True)
    async with following(store, always()) as assistant:
        reply = await ask(assistant, "店", "怎么退款")
        assert (reply.decision, reply.alternatives, reply.kb_version) == (Decision.HANDOFF, (), 0)


async def test_tenants_never_see_one_another(store: KnowledgeStore) -> None:
    for tenant in ("a", "b"):
        own = [msgspec.structs.replace(entry, id=f"{tenant}-{entry.id}") for entry in SHOP]
        publish(store, tenant, "店", own)
    publish(store, "b", "内部", SHOP)
    async with following(store) as assistant:
        # Asked by turns, so that one's index is in memory when the other asks.
        for tenant in ("a", "b", "a", "b"):
            for text in ("怎么退款", "停车收费吗"):
                reply = await ask(assistant, "店", text, tenant=tenant)
                assert {each.entry_id.split("-")[0] for each in reply.alternatives} == {tenant}
                found = await assistant.search(tenant, "店", text)
                assert {each.entry_id.split("-")[0] for each in found} == {tenant}
        await ask(assistant, "内部", "怎么退款", tenant="b")
        for call in (
            ask(assistant, "内部", "怎么退款"),
            assistant.search("a", "内部", "怎么退款"),
            assistant.search("a", "内部", "怎么退款", version=1),
            assistant.calibrate("a", "内部"),
        ):
            with pytest.raises(NotFound):
                await call


async def test_what_does_not_hold_now_or_here_does_not_come_back(store: KnowledgeStore) -> None:
    over = msgspec.structs.replace(SHOP[0], valid_to=NOW)
    inside = msgspec.structs.replace(SHOP[1], audience=("vip",))
    publish(store, "a", "店", [over, inside, *SHOP[2:]])
    async with following(store) as assistant:
        everywhere = {each.entry_id for each in (await ask(assistant, "店", "怎么退款")).alternatives}
        assert everywhere == {entry.id for entry in SHOP[2:]}
        there = await ask(assistant, "店", "几点开门", channel="vip")
        assert {each.entry_id for each in there.alternatives} == {entry.id for entry in SHOP[1:]}
        assert {each.entry_id for each in await assistant.search("a", "店", "几点开门")} == everywhere


async def test_many_who_ask_first_load_a_base_once(store: KnowledgeStore) -> None:
    publish(store, "a", "店", SHOP)
    async with following(store, always()) as assistant:
        replies = await asyncio.gather(*(ask(assistant, "店", "怎么退款") for _ in range(20)))
        assert {reply.entry_id for reply in replies} == {"refund"}
        assert assistant.status()["bases"] == 1


async def test_an_older_version_can_be_searched(store: KnowledgeStore) -> None:
    publish(store, "a", "店", SHOP[:2])
    publish(store, "a", "店", SHOP)
    async with following(store) as assistant:
        assert len(await assistant.search("a", "店", "怎么退款", version=1)) == 2
        assert len(await assistant.search("a", "店", "怎么退款")) == len(SHOP)
        assert len(await assistant.search("a", "店", "怎么退款", n=3)) == 3
        with pytest.raises(NotFound):
            await assistant.search("a", "店", "怎么退款", version=3)


async def test_thresholds_that_are_fitted_take_effect(store: KnowledgeStore) -> None:
    things = "会员卡 停车场 优惠券 储物柜 健身房 游泳池 自习室 投影仪".split()
    deeds = "开门时间 收费标准 预约方式 损坏赔偿".split()
    pairs = [(thing, deed) for thing in things for deed in deeds]
    entries = [make_entry(f"{t}{d}", [f"{t}{d}", f"{t}的{d}是什么"], "请看公告。") for t, d in pairs]
    publish(store, "a", "店", entries)
    async with following(store) as assistant:
        before = await ask(assistant, "店", "会员卡收费标准")
        assert before.threshold == sensible().thresholds.answer
        fitted = await assistant.calibrate("a", "店", 0.8)
        assert fitted.asked >= len(entries)
        after = await ask(assistant, "店", "会员卡收费标准")  # at once, not at the next look
        assert after.threshold == fitted.thresholds.answer
        assert after.kb_version == before.kb_version == 1
    async with following(store) as another:
        assert (await ask(another, "店", "会员卡收费标准")).threshold == fitted.thresholds.answer


async def test_of_a_base_without_versions_no_thresholds_are_kept(store: KnowledgeStore) -> None:
    store.create("a", "店")
    async with following(store) as assistant:
        fitted = await assistant.calibrate("a", "店")
        assert (fitted.asked, store.versions("a", "店")) == (0, [])


async def test_the_time_of_a_question_is_its_own(store: KnowledgeStore) -> None:
    publish(store, "a", "店", [msgspec.structs.replace(SHOP[0], valid_from=NOW + timedelta(days=1)), SHOP[1]])
    async with following(store) as assistant:
        later = await assistant.reply("a", "店", Asked("怎么退款", NOW + timedelta(days=1)), CALM)
        assert later.alternatives[0].entry_id == "refund"
        assert [each.entry_id for each in (await ask(assistant, "店", "怎么退款")).alternatives] == ["hours"]


async def test_an_analysis_that_failed_hands_over(store: KnowledgeStore) -> None:
    publish(store, "a", "店", SHOP)
    async with following(store, always()) as assistant:
        failed = msgspec.structs.replace(CALM, intent=None)
        reply = await assistant.reply("a", "店", Asked("怎么退款", NOW), failed)
        assert (reply.decision, reply.reason) == (Decision.HANDOFF, "analysis_failed")
        assert reply.alternatives[0].entry_id == "refund"  # who takes over sees what was found


async def test_stops_without_having_been_started(store: KnowledgeStore) -> None:
    await Assistant(store, sensible()).stop()


async def test_a_base_is_searched_while_the_question_is_still_being_read(store: KnowledgeStore) -> None:
    publish(store, "a", "店", SHOP)
    async with following(store, always()) as assistant:
        known = await assistant.reply("a", "店", Asked("怎么退款", NOW), CALM)
        reading = asyncio.get_running_loop().create_future()
        replying = asyncio.create_task(assistant.reply_with_sources("a", "店", Asked("怎么退款", NOW), reading))
        await asyncio.sleep(0.05)
        assert not replying.done()
        reading.set_result(CALM)
        assert (await replying)[0] == known


async def test_what_keeps_a_question_from_being_read_is_told(store: KnowledgeStore) -> None:
    publish(store, "a", "店", SHOP)
    async with following(store, always()) as assistant:
        reading = asyncio.get_running_loop().create_future()
        reading.set_exception(NotReady("no inference worker is running"))
        with pytest.raises(NotReady):
            await assistant.reply_with_sources("a", "店", Asked("怎么退款", NOW), reading)
