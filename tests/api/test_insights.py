"""Insights over HTTP: runs that are made by jobs, what is answered from them, and the messages behind every number."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from nlp_service.api.insights import openapi as insights_openapi
from nlp_service.api.insights.work import Asked, store
from nlp_service.api.jobs import openapi as jobs_openapi
from nlp_service.api.openapi import schemas
from nlp_service.store.database import Database, open_database
from nlp_service.store.incoming import Windows
from nlp_service.store.messages import MessageStore
from tests.api.insights_app import NOW, running_insights
from tests.api.insights_mining import group_by_words
from tests.api.messages_app import HEADER
from tests.api.schema import find_errors
from tests.unit.store.deliveries import Judge, message

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERIOD = "from=2025-03-01&to=2025-03-03"
KINDS = ("pain-points", "topics", "keywords", "trends", "segments", "health")
TEXTS = ["今天快递真慢", "客服慢死了", "想要小份装", "大家早上好", "等得好慢"]
AUTHORS = ["mei", "mei", "lin", "wang", ""]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[httpx.AsyncClient, Database]]:
    url = str(tmp_path_factory.mktemp("insights") / "store.db")
    with open_database(url) as database:
        deliver(database, "default")
        async with running_insights(database, url) as client:
            yield client, database


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: tuple[httpx.AsyncClient, Database]) -> httpx.AsyncClient:
    return served[0]


@pytest_asyncio.fixture(loop_scope="module")
async def database(served: tuple[httpx.AsyncClient, Database]) -> Database:
    return served[1]


def deliver(database: Database, tenant: str) -> None:
    said = zip(TEXTS, AUTHORS, strict=True)
    incoming = [
        message(f"m{n}", text, author=author, at=n, channel="vip" if n == 1 else "group")
        for n, (text, author) in enumerate(said)
    ]
    MessageStore(database).record(tenant, incoming, Judge(), Windows())


async def get(client: httpx.AsyncClient, path: str, status: int = 200, **headers: str) -> Any:
    """What is answered in the end: a busy machine may take minutes to start the process of a job."""
    for _ in range(10):
        response = await client.get(f"/v1/insights/{path}", headers=headers)
        if response.status_code != 202 or "wait" not in path:
            break
    assert response.status_code == status, response.text
    return response.json()


async def made(client: httpx.AsyncClient, **headers: str) -> dict[str, Any]:
    """Pains of the period, once there is a run over it."""
    answer: dict[str, Any] = await get(client, f"pain-points?{PERIOD}&wait=30", **headers)
    return answer


async def test_what_is_not_there_yet_is_begun_and_then_answered(client: httpx.AsyncClient) -> None:
    asked = f"/v1/insights/pain-points?{PERIOD}&channel=group"
    response = await client.get(asked)
    assert response.status_code == 202
    begun = response.json()
    assert response.headers["location"] == begun["url"] == f"/v1/jobs/{begun['job_id']}"
    assert (begun["state"], begun["is_new"]) in {("queued", True), ("running", True)}
    again = (await client.get(asked)).json()
    assert (again.get("job_id"), again.get("is_new")) in {(begun["job_id"], False), (None, None)}
    answer = await get(client, f"pain-points?{PERIOD}&channel=group&wait=30")
    assert (answer["run"]["messages"], answer["run"]["channels"]) == (4, ["group"])
    job = (await client.get(begun["url"])).json()
    assert (job["state"], job["progress"]) == ("done", 1.0)
    assert job["result"] == {"run_id": answer["run"]["run_id"]}
    assert begun["job_id"] in [one["job_id"] for one in (await client.get("/v1/jobs")).json()["jobs"]]


async def test_a_pain_has_its_figures_and_words_of_messages(client: httpx.AsyncClient) -> None:
    answer = await made(client)
    pain, need = answer["pain_points"]
    assert (pain["kind"], pain["name"], pain["messages"], pain["people"]) == ("pain", "物流/慢", 3, 2)
    assert (need["kind"], need["id"], need["messages"]) == ("need", "w-1", 1)
    assert [(one["text"], one["id"], one["spans"]) for one in pain["quotes"]] == [
        ("天快递真慢", "m0", [{"start": 0, "end": 1, "text": "天"}]),
        ("服慢死了", "m1", [{"start": 0, "end": 1, "text": "服"}]),
    ]
    assert (answer["model_version"], answer["notes"]) == ("fast-1", ["no_previous"])
    run = answer["run"]
    assert (run["from"], run["to"], run["zone"]) == ("2025-02-28T16:00:00Z", "2025-03-02T16:00:00Z", "Asia/Shanghai")
    assert (run["previous_from"], run["messages"], run["people"], run["is_partial"]) == (
        "2025-02-26T16:00:00Z",
        5,
        4,
        False,
    )


@pytest.mark.parametrize(
    ("path", "name", "ids"),
    [
        ("pain-points", "pain_points", ["m0", "m1", "m4"]),
        ("topics", "topics", ["m0", "m1", "m2", "m3", "m4"]),
        ("keywords", "keywords", ["m0", "m1", "m4"]),
        ("segments", "groups", ["m0", "m1", "m4"]),
        ("health", "warnings", ["m0", "m1", "m4"]),
    ],
)
async def test_behind_every_item_are_its_messages(
    client: httpx.AsyncClient, path: str, name: str, ids: list[str]
) -> None:
    await made(client)
    item = (await get(client, f"{path}?{PERIOD}"))[name][0]
    first = (await client.get(f"{item['messages_url']}&limit=2")).json()
    assert [one["id"] for one in first["messages"]] == ids[:2]
    rest = (await client.get(f"{item['messages_url'].partition('?')[0]}?cursor={first['next']}")).json()
    assert [one["id"] for one in rest["messages"]] == ids[2:]
    assert rest["next"] is None
    assert first["count"] == len(ids)
    assert first["people"] == item.get("people", first["people"])


async def test_figures_of_health_have_messages_too(client: httpx.AsyncClient) -> None:
    await made(client)
    whole, channel = (await get(client, f"health?{PERIOD}"))["health"]
    assert (whole["channel"], channel["channel"]) == (None, "vip 群")
    for health, count in ((whole, 3), (channel, 1)):
        (figure,) = health["figures"]
        assert figure["numerator"] == count
        assert (await client.get(figure["messages_url"])).json()["count"] == count


async def test_trends_and_segments_and_events_are_answered(client: httpx.AsyncClient) -> None:
    await made(client)
    (series,) = (await get(client, f"trends?{PERIOD}"))["series"]
    assert (series["name"], series["values"], series["before"]) == ("messages of 物流/慢", [5.0], [None])
    found = await get(client, f"segments?{PERIOD}")
    pain = (await made(client))["pain_points"][0]
    assert (found["segments"][0]["item"], found["segments"][0]["segment"]["value"]) == (pain["id"], "rain")
    assert found["groups"][0]["members"] == 1
    topics = await get(client, f"topics?{PERIOD}")
    assert topics["events"][0]["topic_id"] == topics["topics"][0]["id"]


async def test_answers_are_as_the_document_says(client: httpx.AsyncClient) -> None:
    components = schemas(
        insights_openapi.PART.examples + jobs_openapi.PART.examples,
        {**insights_openapi.PART.narrower, **jobs_openapi.PART.narrower},
    )
    for name, component in components.items():
        for example in component.get("examples", ()):
            assert find_errors(example, component, components) == [], name
    await made(client)
    for path in KINDS:
        described = insights_openapi.PART.paths[f"/v1/insights/{path}"]["get"]["responses"]["200"]
        reference = described["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        answer = await get(client, f"{path}?{PERIOD}")
        assert find_errors(answer, components[reference], components) == []
    runs = (await client.get("/v1/insights/runs")).json()
    assert find_errors(runs, components["RunsResponse"], components) == []
    jobs = (await client.get("/v1/jobs")).json()
    assert find_errors(jobs, components["JobsResponse"], components) == []


async def test_without_a_period_the_newest_run_answers(client: httpx.AsyncClient) -> None:
    run_id = (await made(client))["run"]["run_id"]
    newest = (await get(client, "trends"))["run"]
    assert newest["channels"] == []
    assert (await get(client, f"trends?run={run_id}"))["run"]["run_id"] == run_id
    runs = (await client.get("/v1/insights/runs?limit=1")).json()
    assert len(runs["runs"]) == 1


async def test_a_report_comes_in_the_format_that_is_asked_for(client: httpx.AsyncClient) -> None:
    await made(client)
    path = f"/v1/insights/report?{PERIOD}"
    for query, accept, format, media in (
        ("", "*/*", "html", "text/html; charset=utf-8"),
        ("&format=md", "text/html", "md", "text/markdown; charset=utf-8"),
        ("", "text/html;q=0.9, application/json", "html", "text/html; charset=utf-8"),
        ("", "application/json", "json", "application/json"),
        (
            "&format=docx&language=en",
            "*/*",
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ):
        response = await client.get(path + query, headers={"accept": accept})
        assert response.status_code == 200
        assert response.headers["content-type"] == media
        written = json.loads(response.content)
        assert written["format"] == format
    mining = written["mining"]
    assert written["language"] == "en"
    assert (mining["messages"], len(mining["pain_points"]), mining["messages_before"]) == (5, 2, 0)
    point = mining["pain_points"][0]
    assert [key["id"] for key in point["keys"]] == ["m0", "m1", "m4"]
    assert [quote["text"] for quote in point["quotes"]] == ["天快递真慢", "服慢死了"]
    assert mining["groups"][0]["authors"] == [["wechat", "mei"]]
    assert [len(one["figures"]) for one in mining["health"]] == [1, 1]
    assert mining["period"]["zone"] == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("from=yesterday", "from"),
        ("from=2025-03-03&to=2025-03-01", "to"),
        ("from=2020-01-01&to=2025-03-01", "to"),
        ("from=0001-01-01", "from"),
        ("to=9999-12-31", "from"),
        ("zone=Mars/Olympus", "zone"),
        ("zone=../etc/passwd", "zone"),
        ("wait=31", "wait"),
        ("limit=0", "limit"),
        ("run=newest", "run"),
        ("chanel=vip", "query"),
        ("channel=%00", "channel"),
        ("&".join(f"channel={n}" for n in range(21)), "channel"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_its_name(client: httpx.AsyncClient, query: str, param: str) -> None:
    assert (await get(client, f"topics?{query}", 422))["error"]["param"] == param


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    run_id = (await made(client))["run"]["run_id"]
    await get(client, "topics?run=99999", 404)
    await get(client, "topics/none/messages", 404)
    await get(client, f"topics/w-1/messages?run={run_id}", 404)  # a need is no topic
    await get(client, f"pain-points/w-1/messages?run={run_id + 999}", 404)
    await get(client, "pain-points/w-1/messages?cursor=x", 422)
    assert (await client.get("/v1/jobs/none")).status_code == 404
    await get(client, "report?format=pdf", 422)
    await get(client, "report?language=fr", 422)


async def test_a_run_can_be_started_and_its_job_ended(client: httpx.AsyncClient) -> None:
    body = {"from": "2025-02-01T00:00:00+08:00", "to": "2025-02-02", "zone": "UTC", "channels": ["vip", "vip"]}
    response = await client.post("/v1/insights/runs", json=body)
    assert response.status_code == 202
    job_id = response.json()["job_id"]
    assert response.headers["location"] == f"/v1/jobs/{job_id}"
    job = (await client.get(f"/v1/jobs/{job_id}")).json()
    assert job["parameters"] == {
        "from": "2025-01-31T16:00:00Z",
        "to": "2025-02-02T00:00:00Z",
        "zone": "UTC",
        "channels": ["vip"],
    }
    ended = await client.post(f"/v1/jobs/{job_id}/cancel")
    assert ended.status_code in (200, 409)  # a quick machine is done by then
    if ended.status_code == 200:
        assert ended.json()["state"] == "cancelled"
        assert (await client.delete(f"/v1/jobs/{job_id}")).status_code == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"from": "x"}, "from"),
        ({"days": 7}, "body"),
        ({"zone": "Nowhere"}, "zone"),
        ({"channels": ["a\x00"]}, "channels"),
        ({"callback": {"url": "https://example.com"}}, "callback.secret"),
        ({"callback": {"url": "https://example.com", "secret": "short"}}, "callback.secret"),
        ({"callback": {"url": "https://10.0.0.1/x", "secret": "sixteen letters!"}}, "callback.url"),
    ],
)
async def test_a_run_that_cannot_be_is_refused(client: httpx.AsyncClient, body: dict[str, Any], param: str) -> None:
    response = await client.post("/v1/insights/runs", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (422, param)


async def test_what_failed_a_moment_ago_is_not_begun_by_asking(client: httpx.AsyncClient) -> None:
    asked = f"topics?{PERIOD}&channel=broken"
    error = (await get(client, f"{asked}&wait=30", 409))["error"]
    assert "invalid_input: this channel is broken" in error["message"]
    n_before = len((await client.get("/v1/jobs?state=failed")).json()["jobs"])
    await get(client, asked, 409)
    assert len((await client.get("/v1/jobs?state=failed")).json()["jobs"]) == n_before


async def test_a_period_that_is_not_over_is_looked_at_again_after_an_hour(tmp_path: Path) -> None:
    url, at = str(tmp_path / "store.db"), [NOW]
    with open_database(url) as database:
        deliver(database, "default")
        asked = Asked(NOW - timedelta(days=7), NOW + timedelta(days=1), "UTC")

        def look() -> int:
            mining = group_by_words(database, "default", asked, lambda done, what: None)
            return store(database, "default", asked, mining, actor="cli", job_id=None, now=lambda: at[0])

        first = look()
        async with running_insights(database, url, clock=lambda: at[0]) as client:
            path = f"trends?from={asked.start:%Y-%m-%dT%H:%M:%SZ}&to={asked.end:%Y-%m-%dT%H:%M:%SZ}&zone=UTC"
            at[0] = NOW + timedelta(minutes=59)
            run = (await get(client, path))["run"]
            assert (run["run_id"], run["is_partial"]) == (first, True)
            assert (await client.get("/v1/jobs")).json()["jobs"] == []
            at[0] = NOW + timedelta(minutes=61)
            assert (await get(client, path))["run"]["run_id"] == first  # better than none, while another is made
            assert len((await client.get("/v1/jobs")).json()["jobs"]) == 1


async def test_another_tenant_neither_sees_nor_ends_anything(client: httpx.AsyncClient) -> None:
    answer = await made(client)
    run_id, item = answer["run"]["run_id"], answer["pain_points"][0]
    job_id = answer["run"]["job_id"]
    other = {HEADER: "other:review"}
    for path in (f"topics?run={run_id}", item["messages_url"].removeprefix("/v1/insights/")):
        await get(client, path, 404, **other)
    cursor = f"pain-points/{item['id']}/messages?cursor={run_id}.0"
    await get(client, cursor, 404, **other)
    assert (await client.get(f"/v1/jobs/{job_id}", headers=other)).status_code == 404
    assert (await client.delete(f"/v1/jobs/{job_id}", headers=other)).status_code == 404
    assert (await client.get("/v1/insights/runs", headers=other)).json()["runs"] == []
    assert (await client.get("/v1/insights/runs", headers={HEADER: "default:ingest"})).status_code == 403


async def test_what_is_erased_is_gone_from_answers(client: httpx.AsyncClient, database: Database) -> None:
    deliver(database, "default")  # they may be gone already
    body = {"from": "2025-03-01", "to": "2025-03-04"}
    await client.post("/v1/insights/runs", json=body)
    asked = "pain-points?from=2025-03-01&to=2025-03-04&wait=30"
    before = (await get(client, asked))["pain_points"][0]
    MessageStore(database).erase_author("default", "wechat", "mei", "key:a")
    after = (await get(client, asked))["pain_points"][0]
    assert [quote["id"] for quote in before["quotes"]] == ["m0", "m1"]
    assert after["quotes"] == []
    assert after["messages"] == 3  # as it was found; what is there now is counted beside the messages
    page = (await client.get(after["messages_url"])).json()
    assert ([one["id"] for one in page["messages"]], page["count"], page["people"]) == (["m4"], 1, 1)
    report = (await client.get("/v1/insights/report?from=2025-03-01&to=2025-03-04")).text
    assert "mei" not in report
    assert "快递" not in report


async def test_an_edited_message_is_quoted_no_more(client: httpx.AsyncClient, database: Database) -> None:
    edited = message("m2", "不要小份装了", author="lin", at=2, edited=int(timedelta(hours=1).total_seconds()))
    await made(client)
    need = (await get(client, f"pain-points?{PERIOD}"))["pain_points"][1]
    assert [quote["text"] for quote in need["quotes"]] == ["要小份装"]
    MessageStore(database).record("default", [edited], Judge(), Windows())
    need = (await get(client, f"pain-points?{PERIOD}"))["pain_points"][1]
    assert need["quotes"] == []
