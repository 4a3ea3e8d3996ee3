from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.knowledge_app import THANKS, ask, make_base, running_bases

pytestmark = pytest.mark.asyncio(loop_scope="module")

PETS = ["可以带宠物进店吗", "可以带宠物进店吗？", "请问可以带宠物进店吗"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        yield client


async def feedback(client: httpx.AsyncClient, reply_id: str, **fields: Any) -> dict[str, Any]:
    response = await client.post("/v1/reply/feedback", json={"reply_id": reply_id, **fields})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_gap_counts_people_and_keeps_their_replies(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "people")
    given = [await ask(client, "people", PETS[0], author=author, channel="vip") for author in ("u-1", "u-1", "u-2", 17)]
    answer = (await client.get(f"{path}/gaps", params={"days": 7})).json()
    (gap,) = answer["gaps"]
    assert (gap["title"], gap["people"], gap["messages"], gap["channels"]) == (PETS[0], 3, 4, ["vip"])
    assert set(gap["reply_ids"]) == {reply["reply_id"] for reply in given}
    assert (answer["n_gaps"], answer["opened"], answer["days"]) == (1, {}, 7)


async def test_a_gap_becomes_an_entry_in_one_call(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "opened")
    for text in PETS:
        reply = await ask(client, "opened", text)
    await feedback(client, reply["reply_id"], answer="小型宠物可以。", by="小王")
    gap = (await client.get(f"{path}/gaps")).json()["gaps"][0]
    assert gap["draft"]["proposal"] == "小型宠物可以。"
    made = await client.post(f"{path}/gaps/{gap['id']}/entry", json={"category": "门店", "tags": ["宠物"]})
    entry = made.json()["entry"]
    assert made.status_code == 201
    assert (entry["answer"], entry["category"], entry["tags"]) == ("小型宠物可以。", "门店", ["宠物"])
    assert (await client.get(f"{path}/entries/{entry['id']}")).json()["entry"] == entry
    assert (await client.get(f"{path}/gaps")).json()["opened"] == {gap["id"]: entry["id"]}
    again = await client.post(f"{path}/gaps/{gap['id']}/entry", json={"answer": "不可以。"})
    assert (again.status_code, again.json()["error"]["param"]) == (409, "id")


async def test_a_gap_without_any_answer_does_not_become_an_entry(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "no-answer")
    await ask(client, "no-answer", PETS[0])
    gap = (await client.get(f"{path}/gaps")).json()["gaps"][0]
    refused = await client.post(f"{path}/gaps/{gap['id']}/entry")
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "answer")
    taken = await client.post(f"{path}/gaps/{gap['id']}/entry", json={"answer": "可以。", "id": "pets"})
    assert taken.json()["entry"]["id"] == "pets"


async def test_personal_data_of_a_question_is_not_kept(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "private")
    await ask(client, "private", "我的手机号是13800138000，怎么没人联系")
    title = (await client.get(f"{path}/gaps")).json()["gaps"][0]["title"]
    assert "13800138000" not in title
    assert "138****8000" in title


async def test_usage_counts_answers_thumbs_and_what_was_never_asked(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "used")
    first = await ask(client, "used", "怎么退款", channel="lobby")
    await ask(client, "used", "钱什么时候退回来", channel="lobby")
    await ask(client, "used", "可以带宠物吗", channel="lobby")
    await ask(client, "used", f"{THANKS}大家", channel="lobby")
    assert (await feedback(client, first["reply_id"], helpful=True))["is_answered"]
    answer = (await client.get(f"{path}/usage", params={"days": 1})).json()
    usage = answer["usage"]
    assert (answer["kb_version"], usage["total"]["asked"]["number"], usage["answered_share"]) == (1, 4, 0.5)
    (entry,) = (entry for entry in usage["entries"] if entry["entry_id"] == "refund")
    assert (entry["tally"]["answered"]["number"], entry["tally"]["helpful"]["number"]) == (2, 1)
    assert [wording["wording"] for wording in entry["wordings"]] == [0, 1]
    assert usage["never_hit"] == ["hours", "invoice", "parking"]
    (channel,) = usage["channels"]
    assert (channel["handoff"]["number"], channel["none"]["number"]) == (1, 1)


async def test_an_alert_rises_over_the_limit_and_falls_when_somebody_answers(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "alerts")
    given = [await ask(client, "alerts", f"可以带{i}只宠物吗", channel="vip") for i in range(6)]
    alarm = (await client.get(f"{path}/alerts")).json()
    assert [(alert["channel"], alert["waiting"]["number"]) for alert in alarm["alerts"]] == [("vip", 6)]
    assert (await client.get(f"{path}/alerts", params={"limit": 6})).json()["alerts"] == []
    assert not (await feedback(client, given[0]["reply_id"], helpful=False))["is_answered"]
    assert (await feedback(client, given[0]["reply_id"], answer="一只可以。", by="小王"))["is_answered"]
    calm = (await client.get(f"{path}/alerts")).json()
    assert (calm["alerts"], calm["waiting"][0]["waiting"]["number"]) == ([], 5)


async def test_conflicts_of_the_draft_and_of_a_version(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "conflicts")
    await client.put(f"{path}/entries/hours-2", json={"question": "几点开门呢", "answer": "每天八点。"})
    draft = (await client.get(f"{path}/conflicts")).json()
    assert [(one["kind"], one["entry_ids"]) for one in draft["conflicts"]] == [("contradiction", ["hours", "hours-2"])]
    published = (await client.get(f"{path}/conflicts", params={"version": 1})).json()
    assert (published["version"], published["conflicts"]) == (1, [])


NO_REPLY = "6f0c2a52-6f2a-4d0e-9a53-0e0d3c2b1a90"
REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "feedback on nothing": ("POST", "/v1/reply/feedback", {"helpful": True}, 422, "reply_id"),
    "feedback on no reply": ("POST", "/v1/reply/feedback", {"reply_id": NO_REPLY, "helpful": True}, 404, "reply_id"),
    "feedback on NUL": ("POST", "/v1/reply/feedback", {"reply_id": "\0", "helpful": True}, 404, "reply_id"),
    "feedback that says nothing": ("POST", "/v1/reply/feedback", {"reply_id": NO_REPLY}, 422, "helpful"),
    "feedback of blanks": ("POST", "/v1/reply/feedback", {"reply_id": NO_REPLY, "answer": "  "}, 422, "helpful"),
    "thumb a word": ("POST", "/v1/reply/feedback", {"reply_id": NO_REPLY, "helpful": "up"}, 422, "helpful"),
    "answer too long": ("POST", "/v1/reply/feedback", {"reply_id": NO_REPLY, "answer": "a" * 20_001}, 413, "answer"),
    "answer with NUL": ("POST", "/v1/reply/feedback", {"reply_id": NO_REPLY, "answer": "a\0"}, 422, "answer"),
    "entry too long": ("POST", "/v1/reply/feedback", {"reply_id": NO_REPLY, "entry_id": "a" * 129}, 413, "entry_id"),
    "by too long": (
        "POST",
        "/v1/reply/feedback",
        {"reply_id": NO_REPLY, "helpful": True, "by": "a" * 201},
        413,
        "by",
    ),
    "gaps of none": ("GET", "/v1/kb/none/gaps", None, 404, "kb"),
    "gaps of no days": ("GET", "/v1/kb/there/gaps?days=0", None, 422, "days"),
    "gaps of days without end": ("GET", "/v1/kb/there/gaps?days=99999", None, 422, "days"),
    "gaps of half a day": ("GET", "/v1/kb/there/gaps?days=0.5", None, 422, "days"),
    "no gap": ("POST", "/v1/kb/there/gaps/none/entry", {"answer": "a"}, 404, "gap_id"),
    "a gap that cannot be": ("POST", "/v1/kb/there/gaps/%00/entry", {"answer": "a"}, 404, "gap_id"),
    "a gap of none": ("POST", "/v1/kb/none/gaps/a/entry", {"answer": "a"}, 404, "kb"),
    "a gap with a wrong answer": ("POST", "/v1/kb/there/gaps/a/entry", {"answer": 1}, 422, "answer"),
    "usage of none": ("GET", "/v1/kb/none/usage", None, 404, "kb"),
    "usage of less than a day": ("GET", "/v1/kb/there/usage?days=-1", None, 422, "days"),
    "conflicts of none": ("GET", "/v1/kb/none/conflicts", None, 404, "kb"),
    "conflicts in no version": ("GET", "/v1/kb/there/conflicts?version=7", None, 404, "version"),
    "alerts of none": ("GET", "/v1/kb/none/alerts", None, 404, "kb"),
    "alerts over too many": ("GET", "/v1/kb/there/alerts?limit=1000", None, 422, "limit"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_refused_by_field(client: httpx.AsyncClient, name: str) -> None:
    if (await client.get("/v1/kb/there")).status_code == 404:
        await make_base(client, "there", [])
    method, path, body, status, param = REFUSED[name]
    response = await client.request(method, path, json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
