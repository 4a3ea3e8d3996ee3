"""The way of a message: read it with the models, then decide by policy.

Message ─ analyse ─► Analysis ─ decide ─► Analysis with its verdict
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from nlp_service.inference.vectors import Floats
from nlp_service.moderation.deciding import judge_text
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy
from nlp_service.text.normalise import Batch, normalise_batch
from nlp_service.text.pii import find_pii_batch
from nlp_service.types import Analysis, Message


class Analyse(Protocol):
    """What turns messages into analyses, in order, one for one."""

    @property
    def version(self) -> str:
        """Name and version of the model, as answers carry it."""
        ...

    def analyse(
        self,
        messages: Sequence[Message],
        *,
        evidence: bool = True,
        batch: Batch | None = None,
        vectors: list[Floats] | None = None,
    ) -> list[Analysis]:
        """Analyse messages.

        Args:
            messages: Any number.
            evidence: May be left out to save time.
            batch: Their texts normalised.
            vectors: Where to add their embeddings, in arrays of some rows each; not wanted if None.
        """
        ...


class Reader:
    """Reads messages from text to verdict; the same for every door of the service."""

    def __init__(self, analyser: Analyse, policy: Policy = DEFAULT_POLICY) -> None:
        self._analyser = analyser
        self._policy = policy

    @property
    def model_version(self) -> str:
        """Name and version of the model behind the answers."""
        return self._analyser.version

    @property
    def policy_version(self) -> str:
        """Version of the policy behind the verdicts."""
        return self._policy.version

    def read(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        """Analyse each message, find personal data in it and decide; one answer for one message, in order.

        Args:
            messages: Any number.
            evidence: Whether to say which characters drove the labels.
            vectors: Where to add the embeddings of the same pass, in arrays of some rows each; not wanted if None.
        """
        texts = [message.text for message in messages]
        batch = normalise_batch(texts)
        analyses = self._analyser.analyse(messages, evidence=evidence, batch=batch, vectors=vectors)
        personal = find_pii_batch(texts, batch)
        return [
            msgspec.structs.replace(analysis, pii=spans, verdict=judge_text(analysis, self._policy))
            for analysis, spans in zip(analyses, personal, strict=True)
        ]
