"""What stands in for the model. It is built inside worker processes, so all of it must be importable."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.insight.engine.mapping import Mapper, Task
from nlp_service.insight.engine.parts import Part
from nlp_service.insight.engine.reading import Tools
from nlp_service.insight.engine.work import Done
from nlp_service.types import Analysis, Message
from tests.fakes import BROKEN, analysis_of

Floats = npt.NDArray[np.float32]


class Reader:
    """Says that all is well, once for each wording; dies when it meets `death` while its flag is not there."""

    version = "fake-1"

    def __init__(self, death: str = "", flag: str = "") -> None:
        self._death, self._flag = death, flag
        self.read: list[str] = []

    def analyse(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        for message in messages:
            has_died = bool(self._flag) and Path(self._flag).exists()
            if self._death and message.text.startswith(self._death) and not has_died:
                if self._flag:
                    Path(self._flag).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if message.text.startswith(BROKEN):
                raise ValueError(f"cannot read {message.text}")
        self.read += [message.text for message in messages]
        if vectors is not None and messages:
            # Points to where the text is long, so that a test can tell whose vector it is.
            vectors.append(np.eye(128, dtype=np.float32)[[len(message.text) % 128 for message in messages]])
        return [analysis_of(message, evidence=False) for message in messages]


def run_here(task: Task, parts: Sequence[Part], n_workers: int) -> Iterator[Done]:
    """An engine without workers, for tests that are not about them."""
    mapper = Mapper(task)
    for part in parts:
        yield mapper.do(part)


def build() -> Tools:
    return Tools(Reader())


def build_mortal(death: str, flag: str) -> Tools:
    return Tools(Reader(death, flag))


def build_damaged() -> Tools:
    raise ArtifactError("linear.npz: sha256 does not match the manifest")


def dying_once(folder: Path, at: str) -> Any:
    """Tools whose first user dies at a text that starts so."""
    return partial(build_mortal, at, str(folder / "died"))


def dying_always(at: str) -> Any:
    """Tools whose users die at a text that starts so."""
    return partial(build_mortal, at, "")
