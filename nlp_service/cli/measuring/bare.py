"""The rival in HTTP: a bare FastAPI endpoint that checks a body with pydantic and gives back a constant."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Message(BaseModel):
    """What the endpoint takes, as the service does."""

    id: str
    text: str


class Body(BaseModel):
    """A request."""

    messages: list[Message]


@app.post("/v1/analyze")
async def analyze(body: Body) -> dict[str, object]:
    """Give a constant, whatever was sent."""
    return {"results": [{"id": body.messages[0].id, "intent": "chat", "risk": 0}]}


@app.get("/readyz")
async def ready() -> dict[str, str]:
    """Ready as soon as it answers."""
    return {"status": "ok"}


def main() -> None:
    """Serve on the loopback port of the first argument."""
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="error")


if __name__ == "__main__":
    main()
