"""Every error that the service raises on purpose.

    ServiceError                 500 internal
    ├── BadInput                 422 invalid_input        names the field in `param`
    │   └── TooLarge             413 too_large
    ├── Unauthorized             401 unauthorized         no key, or one that is not good now
    ├── Forbidden                403 forbidden            the key is good, but not for this
    ├── NotFound                 404 not_found            not there, or of another tenant
    ├── Conflict                 409 conflict             what is there does not allow it
    ├── Overloaded               429 overloaded           carries `retry_after_s`
    ├── NotReady                 503 not_ready            a worker died or does not answer
    │   └── DeadlineExceeded     503 deadline_exceeded
    └── ArtifactError            500 bad_artifact         names the file; stops the start

An error knows its HTTP status and code; its message carries ids, sizes and names, never text of users.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Base of the tree. ``param`` names the field of the request that is at fault, where there is one."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class BadInput(ServiceError):
    """The caller sent something that cannot be taken."""

    status = 422
    code = "invalid_input"


class TooLarge(BadInput):
    """The body, a text or a list is over its limit."""

    status = 413
    code = "too_large"


class Unauthorized(ServiceError):
    """The request has no key, or one that is unknown, expired or revoked. Which of these is not told."""

    status = 401
    code = "unauthorized"


class Forbidden(ServiceError):
    """The key is good, but not for this."""

    status = 403
    code = "forbidden"


class NotFound(ServiceError):
    """What the caller named is not there. What belongs to another tenant is not there either."""

    status = 404
    code = "not_found"


class Conflict(ServiceError):
    """The request could be done, but not in the state in which things are now."""

    status = 409
    code = "conflict"


class Overloaded(ServiceError):
    """No room in the queue; nothing was done for the request."""

    status = 429
    code = "overloaded"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReady(ServiceError):
    """The service cannot answer now; the same request may succeed later."""

    status = 503
    code = "not_ready"
    retry_after_s = 1.0


class DeadlineExceeded(NotReady):
    """The answer did not come in time."""

    code = "deadline_exceeded"


class ArtifactError(ServiceError):
    """A model file is missing, damaged or of another version; the message names it."""

    code = "bad_artifact"
