"""What an operator knows of a community, and what its own past says: the things that figures are held against."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from nlp_service.insight.signals import Signals

SATISFACTION = 85.0
"""The index that a community should keep, of 100."""

UGC_SHARE = 0.15
"""Of contributions among all messages, that a community should keep."""

LEAST_HISTORY = 200
"""Messages from which a rate of the past is a benchmark."""


class Membership(msgspec.Struct, frozen=True):
    """What the operator knows of the members, and messages do not tell.

    Attributes:
        total: How many there are; None where nobody knows.
        channels: How many each channel has, where that is known.
        staff: (platform, author) of those who are no ordinary members, beside those that ``meta`` marks.
    """

    total: int | None = None
    channels: dict[str, int] = {}  # msgspec copies an empty default
    staff: tuple[tuple[str, str], ...] = ()

    def of(self, channel: str | None) -> int | None:
        """The members of a channel, or of all of them together."""
        return self.total if channel is None else self.channels.get(channel)


class Benchmark(msgspec.Struct, frozen=True):
    """The complaint rate that a community is held against.

    Attributes:
        complaint_rate: Of all channels together; None where there is none.
        channels: Of each channel, where it has one of its own; else it is held against that of all.
    """

    complaint_rate: float | None = None
    channels: dict[str, float] = {}

    @classmethod
    def of(cls, history: pa.Table | Signals, least: int = LEAST_HISTORY) -> Benchmark:
        """The rates of a community's own past, best of the four weeks before the period.

        Args:
            history: Its messages.
            least: Messages below which a channel, or all of it, gives no rate.
        """
        signals = history if isinstance(history, Signals) else Signals(history)
        channels = signals.ledger.channels
        place = channels.codes[signals.read]
        n = len(channels.names) + 1
        read = np.bincount(place + 1, minlength=n)[1:]
        complaints = np.bincount(place + 1, signals.complaint[signals.read], n)[1:]
        rates = {
            name: float(complaints[code] / read[code])
            for code, name in enumerate(channels.names)
            if read[code] >= least
        }
        n_read = int(signals.read.sum())
        whole = int(signals.complaint.sum()) / n_read if n_read >= max(1, least) else None
        return cls(whole, {name: rates[name] for name in sorted(rates)})

    def rate(self, channel: str | None) -> float | None:
        """The rate that a channel, or all of them together, is held against."""
        return self.complaint_rate if channel is None else self.channels.get(channel, self.complaint_rate)
