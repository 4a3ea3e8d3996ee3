"""What came before the messages of a delivery, as it stands while the delivery is worked through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from nlp_service.store import lookback
from nlp_service.store.authors import Author, author_of
from nlp_service.store.copies import Copies
from nlp_service.store.incoming import Incoming, Known, Offence, Windows
from nlp_service.store.lookback import Window, window


class Wording(NamedTuple):
    """A message that counts for those after it.

    Attributes:
        message_id: Of its row.
        author, channel: Whose it is, and where.
        received_at: When the first wording of it came.
    """

    message_id: int
    author: Author
    channel: str
    received_at: datetime


class History:
    """Read once for a delivery, and kept up with what becomes of its messages, so that each sees those before it."""

    def __init__(
        self,
        connection: Connection,
        tenant: str,
        asked: Sequence[Incoming],
        windows: Windows,
        n_before: Mapping[Author, int],
    ) -> None:
        """Read what may be asked for.

        Args:
            connection: The open transaction, in which the authors are locked.
            tenant: Whose messages.
            asked: The messages that will be judged.
            windows: How far to look back.
            n_before: How many messages each author had before the delivery.
        """
        self._windows = windows
        self._shorter = dict(windows.shorter)
        self._n_messages = dict(n_before)
        self._copies = Copies(connection, tenant, asked, windows.copies_s)
        self._strikes: dict[Author, list[tuple[Offence, int]]] = defaultdict(list)
        for author, offence, message_id in lookback.read_strikes(connection, tenant, asked, windows.strikes_s):
            self._strikes[author].append((offence, message_id))
        self._n_recent = lookback.count_recent(connection, tenant, asked, self._copies_s)
        # What this delivery adds to these counts, and takes from them.
        self._new: dict[tuple[Author, str], list[Wording]] = defaultdict(list)
        self._gone: dict[tuple[Author, str], list[Wording]] = defaultdict(list)

    def known(self, message: Incoming) -> Known:
        """What is known when this message is judged. An earlier wording of it must be forgotten first."""
        by_author, by_others = self._copies.count(message, self._copies_s(message))
        if not message.author:
            return Known((), 0, by_author, by_others, 0)
        author = author_of(message)
        counted = window(message.received_at, self._windows.strikes_s)
        offences = tuple(offence for offence, _ in self._strikes.get(author, ()) if offence.at in counted)
        n_recent = self._count_recent(author, message)
        return Known(offences, self._n_messages.get(author, 0), by_author, by_others, n_recent)

    def add(self, message: Incoming, wording: Wording, offence: str | None) -> None:
        """Let those after it know of a message that was judged, and of what counts against its author."""
        self._copies.add(message, wording.message_id)
        if not message.author:
            return
        author = wording.author
        self._n_messages[author] = self._n_messages.get(author, 0) + 1
        self._new[author, wording.channel].append(wording)
        if offence is not None:
            of_author = self._strikes[author]
            of_author.append((Offence(offence, message.received_at), wording.message_id))
            of_author.sort(key=lambda strike: strike[0].at)

    def forget(self, wording: Wording) -> None:
        """Take out a wording that another one replaces, with all that it counted for."""
        self._copies.forget(wording.message_id)
        author = wording.author
        if author in self._n_messages:
            self._n_messages[author] -= 1
        new = self._new[author, wording.channel]
        if wording in new:
            new.remove(wording)
        else:
            self._gone[author, wording.channel].append(wording)
        self._strikes[author] = [strike for strike in self._strikes[author] if strike[1] != wording.message_id]

    def _copies_s(self, message: Incoming) -> float:
        return self._shorter.get(message.channel, self._windows.copies_s)

    def _count_recent(self, author: Author, message: Incoming) -> int:
        lately = lookback.recent_window(message.received_at, self._copies_s(message))
        stored = self._n_recent.get((author, message.channel, lately), 0)
        added = _count(self._new.get((author, message.channel), ()), lately)
        return stored + added - _count(self._gone.get((author, message.channel), ()), lately)


def _count(wordings: Sequence[Wording], lately: Window) -> int:
    return sum(wording.received_at in lately for wording in wordings)
