"""The watch over the communities of one tenant: what a message means, and what becomes of it."""

from __future__ import annotations

import msgspec

from nlp_service.crisis import bursts, lone
from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.evidence import SELF_HARM, Evidence, familiar, weigh
from nlp_service.crisis.incidents import IncidentChange
from nlp_service.crisis.ledger import Ledger
from nlp_service.crisis.rooms import Room
from nlp_service.crisis.sightings import Sighting
from nlp_service.crisis.wordings import Wordings, wording

LEAST = 0.1
"""P(level >= 1) below which a message of level 0 says nothing."""

NEGATIVE = -0.25
"""Sentiment below which a message counts as negative."""

_BLOCK_S = 6 * 3600
_CLOSE_EVERY_S = 60.0


def room_of(platform: str, channel: str) -> str:
    """Names a community."""
    return f"{platform}\0{channel}"


class Tenant(msgspec.Struct):
    """State of a tenant.

    Attributes:
        all: All communities together.
        recent: Telling messages of the last hours, of all communities.
        ledger: Its incidents.
        closed_at: When silent incidents were last closed.
    """

    name: str
    settings: WatchSettings
    rooms: dict[str, Room] = {}
    all: Room = msgspec.field(default_factory=Room)
    wordings: Wordings = msgspec.field(default_factory=Wordings)
    recent: list[tuple[str, Evidence]] = []
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    closed_at: float = 0.0

    def read(self, sighting: Sighting, due: float) -> list[IncidentChange]:
        """Read a message at the stream time at which it is due."""
        changes = self.close_silent(due) if due - self.closed_at >= _CLOSE_EVERY_S else []
        at = min(sighting.sent_at.timestamp(), sighting.received_at.timestamp())
        name = room_of(sighting.platform, sighting.channel)
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room()
        is_negative = sighting.sentiment is not None and sighting.sentiment <= NEGATIVE
        risk = sighting.p_high or 0.0
        for each in (room, self.all):
            each.pass_time(due, self.settings)
            each.count(at, sighting.author, is_negative=is_negative, risk=risk)
        if sighting.p_high is None or sighting.p_watch is None:
            room.unread += 1
        elif sighting.level or sighting.p_watch >= LEAST:
            changes += self._look(sighting, name, at, due)
        return changes

    def _look(self, sighting: Sighting, name: str, at: float, due: float) -> list[IncidentChange]:
        room = self.rooms[name]
        shares = room.shares(self.settings)
        p_high, p_watch = sighting.p_high or 0.0, sighting.p_watch or 0.0
        reading = weigh(p_high, p_watch, 1.0, shares)
        if reading.ratio < bursts.TELLING and sighting.level < 2:
            room.learn(reading)
            return []
        self.wordings.turn(int(due // _BLOCK_S), 0.5 ** (_BLOCK_S / 86400 / self.settings.half_life_days))
        words = wording(sighting.text)
        reading = weigh(p_high, p_watch, familiar(self.wordings.times(words)), shares)
        people = sum(1 for each in room.recent if each.author == sighting.author)
        evidence = _evidence(sighting, at, reading.ratio, room.repeat_weight(sighting.author, people), words)
        if lone.is_self_harm(evidence):
            return lone.hand_over(self.ledger, self.name, name, evidence, due)
        if next(iter(evidence.categories), "") == SELF_HARM:
            return []
        changes, is_taken = bursts.read(self, name, evidence, due)
        if not is_taken:
            room.learn(reading)
            self.wordings.add(words)
            if evidence.level == 3:
                changes += lone.notice(self.ledger, self.name, name, evidence, due)
        return changes

    def close_silent(self, now: float) -> list[IncidentChange]:
        """Close what has been silent for long, and let go of what cannot come back."""
        self.closed_at = now
        return self.ledger.close_silent(now, self.settings)


def _evidence(sighting: Sighting, at: float, ratio: float, weight: float, words: tuple[int, ...]) -> Evidence:
    ranked = sorted(sighting.categories.items(), key=lambda item: (-item[1], item[0]))
    return Evidence(
        at=at,
        platform=sighting.platform,
        id=sighting.id,
        channel=sighting.channel,
        author=sighting.author,
        ratio=ratio,
        weight=weight,
        categories=dict(ranked),
        words=words,
        level=sighting.level,
        serious=sighting.p_high or 0.0,
        text=sighting.text,
        product=sighting.meta.get("product", ""),
        region=sighting.meta.get("region", ""),
    )
