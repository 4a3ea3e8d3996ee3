"""The watch: sightings in, changes of incidents out.

It has no clock: its time is that of the messages, the latest `received_at` it was fed. A message is read when it is
due, `lateness_s` after it was sent or when it came, whichever is later; so the same messages give the same incidents
with the same ids, in whatever order they come within that time, in one run or in many.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

import msgspec

from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.incidents import IncidentChange
from nlp_service.crisis.rooms import Measure
from nlp_service.crisis.sightings import Sighting
from nlp_service.crisis.tenants import Tenant, room_of
from nlp_service.errors import BadInput

VERSION = 1


class _State(msgspec.Struct):
    """All that a watch knows."""

    version: int
    settings: WatchSettings
    tenants: dict[str, Tenant]
    waiting: list[tuple[float, str, str, float, Sighting]]
    now: float
    seen: list[set[int]]
    seen_since: float


class Watch:
    """Watches the communities of any number of tenants, each for itself.

    Memory is bounded by communities, open incidents and the messages of some hours; it does not grow with time.
    """

    def __init__(self, settings: WatchSettings | None = None) -> None:
        self._state = _State(VERSION, settings or WatchSettings(), {}, [], 0.0, [set(), set()], 0.0)

    def feed(self, sightings: Iterable[Sighting]) -> list[IncidentChange]:
        """Take messages in; best in the order in which they were received.

        Returns:
            What happened to incidents, in the order of stream time.
        """
        state = self._state
        lateness = state.settings.lateness_s
        for sighting in sightings:
            received = sighting.received_at.timestamp()
            # A clock that is ahead must not make a message wait.
            due = max(min(sighting.sent_at.timestamp(), received) + lateness, received)
            heapq.heappush(state.waiting, (due, sighting.platform, sighting.id, received, sighting))
            state.now = max(state.now, received)
        return self._read_due()

    def pass_time(self, now: datetime) -> list[IncidentChange]:
        """Let time go by without messages: those that wait become due, silent incidents are closed."""
        self._state.now = max(self._state.now, now.timestamp())
        changes = self._read_due()
        for tenant in self._state.tenants.values():
            changes += tenant.close_silent(self._state.now)
        return changes

    def finish(self) -> list[IncidentChange]:
        """Read all that waits and tell of what was not told, for a stream that is over. Open incidents stay open."""
        if self._state.waiting:
            self._state.now = max(self._state.now, max(entry[0] for entry in self._state.waiting))
        changes = self._read_due()
        for tenant in self._state.tenants.values():
            changes += tenant.ledger.tell_rest(self._state.now)
        return changes

    def measures(self, tenant: str, platform: str, channel: str) -> tuple[Measure, ...]:
        """The running hour of a community beside what is usual; empty for one that was never seen."""
        known = self._state.tenants.get(tenant)
        room = known.rooms.get(room_of(platform, channel)) if known else None
        return room.measures(self._state.settings) if room else ()

    def state(self) -> bytes:
        """All that it knows, for `from_state`; holds texts of members."""
        return msgspec.msgpack.encode(self._state)

    @classmethod
    def from_state(cls, state: bytes) -> Watch:
        """A watch that goes on where another one stood, with the same settings.

        Raises:
            BadInput: The bytes are damaged or of another version.
        """
        try:
            found = msgspec.msgpack.decode(state, type=_State)
        except msgspec.DecodeError as error:
            # The error itself may quote what members wrote.
            raise BadInput(
                f"the state of a watch, {len(state)} bytes, cannot be read ({type(error).__name__})"
            ) from None
        if found.version != VERSION:
            raise BadInput(f"the state of a watch has version {found.version}, not {VERSION}")
        watch = cls(found.settings)
        for tenant in found.tenants.values():
            tenant.settings = found.settings
        watch._state = found
        return watch

    def _read_due(self) -> list[IncidentChange]:
        state, changes = self._state, []
        while state.waiting and state.waiting[0][0] <= state.now:
            due, _, _, _, sighting = heapq.heappop(state.waiting)
            if self._is_known(sighting, due):
                continue
            tenant = state.tenants.get(sighting.tenant)
            if tenant is None:
                tenant = state.tenants[sighting.tenant] = Tenant(sighting.tenant, state.settings)
            changes += tenant.read(sighting, due)
        return changes

    def _is_known(self, sighting: Sighting, due: float) -> bool:
        """Whether a message of this name was read; two generations of names are kept, the older one for so long."""
        state = self._state
        if due - state.seen_since > state.settings.duplicate_hours * 3600:
            state.seen, state.seen_since = [set(), state.seen[0]], due
        name = "\0".join((sighting.tenant, sighting.platform, sighting.id))
        key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
        if key in state.seen[0] or key in state.seen[1]:
            return True
        state.seen[0].add(key)
        return False
