"""Sends calls, again where that may help, and waits for the answers."""

from __future__ import annotations

import random
import time
from typing import TypeVar

import httpx

from nlp_service.client.errors import ClientError, UnexpectedAnswer, Unreachable
from nlp_service.client.retrying import Retries, may_repeat
from nlp_service.client.wire import Call, read, request_of

T = TypeVar("T")


class Sender:
    """Sends calls.

    Args:
        http: Over these connections.
        retries: How patiently.
    """

    def __init__(self, http: httpx.Client, retries: Retries) -> None:
        self._http = http
        self._retries = retries

    def do(self, call: Call[T]) -> T:
        """The answer to a call.

        Raises:
            ClientError: There is none, or it is a refusal.
        """
        n_tried = 0
        while True:
            n_tried += 1
            try:
                return self._once(call)
            except ClientError as error:
                pause_s = self._retries.pause(n_tried, error, random.random)
                if pause_s is None or not may_repeat(error, is_harmless=call.is_harmless):
                    raise
            time.sleep(pause_s)

    def _once(self, call: Call[T]) -> T:
        try:
            response = self._http.request(**request_of(call))
        except httpx.TransportError as error:
            raise Unreachable(f"{call.method} {call.path}: {type(error).__name__}") from error
        except httpx.DecodingError as error:
            raise UnexpectedAnswer(f"the answer to {call.method} {call.path} cannot be unpacked", status=0) from error
        return read(call, response)
