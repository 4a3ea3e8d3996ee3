from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from nlp_service.api.reviews.figures import bounds
from nlp_service.store.database import Database, open_database
from nlp_service.store.tenants import TenantStore
from nlp_service.types import Action
from tests.api.messages_app import ADVERT as MARK
from tests.api.messages_app import BROKEN, message, messages_app, send
from tests.api.reviews_app import EXPERT, ROBOT, STRANGER, Clock, reviews_app, running_reviews
from tests.api.schema import find_errors
from tests.api.test_knowledge_openapi import simple
from tests.unit.store.conftest import postgresql, url
from tests.unit.store.reviewing import AT, TENANT, Desk, contribution

__all__ = ["postgresql", "url"]

GUIDE = "奶瓶这样洗不留味：先用温水冲掉残奶，再挤一滴清洁剂转着刷瓶底，最后倒扣晾干"
ADVERT = "专业代办各类证件当天可取，需要的加我微信详谈，老客户介绍有优惠，先看货后付款"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as opened:
        yield opened


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def client(database: Database, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    async with running_reviews(database, clock) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """One application without messages, for what is refused before anything is looked for."""
    with open_database(str(tmp_path_factory.mktemp("db") / "empty.db")) as database:
        async with running_reviews(database, Clock()) as client:
            yield client


async def post(client: httpx.AsyncClient, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    """The answer to a step by a moderator, unless the body or the headers say otherwise."""
    return await client.post(path, json={"reviewer": "小林"} | body, headers=headers)


async def decide(client: httpx.AsyncClient, review_id: int, action: str = "remove", **body: Any) -> Any:
    return await post(client, f"/v1/reviews/{review_id}/decide", action=action, **body)


def code_of(response: httpx.Response) -> tuple[int, str | None]:
    error = response.json()["error"]
    return response.status_code, error["param"]


async def test_a_moderator_works_through_the_queue(client: httpx.AsyncClient, desk: Desk) -> None:
    message_id, review_id = desk.open_review(text="汤里有虫", priority=0.9)
    other = desk.open_review(priority=0.2)[1]
    waiting = (await client.get("/v1/reviews")).json()
    assert [review["id"] for review in waiting["reviews"]] == [review_id, other]
    assert waiting["next"] is None
    claimed = (await post(client, "/v1/reviews/claim", number=1)).json()["reviews"]
    assert [(review["id"], review["message"]["text"]) for review in claimed] == [(review_id, "汤里有虫")]
    details = (await client.get(f"/v1/reviews/{review_id}")).json()["details"]
    assert details["analysis"]["risk"]["level"] == 2
    decided = await decide(client, review_id, labels={"risk": 3}, confirm=["intent"], note="门店已停业", revision=1)
    assert decided.status_code == 200
    outcome = decided.json()["outcome"]
    assert (outcome["state"], outcome["action"], outcome["message_id"]) == ("decided", "remove", message_id)
    assert (outcome["labels"]["risk"], outcome["labels"]["confirmed"]) == (3, ["intent", "risk"])
    done = (await client.get("/v1/reviews", params={"state": "decided"})).json()["reviews"]
    assert [(review["id"], review["claimed_by"]) for review in done] == [(review_id, "小林")]
    assert desk.messages.get(TENANT, message_id).action == "remove"


async def test_leases_run_out_by_the_clock(client: httpx.AsyncClient, desk: Desk, clock: Clock) -> None:
    review_id = desk.open_review()[1]
    path = f"/v1/reviews/{review_id}"
    assert len((await post(client, "/v1/reviews/claim", lease_s=60)).json()["reviews"]) == 1
    assert (await post(client, "/v1/reviews/claim", reviewer="小何")).json()["reviews"] == []
    clock.goes(50)
    renewed = (await post(client, f"{path}/renew", lease_s=60)).json()
    assert renewed["lease_until"] == (clock.at + timedelta(seconds=60)).isoformat().replace("+00:00", "Z")
    clock.goes(59)
    assert (await decide(client, review_id, reviewer="小何")).status_code == 409
    clock.goes(1)
    assert code_of(await post(client, f"{path}/renew", lease_s=60)) == (409, None)
    assert len((await post(client, "/v1/reviews/claim", reviewer="小何")).json()["reviews"]) == 1
    assert (await post(client, f"{path}/release")).status_code == 409
    released = (await post(client, f"{path}/release", reviewer="小何")).json()
    assert (released["review_id"], released["lease_until"]) == (review_id, None)


async def test_many_claims_at_once_share_the_queue(client: httpx.AsyncClient, desk: Desk) -> None:
    ids = {desk.open_review()[1] for _ in range(12)}
    answers = await asyncio.gather(*(post(client, "/v1/reviews/claim", reviewer=f"r{n}", number=2) for n in range(8)))
    got = [review["id"] for answer in answers for review in answer.json()["reviews"]]
    assert sorted(got) == sorted(ids)


async def test_experts_take_over(client: httpx.AsyncClient, desk: Desk) -> None:
    review_id = desk.open_review()[1]
    path = f"/v1/reviews/{review_id}"
    escalated = await post(client, f"{path}/escalate", note="拿不准")
    assert (escalated.status_code, escalated.json()["outcome"]["line"]) == (200, 3)
    assert (await decide(client, review_id)).status_code == 403
    assert (await post(client, "/v1/reviews/claim", line=3)).status_code == 403
    claimed = await post(client, "/v1/reviews/claim", EXPERT, line=3, reviewer="老周")
    assert [review["id"] for review in claimed.json()["reviews"]] == [review_id]
    decided = await post(client, f"{path}/decide", EXPERT, action="warn", reviewer="老周")
    assert decided.json()["outcome"]["action"] == "warn"
    assert (await post(client, f"{path}/overturn", action="pass")).status_code == 403


async def test_a_decision_is_undone_and_overturned(client: httpx.AsyncClient, desk: Desk, clock: Clock) -> None:
    message_id, review_id = desk.open_review()
    path = f"/v1/reviews/{review_id}"
    await decide(client, review_id)
    assert (await post(client, f"{path}/undo", reviewer="小何")).status_code == 403
    assert (await post(client, f"{path}/undo")).json()["outcome"]["state"] == "open"
    await decide(client, review_id)
    clock.goes(601)
    assert (await post(client, f"{path}/undo")).status_code == 409
    assert (await post(client, f"{path}/overturn", action="pass")).status_code == 403  # by the same person
    overturned = await post(client, f"{path}/overturn", action="pass", reviewer="小何")
    assert overturned.json()["outcome"]["action"] == "pass"
    history = (await client.get(path)).json()["details"]["decisions"]
    assert [(line["what"], line["undone_at"] is None) for line in history] == [
        ("decide", False),
        ("decide", True),
        ("overturn", True),
    ]
    assert desk.messages.get(TENANT, message_id).action == "pass"


async def test_a_robot_appeals_for_an_author(client: httpx.AsyncClient, desk: Desk) -> None:
    message_id = desk.receive(action=Action.REMOVE, priority=None)
    path = f"/v1/messages/{message_id}/appeal"
    made = await client.post(path, json={"note": "我没有发广告"}, headers=ROBOT)
    assert (made.status_code, made.json()["is_new"]) == (201, True)
    again = await client.post(path, headers=ROBOT)
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    assert again.json()["review_id"] == made.json()["review_id"]
    (review,) = (await client.get("/v1/reviews", params={"kind": "appeal"})).json()["reviews"]
    assert (review["note"], review["reasons"]) == ("我没有发广告", ["appeal:remove"])
    assert (await decide(client, review["id"], "pass")).status_code == 200
    assert (await client.post(path, headers=ROBOT)).status_code == 409
    quiet = desk.receive(action=Action.PASS, priority=None)
    assert code_of(await client.post(f"/v1/messages/{quiet}/appeal", headers=ROBOT)) == (409, "message_id")


async def test_labels_of_any_message_are_corrected(client: httpx.AsyncClient, desk: Desk) -> None:
    message_id = desk.receive(action=Action.PASS, priority=None)
    path = f"/v1/messages/{message_id}/labels"
    made = await post(client, path, labels={"sentiment": -2})
    assert (made.status_code, made.json()["outcome"]["action"]) == (201, "pass")
    for nothing in ({}, {"labels": {}}, {"labels": None, "confirm": []}):
        assert code_of(await post(client, path, **nothing)) == (422, "labels")
    (found,) = desk.history.labelled(TENANT)
    assert (found.labels.sentiment, found.labels.confirmed) == (-2, ("sentiment",))


async def test_near_duplicates_are_decided_together(client: httpx.AsyncClient, desk: Desk) -> None:
    ids = [desk.open_review(text=f"{ADVERT}{n}")[1] for n in range(3)]
    taken = desk.open_review(text=ADVERT, priority=0.9)[1]
    await post(client, "/v1/reviews/claim", reviewer="小何")
    done = await post(client, "/v1/reviews/bulk", review_id=ids[1], action="remove", labels={"intent": ["ad"]})
    assert done.status_code == 200
    found = done.json()
    assert (sorted(outcome["review_id"] for outcome in found["decided"]), found["left"]) == (ids, [taken])
    assert found["decided"][0]["review_id"] == ids[1]
    assert found["may_be_more"] is False


async def test_figures(client: httpx.AsyncClient, desk: Desk, clock: Clock) -> None:
    first, second = (desk.open_review(action=Action.WARN)[1] for _ in range(2))
    desk.open_review()
    await decide(client, first, "warn", confirm=["intent"])
    await decide(client, second, "pass", labels={"intent": ["chat"]})
    clock.goes(10)
    await post(client, f"/v1/reviews/{second}/overturn", action="warn", reviewer="小何")
    clock.goes(10)
    found = (await client.get("/v1/reviews/figures", params={"days": 1})).json()
    assert found["waiting"] == [{"line": 2, "open": 1, "claimed": 0, "oldest_s": 80.0}]
    assert (found["decided"], found["median_s"]) == (2, 65.0)  # 60 and 70 seconds
    assert found["per_hour"] == pytest.approx(2 / 24, abs=1e-3)
    assert (found["machine"]["action"]["judged"], found["machine"]["action"]["share"]) == (2, 0.5)
    assert (found["machine"]["intent"]["judged"], found["machine"]["intent"]["share"]) == (2, 0.5)
    assert (found["expert"]["judged"], found["expert"]["share"]) == (1, 0.0)


async def test_picks_of_a_day_of_the_tenant(client: httpx.AsyncClient, desk: Desk) -> None:
    def posts(hours: float, author: str, text: str = GUIDE) -> int:
        at = AT + timedelta(hours=hours)
        analysis = contribution(text, 0.8)
        return desk.receive(text, at=at, author=author, analysis=analysis, action=Action.PASS, priority=None)

    # AT is half past five in the afternoon of 4 May in Shanghai.
    today = posts(0, "a")
    posts(6.5, "b", "换了个锅以后炖汤快多了，四十分钟骨头就酥了，省了一半煤气")  # midnight: the next day
    found = (await client.get("/v1/ugc/picks", params={"day": "2026-05-04"})).json()
    assert (found["day"], found["timezone"]) == ("2026-05-04", "Asia/Shanghai")
    (pick,) = found["picks"]
    assert (pick["message_id"], pick["text"], pick["author"]) == (today, GUIDE, "a")
    assert set(pick["quality"]) == {"score", "originality", "usefulness", "spread", "compliance"}
    TenantStore(desk.database).update_settings(TENANT, {"timezone": "America/New_York"})
    assert len((await client.get("/v1/ugc/picks", params={"day": "2026-05-04"})).json()["picks"]) == 2
    assert (await client.get("/v1/ugc/picks")).json()["day"] == "2026-05-03"  # yesterday
    assert (await client.get("/v1/ugc/picks", params={"day": "2026-05-04", "limit": 1})).json()["picks"][0] == pick
    assert (await client.get("/v1/ugc/picks", params={"day": "2026-05-04", "channel": "别处"})).json()["picks"] == []


def test_a_day_may_have_25_hours() -> None:
    since, until = bounds(AT.date().replace(month=10, day=25), "Europe/Berlin")
    assert (until.timestamp() - since.timestamp()) == 25 * 3600


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/v1/reviews?state=lost", None, (422, "state")),
        ("GET", "/v1/reviews?line=1", None, (422, "line")),
        ("GET", "/v1/reviews?kind=x", None, (422, "kind")),
        ("GET", "/v1/reviews?limit=0", None, (422, "limit")),
        ("GET", "/v1/reviews?cursor=x", None, (422, "cursor")),
        ("GET", "/v1/reviews?reviewer=%00", None, (422, "reviewer")),
        ("GET", "/v1/reviews/99", None, (404, "review_id")),
        ("GET", "/v1/reviews/0", None, (404, "review_id")),
        ("GET", "/v1/reviews/x", None, (404, "review_id")),
        ("GET", f"/v1/reviews/{2**63}", None, (404, "review_id")),
        ("GET", "/v1/reviews/figures?days=0", None, (422, "days")),
        ("GET", "/v1/ugc/picks?day=2026-13-01", None, (422, "day")),
        ("GET", "/v1/ugc/picks?day=20260301", None, (422, "day")),
        ("GET", "/v1/ugc/picks?day=9999-12-31", None, (422, "day")),
        ("GET", "/v1/ugc/picks?limit=101", None, (422, "limit")),
        ("POST", "/v1/reviews/claim", {}, (422, "reviewer")),
        ("POST", "/v1/reviews/claim", {"reviewer": " "}, (422, "reviewer")),
        ("POST", "/v1/reviews/claim", {"reviewer": "a\nb"}, (422, "reviewer")),
        ("POST", "/v1/reviews/claim", {"reviewer": "a" * 101}, (413, "reviewer")),
        ("POST", "/v1/reviews/claim", {"reviewer": "a", "number": 0}, (422, "number")),
        ("POST", "/v1/reviews/claim", {"reviewer": "a", "lease_s": 1}, (422, "lease_s")),
        ("POST", "/v1/reviews/claim", {"reviewer": "a", "line": 1}, (422, "line")),
        ("POST", "/v1/reviews/claim", {"reviewer": "a", "numbr": 1}, (422, "body")),
        ("POST", "/v1/reviews/99/decide", {"reviewer": "a", "action": "pass"}, (404, "review_id")),
        ("POST", "/v1/reviews/1/decide", {"reviewer": "a"}, (422, "action")),
        ("POST", "/v1/reviews/1/decide", {"reviewer": "a", "action": "review"}, (422, "action")),
        ("POST", "/v1/reviews/1/decide", {"reviewer": "a", "action": "pass", "note": "\0"}, (422, "note")),
        ("POST", "/v1/reviews/1/decide", {"reviewer": "a", "action": "pass", "note": "a" * 2001}, (413, "note")),
        (
            "POST",
            "/v1/reviews/1/decide",
            {"reviewer": "a", "action": "pass", "labels": {"risk": 9}},
            (422, "labels.risk"),
        ),
        (
            "POST",
            "/v1/reviews/1/decide",
            {"reviewer": "a", "action": "pass", "labels": {"pain": [{"start": 0, "end": 1, "target": "\0"}]}},
            (422, "labels.pain[0].target"),
        ),
        ("POST", "/v1/reviews/1/decide", {"reviewer": "a", "action": "pass", "confirm": ["mood"]}, (422, "confirm[0]")),
        ("POST", "/v1/reviews/bulk", {"reviewer": "a", "action": "pass", "review_id": 99}, (404, "review_id")),
        ("POST", "/v1/reviews/bulk", {"reviewer": "a", "action": "pass", "review_id": 0}, (422, "review_id")),
        ("POST", "/v1/messages/99/labels", {"reviewer": "a", "confirm": ["risk"]}, (404, "message_id")),
        ("POST", "/v1/reviews/1/undo", [], (422, "body")),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_asked(
    empty: httpx.AsyncClient, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    assert code_of(await empty.request(method, path, json=body)) == expected


async def test_a_key_without_the_scope_gets_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    for method, path in (
        ("GET", "/v1/reviews"),
        ("GET", f"/v1/reviews/{review_id}"),
        ("GET", "/v1/reviews/figures"),
        ("GET", "/v1/ugc/picks"),
        ("POST", "/v1/reviews/claim"),
        ("POST", "/v1/reviews/bulk"),
        ("POST", f"/v1/reviews/{review_id}/decide"),
        ("POST", f"/v1/messages/{message_id}/labels"),
    ):
        assert (await client.request(method, path, headers=ROBOT)).status_code == 403, path
    assert (await client.post(f"/v1/messages/{message_id}/appeal")).status_code == 403  # a moderator is no robot


async def test_another_tenant_finds_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    message_id, review_id = desk.open_review()
    for step in ("decide", "overturn"):
        answer = await post(client, f"/v1/reviews/{review_id}/{step}", STRANGER, action="pass")
        assert answer.status_code == 404
    for step in ("escalate", "undo", "renew", "release"):
        assert (await post(client, f"/v1/reviews/{review_id}/{step}", STRANGER)).status_code == 404
    assert (await client.get(f"/v1/reviews/{review_id}", headers=STRANGER)).status_code == 404
    bulk = await post(client, "/v1/reviews/bulk", STRANGER, review_id=review_id, action="pass")
    assert bulk.status_code == 404
    assert (await client.post(f"/v1/messages/{message_id}/appeal", headers=STRANGER)).status_code == 404
    labels = await post(client, f"/v1/messages/{message_id}/labels", STRANGER, confirm=["risk"])
    assert labels.status_code == 404
    assert (await client.get("/v1/reviews", headers=STRANGER)).json()["reviews"] == []
    assert (await client.get("/v1/ugc/picks", headers=STRANGER)).status_code == 404  # a tenant that is not there


async def test_the_document_says_what_is_answered(client: httpx.AsyncClient, desk: Desk, tmp_path: Path) -> None:
    with open_database(str(tmp_path / "other.db")) as database:
        app = reviews_app(database, Clock())
    document = app.openapi()
    components = {name: simple(schema) for name, schema in document["components"]["schemas"].items()}
    for name, component in components.items():
        for example in component.get("examples", []):
            assert find_errors(example, component, components) == [], name
    routes = {(route.path, method.lower()) for route in app.routes for method in getattr(route, "methods", ())}
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    ours = {pair for pair in described if re.match("/v1/(reviews|ugc|messages)", pair[0])}
    assert len(ours) == 14
    assert ours <= routes
    message_id, review_id = desk.open_review()
    desk.receive(GUIDE, analysis=contribution(GUIDE, 0.8), action=Action.PASS, priority=None)
    step = {"reviewer": "小林"}
    asked: list[tuple[str, str, Any, dict[str, str] | None]] = [
        ("get", "/v1/reviews", None, None),
        ("post", "/v1/reviews/claim", step, None),
        ("post", "/v1/reviews/{review_id}/renew", step, None),
        ("post", "/v1/reviews/{review_id}/release", step, None),
        ("post", "/v1/reviews/{review_id}/decide", step | {"action": "warn", "labels": {"intent": ["ad"]}}, None),
        ("post", "/v1/reviews/{review_id}/undo", step, None),
        ("post", "/v1/reviews/bulk", step | {"action": "warn", "review_id": review_id}, None),
        ("post", "/v1/reviews/{review_id}/overturn", {"reviewer": "小何", "action": "remove"}, None),
        ("post", "/v1/messages/{message_id}/appeal", {"note": "冤枉"}, ROBOT),
        ("post", "/v1/messages/{message_id}/labels", step | {"confirm": ["risk"]}, None),
        ("get", "/v1/reviews/{review_id}", None, None),
        ("get", "/v1/reviews/figures", None, None),
        ("get", "/v1/ugc/picks", None, None),
    ]
    for method, template, body, headers in asked:
        path = template.format(review_id=review_id, message_id=message_id)
        response = await client.request(method, path, json=body, headers=headers)
        found = document["paths"][template][method]["responses"][str(response.status_code)]
        schema = found["content"]["application/json"]["schema"]
        assert find_errors(response.json(), simple(schema), components) == [], template


async def test_a_decision_waits_for_another_writer(tmp_path: Path) -> None:
    path = tmp_path / "busy.db"
    with open_database(str(path)) as database:
        review_id = Desk(database).open_review()[1]
        with sqlite3.connect(path, isolation_level=None) as writer:
            async with running_reviews(database, Clock()) as client:
                writer.execute("BEGIN IMMEDIATE")
                waiting = asyncio.create_task(decide(client, review_id))
                await asyncio.sleep(0.2)
                assert not waiting.done()
                writer.execute("ROLLBACK")
                assert (await waiting).status_code == 200
        writer.close()


async def test_from_the_robot_to_the_moderator_and_back(tmp_path: Path) -> None:
    with open_database(str(tmp_path / "whole.db")) as database:
        app = messages_app(database)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client,
        ):
            advert = message("m-1", f"{MARK} {ADVERT}", sent_at=None)
            broken = message("m-2", f"{BROKEN} 读不了")
            told, unread = await send(client, advert, broken)
            assert (told["verdict"]["action"], unread["verdict"]["action"]) == ("warn", "review")
            (waiting,) = (await client.get("/v1/reviews")).json()["reviews"]
            assert waiting["message"]["id"] == "m-2"
            stored = (await client.get("/v1/messages/qq/m-1")).json()["message"]
            appeal = await client.post(f"/v1/messages/{stored['message_id']}/appeal", json={"note": "这是通知"})
            assert appeal.status_code == 201
            decided = await decide(client, appeal.json()["review_id"], "pass", labels={"intent": ["chat"]})
            assert decided.json()["outcome"]["strikes_removed"] == 1
            # The robot asks again, as it does after an outage: what the person has decided holds.
            (again,) = await send(client, advert)
            assert again["verdict"]["action"] == "pass"
            assert again["verdict"]["reasons"][-1] == "decided:moderator"
            # And the next advert of the same author is a first one again.
            (following,) = await send(client, message("m-3", f"{MARK} 低价出闲置，联系我"))
            assert following["verdict"]["action"] == "warn"
