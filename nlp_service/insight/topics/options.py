"""What can be chosen about topics, and what must be brought along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from nlp_service.insight.facts import Floats

Embed = Callable[[Sequence[str]], Floats]
"""Vectors of texts, of unit length, zero for a text that says nothing; (n, n_columns), always of as many columns."""


class TopicOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How topics are found. The bounds are cosines of what `reading` makes of messages.

    Attributes:
        near: From which a message belongs to the nearest topic.
        merge: From which two topics are one.
        split: Up to which the two halves of a topic are two.
        least_people: Different people that a new topic needs, and one that comes back.
        least_messages: Messages that a new topic needs.
        least_share: The same as a part of the day's messages; the larger one counts.
        anchor: Part of a new topic's statements that must share a word.
        half_life_days: After so many days a message counts half.
        fade_days: Days without two people until a topic has faded.
        forget_days: Days after which a faded topic is forgotten.
        wait_days: How long what belongs to no topic is kept, to found one together with what comes.
        most_topics: Topics that are remembered, faded ones among them.
        most_born: New topics of a day.
        most_waiting: Statements that are kept for later.
        most_compared: Statements among which new topics are looked for; of more, some are drawn.
        without: Intents whose messages are not looked at: adverts are not what members talk about.
    """

    near: float = 0.4
    merge: float = 0.85
    split: float = 0.3
    least_people: int = 3
    least_messages: int = 5
    least_share: float = 0.002
    anchor: float = 0.2
    half_life_days: float = 7.0
    fade_days: int = 7
    forget_days: int = 90
    wait_days: int = 7
    most_topics: int = 2000
    most_born: int = 200
    most_waiting: int = 3000
    most_compared: int = 6000
    without: tuple[str, ...] = ("ad",)

    def __post_init__(self) -> None:
        if not (0.0 < self.near < 1.0 and 0.0 < self.split < self.merge <= 1.0):
            raise ValueError("the bounds of topics are cosines, and topics are split below where they are merged")
        if not (0.0 <= self.anchor <= 1.0 and 0.0 <= self.least_share <= 1.0):
            raise ValueError("parts of messages are in [0, 1]")
        if min(self.least_people, self.least_messages, self.fade_days, self.most_topics, self.most_compared) < 1:
            raise ValueError("counts of topics begin at 1")
        if self.least_people > 4 or min(self.wait_days, self.most_waiting, self.most_born, self.forget_days) < 0:
            raise ValueError("of at most four people of a statement it is known who they are; no count is below 0")
        if not self.half_life_days > 0.0:
            raise ValueError("the half-life is above 0 days")
