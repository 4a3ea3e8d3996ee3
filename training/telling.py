"""Progress of a long run, a line of JSON a step."""

from __future__ import annotations

import json


def say(step: str, **facts: object) -> None:
    """Print a step with its facts at once, however the output is buffered."""
    print(json.dumps({"step": step, **facts}, ensure_ascii=False), flush=True)
