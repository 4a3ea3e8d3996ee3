"""Models that do as the texts say, and rules of a tenant that nobody stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np

from nlp_service.errors import NotReady
from nlp_service.inference.batcher import Kept
from nlp_service.inference.frames import write_analysis
from nlp_service.inference.process import _nothing_known
from nlp_service.intake.arrivals import Arrival, admit, read_message
from nlp_service.moderation.lexicon import Entry, Matcher
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy
from nlp_service.store.contributions import Asked
from nlp_service.store.tenants import TenantSettings
from nlp_service.types import Message
from tests.fakes import BROKEN
from tests.message_readers import ADVERT, STORY, read

__all__ = [
    "ADVERT",
    "BROKEN",
    "DOWN",
    "NOW",
    "STORY",
    "FakeRulebooks",
    "FakeRules",
    "Models",
    "NothingEarlier",
    "arrival",
    "read",
]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOWN = "#down"
"""Texts that begin so end the worker."""


class Models:
    """Stands in for the batcher."""

    model_version = "fake-1"

    def __init__(self) -> None:
        self.is_down = False
        self.n_read = 0

    async def read_kept(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Kept]:
        if self.is_down or any(message.text.startswith(DOWN) for message in messages):
            raise NotReady("no inference worker is running")
        self.n_read += len(messages)
        return [
            Kept(write_analysis(_nothing_known(message)), b"")
            if message.text.startswith(BROKEN)
            else Kept(write_analysis(read(message)), np.eye(1, 128, dtype="<f2").tobytes())
            for message in messages
        ]


@dataclass
class FakeRules:
    """Rules as `moderation.rulebook.Rules` has them."""

    policies: Mapping[str, Policy] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    settings: TenantSettings = field(default_factory=TenantSettings)
    is_default: bool = False

    def __post_init__(self) -> None:
        self.matcher = Matcher.build(self.entries)

    def policy_for(self, channel: str) -> Policy:
        return self.policies.get(channel, DEFAULT_POLICY)

    def policy_version(self, channel: str) -> str:
        return self.policy_for(channel).version


class FakeRulebooks:
    """Knows the rules of every tenant; the same for all but those that are set."""

    def __init__(self, rules: FakeRules | None = None) -> None:
        self.rules = rules or FakeRules(is_default=True)

    async def of(self, tenant: str) -> Any:
        return cast(Any, self.rules)

    async def start(self) -> None:
        """Nothing is followed."""

    async def stop(self) -> None:
        """Nothing is followed."""


class NothingEarlier:
    """A tenant without contributions."""

    def earlier(self, tenant: str, asked: Sequence[Asked]) -> list[list[str]]:
        return [[] for _ in asked]


def arrival(text: str, id: str = "m1", *, received_at: datetime = NOW, **fields: Any) -> Arrival:
    given = {
        "id": id,
        "text": text,
        "platform": "qq",
        "channel": "c",
        "author": "a",
        "sent_at": received_at.isoformat(),
    }
    return admit(read_message(given | fields), received_at)
