from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from nlp_service.api.duty import OnDuty
from nlp_service.store.database import Database
from tests.api.duty_app import running_duty
from tests.api.messages_app import HEADER
from tests.unit.duty.conftest import ROUTES, change
from tests.unit.notify.receiver import SECRET, Receiver
from tests.unit.store.conftest import database, postgresql, url

__all__ = ["database", "postgresql", "url"]

Running = tuple[httpx.AsyncClient, OnDuty]


@pytest.fixture
async def running(database: Database) -> AsyncIterator[Running]:
    async with running_duty(database, allow_private=True) as found:
        yield found


async def send(client: httpx.AsyncClient, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def open_incident(running: Running, **changes: Any) -> str:
    now = datetime.now(UTC)
    values = {"first_message_at": now, "noticed_at": now, "opened_at": now} | changes
    await asyncio.to_thread(running[1].incidents.keeper.apply, [change("opened", now, **values)])
    return str(changes.get("key", "i1"))


async def test_an_incident_is_shown_worked_on_and_closed(running: Running) -> None:
    client, key = running[0], await open_incident(running)
    (listed,) = (await send(client, "GET", "/v1/incidents?state=open&min_severity=2"))["incidents"]
    assert (listed["id"], listed["playbook"], listed["severity"]) == (key, "golden-half-hour", 3)
    shown = await send(client, "GET", f"/v1/incidents/{key}")
    assert [step["id"] for step in shown["steps"]] == ["isolate", "apologise", "compensate", "report"]
    assert shown["incident"]["quotes"] == []  # the message is not stored here, so nobody is quoted
    taken = await send(client, "POST", f"/v1/incidents/{key}/acknowledge", {"by": "小林"})
    assert taken["summary"]["acknowledged_by"] == "小林"
    await send(client, "POST", f"/v1/incidents/{key}/assign", {"assignee": "质量组"})
    await send(client, "POST", f"/v1/incidents/{key}/comments", {"text": "在核对批次", "by": "小林"})
    step = await send(client, "POST", f"/v1/incidents/{key}/steps/isolate", {"note": "已下架", "by": "小林"})
    assert step["steps"][0]["done_by"] == "小林"
    await send(client, "POST", f"/v1/incidents/{key}/steps/isolate", {}, 409)
    await send(client, "DELETE", f"/v1/incidents/{key}/steps/isolate")
    drafts = (await send(client, "GET", f"/v1/incidents/{key}/statements?purpose=apology&emotion=anger"))["drafts"]
    assert drafts[0]["text"]
    await send(client, "POST", f"/v1/incidents/{key}/close", {"reason": "已处理"})
    review = {"review": {"whys": ["冷链断了"], "summary": "一批奶坏了"}}
    assert (await send(client, "PUT", f"/v1/incidents/{key}/review", review))["review"]["by"]
    action = {"title": "报警接入值班群", "owner": "物流组", "due_at": "2026-12-01T00:00:00+08:00"}
    added = (await send(client, "POST", f"/v1/incidents/{key}/actions", action))["actions"][0]["id"]
    done = await send(client, "POST", f"/v1/incidents/{key}/actions/{added}/done")
    assert done["actions"][0]["done_at"]
    kinds = [event["kind"] for event in (await send(client, "GET", f"/v1/incidents/{key}/timeline"))["events"]]
    assert kinds[:4] == ["opened", "playbook", "acknowledged", "assigned"]
    assert kinds[-1] == "action.done"
    assert (await send(client, "GET", f"/v1/incidents/{key}/messages"))["messages"] == []
    assert (await send(client, "POST", f"/v1/incidents/{key}/reopen"))["summary"]["state"] == "open"


async def test_incidents_that_are_one_are_merged(running: Running) -> None:
    client, first = running[0], await open_incident(running)
    second = await open_incident(running, key="i2")
    merged = await send(client, "POST", f"/v1/incidents/{second}/merge", {"into": first})
    assert merged["summary"]["id"] == first
    assert (await send(client, "GET", "/v1/incidents?state=merged"))["incidents"][0]["merged_into"] == first
    await send(client, "POST", f"/v1/incidents/{second}/merge", {"into": first}, 409)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/incidents/nothing", None, 404),
        ("GET", "/v1/incidents?state=asleep", None, 422),
        ("GET", "/v1/incidents?category=weather", None, 422),
        ("GET", "/v1/incidents?limit=0", None, 422),
        ("GET", "/v1/incidents?before=x", None, 422),
        ("POST", "/v1/incidents/nothing/close", {}, 404),
        ("POST", "/v1/incidents/i1/assign", {}, 422),
        ("POST", "/v1/incidents/i1/comments", {"text": ""}, 422),
        ("POST", "/v1/incidents/i1/merge", {"into": "i1"}, 409),
        ("POST", "/v1/incidents/i1/merge", {"into": "nothing"}, 404),
        ("POST", "/v1/incidents/i1/steps/dance", {}, 404),
        ("POST", "/v1/incidents/i1/actions/7/done", {}, 404),
        ("POST", "/v1/incidents/i1/actions/x/done", {}, 404),
        ("POST", "/v1/incidents/i1/acknowledge", {"by": "长" * 101}, 422),
        ("POST", "/v1/incidents/i1/acknowledge", {"who": "me"}, 422),
        ("PUT", "/v1/incidents/i1/review", {"review": {"whys": ["x"] * 6}}, 422),
        ("GET", "/v1/incidents/i1/statements?purpose=poem", None, 422),
        ("PUT", "/v1/crisis/settings", {"document": {"tell_from": 9}}, 422),
        ("PUT", "/v1/notify/channels/a b", {"kind": "wecom", "secrets": {"url": "https://example.com"}}, 422),
        ("PUT", "/v1/notify/channels/a", {"kind": "pigeon"}, 422),
        ("PUT", "/v1/notify/channels/a", {"kind": "wecom"}, 422),
        ("PUT", "/v1/notify/channels/a", {"kind": "wecom", "secrets": {}}, 422),
        ("PUT", "/v1/notify/channels/a", {"kind": "wecom", "secrets": {"url": "nonsense"}}, 422),
        ("PUT", "/v1/notify/channels/a", {"kind": "wecom", "secrets": {"url": "https://x.io", "secret": "s"}}, 422),
        ("PUT", "/v1/notify/channels/a", {"kind": "webhook", "secrets": {"url": "https://x.io", "secret": "s"}}, 422),
        ("PUT", "/v1/notify/channels/a", {"kind": "apprise", "secrets": {"url": "file:///etc"}}, 422),
        ("GET", "/v1/notify/channels/none", None, 404),
        ("POST", "/v1/notify/channels/none/test", None, 404),
        ("PUT", "/v1/notify/routes", {"document": {"zone": "Mars"}}, 422),
        ("GET", "/v1/notify/outbox?state=lost", None, 422),
        ("POST", "/v1/notify/outbox/7/retry", None, 404),
        ("POST", "/v1/notify/outbox/x/retry", None, 404),
    ],
)
async def test_what_cannot_be_is_refused(running: Running, method: str, path: str, body: Any, status: int) -> None:
    await open_incident(running)
    error = (await send(running[0], method, path, body, status))["error"]
    assert error["message"]


async def test_settings_hold_for_what_comes_after(running: Running) -> None:
    client = running[0]
    assert (await send(client, "GET", "/v1/crisis/settings"))["version"] == 0
    hour = {
        "name": "golden-hour",
        "title": "我们的",
        "steps": [{"id": "a", "title": "看", "owner": "duty", "due_s": 60}],
    }
    document = {"playbooks": [hour | {"min_severity": 3}], "helpline": "某热线"}
    held = await send(client, "PUT", "/v1/crisis/settings", {"document": document})
    assert (held["version"], held["document"]) == (1, document)
    key = await open_incident(running, category="outage")
    assert [step["id"] for step in (await send(client, "GET", f"/v1/incidents/{key}"))["steps"]] in (["a"], ["isolate"])


async def test_a_channel_is_made_tested_switched_and_removed(running: Running) -> None:
    client = running[0]
    with Receiver() as receiver:
        request = {"kind": "webhook", "secrets": {"url": f"{receiver.url}/webhook", "secret": SECRET}}
        made = await send(client, "PUT", "/v1/notify/channels/hook", request)
        assert "secret" not in str(made)
        sent = await send(client, "POST", "/v1/notify/channels/hook/test", None, 202)
        for _ in range(200):
            found = (await send(client, "GET", "/v1/notify/outbox?state=sent"))["messages"]
            if found:
                break
            await asyncio.sleep(0.02)
        assert found[0]["id"] == sent["outbox_id"]
        assert receiver.taken[0][1]["notice"]["kind"] == "channel.test"
    await send(client, "POST", "/v1/notify/channels/hook/switch", {"is_active": False})
    await send(client, "POST", "/v1/notify/channels/hook/test", None, 409)
    changed = await send(client, "PUT", "/v1/notify/channels/hook", {"kind": "webhook", "settings": {"owner": "值班"}})
    assert changed["channel"]["settings"] == {"owner": "值班"}
    assert [one["name"] for one in (await send(client, "GET", "/v1/notify/channels"))["channels"]] == ["hook"]
    await send(client, "DELETE", "/v1/notify/channels/hook")
    await send(client, "GET", "/v1/notify/channels/hook", None, 404)


async def test_routes_are_shown_with_the_channels_that_there_are_not(running: Running) -> None:
    client = running[0]
    held = await send(client, "PUT", "/v1/notify/routes", {"document": ROUTES})
    assert (held["version"], held["unknown_channels"]) == (1, ["counsellor", "duty", "manager"])
    preview = await send(client, "POST", "/v1/notify/routes/preview", {"category": "self_harm"})
    assert [one["channel"] for one in preview["told"]] == ["counsellor"]
    other = {"document": {"otherwise": ["log"]}}
    assert [one["route"] for one in (await send(client, "POST", "/v1/notify/routes/preview", other))["told"]] == [""]


async def test_from_an_incident_to_somebody_who_takes_it_on(running: Running) -> None:
    client = running[0]
    with Receiver() as receiver:
        for name in ("duty", "manager"):
            request = {"kind": "webhook", "secrets": {"url": f"{receiver.url}/webhook", "secret": SECRET}}
            await send(client, "PUT", f"/v1/notify/channels/{name}", request)
        await send(client, "PUT", "/v1/notify/routes", {"document": ROUTES})
        key = await open_incident(running)
        for _ in range(300):
            if receiver.taken:
                break
            await asyncio.sleep(0.02)
        ((_, told),) = receiver.taken
    path = told["notice"]["take_link"].removeprefix("https://ops.example.com")
    page = await client.get(path)
    assert page.status_code == 200
    assert "我来处理" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await send(client, "GET", f"/v1/incidents/{key}"))["summary"]["acknowledged_at"] is None
    page = await client.post(path, data={"name": "<b>老王</b>"})
    assert "&lt;b&gt;老王" in page.text
    assert (await send(client, "GET", f"/v1/incidents/{key}"))["summary"]["acknowledged_by"] == "<b>老王</b>"
    states = [one["state"] for one in (await send(client, "GET", "/v1/notify/outbox"))["messages"]]
    assert states == ["cancelled", "sent"]
    assert (await client.get("/take/nonsense")).status_code == 404
    assert (await client.post("/take/nonsense", data={"name": "x"})).status_code == 404


async def test_what_is_private_is_shown_to_the_entrusted_alone(database: Database) -> None:
    async with running_duty(database) as running:
        key = await open_incident(running, key="p", category="self_harm", private=True, severity=1)
        client = running[0]
        assert len((await send(client, "GET", "/v1/incidents"))["incidents"]) == 1
        assert (await send(client, "GET", f"/v1/incidents/{key}"))["summary"]["is_private"]
        client.headers[HEADER] = "default:review"
        assert (await send(client, "GET", "/v1/incidents"))["incidents"] == []
        for path in ("", "/timeline", "/messages", "/statements"):
            await send(client, "GET", f"/v1/incidents/{key}{path}", None, 403)
        await send(client, "POST", f"/v1/incidents/{key}/close", {}, 403)


async def test_an_overdue_step_is_told(database: Database) -> None:
    at = [datetime.now(UTC)]
    async with running_duty(database, now=lambda: at[0], allow_private=True) as running:
        client = running[0]
        with Receiver() as receiver:
            receiver.now = lambda: at[0].timestamp()
            request = {"kind": "webhook", "secrets": {"url": f"{receiver.url}/webhook", "secret": SECRET}}
            await send(client, "PUT", "/v1/notify/channels/duty", request)
            await send(client, "PUT", "/v1/notify/routes", {"document": {"otherwise": ["duty"]}})
            await open_incident(running)
            at[0] += timedelta(seconds=181)
            for _ in range(300):
                if len(receiver.taken) == 3:
                    break
                await asyncio.sleep(0.02)
        kinds = [value["notice"]["kind"] for _, value in receiver.taken]
        assert kinds == ["incident.opened", "step.reminder", "step.overdue"]
