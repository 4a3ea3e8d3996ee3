"""What can go wrong between a program and the service.

ClientError
├── Unreachable          no answer came, however often it was tried
├── UnexpectedAnswer     an answer came that is none of the service's
└── Refused              the service said no; carries status, code, message, param
    ├── Unauthorized     401 no key, or one that is not good
    ├── Forbidden        403 the key does not allow it
    ├── NotFound         404
    ├── Conflict         409
    ├── TooLarge         413
    ├── InvalidInput     422 names the field in `param`
    ├── Overloaded       429 nothing was done
    └── Unavailable      5xx it may have been done, or may succeed later
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of the tree."""


class Unreachable(ClientError):
    """No answer came; the last error of the connection is its cause."""


class UnexpectedAnswer(ClientError):
    """An answer that is none of the service's: a proxy's page, or another version's."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Refused(ClientError):
    """The service answered with an error.

    Attributes:
        status: HTTP status.
        code: For programs: ``invalid_input``, ``overloaded`` ...
        message: For people; it never repeats what was sent.
        param: The field at fault, such as ``messages[3].text``; None where there is none.
        request_id: Under which the service's logs know the request.
        retry_after_s: When to come back, where it says so.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        param: str | None = None,
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}" + (f" ({param})" if param else ""))
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.request_id = request_id
        self.retry_after_s = retry_after_s


class Unauthorized(Refused):
    """There is no key, or it is not good."""


class Forbidden(Refused):
    """The key does not allow it."""


class NotFound(Refused):
    """There is no such thing, or it is another tenant's."""


class Conflict(Refused):
    """What is there does not allow it."""


class TooLarge(Refused):
    """The body, a text or a list is over its limit."""


class InvalidInput(Refused):
    """A field cannot be taken."""


class Overloaded(Refused):
    """There is no room, or the rate of the key is reached; nothing was done."""


class Unavailable(Refused):
    """The service, or a proxy before it, cannot answer now."""


BY_STATUS: dict[int, type[Refused]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: InvalidInput,
    429: Overloaded,
}
"""Class of each status; all of 500 and above are `Unavailable`, others plainly `Refused`."""
