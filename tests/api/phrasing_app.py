"""The application with knowledge bases and a language model that misbehaves as it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from nlp_service.api.schemas.replies import ReplyResponse
from nlp_service.api.schemas.streams import ReplyDone, ReplyPiece
from nlp_service.knowledge.generation import Generator
from tests.api.knowledge_app import SHOP, make_base, running_bases
from tests.fakes_llm import FakeModel

KEY = "sk-very-secret-123"
TIMEOUT_S = 2.0
WRITTEN = SHOP[0]["answer"]
FIRST, SECOND = "在订单页申请退款[1]。", "三天内到账[1]。"
"""What the model says unless told otherwise; the entry supports both."""

TYPES = {"reply": ReplyResponse, "piece": ReplyPiece, "done": ReplyDone}


@asynccontextmanager
async def running_with(model: FakeModel, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The application with a base ``shop``, whose answers the model phrases."""
    generator = Generator(model.url, "small", key=KEY, timeout_s=TIMEOUT_S, first_token_s=TIMEOUT_S)
    async with running_bases(folder, generator=generator) as client:
        await make_base(client, "shop")
        yield client


def afresh(model: FakeModel) -> FakeModel:
    """The model as if nobody had told it anything yet."""
    model.text, model.mode, model.piece = FIRST + SECOND, "answer", 3
    model.requests.clear()
    model.client_left.clear()
    return model


def events_of(text: str) -> list[tuple[str, Any]]:
    """Names and data; every event is of the type that the document names."""
    found = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        name, data = name.removeprefix("event: "), data.removeprefix("data: ")
        msgspec.json.decode(data, type=TYPES[name])
        found.append((name, json.loads(data)))
    return found


async def stream(client: httpx.AsyncClient, question: str = "怎么退款", **fields: Any) -> list[tuple[str, Any]]:
    response = await client.post("/v1/reply", json={"question": question, "kb": "shop", "stream": True, **fields})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-request-id"]
    return events_of(response.text)


async def outcomes(client: httpx.AsyncClient) -> dict[str, float]:
    lines = (await client.get("/metrics")).text.splitlines()
    prefix = 'nlp_phrased_total{outcome="'
    found = [line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix)]
    return {name: float(value) for name, value in found}


async def counted(client: httpx.AsyncClient, before: dict[str, float]) -> dict[str, float]:
    """What was counted since `before`."""
    after = await outcomes(client)
    return {name: value - before.get(name, 0.0) for name, value in after.items() if value != before.get(name, 0.0)}


def done(answer: str | None, *, phrased: bool = False, replaces: bool = False) -> dict[str, Any]:
    return {"answer": answer, "citations": ["refund"], "phrased": phrased, "replaces": replaces}
