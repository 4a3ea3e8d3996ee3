"""Playbooks: who must have done what how long after an incident was opened. Operators write their own as documents."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from nlp_service.errors import BadInput
from nlp_service.types import RISK_CATEGORIES

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
_Role = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=30 * 86_400)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that must be done.

    Attributes:
        id: Names it within the playbook.
        title: What is to be done.
        owner: Who does it: the name of a role, which routes lead to people.
        due_s: By when, in seconds after the incident was opened.
        remind_s: How long before that its owner is reminded; 0 for not at all.
        escalate_s: How long after that somebody else is told that it was not done.
        escalate_to: Who; empty for nobody.
        statement: Which draft goes with it, a purpose of `statements`; empty for none.
    """

    id: _Name
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    owner: _Role
    due_s: Annotated[int, msgspec.Meta(ge=1, le=30 * 86_400)]
    remind_s: _Seconds = 0
    escalate_s: _Seconds = 0
    escalate_to: Annotated[str, msgspec.Meta(max_length=64)] = ""
    statement: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steps for incidents of some kind.

    Attributes:
        name: Of the playbook.
        title: For people.
        steps: In the order of their deadlines.
        min_severity: From which it is for an incident, 1 to 4.
        categories: For which; empty for all but self-harm, which has its own.
    """

    name: _Name
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=50)]
    min_severity: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    categories: tuple[str, ...] = ()

    def is_for(self, category: str, severity: int) -> bool:
        """Whether it is for incidents like this."""
        named = category in self.categories if self.categories else category != "self_harm"
        return named and severity >= self.min_severity


def read_playbook(document: Mapping[str, Any]) -> Playbook:
    """Make a playbook of what JSON holds.

    Raises:
        BadInput: A field is unknown or its value cannot be taken; `param` names it where it is known.
    """
    try:
        playbook = msgspec.convert(document, Playbook)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise BadInput(what, param=path.rstrip("`") or "playbook") from error
    unknown = [name for name in playbook.categories if name not in RISK_CATEGORIES]
    if unknown:
        raise BadInput("there is no such risk category", param="categories")
    names = [step.id for step in playbook.steps]
    if len(set(names)) != len(names):
        raise BadInput("two steps have one id", param="steps")
    for index, step in enumerate(playbook.steps):
        if step.remind_s >= step.due_s:
            raise BadInput("a reminder must come after the beginning", param=f"steps[{index}].remind_s")
        if index and step.due_s < playbook.steps[index - 1].due_s:
            raise BadInput("steps stand in the order of their deadlines", param=f"steps[{index}].due_s")
    return playbook


@functools.cache
def built_in() -> tuple[Playbook, ...]:
    """The playbooks that come with the service."""
    documents = tomllib.loads(Path(__file__).with_name("playbooks.toml").read_text("utf-8"))["playbooks"]
    return tuple(read_playbook(document) for document in documents)


def together(own: Sequence[Playbook]) -> tuple[Playbook, ...]:
    """An operator's playbooks with those that come with the service; of one name, the operator's."""
    named = {playbook.name: playbook for playbook in (*built_in(), *own)}
    return tuple(named.values())


def choose(playbooks: Sequence[Playbook], category: str, severity: int) -> Playbook | None:
    """The playbook for an incident: one that names the category before one for all, then the highest `min_severity`.

    None if there is none, as for severity 0. Of several that are alike, the last one.
    """
    fitting = [playbook for playbook in playbooks if playbook.is_for(category, severity)]
    ranked = sorted(enumerate(fitting), key=lambda pair: (bool(pair[1].categories), pair[1].min_severity, pair[0]))
    return ranked[-1][1] if ranked else None
