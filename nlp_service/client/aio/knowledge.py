"""Knowledge bases, for programs of asyncio."""

from __future__ import annotations

from nlp_service.client import calls
from nlp_service.client.aio.sending import AsyncSender
from nlp_service.client.values import Base, Found, Imported, Published


class Knowledge:
    """Knowledge bases. Part of `AsyncClient`."""

    def __init__(self, sender: AsyncSender) -> None:
        self._do = sender.do

    async def search(self, kb: str | int, text: str, *, n: int = 10, channel: str = "") -> Found:
        """Find entries that may answer a text."""
        return await self._do(calls.search(kb, text, n=n, channel=channel))

    async def make(self, name: str) -> Base:
        """Make a knowledge base."""
        return (await self._do(calls.make_base(name))).base

    async def import_file(
        self, kb: str | int, data: bytes, *, format: str | None = None, all_or_nothing: bool = False
    ) -> Imported:
        """Write the entries of a CSV, XLSX or JSONL file into the draft of a base."""
        return await self._do(calls.import_entries(kb, data, format=format, all_or_nothing=all_or_nothing))

    async def publish(
        self, kb: str | int, *, author: str = "", note: str = "", draft: int | None = None, force_reason: str = ""
    ) -> Published:
        """Answer from the draft; with a reason also where the draft answers worse than what is published."""
        force = {"force": True, "reason": force_reason} if force_reason else {}
        return await self._do(calls.publish(kb, author=author, note=note, draft=draft, **force))
