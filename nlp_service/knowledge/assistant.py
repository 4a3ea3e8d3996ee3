"""Answers from knowledge bases, and follows what is published in the store.

Indexes are built aside in a thread and swapped by one assignment: a request holds the one that it began with, so none
sees half of a version. Whether something was published is asked of the store once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from nlp_service.errors import NotFound, ServiceError
from nlp_service.knowledge.calibrate import Calibrated, calibrate
from nlp_service.knowledge.claims import Source
from nlp_service.knowledge.finding import Finder
from nlp_service.knowledge.loaded import Asked, Loaded, Wish
from nlp_service.knowledge.loading import load_index, load_synonyms, load_thresholds
from nlp_service.knowledge.probes import INTENTS
from nlp_service.knowledge.reply import Alternative, Decision, Reply, decide
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Standing
from nlp_service.types import Analysis

N_SOURCES = 3
"""Entries that an answer may be phrased from: the one that answers and the next two."""

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Assistant:
    """Knows the published version of every base that was asked for. One a process; safe to share between threads.

    Args:
        store: Where the bases are.
        model: The search model.
        poll_s: Time between two looks at what is published, in seconds.
        now: Tells the time.
    """

    def __init__(
        self,
        store: KnowledgeStore,
        model: SearchModel,
        *,
        poll_s: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._model = model
        self._poll_s = poll_s
        self._now = now
        self._loaded: dict[int, Loaded] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._building = threading.Lock()
        self._finder = Finder()
        self._loading = ThreadPoolExecutor(1, "knowledge-load")
        self._following: asyncio.Task[None] | None = None

    @property
    def model_version(self) -> str:
        """Version of the search model, as answers carry it."""
        return self._model.version

    async def start(self) -> None:
        """Follow what is published until `stop`."""
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following, and wait for what is being done."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        self._finder.stop()
        self._loading.shutdown()

    async def reply(self, tenant: str, kb: str, asked: Asked, analysis: Analysis) -> Reply:
        """Decide what to do with a question.

        Args:
            tenant: Who asks.
            kb: Name of the base, or its id.
            asked: The question.
            analysis: What the models say of it.

        Raises:
            NotFound: The tenant has no such base.
        """
        return (await self.reply_with_sources(tenant, kb, asked, analysis))[0]

    async def reply_with_sources(
        self, tenant: str, kb: str, asked: Asked, reading: Analysis | Awaitable[Analysis]
    ) -> tuple[Reply, tuple[Source, ...]]:
        """As `reply`, with the first `N_SOURCES` of its alternatives as what the answer may be phrased from.

        They are of the very version that was searched; none unless the decision is ``answer``. An analysis that is
        still being made is waited for when the base has been searched.
        """
        loaded = await self._base(tenant, kb)
        ranked = await self._finder.rank(loaded, Wish(asked))
        analysis = reading if isinstance(reading, Analysis) else await reading
        intents = analysis.intent.probabilities if analysis.intent else INTENTS
        found, entries = loaded.conclude(ranked, intents), loaded.index.entries
        reply = decide(found, entries, analysis, loaded.thresholds, loaded.index.version)
        if reply.decision is not Decision.ANSWER:
            return reply, ()
        nearest = [entries[hit.entry] for hit in found.hits[:N_SOURCES]]
        return reply, tuple(Source(entry.id, entry.questions[0], entry.answer) for entry in nearest)

    async def search(
        self, tenant: str, kb: str, text: str, *, n: int = 10, channel: str = "", version: int | None = None
    ) -> list[Alternative]:
        """Entries that may answer a text, the most probable first; of an older version if one is given, more slowly.

        Raises:
            NotFound: The tenant has no such base, or the base no such version.
        """
        if version is None:
            loaded = await self._base(tenant, kb)
        else:
            loaded = await self._in(self._loading, lambda: self._load_version(tenant, kb, version))
        ranked = await self._finder.rank(loaded, Wish(Asked(text, self._now(), channel=channel), n))
        found = loaded.conclude(ranked, INTENTS)
        hits = [(loaded.index.entries[hit.entry], round(hit.probability, 4)) for hit in found.hits]
        return [Alternative(entry.id, entry.questions[0], chance) for entry, chance in hits]

    async def calibrate(self, tenant: str, kb: str, precision: float = 0.9, *, actor: str = "system") -> Calibrated:
        """Fit the thresholds of the published version on its own wordings, and keep them with it.

        Raises:
            NotFound: The tenant has no such base.
        """
        loaded = await self._base(tenant, kb)

        def work() -> Calibrated:
            fitted = calibrate(loaded.index, precision)
            if loaded.index.version:
                self._store.calibrate(tenant, kb, loaded.index.version, msgspec.to_builtins(fitted), actor=actor)
            return fitted

        fitted = await self._in(self._loading, work)
        await self._in(self._loading, self._refresh)
        return fitted

    def status(self) -> dict[str, int]:
        """Bases and wordings that are held in memory."""
        held = list(self._loaded.values())
        return {"bases": len(held), "wordings": sum(each.index.n_wordings for each in held)}

    async def _base(self, tenant: str, kb: str) -> Loaded:
        kb_id = self._ids.get((tenant, kb))
        loaded = self._loaded.get(kb_id) if kb_id is not None else None
        if loaded is None:
            loaded = await self._in(self._loading, lambda: self._load(tenant, kb))
        return loaded

    def _load(self, tenant: str, kb: str) -> Loaded:
        """Read a base that is asked for the first time, once however many ask."""
        with self._building:
            base = self._store.get(tenant, kb)
            held = self._loaded.get(base.id)
            if held is None:
                held = self._loaded[base.id] = self._read(tenant, base.id)
            self._ids[tenant, kb] = base.id
            return held

    def _read(self, tenant: str, kb_id: int, held: Loaded | None = None) -> Loaded:
        """The published version as it is now; its index is taken over where only settings have changed."""
        base = self._store.get(tenant, kb_id)
        if held is not None and held.index.version == base.published:
            index = held.index.with_synonyms(load_synonyms(base))
        else:
            index = load_index(self._store, self._model, base, base.published).build()
        thresholds = load_thresholds(self._store, self._model, base)
        return Loaded(index, thresholds, Standing(base.published, base.settings_version))

    def _load_version(self, tenant: str, kb: str, version: int) -> Loaded:
        base = self._store.get(tenant, kb)
        index = load_index(self._store, self._model, base, version).build()
        return Loaded(index, self._model.thresholds, Standing(version, base.settings_version))

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self._in(self._loading, self._refresh)
            except ServiceError as error:
                # The database may be away for a while; what is held goes on answering.
                logger.warning("what is published could not be looked up: %s", error)

    def _refresh(self) -> None:
        """Read again what has changed, and let go of what is no more."""
        with self._building:
            standings = self._store.standings()
            tenants = {kb_id: tenant for (tenant, _), kb_id in self._ids.items()}
            for kb_id, held in list(self._loaded.items()):
                if kb_id not in standings:
                    del self._loaded[kb_id]
                    self._ids = {name: known for name, known in self._ids.items() if known != kb_id}
                elif standings[kb_id] != held.standing:
                    self._read_again(tenants[kb_id], kb_id, held)

    def _read_again(self, tenant: str, kb_id: int, held: Loaded) -> None:
        """Take the new state of one base, or keep the old: what is wrong with one must not hold up the others."""
        try:
            self._loaded[kb_id] = self._read(tenant, kb_id, held)
        except NotFound:
            return  # removed meanwhile: the next look sees that
        except Exception as error:
            # Settings and calibrations are JSON that others wrote. The type alone: a message could quote them.
            logger.warning("base %d was not read again, its old state answers: %s", kb_id, type(error).__name__)

    @staticmethod
    async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
