"""What all routes of reviews share: the parts behind them, who asks, and what a body says of a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.requests import Request

from nlp_service.api.caller import caller_of
from nlp_service.api.resources import check_line, find_id, is_number
from nlp_service.api.schemas.reviews import MAX_NOTE, MAX_REVIEWER, BulkRequest, DecideRequest, LabelsRequest
from nlp_service.api.threads import Threads
from nlp_service.errors import BadInput, NotFound
from nlp_service.moderation.review import check, line_of
from nlp_service.store.contributions import ContributionStore
from nlp_service.store.database import Database
from nlp_service.store.review_details import DetailStore
from nlp_service.store.review_history import HistoryStore
from nlp_service.store.review_records import Attempt, Ruling
from nlp_service.store.reviews import ReviewStore
from nlp_service.store.rulings import RulingStore
from nlp_service.store.tenants import TenantStore

MAX_BODY = 256 * 1024
"""Bytes in a body: a decision is some hundred, a note 2,000 characters."""

THREADS, MOST = 4, 256
"""Threads for what takes milliseconds, and how many requests may wait for one or have it."""

_MOST_ID = 2**63 - 1


def now() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)


class Desk:
    """The parts behind the routes; belongs to one event loop.

    Args:
        database: Where everything is; whoever opened it closes it.
        clock: Says what time it is, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = now) -> None:
        self.queue = ReviewStore(database, check)
        self.rulings = RulingStore(database, check)
        self.details = DetailStore(database)
        self.history = HistoryStore(database)
        self.contributions = ContributionStore(database)
        self.tenants = TenantStore(database)
        self.threads = Threads("reviews", threads=THREADS, most=MOST)
        self.clock = clock

    def attempt(self, request: Request, what: str, reviewer: str, revision: int | None = None) -> Attempt:
        """What a person wants to do, with a key that allows it.

        Raises:
            BadInput: The name cannot be taken.
        """
        name = check_line("reviewer", reviewer, MAX_REVIEWER).strip()
        if not name or not name.isprintable():
            raise BadInput(f"reviewer has 1 to {MAX_REVIEWER} printable characters", param="reviewer")
        return Attempt(what, name, line_of(caller_of(request).scopes), self.clock(), revision)


def ruling_of(asked: DecideRequest | BulkRequest | LabelsRequest) -> Ruling:
    """What is decided.

    Raises:
        TooLarge: The note is too long.
        BadInput: The note or the name of a pain cannot be stored.
    """
    for place, pain in enumerate((asked.labels and asked.labels.pain) or ()):
        check_line(f"labels.pain[{place}].target", pain.target, MAX_NOTE)
    action = None if isinstance(asked, LabelsRequest) else asked.action
    return Ruling(action, asked.labels, tuple(dict.fromkeys(asked.confirm)), check_line("note", asked.note, MAX_NOTE))


def path_id(request: Request, name: str) -> int:
    """A number of the path.

    Raises:
        NotFound: Nothing can have it.
    """
    text = find_id(name, request.path_params[name], 19)
    if not is_number(text) or not 0 < int(text) <= _MOST_ID:
        raise NotFound(f"there is nothing with this {name}", param=name)
    return int(text)
