"""A connection to PostgreSQL that notices when its server has fallen silent.

A server whose machine is frozen closes nothing: whoever waits for its answer waits for ever, and no setting of the
server can help. So after some seconds without a byte the server is asked for another connection. One that is merely
busy answers that at once, and may go on for as long as it needs.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

SILENCE_S = 3.0
"""How long an answer may take before the server is asked whether it is there."""

CONNECT_S = 5
"""How long a server may take to let somebody in, even to say that it will not."""


class AttentiveConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, when its server does not answer any more."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
        """As in the base class, through which every answer comes."""
        return super().wait(self._listen(gen), *args, **options)

    def _listen(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Hand on what the generator waits for; a falsy answer is that nothing came within a moment."""
        try:
            wanted = next(gen)
            heard_at = time.monotonic()
            while True:
                ready = yield wanted
                if ready:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > SILENCE_S:
                    self._check_server()
                    heard_at = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _check_server(self) -> None:
        try:
            psycopg.connect(self.info.dsn, password=self.info.password, connect_timeout=CONNECT_S).close()
        except psycopg.errors.ConnectionTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from error
        except psycopg.Error:
            pass  # it may have refused, but it is there
