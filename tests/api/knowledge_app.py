"""The application with knowledge bases: a real database, a real index, and models that do as the texts say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np

from nlp_service.api.app import Options, create_app
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.knowledge.generation import Generator
from nlp_service.knowledge.search.model import COVER, FEATURES, Ranker, SearchModel
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.store.database import open_database
from nlp_service.types import Analysis, Intent, Label, Message, Pain, Risk, Span
from nlp_service.wiring import build_search_model
from tests.fakes import Floats, Obedient, analysis_of

THANKS, DANGER = "谢谢", "#danger"
"""Texts that begin so ask nothing, or are of high risk; all others are questions."""

SHOP: list[dict[str, Any]] = [
    {
        "id": "refund",
        "questions": ["怎么退款", "钱什么时候退回来"],
        "answer": "在订单页申请，三天内到账。",
        "tags": ["售后"],
    },
    {"id": "hours", "question": "几点开门", "answer": "每天九点到二十一点。", "category": "门店"},
    {"id": "parking", "question": "停车收费吗", "answer": "前两小时免费。", "category": "门店"},
    {"id": "invoice", "question": "怎么开发票", "answer": "付款后在订单页填写抬头。"},
]


class Asker(Obedient):
    """Takes every text for a calm question, unless it says otherwise."""

    def read(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        super().read(messages, vectors=vectors)
        return [_as_asked(message) for message in messages]


def build_asker() -> Asker:
    return Asker()


def _as_asked(message: Message) -> Analysis:
    analysis = analysis_of(message, evidence=False)
    if message.text.startswith(THANKS):
        return analysis
    chances = {"question": 0.9, "ugc": 0.0, "ad": 0.0, "complaint": 0.1, "chat": 0.05}
    asked = msgspec.structs.replace(analysis, intent=Intent("question", ("question",), chances))
    if not message.text.startswith(DANGER):
        return asked
    pain = Pain("安全", Span(0, 2, message.text[:2]), "food_safety")
    return msgspec.structs.replace(asked, risk=Risk(2, 0.9, 0.95, (Label("food_safety", 0.9),)), pain=(pain,))


def planted_model() -> SearchModel:
    """The shipped model with a ranker that counts which share of the question's characters a wording has."""
    n, model = len(FEATURES), build_search_model()
    direct = np.array([8.0 if name == "terms.wording.share" else 0.0 for name in FEATURES], np.float32)
    cover = np.array([*(10.0 if name == "share" else 0.0 for name in COVER), -4.0], np.float32)
    none, zero, one = np.zeros(0, np.float32), np.zeros(n, np.float32), np.ones(n, np.float32)
    model.ranker = Ranker(zero, one, direct, np.zeros((n, 0), np.float32), none, none, cover)
    model.version, model.thresholds = "planted-1", Thresholds()
    return model


@asynccontextmanager
async def running_bases(
    folder: Path, options: Options | None = None, generator: Generator | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """The application with one real worker and a database in a folder, reached without a port."""
    with open_database(str(folder / "bases.db")) as database:
        knowledge = Knowledge(database, planted_model(), poll_s=0.05, generator=generator)
        app = create_app(build_asker, options or Options(), knowledge)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service", timeout=60) as client,
        ):
            yield client


async def make_base(
    client: httpx.AsyncClient, name: str, entries: Sequence[dict[str, Any]] = SHOP, *, is_published: bool = True
) -> str:
    """Make a base with entries, and give its path."""
    assert (await client.post("/v1/kb", json={"name": name})).status_code == 201
    path = f"/v1/kb/{name}"
    if entries:
        assert (await client.post(f"{path}/entries", json={"entries": list(entries)})).status_code == 201
    if entries and is_published:
        assert (await client.post(f"{path}/publish")).status_code == 201
    return path


async def ask(client: httpx.AsyncClient, kb: str | int, question: str, **fields: Any) -> dict[str, Any]:
    """The reply to a question."""
    response = await client.post("/v1/reply", json={"question": question, "kb": kb, **fields})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def soon(look: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> bool:
    """Whether something comes true in time."""
    until = time.monotonic() + within_s
    while not await look():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.02)
    return True
