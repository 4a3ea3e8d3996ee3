"""An assistant over a store of the test's own, and how it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

from nlp_service.knowledge.assistant import Assistant
from nlp_service.knowledge.entries import Entry, to_record
from nlp_service.knowledge.loaded import Asked
from nlp_service.knowledge.reply import Reply
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.types import Abuse, Analysis, Intent, Risk, Sentiment
from tests.unit.knowledge.search.made_up import planted, sensible, with_ranker

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
SOON_S = 2.0  # within which what is published must be answered from
CALM = Analysis(
    None,
    Intent("question", ("question",), {"question": 0.9}),
    Sentiment("neutral", 0.0),
    Risk(0, 0.0, 0.0),
    Abuse(0.0, False),
    (),
    (),
)


def always() -> SearchModel:
    """A model that is sure of what shares most terms, and answers whatever is asked."""
    ranker = planted({"terms.wording.share": 30.0}, constant=9.0)
    return with_ranker(ranker, Thresholds(answer=0.0, clarify=0.0, margin=0.0))


def publish(store: KnowledgeStore, tenant: str, kb: str, entries: list[Entry]) -> int:
    store.put(tenant, kb, [to_record(entry) for entry in entries], may_create=True)
    return store.publish(tenant, kb)


@contextlib.asynccontextmanager
async def following(store: KnowledgeStore, model: SearchModel | None = None) -> AsyncIterator[Assistant]:
    """An assistant that looks at what is published as often as it does when it serves."""
    assistant = Assistant(store, model or sensible(), now=lambda: NOW)
    await assistant.start()
    try:
        yield assistant
    finally:
        await assistant.stop()


async def ask(assistant: Assistant, kb: str, text: str, *, tenant: str = "a", channel: str = "") -> Reply:
    return await assistant.reply(tenant, kb, Asked(text, NOW, channel=channel), CALM)


async def seconds_until(holds: Callable[[], Awaitable[bool]]) -> float:
    """How long it takes until something holds; 10 if it does not."""
    begin = time.monotonic()
    while time.monotonic() < begin + 10 and not await holds():
        await asyncio.sleep(0.02)
    return time.monotonic() - begin
