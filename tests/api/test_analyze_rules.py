"""``/v1/analyze`` for tenants that have word lists and policies of their own, and for those that have none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from nlp_service.moderation.lexicon import Entry
from nlp_service.moderation.policy import DEFAULT_POLICY
from nlp_service.store.database import Database, open_database
from nlp_service.types import Action
from tests.api.messages_app import ADVERT, BROKEN, HEADER, running_messages
from tests.unit.intake.fakes import FakeRules

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTED = Entry("免费领取", "promo", "deny", "ad", None, None)
TEXTS = ["快来免费领取吧", "好", ADVERT, BROKEN]


STRICT = FakeRules(
    policies={"": replace(DEFAULT_POLICY, version="*/2+lex1", ad_action=Action.REMOVE)}, entries=[LISTED]
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_database(str(Path(tmp_path_factory.mktemp("db")) / "m.db")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with running_messages(database, rules={"strict": STRICT}) as client:
        yield client


async def analyze(client: httpx.AsyncClient, tenant: str, texts: list[str] = TEXTS, **fields: Any) -> dict[str, Any]:
    body = {"messages": [{"id": i, "text": text} for i, text in enumerate(texts)]} | fields
    response = await client.post("/v1/analyze", json=body, headers={HEADER: f"{tenant}:analyze"})
    assert response.status_code == 200, response.text
    return dict(response.json())


def actions(answer: dict[str, Any]) -> list[str | None]:
    return [one["verdict"] and one["verdict"]["action"] for one in answer["results"]]


def words(answer: dict[str, Any]) -> list[str]:
    return [
        item["span"]["text"] for one in answer["results"] for item in one["evidence"] if item["source"] == "lexicon"
    ]


async def test_a_tenant_without_rules_gets_what_the_workers_wrote(client: httpx.AsyncClient) -> None:
    answer = await analyze(client, "plain")
    # The workers of these tests leave the verdict to others: nobody has touched what they wrote.
    assert actions(answer) == [None, None, None, "review"]
    assert answer["policy_version"] == "policy-1"
    assert words(answer) == []


@pytest.mark.parametrize("times", [1, 10])  # at once, and in a thread
async def test_a_tenant_with_rules_gets_its_own_verdicts(client: httpx.AsyncClient, times: int) -> None:
    answer = await analyze(client, "strict", TEXTS * times)
    assert answer["policy_version"] == "*/2+lex1"
    first, *rest = actions(answer)[:4]
    assert first in ("warn", "remove", "block")
    assert rest == ["pass", "remove", "review"]
    assert actions(answer) == actions(answer)[:4] * times
    assert words(answer) == ["免费领取"] * times
    assert [one["id"] for one in answer["results"]] == list(range(4 * times))


async def test_who_wants_no_evidence_gets_no_words(client: httpx.AsyncClient) -> None:
    answer = await analyze(client, "strict", evidence=False)
    assert words(answer) == []
    assert actions(answer) == actions(await analyze(client, "strict"))


async def test_nothing_is_stored(client: httpx.AsyncClient) -> None:
    await analyze(client, "strict")
    stored = await client.get("/v1/messages", headers={HEADER: "strict:review"})
    assert stored.json()["messages"] == []
