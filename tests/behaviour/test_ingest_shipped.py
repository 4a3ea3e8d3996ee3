"""Messages in and verdicts out with the shipped model, real rules and a real database."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from nlp_service.cli.loading import load
from nlp_service.moderation.rulebook import Rulebooks, RuleStore
from nlp_service.store.database import open_database
from nlp_service.store.messages import MessageStore
from nlp_service.store.words import Word
from tests.api.knowledge_app import soon
from tests.api.messages_app import message, running_messages, send

ADVERT = "专业办理各种证件，加微信 zhengjian8888 详聊，量大优惠，诚信第一"
QUESTION = "请问快递一般几天能到呀？"
COMPLAINT = "客服一直不回，等了三天还没退款，打13800138000也没人接"
STORY = "用这款扫地机三个月了：吸力够用，拖布每周要洗一次，不然会有味道，建议多买两块轮换，总体比上一台省心"


async def test_a_day_of_a_community(tmp_path: Path) -> None:
    with open_database(str(tmp_path / "m.db")) as database:
        rules = RuleStore(database)
        options: dict[str, Any] = {"build": partial(load, "fast"), "rules": Rulebooks(rules, poll_s=0.05)}
        async with running_messages(database, **options) as client:
            first = await send(
                client,
                message("1", ADVERT, author="spammer"),
                message("2", QUESTION, author="buyer"),
                message("3", COMPLAINT, author="buyer"),
                message("4", STORY, author="writer"),
            )
            assert [one["intent"]["primary"] for one in first] == ["ad", "question", "complaint", "ugc"]
            assert first[0]["verdict"]["action"] in ("warn", "remove")
            assert first[1]["verdict"] == {"action": "pass", "reasons": []}
            assert first[2]["verdict"]["action"] in ("pass", "review")  # a brand must hear it
            assert [span["text"] for span in first[2]["pii"]] == ["13800138000"]
            assert first[3]["ugc_quality"]["originality"] == 1.0
            assert {one["policy_version"] for one in first} == {"default-1"}
            more = [(await send(client, message(f"1{i}", ADVERT, author="spammer")))[0] for i in range(2)]
            assert [one["verdict"]["action"] for one in more] == ["remove", "block"]
            again = await send(client, message("3", COMPLAINT, author="buyer"))
            assert again == [first[2] | {"state": "duplicate"}]
        kept = MessageStore(database).find("default", "qq", "3")
        assert "13800138000" not in str(kept)
        assert kept.analysis is not None
        for span in (*kept.analysis.pii, *(pain.span for pain in kept.analysis.pain)):
            assert span.text == kept.text[span.start : span.end]


async def test_a_list_that_is_made_meanwhile_decides_at_both_doors(tmp_path: Path) -> None:
    with open_database(str(tmp_path / "m.db")) as database:
        rules = RuleStore(database)
        options: dict[str, Any] = {"build": partial(load, "fast"), "rules": Rulebooks(rules, poll_s=0.05)}
        text = "周末的内部优惠券还有吗"
        async with running_messages(database, **options) as client:
            asked = {"messages": [{"id": "1", "text": text}]}
            plain = (await client.post("/v1/analyze", json=asked)).json()
            (before,) = await send(client, message("1", text))
            assert plain["policy_version"] == before["policy_version"] == "default-1"
            rules.lexicons.create("default", "leaks", "deny", "promo", [Word("内部优惠券")], actor="cli")

            async def is_followed() -> bool:
                return bool((await client.post("/v1/analyze", json=asked)).json()["policy_version"] != "default-1")

            assert await soon(is_followed)
            judged = (await client.post("/v1/analyze", json=asked)).json()
            (after,) = await send(client, message("2", text))
            (again,) = await send(client, message("1", text))
        assert after["policy_version"] == judged["policy_version"]
        assert "+lex" in after["policy_version"]
        for result in (judged["results"][0], after):
            (found,) = [item for item in result["evidence"] if item["source"] == "lexicon"]
            assert (found["label"], found["list"], found["span"]["text"]) == (
                "lexicon.deny.promo",
                "leaks",
                "内部优惠券",
            )
            assert result["verdict"]["action"] != "pass"
        assert again == before | {"state": "duplicate"}  # what was decided stays decided
