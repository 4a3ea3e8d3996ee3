"""Work for jobs in tests: each does in its process what its name says."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from nlp_service.api.jobs.child import Task, Tell
from nlp_service.errors import BadInput


def count_up(task: Task, tell: Tell) -> dict[str, Any]:
    for step in range(3):
        tell(step / 3, f"step{step}")
        time.sleep(0.25)
    return {"counted": task.parameters["to"], "niceness": os.nice(0), "tenant": task.tenant}


def hang(task: Task, tell: Tell) -> dict[str, Any]:
    """Says its process id, and then nothing any more."""
    tell(0.5, "hanging")
    Path(task.parameters["file"]).write_text(str(os.getpid()))
    time.sleep(600)
    return {}


def die(task: Task, tell: Tell) -> dict[str, Any]:
    with Path(task.parameters["file"]).open("a") as file:
        file.write("x")
    os._exit(9)


def die_once(task: Task, tell: Tell) -> dict[str, Any]:
    file = Path(task.parameters["file"])
    if not file.exists():
        file.write_text("x")
        os._exit(9)
    return {"attempt": 2}


def refuse(task: Task, tell: Tell) -> dict[str, Any]:
    raise BadInput("there are no messages in the period", param="from")


def stumble(task: Task, tell: Tell) -> dict[str, Any]:
    raise KeyError("我家住在梧桐路")


WORKS = {work.__name__: work for work in (count_up, hang, die, die_once, refuse, stumble)}
