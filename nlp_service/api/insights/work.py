"""The job that looks at a period: mines, and stores what was found. Runs in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from nlp_service.api.insights.storing import members_of, quoted_ids, to_run
from nlp_service.api.jobs.child import Task, Tell
from nlp_service.insight.results import Mining, Period
from nlp_service.store.database import Database, open_database
from nlp_service.store.insight_members import MemberStore
from nlp_service.store.insights import InsightStore

KIND = "insight"
"""Kind of the job."""

_MINED = 0.9  # part of the time after which all that is left is to write it down


class Asked(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """What a run is asked for, as the parameters of its job have it.

    Attributes:
        start, end: The period, half-open, in UTC.
        zone: IANA zone of days and hours.
        channels: Only these, sorted; all if empty.
    """

    start: datetime
    end: datetime
    zone: str
    channels: tuple[str, ...] = ()

    @property
    def period(self) -> Period:
        """The same as a period."""
        return Period(self.start, self.end, self.zone)

    @property
    def parameters(self) -> dict[str, Any]:
        """What decides the answer beside the period."""
        return {"channels": list(self.channels), "zone": self.zone}


Mine = Callable[[Database, str, Asked, Tell], Mining]
"""Finds what is in a period of a tenant's messages. Keys of messages must name them by their ids in the store.

It is pickled, so it must be a function of a module, a `partial` of one, or an instance of a class of one.
"""


@dataclass(frozen=True, slots=True)
class MiningWork:
    """Mines and stores; the work of jobs of `KIND`.

    Attributes:
        url: Of the database, which is opened in the process of the job.
        mine: Finds what there is.
    """

    url: str
    mine: Mine

    def __call__(self, task: Task, tell: Tell) -> dict[str, Any]:
        """Do a job; its result has the id of the run."""
        asked = msgspec.convert(task.parameters, Asked)
        with open_database(self.url) as database:
            mining = self.mine(database, task.tenant, asked, lambda done, what: tell(done * _MINED, what))
            tell(_MINED, "storing")
            return {"run_id": store(database, task.tenant, asked, mining, actor=task.actor, job_id=task.job_id)}


def store(
    database: Database,
    tenant: str,
    asked: Asked,
    mining: Mining,
    *,
    actor: str,
    job_id: str | None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Store what was found; gives the id of the run.

    Args:
        database: Where to.
        tenant: Whose messages it was found in.
        asked: What was asked for.
        mining: What was found; messages that are not in the store are left out.
        actor: Who asked.
        job_id: The job that found it, if one did.
        now: Says what time it is, aware.
    """
    texts = MemberStore(database).read(tenant, quoted_ids(mining))
    run = to_run(mining, asked.parameters, texts, job_id)
    return InsightStore(database, now).store(tenant, run, members_of(mining), actor=actor)
