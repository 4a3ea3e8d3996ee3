"""Readers that stand in for the models. They are built inside worker processes, so all of it must be importable."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.types import (
    Abuse,
    Action,
    Analysis,
    Evidence,
    Intent,
    Label,
    Message,
    Pain,
    Risk,
    Sentiment,
    Span,
    Verdict,
)

Floats = npt.NDArray[np.float32]

CRASH, HANG, BROKEN, SLOW = "#crash", "#hang", "#broken", "#slow"
"""Texts that make `Obedient` end its process, never answer, raise an error that quotes the text, or take 0.3 s."""


class Obedient:
    """Says that all is well, unless a text tells it to misbehave."""

    model_version = "fake-1"
    policy_version = "policy-1"

    def read(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        for message in messages:
            if message.text.startswith(CRASH):
                os.kill(os.getpid(), signal.SIGKILL)
            if message.text.startswith(HANG):
                time.sleep(3600)
            if message.text.startswith(SLOW):
                time.sleep(0.3)
            if message.text.startswith(BROKEN):
                raise ValueError(f"cannot read {message.text}")
        if vectors is not None:
            # Points to where the text is long, so that a test can tell whose vector it is.
            vectors += [np.eye(1, 4, len(message.text) % 4, dtype=np.float32) for message in messages]
        return [analysis_of(message, evidence=evidence) for message in messages]


class Broken(Obedient):
    """Loads, but cannot read anything."""

    def read(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        raise RuntimeError("no inference today")


def analysis_of(message: Message, *, evidence: bool = True) -> Analysis:
    """An analysis whose pain target tells how long the text was when it arrived."""
    spans = (Span(0, len(message.text), message.text),) if message.text else ()
    return Analysis(
        id=message.id,
        intent=Intent("chat", ("chat",), {"question": 0.1, "ugc": 0.1, "ad": 0.1, "complaint": 0.1, "chat": 0.9}),
        sentiment=Sentiment("neutral", 0.0),
        risk=Risk(1, 0.1, 0.6, (Label("other", 0.6),)),
        abuse=Abuse(0.1, False),
        unsafe=(Label("scam", 0.1),),
        pain=tuple(Pain(str(len(message.text)), span, "need") for span in spans),
        evidence=tuple(Evidence("intent.chat", "model", span) for span in spans) if evidence else (),
        verdict=Verdict(Action.PASS),
    )


def build_obedient() -> Obedient:
    return Obedient()


def build_broken() -> Broken:
    return Broken()


def build_damaged(file: str) -> Obedient:
    raise ArtifactError(f"{file}: sha256 does not match the manifest")


def build_failing() -> Obedient:
    raise ImportError("no module named nothing")


def build_dying() -> Obedient:
    os._exit(9)


def build_unless(flag: str) -> Obedient:
    """Loads until the file appears."""
    if Path(flag).exists():
        raise ArtifactError(f"{flag}: is damaged")
    return Obedient()
