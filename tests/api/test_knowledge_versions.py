from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.knowledge_app import make_base, running_bases

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        yield client


async def test_a_publish_says_what_was_measured_and_keeps_who_and_why(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "told", is_published=False)
    response = await client.post(f"{path}/publish", json={"author": "小王", "note": "第一版", "draft": 1})
    answer = response.json()
    assert (response.status_code, answer["version"], answer["falls"]) == (201, 1, [])
    version = answer["published"]
    assert (version["author"], version["note"], version["based_on"]) == ("小王", "第一版", 0)
    assert version["figures"]["n_single"] == 3  # entries of one wording
    assert version["calibration"]["thresholds"]["precision"] == 0.9
    history = (await client.get(f"{path}/versions")).json()
    assert (history["published"], history["versions"]) == (1, [version])


async def test_a_publish_without_a_change_or_of_another_draft_is_a_conflict(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "same")
    unchanged = await client.post(f"{path}/publish")
    assert (unchanged.status_code, unchanged.json()["error"]["code"]) == (409, "conflict")
    await client.delete(f"{path}/entries/hours")
    stale = await client.post(f"{path}/publish", json={"draft": 1})
    assert (stale.status_code, stale.json()["error"]["param"]) == (409, "draft")
    assert (await client.post(f"{path}/publish", json={"draft": 2})).json()["version"] == 2


def colours(n: int, *, wording: str) -> list[dict[str, Any]]:
    """Entries of two wordings each; whether the second says the same as the first is for the caller to decide."""
    names = "红橙黄绿青蓝紫黑白灰粉棕金银褐"
    return [
        {"id": f"colour-{i}", "questions": [f"{names[i]}色款还有没有货", wording.format(names[i])], "answer": "有。"}
        for i in range(n)
    ]


async def test_a_draft_that_answers_worse_is_published_only_by_force(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "gate", colours(15, wording="{}色款有没有货"))
    # Now no wording leads to its entry by the other one.
    worse = [
        entry | {"questions": [f"q{i * 7919}", f"w{i * 104729}"]} for i, entry in enumerate(colours(15, wording=""))
    ]
    assert (await client.post(f"{path}/entries", json=worse)).status_code == 200
    refused = await client.post(f"{path}/publish")
    assert refused.status_code == 409
    assert "hit_at_1" in refused.json()["error"]["message"]
    assert (await client.get(path)).json()["base"]["published"] == 1
    forced = await client.post(f"{path}/publish", json={"force": True, "reason": "旧问法已停用"})
    assert forced.status_code == 201
    assert "hit_at_1" in [fall["figure"] for fall in forced.json()["falls"]]
    assert "旧问法已停用" in forced.json()["published"]["note"]


async def test_a_difference_names_entries_and_fields(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "diff")
    await client.delete(f"{path}/entries/parking")
    await client.put(f"{path}/entries/hours", json={"question": "几点开门", "answer": "八点。", "category": "门店"})
    await client.put(f"{path}/entries/card", json={"question": "可以刷卡吗", "answer": "可以。"})
    found = (await client.get(f"{path}/diff")).json()
    assert (found["old"], found["new"]) == (1, None)
    assert (found["added"], found["removed"]) == (["card"], ["parking"])
    assert found["changed"] == [{"entry_id": "hours", "fields": ["answer"]}]
    back = (await client.get(f"{path}/diff", params={"old": "draft", "new": "1"})).json()
    assert (back["added"], back["removed"]) == (["parking"], ["card"])


async def test_a_roll_back_is_a_new_version_with_the_old_entries(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "back")
    await client.delete(f"{path}/entries/parking")
    await client.post(f"{path}/publish")
    same = await client.post(f"{path}/rollback", json={"version": 2})
    assert same.status_code == 409
    await client.delete(f"{path}/entries/hours")
    edited = await client.post(f"{path}/rollback", json={"version": 1})
    assert edited.status_code == 409
    done = await client.post(f"{path}/rollback", json={"version": 1, "discard": True, "author": "小李"})
    assert (done.status_code, done.json()["version"], done.json()["published"]["based_on"]) == (201, 3, 1)
    assert (await client.get(path)).json()["entries"] == 4


REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "publish of none": ("POST", "/v1/kb/none/publish", {}, 404, "kb"),
    "force without a reason": ("POST", "/v1/kb/there/publish", {"force": True}, 422, "reason"),
    "force with a blank": ("POST", "/v1/kb/there/publish", {"force": True, "reason": " "}, 422, "reason"),
    "force a word": ("POST", "/v1/kb/there/publish", {"force": "yes"}, 422, "force"),
    "author too long": ("POST", "/v1/kb/there/publish", {"author": "a" * 101}, 413, "author"),
    "note with NUL": ("POST", "/v1/kb/there/publish", {"note": "\0"}, 422, "note"),
    "draft without end": ("POST", "/v1/kb/there/publish", {"draft": 10**30}, 422, "draft"),
    "roll back to nothing": ("POST", "/v1/kb/there/rollback", {}, 422, "version"),
    "roll back to none": ("POST", "/v1/kb/there/rollback", {"version": 9}, 404, "version"),
    "roll back to the empty state": ("POST", "/v1/kb/there/rollback", {"version": 0}, 404, "version"),
    "roll back without end": ("POST", "/v1/kb/there/rollback", {"version": 2**31}, 422, "version"),
    "roll back of none": ("POST", "/v1/kb/none/rollback", {"version": 1}, 404, "kb"),
    "versions of none": ("GET", "/v1/kb/none/versions", None, 404, "kb"),
    "diff of none": ("GET", "/v1/kb/none/diff", None, 404, "kb"),
    "diff to no version": ("GET", "/v1/kb/there/diff?new=9", None, 404, "version"),
    "diff to a word": ("GET", "/v1/kb/there/diff?old=last", None, 422, "old"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_refused_by_field(client: httpx.AsyncClient, name: str) -> None:
    if (await client.get("/v1/kb/there")).status_code == 404:
        await make_base(client, "there")
    method, path, body, status, param = REFUSED[name]
    response = await client.request(method, path, json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
