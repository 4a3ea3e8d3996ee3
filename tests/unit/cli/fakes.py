"""A reader that needs no model, for tests of what happens around it. Workers build it, so it can be pickled by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nlp_service.errors import ArtifactError
from nlp_service.types import Abuse, Action, Analysis, Intent, Label, Message, Pain, Risk, Sentiment, Span, Verdict

KILLS = "this one kills the worker"
RAISES = "this one raises"


@dataclass(frozen=True)
class FakeReader:
    """Says of a text only what can be checked: its length is in the score, and its words come back as a pain."""

    model_version: str = "fake-1"
    policy_version: str = "policy-1"
    sleep_s: float = 0.0
    once: Path | None = None

    def read(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        return [self._read(message) for message in messages]

    def _read(self, message: Message) -> Analysis:
        if self.sleep_s:
            time.sleep(self.sleep_s)
        if message.text == RAISES:
            raise ValueError(message.text)
        if message.text == KILLS and (self.once is None or not self.once.exists()):
            if self.once:
                self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        text = message.text
        return Analysis(
            id=None,
            intent=Intent("chat", ("chat", "ugc"), {"chat": 0.75, "ugc": 0.5}),
            sentiment=Sentiment("neutral", len(text) / 10_000),
            risk=Risk(0, 0.25, 0.5),
            abuse=Abuse(0.125, False),
            unsafe=(Label("scam", 0.5), Label("gambling", 0.25)),
            pain=(Pain(text, Span(0, len(text), text), "other"),) if text else (),
            verdict=Verdict(Action.PASS, ("none",)),
        )


def build_fake(model_version: str = "fake-1", sleep_s: float = 0.0, once: Path | None = None) -> FakeReader:
    return FakeReader(model_version, sleep_s=sleep_s, once=once)


def build_broken() -> FakeReader:
    raise ArtifactError("weights.onnx: wrong checksum")


def build_dying() -> FakeReader:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
