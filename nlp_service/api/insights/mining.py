"""Mining of stored messages, as the job of a run does it: facts out of the store, and topics that go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from nlp_service.api.insights.work import Asked
from nlp_service.api.jobs.child import Tell
from nlp_service.errors import ServiceError
from nlp_service.insight.community import Membership
from nlp_service.insight.engine.choosing import history_start
from nlp_service.insight.engine.reading import Tools
from nlp_service.insight.engine.stored import stored_facts
from nlp_service.insight.mining import Parts, mine_from
from nlp_service.insight.results import Mining
from nlp_service.insight.topics import TopicState
from nlp_service.store.database import Database
from nlp_service.store.job_records import key_of
from nlp_service.store.mining import MiningStore
from nlp_service.store.topic_states import TopicStateStore

Equip = Callable[[], tuple[Parts, Tools]]
"""Makes what mining is done with, in the process of the job. It is pickled: a function of a module, or a `partial`."""


def mine_stored(
    equip: Equip,
    database: Database,
    tenant: str,
    asked: Asked,
    tell: Tell,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Mining:
    """Find what is in a period of a tenant's messages; with the first argument given it is a `work.Mine`.

    Topics go on from the last day before the period that somebody looked at, and once the period is over they are kept
    for what comes after it.

    Args:
        equip: Makes what mining is done with.
        database: Where messages and states of topics are.
        tenant: Whose.
        asked: What is looked at.
        tell: Told of each step.
        now: Says what time it is, aware.

    Raises:
        NotReady: The database cannot be used now.
        ServiceError: What is stored is damaged.
    """
    tell(0.0, "loading")
    parts, tools = equip()
    period, states, name = asked.period, TopicStateStore(database), _name_of(asked)
    first, last = _days_of(asked)
    tell(0.1, "reading")
    facts, versions = stored_facts(database, tenant, history_start(period), period.end, tools)
    facts = _of_channels(facts, asked.channels)
    tell(0.4, "mining")
    if parts.members is None and not asked.channels:
        # Whoever wrote once is a member, as far as the store knows.
        parts = parts._replace(members=Membership(total=MiningStore(database).n_members(tenant)))
    before = _state(states, tenant, name, first)
    mined = mine_from(before, facts, period, parts, model_version=",".join(versions))
    if last is not None and asked.end <= now():
        states.save(tenant, name, last, mined.topics.to_bytes())
    return mined.mining


def _of_channels(facts: pa.Table, channels: tuple[str, ...]) -> pa.Table:
    if not channels:
        return facts
    return facts.filter(pc.is_in(facts.column("channel").cast(pa.string()), value_set=pa.array(channels, pa.string())))


def _name_of(asked: Asked) -> str:
    """What the topics of such messages are kept under."""
    return key_of("topics", {"channels": asked.channels, "zone": asked.zone}) if asked.channels else f"all@{asked.zone}"


def _days_of(asked: Asked) -> tuple[date, date | None]:
    """First day of the period, and its last one where that is whole."""
    start, end = (at.astimezone(ZoneInfo(asked.zone)) for at in (asked.start, asked.end))
    is_whole = (end.hour, end.minute, end.second, end.microsecond) == (0, 0, 0, 0)
    return start.date(), end.date() - timedelta(days=1) if is_whole else None


def _state(states: TopicStateStore, tenant: str, name: str, first: date) -> TopicState | None:
    """Topics as they stood before a day; None where nothing is known, or another version wrote it."""
    found = states.latest(tenant, name, before=first)
    if found is None:
        return None
    try:
        return TopicState.from_bytes(found.state)
    except (ServiceError, ValueError):
        return None  # they are followed anew from the first message on
