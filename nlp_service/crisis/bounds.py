"""The numbers that the watch goes by; docs/crisis.md says where each is from."""

from __future__ import annotations

import msgspec


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the watch decides.

    Attributes:
        lateness_s: For so long a message waits for earlier ones, so that the order of arrival does not matter.
        duplicate_hours: How long the name of a message is remembered.
        window_hours: How far back evidence is added up.
        rates: Messages an hour of the events that are looked for, from a trickle to a flood.
        alarm: Log-likelihood ratio from which there is an incident of severity 2.
        pair_alarm: The same for two messages alone: any two can meet by chance.
        most: Of that, what one message can give at the most: no lone message makes a burst.
        spread_alarm: The same where the evidence comes from several communities that have none alone.
        least: Messages that a burst needs.
        serious, watch: Shares of messages of level 2 and more, and of level 1, that a community is taken to have
            until it has been seen.
        prior_messages: What that is worth, in messages.
        half_life_days: Of everything that is learnt about a community.
        quiet_hours: After so long without a message an incident is closed.
        cooldown_hours: For so long after that the same thing opens it again instead of making another one.
        lone_days: For so long the same words do not make a second incident of a lone message.
        zone_hours: Hours that the communities are ahead of UTC, for the hours of the week.
    """

    lateness_s: float = 30.0
    duplicate_hours: float = 6.0
    window_hours: float = 3.0
    rates: tuple[float, ...] = (3.0, 12.0, 45.0)
    alarm: float = 4.5
    pair_alarm: float = 6.0
    most: float = 4.0
    spread_alarm: float = 11.0
    least: int = 2
    serious: float = 0.0005
    watch: float = 0.01
    prior_messages: float = 2000.0
    half_life_days: float = 14.0
    quiet_hours: float = 4.0
    cooldown_hours: float = 6.0
    lone_days: float = 7.0
    zone_hours: float = 8.0

    def __post_init__(self) -> None:
        if not self.rates or min(self.rates) <= 0:
            raise ValueError("rates must be positive")
        if min(self.window_hours, self.half_life_days, self.quiet_hours, self.alarm, self.most) <= 0:
            raise ValueError("windows, half-lives and bounds must be positive")
