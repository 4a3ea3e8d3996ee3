"""What is behind the routes of incidents and of notices: the watch, the clocks and the sender, put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from nlp_service.api.incidents.parts import IncidentParts
from nlp_service.api.incidents.routes import IncidentRoutes
from nlp_service.api.notify.parts import NotifyParts
from nlp_service.api.notify.routes import NotifyRoutes
from nlp_service.duty.sources import EarlyWarnings, SlowModel, Unanswered
from nlp_service.notify.sealing import Vault
from nlp_service.store.database import Database


class OnDuty:
    """The parts behind the routes; belongs to one event loop.

    Args:
        database: Where everything is; whoever opened it closes it.
        vault: Seals the secrets of channels.
        base_url: Address of the service as people reach it, for links in notices; empty for none.
        allow_private: Whether notices may go to this machine and to private networks.
        now: The clock.
        poll_s: How often to look for messages, alarms and what is to be told.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        base_url: str = "",
        allow_private: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 1.0,
    ) -> None:
        self._find_faults: Callable[[], list[str]] = list
        self.notify = NotifyParts(database, vault, allow_private=allow_private, now=now, poll_s=poll_s)
        # The watch runs in a thread, and the sender's event belongs to the loop.
        self.incidents = IncidentParts(
            database,
            base_url=base_url,
            told=self.notify.wake_from_thread,
            now=now,
            poll_s=poll_s,
            sources=(Unanswered(database), EarlyWarnings(database), SlowModel(lambda: self._find_faults())),
        )

    def watch_models(self, find_faults: Callable[[], list[str]]) -> None:
        """Tell of trouble of the models too."""
        self._find_faults = find_faults


class DutyRooms:
    """The routes; `all` are the rooms, in the order in which they start."""

    def __init__(self, duty: OnDuty) -> None:
        self.all = (NotifyRoutes(duty.notify), IncidentRoutes(duty.incidents))
