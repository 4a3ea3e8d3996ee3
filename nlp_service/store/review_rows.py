"""Rows of reviews and of what was done with them: locked together, changed together. All take an open transaction.

Whoever changes what became of a message locks its author, then the message, then its reviews, as the intake of messages
does: two of them never wait for one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.errors import NotFound
from nlp_service.store.labels import Labels
from nlp_service.store.packing import pack, unpack
from nlp_service.store.review_records import STEPS_THAT_JUDGE, Attempt, ReviewOutcome, Standing, Taken
from nlp_service.store.schema import authors, messages, review_decisions, reviews, strikes
from nlp_service.types import Action, Analysis, Verdict

_DECIDED = "decided:"
"""Before the name of who decided, in the reasons of a verdict."""

LINES = {2: "moderator", 3: "expert"}


class Held(NamedTuple):
    """A review under lock, with its message.

    Attributes:
        review, message: Rows.
        taken: Steps of this review that were not undone, oldest first.
        others: Those of other reviews of the message.
    """

    review: RowMapping
    message: RowMapping
    taken: list[RowMapping]
    others: list[RowMapping]

    @property
    def standing(self) -> Standing:
        """How the review stands."""
        row = self.review
        taken = tuple(Taken(step["decision"], step["by"], step["at"], step["line"]) for step in self.taken)
        return Standing(
            row["id"],
            row["kind"],
            row["state"],
            row["line"],
            row["claimed_by"],
            row["lease_until"],
            taken,
            tuple(step["by"] for step in self.others if step["decision"] in STEPS_THAT_JUDGE),
            self.message["revision"],
            self.message["deleted_at"] is not None,
        )

    @property
    def known_labels(self) -> Labels | None:
        """The last record of the wording that holds now."""
        steps = sorted((*self.taken, *self.others), key=lambda step: step["id"], reverse=True)
        current = (step for step in steps if step["labels"] and step["revision"] == self.message["revision"])
        found = next(current, None)
        return None if found is None else read_labels(found["labels"])

    @property
    def last_judge(self) -> RowMapping | None:
        """The step that says what is done with the message now; None if that was the machine."""
        steps = (step for step in (*self.taken, *self.others) if step["action"] is not None)
        return max(steps, key=lambda step: int(step["id"]), default=None)

    def unchanged(self, state: str, line: int) -> ReviewOutcome:
        """What a step leads to that leaves the message as it is."""
        review = self.review
        return ReviewOutcome(review["id"], review["message_id"], None, state, line, self.message["action"])  # type: ignore[arg-type]


def read_labels(stored: dict[str, Any]) -> Labels:
    """A record as JSON holds it."""
    return msgspec.convert(stored, Labels)


def message_of(connection: Connection, tenant: str, review_id: int) -> RowMapping:
    """The message of a review, not locked.

    Raises:
        NotFound: The tenant has no such review.
    """
    query = sa.select(messages).join(reviews, reviews.c.message_id == messages.c.id)
    query = query.where(reviews.c.tenant == tenant, reviews.c.id == review_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise _missing()
    return row


def hold(connection: Connection, tenant: str, review_id: int) -> Held:
    """Lock a review with its message and author.

    Raises:
        NotFound: The tenant has no such review.
    """
    found = hold_all(connection, tenant, [review_id])
    if not found:
        raise _missing()
    return found[0]


def hold_all(connection: Connection, tenant: str, review_ids: Sequence[int]) -> list[Held]:
    """Lock reviews as `hold` does, those that are there, by id."""
    mine = (reviews.c.tenant == tenant) & reviews.c.id.in_(review_ids)
    message_ids = list(connection.scalars(sa.select(reviews.c.message_id).where(mine).distinct()))
    found = {row["id"]: row for row in lock_messages(connection, tenant, message_ids)}
    query = sa.select(reviews).where(mine).order_by(reviews.c.id).with_for_update()
    rows = connection.execute(query).mappings().all()
    query = sa.select(review_decisions, reviews.c.message_id).join(
        reviews, reviews.c.id == review_decisions.c.review_id
    )
    query = query.where(reviews.c.message_id.in_(message_ids), review_decisions.c.undone_at.is_(None))
    steps = connection.execute(query.order_by(review_decisions.c.id)).mappings().all()
    held = []
    for row in rows:
        of_message = [step for step in steps if step["message_id"] == row["message_id"]]
        own = [step for step in of_message if step["review_id"] == row["id"]]
        others = [step for step in of_message if step["review_id"] != row["id"]]
        held.append(Held(row, found[row["message_id"]], own, others))
    return held


def lock_messages(connection: Connection, tenant: str, message_ids: Sequence[int]) -> list[RowMapping]:
    """Lock messages and before them their authors, all in one order; gives those that the tenant has, by id."""
    mine = (messages.c.tenant == tenant) & messages.c.id.in_(message_ids)
    named = sa.select(messages.c.platform, messages.c.author).where(mine, messages.c.author != "").distinct()
    pairs = [tuple(row) for row in connection.execute(named)]
    if pairs:
        key = sa.tuple_(authors.c.platform, authors.c.author)
        query = sa.select(authors.c.author).where(authors.c.tenant == tenant, key.in_(pairs))
        connection.execute(query.order_by(authors.c.platform, authors.c.author).with_for_update()).all()
    query = sa.select(messages).where(mine).order_by(messages.c.id).with_for_update()
    return list(connection.execute(query).mappings())


def write_step(
    connection: Connection, held: Held, attempt: Attempt, line: int, *, before: dict[str, Any], **values: Any
) -> int:
    """Write down what somebody does with a review, and give its id."""
    row = {
        "review_id": held.review["id"],
        "line": line,
        "by": attempt.reviewer,
        "at": attempt.at,
        "decision": attempt.what,
        "revision": held.message["revision"],
        "before": {"state": held.review["state"], "line": held.review["line"], **before},
    }
    statement = sa.insert(review_decisions).values(**row, **values).returning(review_decisions.c.id)
    return int(connection.execute(statement).scalar_one())


def set_review(connection: Connection, review_id: int, **values: object) -> None:
    """Set columns of a review."""
    connection.execute(sa.update(reviews).where(reviews.c.id == review_id).values(**values))


def analysis_of(message: RowMapping) -> Analysis:
    """The analysis of a message that was not deleted."""
    return unpack(message["analysis"])


def set_verdict(connection: Connection, message: RowMapping, verdict: Verdict) -> None:
    """Change what is done with a message."""
    analysis = msgspec.structs.replace(analysis_of(message), verdict=verdict)
    values = {"action": verdict.action.value, "analysis": pack(analysis)}
    connection.execute(sa.update(messages).where(messages.c.id == message["id"]).values(**values))


def decided_verdict(analysis: Analysis, action: Action, line: int) -> Verdict:
    """The verdict after a person has decided: the reasons that led there, and who it was."""
    reasons = analysis.verdict.reasons if analysis.verdict else ()
    earlier = (reason for reason in reasons if not reason.startswith(_DECIDED))
    return Verdict(action, (*earlier, f"{_DECIDED}{LINES.get(line, 'moderator')}"))


def strikes_of(connection: Connection, message_id: int) -> list[tuple[str, datetime]]:
    """Offences that a message counts as."""
    query = sa.select(strikes.c.offence, strikes.c.at).where(strikes.c.message_id == message_id)
    return [(row.offence, row.at) for row in connection.execute(query.order_by(strikes.c.id))]


def set_strikes(connection: Connection, message: RowMapping, wanted: Sequence[tuple[str, datetime]]) -> None:
    """Let a message count as these offences and no others; nobody's messages count for nobody."""
    connection.execute(sa.delete(strikes).where(strikes.c.message_id == message["id"]))
    if wanted and message["author"]:
        own = {name: message[name] for name in ("tenant", "platform", "author")}
        rows = [{**own, "message_id": message["id"], "offence": offence, "at": at} for offence, at in wanted]
        connection.execute(sa.insert(strikes), rows)


def _missing() -> NotFound:
    return NotFound("there is no such review", param="review_id")
