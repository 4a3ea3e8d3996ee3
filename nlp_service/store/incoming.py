"""What goes into the store with a message, and what is known of its author when it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from nlp_service.types import Analysis


class Incoming(NamedTuple):
    """A message on its way into the store.

    Attributes:
        platform: Where it comes from (``wechat``); `external_id` is unique within it.
        channel: The group or forum; empty if there is none.
        author: The platform's id of who wrote it; empty if it is not known.
        sent_at: When it was written, no later than `received_at`.
        received_at: When the service got it.
        edited_at: When this wording of it was written; None for the first one.
        text: As it is kept, with personal data masked where the policy says so.
        meta: The caller's own fields.
        keys: What copies and near-copies of it share, see `text.sketch`.
        analysis: Without a verdict.
        vector: Embedding as float16; empty if there is none.
        model_version: Of the analysis.
    """

    platform: str
    channel: str
    external_id: str
    author: str
    sent_at: datetime
    received_at: datetime
    edited_at: datetime | None
    text: str
    meta: Mapping[str, Any]
    keys: tuple[int, ...]
    analysis: Analysis
    vector: bytes
    model_version: str


class Offence(NamedTuple):
    """One strike against an author."""

    offence: str
    at: datetime


class Known(NamedTuple):
    """What is known when a message is judged, other messages of the same delivery included.

    Attributes:
        offences: Strikes against the author, oldest first, as far back as was asked for.
        n_earlier: Messages of the author before this one.
        copies_by_author: Copies or near-copies of it that the author sent within the time that was asked for.
        copies_by_others: Those of others in the same channel.
        recent_by_author: All messages of the author in the channel within that time.
    """

    offences: tuple[Offence, ...] = ()
    n_earlier: int = 0
    copies_by_author: int = 0
    copies_by_others: int = 0
    recent_by_author: int = 0


class ReviewWanted(NamedTuple):
    """That a person must look, how urgently (0 to 1), and why."""

    priority: float
    reasons: tuple[str, ...]


class Judgement(NamedTuple):
    """What is decided on a message.

    Attributes:
        analysis: With its verdict.
        policy_version: What it was decided by.
        offence: What counts against the author, if anything does.
        review: Set if a person must look.
    """

    analysis: Analysis
    policy_version: str
    offence: str | None = None
    review: ReviewWanted | None = None


class Judge(Protocol):
    """Decides on a message with what is known. Pure: it may be asked twice about the same message."""

    def __call__(self, message: Incoming, known: Known) -> Judgement:
        """Decide."""
        ...


class Windows(NamedTuple):
    """How far back to look, in seconds.

    Attributes:
        strikes_s: For strikes.
        copies_s: For copies and messages of the last minutes.
        shorter: The same for channels that want less of it than others of the delivery, by name.
    """

    strikes_s: float = 30 * 86_400.0
    copies_s: float = 600.0
    shorter: tuple[tuple[str, float], ...] = ()


class Recorded(NamedTuple):
    """What became of a message.

    Attributes:
        id: Of the stored message.
        state: ``stored``; ``edited`` when it replaced an earlier wording; ``duplicate`` when it was there already,
            ``outdated`` when a newer wording was, and ``deleted`` when it had been deleted: then what is there holds.
        analysis: The one that holds now, with its verdict; None for a deleted one.
        policy_version, model_version: Of that analysis.
    """

    id: int
    state: str
    analysis: Analysis | None
    policy_version: str
    model_version: str
