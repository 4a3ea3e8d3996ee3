"""What the doors share: texts are read in parts that the queue takes, for as long as somebody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import numpy as np
from starlette.requests import ClientDisconnect, Request

from nlp_service.api.analyze import THREAD_FROM, RulesOf
from nlp_service.api.caller import tenant_of
from nlp_service.errors import NotReady
from nlp_service.inference.batcher import Batcher, Kept
from nlp_service.inference.vectors import Floats, unpack
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy
from nlp_service.text.normalise import normalise_batch
from nlp_service.types import Analysis, Message

AT_ONCE = 20_000
"""Code points whose normalisation takes a few milliseconds; more of them are left to a thread."""


class Judged(NamedTuple):
    """Analyses with the verdicts of the caller's tenant.

    Attributes:
        analyses: Their evidence has the words of the tenant's lists, and that of the models if it was asked for.
        policy: What they were judged by.
        policy_version: As answers carry it; it tells of the lists too.
    """

    analyses: list[Analysis]
    policy: Policy
    policy_version: str


class Reading:
    """Reads texts with a batcher, and judges them by the rules of whoever asks.

    Args:
        batcher: Has them read.
        rules: What they are judged by where a tenant has rules of its own; None for the built-in ones.
        part: Texts that are read at a time.
    """

    def __init__(self, batcher: Batcher, rules: RulesOf | None = None, part: int = 512) -> None:
        self._batcher = batcher
        self._rules = rules
        self._part = part

    @property
    def model_version(self) -> str:
        """Name and version of the model behind the answers."""
        return self._batcher.model_version

    async def analyses(
        self, request: Request, texts: Sequence[str], *, context: Sequence[str] = (), evidence: bool = False
    ) -> list[Analysis]:
        """An analysis for each text.

        Args:
            request: Nothing is read any more when its caller has hung up.
            texts: Any number.
            context: What was said before each of them.
            evidence: Whether to say which characters drove the labels.

        Raises:
            ClientDisconnect: The caller has gone.
            ServiceError: As `Batcher.read`.
        """
        found: list[Analysis] = []
        for first in range(0, len(texts), self._part):
            await _stop_if_gone(request, first)
            messages = [Message(None, text, tuple(context)) for text in texts[first : first + self._part]]
            found += await self._batcher.read(messages, evidence=evidence)
        return found

    async def judge(self, request: Request, texts: Sequence[str], analyses: list[Analysis]) -> Judged:
        """Judge by the rules of the caller's tenant what the workers have judged by the built-in ones."""
        rules = await self._rules.of(tenant_of(request)) if self._rules else None
        if rules is None or rules.is_default:
            return Judged(analyses, DEFAULT_POLICY, self._batcher.policy_version)
        # Here, because a service without a database needs neither.
        from nlp_service.intake.alone import judge_alone

        work = partial(judge_alone, texts, analyses, rules, datetime.now(UTC))
        judged = work() if len(texts) < THREAD_FROM else await asyncio.to_thread(work)
        return Judged(judged, rules.policy_for(""), rules.policy_version(""))

    async def vectors(self, request: Request, texts: Sequence[str]) -> Floats:
        """Embeddings of unit length, zero where nothing can be read; (n, columns), at least one text.

        Raises:
            NotReady: One of the texts could not be read; `param` names it.
            ClientDisconnect: The caller has gone.
            ServiceError: As `Batcher.read_kept`.
        """
        kept: list[Kept] = []
        for first in range(0, len(texts), self._part):
            await _stop_if_gone(request, first)
            messages = [Message(None, text) for text in texts[first : first + self._part]]
            kept += await self._batcher.read_kept(messages, evidence=False)
        failed = next((place for place, one in enumerate(kept) if not one.vector), None)
        if failed is not None:
            raise NotReady("this text could not be read", param=f"input[{failed}]")
        return unpack([one.vector for one in kept])


async def count_units(texts: Sequence[str]) -> int:
    """Characters of all texts as the models read them, after normalisation."""
    if sum(map(len, texts)) <= AT_ONCE:
        return _n_units(texts)
    return await asyncio.to_thread(_n_units, texts)


def shorten(vectors: Floats, columns: int) -> Floats:
    """The first columns, brought back to unit length; zero rows stay zero."""
    short = vectors[:, :columns]
    return np.asarray(short / np.maximum(np.linalg.norm(short, axis=1, keepdims=True), 1e-9), np.float32)


def _n_units(texts: Sequence[str]) -> int:
    return int(normalise_batch(texts).offsets[-1])


async def _stop_if_gone(request: Request, first: int) -> None:
    # Not before the first part: for most requests looking costs more than it saves.
    if first and await request.is_disconnected():
        raise ClientDisconnect
