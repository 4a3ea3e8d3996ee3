"""A client of the service, for programs in Python: `Client`, and `AsyncClient` for asyncio.

with Client("http://127.0.0.1:8000", key) as client:
    (result,) = client.analyze(["快递一周没到，怎么回事？"]).results
"""

from nlp_service.client.aio.client import AsyncClient
from nlp_service.client.blocking.client import Client
from nlp_service.client.errors import ClientError, Refused, UnexpectedAnswer, Unreachable
from nlp_service.client.retrying import Retries
from nlp_service.client.values import NewMessage, Word

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "NewMessage",
    "Refused",
    "Retries",
    "UnexpectedAnswer",
    "Unreachable",
    "Word",
]
