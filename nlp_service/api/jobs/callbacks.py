"""Telling somebody that a job has ended: signed, and again with growing pauses until it is heard.

The body has no text of a user and no result, only where to look. ``X-NLP-Signature: t=SECONDS,v1=HEX`` has the time at
which it was sent and the HMAC-SHA256 of ``SECONDS.BODY`` under the caller's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from nlp_service.errors import BadInput, ServiceError
from nlp_service.notify.addresses import Place, Refused, read_url, resolve
from nlp_service.store.database import Database
from nlp_service.store.job_leases import JobLeases
from nlp_service.store.job_records import Due, Job

SIGNATURE = "X-NLP-Signature"
"""Header of the signature."""

PAUSES_S = (10.0, 60.0, 300.0, 1_800.0)
"""Pauses after the tries that failed; after one more it is given up."""

TIMEOUT_S = 10.0
"""Time for a connection, and for each answer on it."""

_HOLD_S = 60.0  # longer than a try takes
_POLL_S = 1.0

log = logging.getLogger(__name__)


class CallbackBody(msgspec.Struct):
    """What is told when a job ends; `link` is where to read more, on this service."""

    job_id: str
    kind: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    link: str


def sign(secret: str, at_s: int, body: bytes) -> str:
    """The value of the header `SIGNATURE`.

    Args:
        secret: The caller's.
        at_s: When it is sent, in seconds since 1970.
        body: As it is sent.
    """
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def body_of(job: Job) -> bytes:
    """What is told of a job."""
    told = CallbackBody(job.id, job.kind, job.state, job.created_at, job.finished_at, f"/v1/jobs/{job.id}")
    return msgspec.json.encode(told)


class Callbacks:
    """Tells what is due, in a thread of its own.

    Args:
        database: Where jobs are; whoever opened it closes it.
        is_private_allowed: Whether addresses that are not public may be told, as a service inside a firm needs.
        now: Says what time it is, aware.
        poll_s: Time between two looks at what is due, in seconds.
    """

    def __init__(
        self,
        database: Database,
        *,
        is_private_allowed: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = _POLL_S,
    ) -> None:
        self._leases = JobLeases(database, now)
        self._is_private_allowed = is_private_allowed
        self._now, self._poll_s = now, poll_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-callbacks", daemon=True)

    def start(self) -> None:
        """Begin to look for what is due."""
        self._thread.start()

    def stop(self) -> None:
        """End; a try that has begun is finished."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def tell_next(self) -> bool:
        """Tell what is due next; gives whether there was anything."""
        due = self._leases.due(_HOLD_S)
        if due is None:
            return False
        outcome = self._try(due)
        if outcome == "waiting" and due.tries > len(PAUSES_S):
            outcome = "failed"
        pause = timedelta(seconds=PAUSES_S[due.tries - 1]) if outcome == "waiting" else None
        self._leases.told(due.job, outcome, None if pause is None else self._now() + pause)
        log.info("callback", extra={"fields": {"job": due.job.id, "outcome": outcome, "tries": due.tries}})
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self.tell_next():
                    continue
            except Exception as error:
                # The thread must outlive whatever happens to the database.
                log.warning("callbacks: %s", error if isinstance(error, ServiceError) else type(error).__name__)
            self._stopping.wait(self._poll_s)

    def _try(self, due: Due) -> str:
        body = body_of(due.job)
        signature = sign(due.callback.secret, int(self._now().timestamp()), body)
        try:
            place = read_url(due.callback.url, is_private_allowed=self._is_private_allowed)
            address = resolve(place, is_private_allowed=self._is_private_allowed)
            status = _post(place, address, body, signature)
        except (BadInput, Refused):
            return "failed"
        except (OSError, http.client.HTTPException):
            return "waiting"
        # Elsewhere is nowhere: a redirect would lead past the look at the address.
        return "delivered" if 200 <= status < 300 else "waiting"


def _post(place: Place, address: str, body: bytes, signature: str) -> int:
    """Send to the address that was looked at; gives the status.

    Raises:
        OSError: It cannot be reached, does not answer in time, or is not who it says.
        HTTPException: It does not answer as HTTP does.
    """
    connection = http.client.HTTPConnection(place.host, place.port, timeout=TIMEOUT_S)
    plain = socket.create_connection((address, place.port), timeout=TIMEOUT_S)
    try:
        context = ssl.create_default_context() if place.is_secure else None
        connection.sock = plain if context is None else context.wrap_socket(plain, server_hostname=place.host)
        headers = {"Content-Type": "application/json", "User-Agent": "nlp-service", SIGNATURE: signature}
        default_port = 443 if place.is_secure else 80
        name = f"[{place.host}]" if ":" in place.host else place.host
        headers["Host"] = name if place.port == default_port else f"{name}:{place.port}"
        connection.request("POST", place.target, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
        plain.close()
