"""The repository of decisions on reviews: each of them with all that follows from it, in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, ServiceError
from nlp_service.store import openings, races
from nlp_service.store.alike import find_alike
from nlp_service.store.database import Database
from nlp_service.store.judging import judge, note_step, take_back
from nlp_service.store.labels import as_read
from nlp_service.store.openings import Appealed
from nlp_service.store.review_records import (
    EXPERT,
    Attempt,
    Check,
    ReviewOutcome,
    Ruling,
)
from nlp_service.store.review_rows import (
    Held,
    analysis_of,
    hold,
    hold_all,
    message_of,
    set_review,
    write_step,
)

MOST_ALIKE = 500
"""Reviews that one decision on near-duplicates closes at the most."""


class Together(NamedTuple):
    """What became of near-duplicates.

    Attributes:
        decided: Those that were decided alike, the one that was named first.
        left: Ids of reviews that are alike but could not be decided: somebody has them, or they are for experts.
        may_be_more: Whether further ones may wait beyond `MOST_ALIKE`.
    """

    decided: list[ReviewOutcome]
    left: list[int]
    may_be_more: bool


class RulingStore:
    """Decisions in a database; each method is one transaction, and takes the tenant first.

    Every method that takes a review raises NotFound if the tenant has none of this id, and what `check` raises. The
    actor is the key's name, for the log of changes; the person is the attempt's reviewer.

    Args:
        database: Where they are.
        check: Says who may do what, see `moderation.review.check`.
    """

    def __init__(self, database: Database, check: Check) -> None:
        self._database = database
        self._check = check

    def decide(self, tenant: str, review_id: int, attempt: Attempt, ruling: Ruling, *, actor: str) -> ReviewOutcome:
        """Decide on an open review: it closes, and what is done with the message is what was decided.

        A message that passes costs its author no strike any more; one that is acted on costs one, unless it did
        already or the labels name no offence. Labels that nobody looked at are the machine's.

        Raises:
            BadInput: The labels contradict one another or the text; `param` names the field.
        """

        def work(connection: Connection) -> ReviewOutcome:
            held = self._held(connection, tenant, review_id, attempt)
            return judge(connection, tenant, held, attempt, ruling, held.review["line"], actor)

        return races.write(self._database, work)

    def overturn(self, tenant: str, review_id: int, attempt: Attempt, ruling: Ruling, *, actor: str) -> ReviewOutcome:
        """Decide anew on a review that was decided; the same action confirms it. The history stays.

        Raises:
            BadInput: As for `decide`.
        """

        def work(connection: Connection) -> ReviewOutcome:
            held = self._held(connection, tenant, review_id, attempt)
            return judge(connection, tenant, held, attempt, ruling, attempt.line, actor)

        return races.write(self._database, work)

    def escalate(self, tenant: str, review_id: int, attempt: Attempt, why: str, *, actor: str) -> ReviewOutcome:
        """Hand an open review to experts; nobody has claimed it there."""

        def work(connection: Connection) -> ReviewOutcome:
            held = self._held(connection, tenant, review_id, attempt)
            step = write_step(connection, held, attempt, held.review["line"], before={}, note=why)
            set_review(connection, review_id, line=EXPERT, claimed_by=None, lease_until=None)
            note_step(connection, tenant, actor, held, attempt, step)
            return msgspec.structs.replace(held.unchanged("open", EXPERT), decision_id=step)

        return races.write(self._database, work)

    def undo(self, tenant: str, review_id: int, attempt: Attempt, *, actor: str) -> ReviewOutcome:
        """Take the last step of a review back: message, strikes and review are as before it.

        Raises:
            Conflict: The message has changed since.
        """

        def work(connection: Connection) -> ReviewOutcome:
            held = self._held(connection, tenant, review_id, attempt)
            return take_back(connection, tenant, held, attempt, actor)

        return races.write(self._database, work)

    def decide_alike(
        self, tenant: str, review_id: int, attempt: Attempt, ruling: Ruling, *, is_exact: bool, actor: str
    ) -> Together:
        """Decide on an open review, and alike on the open reviews of its near-duplicates.

        Args:
            tenant: Whose reviews.
            review_id: The one that was looked at.
            attempt: Who decides.
            ruling: What is decided on all of them; of what `confirm` names, what the machine could say of each.
            is_exact: Only on copies with the same letters.
            actor: The key's name.

        Raises:
            BadInput: As for `decide`; places of pains cannot be given for several texts.
        """
        if ruling.labels is not None and ruling.labels.pain is not None:
            raise BadInput("places in one text are none in another", param="labels.pain")

        def work(connection: Connection) -> Together:
            message = message_of(connection, tenant, review_id)
            alike = find_alike(connection, tenant, message, limit=MOST_ALIKE, is_exact=is_exact)
            # All at once, so that locks are taken in their order.
            found = hold_all(connection, tenant, sorted({review_id, *(one.review_id for one in alike)}))
            found.sort(key=lambda held: held.review["id"] != review_id)
            self._check(attempt, found[0].standing)
            decided = [judge(connection, tenant, found[0], attempt, ruling, found[0].review["line"], actor)]
            left = []
            for held in found[1:]:
                # The wording that was looked at is that of the named one.
                if not self._lets(attempt._replace(revision=None), held):
                    left.append(held.review["id"])
                    continue
                read = as_read(analysis_of(held.message))
                confirm = tuple(field for field in ruling.confirm if getattr(read, field) is not None)
                own = ruling._replace(confirm=confirm)
                decided.append(judge(connection, tenant, held, attempt, own, held.review["line"], actor))
            return Together(decided, left, len(alike) >= MOST_ALIKE)

        return races.write(self._database, work)

    def correct(self, tenant: str, message_id: int, attempt: Attempt, ruling: Ruling, *, actor: str) -> ReviewOutcome:
        """Say what a message should have been read as, see `openings.correct`."""
        return races.write(
            self._database,
            lambda connection: openings.correct(connection, tenant, message_id, attempt, ruling, actor),
        )

    def appeal(self, tenant: str, message_id: int, at: datetime, why: str, *, actor: str) -> Appealed:
        """Ask for another look at what was done with a message, see `openings.appeal`."""
        return races.write(
            self._database, lambda connection: openings.appeal(connection, tenant, message_id, at, why, actor)
        )

    def _held(self, connection: Connection, tenant: str, review_id: int, attempt: Attempt) -> Held:
        held = hold(connection, tenant, review_id)
        self._check(attempt, held.standing)
        return held

    def _lets(self, attempt: Attempt, held: Held) -> bool:
        try:
            self._check(attempt, held.standing)
        except ServiceError:
            return False
        return True
