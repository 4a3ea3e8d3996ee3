"""The way of a message that is kept: analyse, judge, record, answer.

    Arrival ─ workers: one pass ─► Kept ─┐
                                        ├─ deliveries of a tenant, joined ─ judge within the transaction ─► Taken
    Arrival ─ workers: one pass ─► Kept ─┘

Nothing is written before all messages of a delivery are read, and then all of them or none. Who asks again gets the
verdicts that were stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from nlp_service.errors import Overloaded
from nlp_service.inference.batcher import Kept
from nlp_service.intake.arrivals import Arrival
from nlp_service.intake.committing import Committer
from nlp_service.intake.judging import Case, Contributions, Judging, read_cases, windows_over
from nlp_service.intake.privacy import uncover
from nlp_service.store.incoming import Incoming, Judge, Recorded, Windows
from nlp_service.text.segment import cut
from nlp_service.types import Abuse, Action, Analysis, Message, Risk, Verdict

if TYPE_CHECKING:
    from nlp_service.moderation.rulebook import Rules

MOST_INSIDE = 4_096
"""Messages that are being read or written; what comes beyond is refused before anything is done for it."""

DELETED = "deleted"
"""State and reason of a message that was recalled before it came: nothing is to be done with what is gone."""


class Read(Protocol):
    """What reads messages: the batcher of the worker processes."""

    @property
    def model_version(self) -> str:
        """Name and version of the model."""
        ...

    async def read_kept(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Kept]:
        """Read messages; one answer for one, in order."""
        ...


class RulesOf(Protocol):
    """What knows the rules of tenants."""

    async def of(self, tenant: str) -> Rules:
        """The rules that hold now."""
        ...


class Store(Protocol):
    """What keeps messages."""

    def record(
        self, tenant: str, incoming: Sequence[Incoming], judge: Judge, windows: Windows, *, actor: str = "ingest"
    ) -> list[Recorded]:
        """Write messages in one transaction; one result for one, in order."""
        ...


class Delivery(NamedTuple):
    """Messages that were read and wait to be written.

    Attributes:
        tenant: Whose messages they are.
        arrivals: As they came.
        kept: What the workers read of each.
        rules: That held when they came.
        model_version: Of `kept`.
    """

    tenant: str
    arrivals: Sequence[Arrival]
    kept: Sequence[Kept]
    rules: Rules
    model_version: str


class Taken(NamedTuple):
    """What became of a message.

    Attributes:
        arrival: As it came.
        message_id: Of the stored message.
        state: As in `store.incoming.Recorded`.
        analysis: The one that holds now, with its verdict, under the caller's id.
        policy_version, model_version: Of that analysis.
    """

    arrival: Arrival
    message_id: int
    state: str
    analysis: Analysis
    policy_version: str
    model_version: str


class Intake:
    """Takes messages in; belongs to one event loop.

    Args:
        reader: Reads them.
        rules: Knows what they are judged by.
        store: Keeps them.
        contributions: Know what a new one may resemble.
        lanes: Transactions at once.
        deadline_s: Longest time that writing takes.
        most_inside: Messages that may be on their way.
    """

    def __init__(
        self,
        reader: Read,
        rules: RulesOf,
        store: Store,
        contributions: Contributions,
        *,
        lanes: int = 1,
        deadline_s: float = 10.0,
        most_inside: int = MOST_INSIDE,
    ) -> None:
        self._reader = reader
        self._rules = rules
        self._store = store
        self._contributions = contributions
        self._committer = Committer[Delivery, list[Taken]](self._record, lanes=lanes, deadline_s=deadline_s)
        self._most_inside = most_inside
        self._n_inside = 0

    @property
    def model_version(self) -> str:
        """Of the model that reads messages now."""
        return self._reader.model_version

    async def start(self) -> None:
        """Load what the first contribution would have to wait for: the dictionary that cuts words."""
        await asyncio.to_thread(cut, [""])

    async def take(self, tenant: str, arrivals: Sequence[Arrival]) -> list[Taken]:
        """Analyse messages, judge and store them; one answer for one message, in order.

        Raises:
            Overloaded: There is no room; nothing was done.
            NotReady: No worker or no database is there now; nothing was stored.
            DeadlineExceeded: It took too long. What was being stored then may be; to ask again does no harm.
        """
        return await self.record(await self.analyse(tenant, arrivals))

    async def analyse(self, tenant: str, arrivals: Sequence[Arrival]) -> Delivery:
        """The first half of `take`; what it gives must go to `record` or be forgotten."""
        if self._n_inside + len(arrivals) > self._most_inside:
            raise Overloaded(f"{self._n_inside} messages are being taken in", retry_after_s=1.0)
        self._n_inside += len(arrivals)
        try:
            rules = await self._rules.of(tenant)
            messages = [Message(one.id, one.text, one.context) for one in arrivals]
            kept = await self._reader.read_kept(messages)
            return Delivery(tenant, arrivals, kept, rules, self._reader.model_version)
        finally:
            self._n_inside -= len(arrivals)

    async def record(self, delivery: Delivery) -> list[Taken]:
        """The second half of `take`."""
        n_messages = len(delivery.arrivals)
        if not n_messages:
            return []
        self._n_inside += n_messages
        try:
            # Callers who look back over different times must not change what is known of one another's messages.
            kind = (delivery.tenant, windows_over(delivery.rules, {one.channel for one in delivery.arrivals}))
            return await self._committer.add(kind, delivery, n_messages)
        finally:
            self._n_inside -= n_messages

    async def stop(self) -> None:
        """Finish what is being written."""
        await self._committer.stop()

    def _record(self, deliveries: Sequence[Delivery]) -> list[list[Taken]]:
        """Judge and store deliveries of a tenant in one transaction. Runs in a thread."""
        tenant = deliveries[0].tenant
        cases = [case for some in _by_rules(deliveries) for case in self._cases(tenant, some)]
        judging = Judging(cases)
        recorded = self._store.record(tenant, [case.incoming for case in cases], judging, judging.windows)
        answers = iter([_answer(case, one) for case, one in zip(cases, recorded, strict=True)])
        return [[next(answers) for _ in delivery.arrivals] for delivery in deliveries]

    def _cases(self, tenant: str, deliveries: Sequence[Delivery]) -> list[Case]:
        first = deliveries[0]
        arrivals = [arrival for delivery in deliveries for arrival in delivery.arrivals]
        kept = [one for delivery in deliveries for one in delivery.kept]
        return read_cases(tenant, arrivals, kept, first.rules, first.model_version, self._contributions)


def _by_rules(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Neighbours that are judged by the same rules, in order; all of them, but in the second after a change."""
    some: list[Delivery] = []
    for delivery in deliveries:
        if some and (delivery.rules is not some[0].rules or delivery.model_version != some[0].model_version):
            yield some
            some = []
        some.append(delivery)
    if some:
        yield some


def _answer(case: Case, recorded: Recorded) -> Taken:
    arrival, kept = case.arrival, recorded.analysis
    if kept is None:
        analysis = _gone(arrival)
    elif recorded.state in ("stored", "edited"):
        analysis = replace(case.analysis, verdict=kept.verdict, ugc_quality=kept.ugc_quality)
    else:
        analysis = replace(uncover(kept, case.incoming.text, arrival.text), id=arrival.id)
    return Taken(arrival, recorded.id, recorded.state, analysis, recorded.policy_version, recorded.model_version)


def _gone(arrival: Arrival) -> Analysis:
    return Analysis(
        id=arrival.id,
        intent=None,
        sentiment=None,
        risk=Risk(0, None, None),
        abuse=Abuse(None, False),
        unsafe=None,
        pain=(),
        verdict=Verdict(Action.PASS, (DELETED,)),
    )
