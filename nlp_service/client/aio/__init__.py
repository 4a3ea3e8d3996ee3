"""The client for programs of asyncio: `AsyncClient` and its parts."""
