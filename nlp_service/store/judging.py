"""What follows from a decision on a message, and how it is taken back. All take an open transaction, rows locked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import Conflict
from nlp_service.store.audit import note
from nlp_service.store.labels import Labels, amend, as_read, offence_of
from nlp_service.store.review_records import STEPS_THAT_JUDGE, Attempt, ReviewOutcome, Ruling
from nlp_service.store.review_rows import (
    Held,
    analysis_of,
    decided_verdict,
    set_review,
    set_strikes,
    set_verdict,
    strikes_of,
    write_step,
)
from nlp_service.store.schema import review_decisions
from nlp_service.types import Action, Verdict

PUNISHED = (Action.WARN, Action.REMOVE, Action.BLOCK)
"""What an author is told or feels."""


def judge(
    connection: Connection, tenant: str, held: Held, attempt: Attempt, ruling: Ruling, line: int, actor: str
) -> ReviewOutcome:
    """Close a review with a decision; message, strikes, step and log change together.

    Args:
        connection: The open transaction.
        tenant: Whose review.
        held: The review, which may be decided.
        attempt: Who decides.
        ruling: What; with an action.
        line: Of who decides.
        actor: The key's name.

    Raises:
        BadInput: The labels contradict one another or the text.
    """
    assert ruling.action is not None
    message, action = held.message, Action(ruling.action)
    analysis, strikes, last = analysis_of(message), strikes_of(connection, message["id"]), held.last_judge
    before = {
        "action": message["action"],
        "reasons": list(analysis.verdict.reasons) if analysis.verdict else [],
        "strikes": [[offence, at.isoformat()] for offence, at in strikes],
        "labels": msgspec.to_builtins(as_read(analysis)),
        "by": last and last["by"],
        "by_line": last and last["line"],
    }
    labels = labels_after(held, ruling)
    values = {"action": action.value, "labels": msgspec.to_builtins(labels), "note": ruling.note}
    step = write_step(connection, held, attempt, line, before=before, **values)
    closed: dict[str, Any] = {"claimed_by": attempt.reviewer, "lease_until": None, "decided_at": attempt.at}
    set_review(connection, held.review["id"], state="decided", **closed)
    set_verdict(connection, message, decided_verdict(analysis, action, line))
    offence = offence_of(labels)
    wanted = strikes
    if action not in PUNISHED:
        wanted = []
    elif not strikes and offence is not None and message["author"]:
        wanted = [(offence, message["received_at"])]
    if wanted != strikes:
        set_strikes(connection, message, wanted)
    note_step(connection, tenant, actor, held, attempt, step, became=action.value, was=message["action"])
    return ReviewOutcome(
        held.review["id"],
        message["id"],
        step,
        "decided",
        held.review["line"],
        action.value,
        labels,
        strikes_removed=len(strikes) if not wanted else 0,
        strikes_added=len(wanted) if not strikes else 0,
    )


def labels_after(held: Held, ruling: Ruling) -> Labels:
    """The record of a message after somebody has looked at it.

    Raises:
        BadInput: The labels contradict one another or the text.
    """
    known = held.known_labels or as_read(analysis_of(held.message))
    return amend(known, ruling.labels, ruling.confirm, held.message["text"])


def take_back(connection: Connection, tenant: str, held: Held, attempt: Attempt, actor: str) -> ReviewOutcome:
    """Undo the last step of a review, which may be undone.

    Raises:
        Conflict: The message or the review has changed since.
    """
    step, message, review_id = held.taken[-1], held.message, held.review["id"]
    before = step["before"]
    if step["decision"] == "escalate" and held.review["claimed_by"]:
        raise Conflict(f"review {review_id} is claimed by an expert by now")
    outcome = held.unchanged(before["state"], before["line"])
    if step["decision"] in STEPS_THAT_JUDGE:
        _restore(connection, held)
        outcome = msgspec.structs.replace(outcome, action=before["action"])
    undone = sa.update(review_decisions).where(review_decisions.c.id == step["id"])
    connection.execute(undone.values(undone_at=attempt.at))
    values: dict[str, Any] = {"state": before["state"], "line": before["line"]}
    if before["state"] == "open":
        values |= {"claimed_by": None, "lease_until": None, "decided_at": None}
    set_review(connection, review_id, **values)
    note_step(connection, tenant, actor, held, attempt, step["id"], became=outcome.action, was=message["action"])
    return outcome


def _restore(connection: Connection, held: Held) -> None:
    step, message = held.taken[-1], held.message
    last = held.last_judge
    is_same = message["revision"] == step["revision"] and message["action"] == step["action"]
    if message["deleted_at"] is not None or not is_same or last is None or last["id"] != step["id"]:
        raise Conflict(f"the message of review {held.review['id']} has changed since")
    before = step["before"]
    set_verdict(connection, message, Verdict(Action(before["action"]), tuple(before["reasons"])))
    strikes = [(offence, datetime.fromisoformat(at)) for offence, at in before["strikes"]]
    set_strikes(connection, message, strikes)


def note_step(
    connection: Connection, tenant: str, actor: str, held: Held, attempt: Attempt, step: int, **detail: object
) -> None:
    """Write a step into the log of changes."""
    told = {"reviewer": attempt.reviewer, "message": held.message["id"], "decision": step, **detail}
    note(connection, tenant, actor, f"review.{attempt.what}", f"review:{held.review['id']}", **told)
