"""The application with all that it can have, and a database in which one tenant has something of everything."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI
from starlette.routing import Route

from nlp_service.api.access import PUBLIC, Access
from nlp_service.api.app import Options, create_app
from nlp_service.api.community import Community
from nlp_service.api.compat.discovery import PATHS
from nlp_service.api.duty import OnDuty
from nlp_service.api.insights.routes import Insights
from nlp_service.api.insights.work import MiningWork
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.crisis.incidents import MessageName
from nlp_service.duty.keeper import Keeper
from nlp_service.notify.sealing import Vault
from nlp_service.store.database import Database, open_database
from nlp_service.store.founding import found_tenant
from nlp_service.store.keys import KeyStore, Wanted
from nlp_service.store.scopes import SCOPES
from tests.api.insights_app import write_json
from tests.api.insights_mining import group_by_words
from tests.api.knowledge_app import DANGER, build_asker, planted_model, soon
from tests.unit.duty.conftest import change

TAKEN_BY_TOKEN = "/take/{token}"
"""Needs no key: what is in its path is one, for one thing alone."""

NAME = "owner-"
"""Begins the names that paths have for what the owner has."""

Send = Callable[..., Awaitable[Any]]

MARKER = "zq-only-of-the-owner"
"""Stands in all that the owner has, but not in the names that paths have for it: others may send these."""


class Full(NamedTuple):
    """A running application.

    Attributes:
        public: Paths that need no key.
        keys: By what they are: ``owner``, ``other`` (another tenant), ``expired``, ``revoked``, and for each scope
            ``without SCOPE``, a key of the owner that has all others.
        names: What the owner has, by the names that paths and bodies have for it; ``/v1/keys/{id} id`` goes before
            ``id``, and stands for all paths that begin so.
    """

    app: FastAPI
    public: frozenset[str]
    client: httpx.AsyncClient
    keys: dict[str, str]
    names: dict[str, str]

    def path_of(self, route: Route) -> str:
        """The path of what the owner has; ``1`` stands for what `names` does not know."""

        def fill(match: re.Match[str]) -> str:
            return self._name_of(route, match[1].partition(":")[0]) or "1"

        return re.sub(r"{([^}]+)}", fill, route.path)

    def is_known(self, route: Route) -> bool:
        """Whether all names in a path are of something that the owner has."""
        return all(self._name_of(route, name.partition(":")[0]) for name in re.findall(r"{([^}]+)}", route.path))

    def body_of(self, route: Route, method: str) -> Any:
        """The example of the OpenAPI document, with what the owner has in place of its names; None without a body."""
        document = self.app.openapi()
        operation = document["paths"].get(re.sub(r":path}", "}", route.path), {}).get(method.lower(), {})
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        return self._named(document["components"]["schemas"][name]["examples"][0]) if name else None

    def _name_of(self, route: Route, name: str) -> str | None:
        for known, value in self.names.items():
            path, _, last = known.rpartition(" ")
            if path and last == name and route.path.startswith(path):
                return value
        return self.names.get(name)

    def _named(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.names.get(name, self._named(field)) for name, field in value.items()}
        return [self._named(part) for part in value] if isinstance(value, list) else value


@asynccontextmanager
async def running_full_app(folder: Path) -> AsyncIterator[Full]:
    """The application with one real worker, reached without a port."""
    with open_database(str(folder / "full.db")) as database:
        keys = make_keys(database)
        access = Access(database, public=PUBLIC | set(PATHS))
        app = full_app(database, access)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client,
        ):
            names = await _give_owner_something(client, keys["owner"], database)
            yield Full(app, access.public | {TAKEN_BY_TOKEN}, client, keys, names)


def full_app(database: Database, access: Access) -> FastAPI:
    """An application with every part that there is; a part that is not given here is an error."""
    parts: dict[str, Any] = {
        "duty": OnDuty(database, Vault([Fernet.generate_key().decode()]), poll_s=0.05),
        "knowledge": Knowledge(database, planted_model(), poll_s=0.05),
        "access": access,
        "community": Community(database, poll_s=0.05),
        "insights": Insights(database, MiningWork(_url_of(database), _mine_all), write_json, poll_s=0.05),
    }
    assert set(inspect.signature(create_app).parameters) == {"build", "options", *parts}
    # Nothing here is about time, and a busy machine is slow.
    return create_app(build_asker, Options(deadline_s=60), **parts)


_mine_all = partial(group_by_words, word="")
"""Finds every message, and names what it finds after its channel."""


def _url_of(database: Database) -> str:
    return database._engine.url.render_as_string(hide_password=False)


def make_keys(database: Database) -> dict[str, str]:
    """Keys of all kinds."""
    store = KeyStore(database)
    found = {"other": found_tenant(database, "other").issued.secret}
    found["owner"] = store.create("default", Wanted(f"{MARKER} key", SCOPES)).secret
    for scope in SCOPES:
        others = [other for other in SCOPES if other != scope]
        found[f"without {scope}"] = store.create("default", Wanted(f"{MARKER} partial", others)).secret
    revoked = store.create("default", Wanted("revoked", SCOPES))
    store.revoke("default", revoked.key.id)
    past = datetime.now(UTC) - timedelta(days=2)
    expired = KeyStore(database, lambda: past).create("default", Wanted("old", SCOPES, None, None, past + timedelta(1)))
    return found | {"revoked": revoked.secret, "expired": expired.secret}


def bearer(key: str) -> dict[str, str]:
    """The headers of a request with a key."""
    return {"authorization": f"Bearer {key}"}


async def _give_owner_something(client: httpx.AsyncClient, key: str, database: Database) -> dict[str, str]:
    """What the owner has, by its names."""
    send = partial(_send, client, bearer(key))
    await send("POST", "/v1/tenants", {"name": MARKER})
    own = (await send("GET", "/v1/keys"))["keys"]
    key_id = next(str(one["id"]) for one in own if one["name"] == f"{MARKER} partial")
    return {
        "/v1/keys id": key_id,
        **await _give_base(send),
        **await _give_rules(send),
        **await _give_messages(send),
        **await _give_insights(send),
        **await _give_notices(send),
        **await _give_incident(send, database),
    }


async def _give_base(send: Send) -> dict[str, str]:
    """A published base with an unanswered question, and a draft with a change."""
    kb = "owner-kb"
    await send("POST", "/v1/kb", {"name": kb})
    entries = [
        {"id": "owner-entry-a", "questions": ["怎么退款", "钱什么时候退回来"], "answer": f"{MARKER} a"},
        {"id": "owner-entry-b", "questions": ["怎么退款呢"], "answer": f"{MARKER} b"},
    ]
    await send("POST", f"/v1/kb/{kb}/entries", {"entries": entries})
    await send("POST", f"/v1/kb/{kb}/publish", {"note": MARKER})
    asked = {"question": f"可以带宠物进店吗 {MARKER}", "kb": kb, "channel": MARKER, "author": "u-1"}
    reply = await send("POST", "/v1/reply", asked)
    entry = {"id": f"{MARKER}-c", "question": "几点开门", "answer": MARKER}
    await send("POST", f"/v1/kb/{kb}/entries", {"entries": [entry]})

    async def has_gap() -> bool:
        return bool((await send("GET", f"/v1/kb/{kb}/gaps"))["gaps"])

    assert await soon(has_gap)
    gap_id = (await send("GET", f"/v1/kb/{kb}/gaps"))["gaps"][0]["id"]
    return {"kb": kb, "entry_id": "owner-entry-a", "gap_id": gap_id, "reply_id": reply["reply_id"]}


async def _give_rules(send: Send) -> dict[str, str]:
    """A word list of two versions and a policy."""
    words = {"words": [{"word": "代购联系", "note": MARKER}], "note": MARKER}
    await send("POST", "/v1/lexicons", {"name": "owner-list", "kind": "watch", "category": "contact_spam", **words})
    await send("POST", "/v1/lexicons/owner-list/words", {"words": [MARKER]})
    document = {"document": {"labels": {"ad": {"act": 0.7, "action": "remove"}}}, "note": MARKER}
    await send("PUT", "/v1/policies/owner-room", document)
    return {"/v1/lexicons name": "owner-list", "community": "owner-room"}


async def _give_messages(send: Send) -> dict[str, str]:
    """A message that waits for a review."""
    message = {"id": "owner-message", "text": f"{DANGER} {MARKER}", "platform": "wechat", "channel": "owner-room"}
    given = await send("POST", "/v1/messages", {"messages": [message | {"author": "owner-author"}]})
    review = (await send("GET", "/v1/reviews"))["reviews"][0]
    return {
        "platform": "wechat",
        "author": "owner-author",
        "message_id": str(given["results"][0]["message_id"]),
        "review_id": str(review["id"]),
        "/v1/messages id": "owner-message",
    }


async def _give_insights(send: Send) -> dict[str, str]:
    """A look at all messages of these days, and one at those of a channel."""
    today = datetime.now(UTC).date()
    period = {"from": f"{today - timedelta(1)}", "to": f"{today + timedelta(2)}"}
    job_id = ""
    for channels in ([], ["owner-room"]):
        job_id = (await send("POST", "/v1/insights/runs", period | {"channels": channels}))["job_id"]

        async def is_done(job_id: str = job_id) -> bool:
            return (await send("GET", f"/v1/jobs/{job_id}"))["state"] == "done"

        assert await soon(is_done, within_s=300)
    found = {}
    for path, name in (("pain-points", "pain_points"), ("topics", "topics"), ("keywords", "keywords")):
        found[path] = (await send("GET", f"/v1/insights/{path}"))[name][0]["id"]
    health = await send("GET", "/v1/insights/health")
    found["figures"], found["warnings"] = health["health"][0]["figures"][0]["id"], health["warnings"][0]["id"]
    found["groups"] = (await send("GET", "/v1/insights/segments"))["groups"][0]["id"]
    return {"job_id": job_id, **{f"/v1/insights/{path}/ item": item for path, item in found.items()}}


async def _give_notices(send: Send) -> dict[str, str]:
    """A channel that is switched off, so that nothing goes out, and routes to it."""
    secrets = {"url": "https://robots.example.com/send", "secret": f"{MARKER} secret"}
    channel = {"kind": "webhook", "secrets": secrets, "settings": {"owner": MARKER}}
    await send("PUT", "/v1/notify/channels/owner-channel", channel)
    await send("PUT", "/v1/notify/routes", {"document": {"otherwise": ["owner-channel"]}})
    told = await send("POST", "/v1/notify/channels/owner-channel/test")
    await send("POST", "/v1/notify/channels/owner-channel/switch", {"is_active": False})
    return {"/v1/notify/channels/ name": "owner-channel", "/v1/notify/outbox/ id": str(told["outbox_id"])}


async def _give_incident(send: Send, database: Database) -> dict[str, str]:
    """An incident with a step, an action and a review."""
    now = datetime.now(UTC)
    values = {"first_message_at": now, "noticed_at": now, "opened_at": now, "channels": (MARKER,)}
    values["messages"] = (MessageName("wechat", "owner-message"),)
    await asyncio.to_thread(Keeper(database).apply, [change("opened", now, key="owner-incident", **values)])
    path = "/v1/incidents/owner-incident"
    await send("PUT", f"{path}/review", {"review": {"summary": MARKER}})
    await send("POST", f"{path}/comments", {"text": MARKER})
    await send("PUT", "/v1/crisis/settings", {"document": {"helpline": MARKER}})
    shown = await send("POST", f"{path}/actions", {"title": MARKER})
    return {
        "incident": "owner-incident",
        "/v1/incidents/ step": "isolate",
        "/v1/incidents/ action": str(shown["actions"][0]["id"]),
    }


async def _send(client: httpx.AsyncClient, headers: dict[str, str], method: str, path: str, body: Any = None) -> Any:
    response = await client.request(method, path, json=body, headers=headers)
    assert response.status_code < 300, (path, response.text)
    return response.json()
