"""What a tenant settles about incidents: playbooks and wordings of its own, its helpline, and what is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from nlp_service.crisis.response import statements
from nlp_service.crisis.response.playbooks import Playbook, read_playbook, together
from nlp_service.crisis.response.statements import Wordings
from nlp_service.errors import BadInput


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    playbooks: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(max_length=50)] = ()
    statements: dict[str, Any] = {}
    helpline: Annotated[str, msgspec.Meta(max_length=500)] = ""
    tell_from: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2
    unanswered_questions: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 5


class Duty(msgspec.Struct, frozen=True):
    """What holds for a tenant.

    Attributes:
        playbooks: Those that come with the service, and the tenant's own.
        wordings: The same of statements.
        helpline: Text for people in distress: whom to call. Empty until the tenant has set it.
        tell_from: Severity from which people are told; what is private is told always.
        unanswered_questions: Questions that wait in a channel before somebody is told.
    """

    playbooks: tuple[Playbook, ...]
    wordings: Wordings
    helpline: str = ""
    tell_from: int = 2
    unanswered_questions: int = 5


def read_duty(document: Mapping[str, Any]) -> Duty:
    """Make settings of what JSON holds; ``{}`` gives those that come with the service.

    Raises:
        BadInput: A field is unknown or its value cannot be taken; `param` names it.
    """
    try:
        written = msgspec.convert(document, _Written)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise BadInput(what, param=path.rstrip("`") or "settings") from error
    own: list[Playbook] = []
    for index, each in enumerate(written.playbooks):
        try:
            own.append(read_playbook(each))
        except BadInput as error:
            raise BadInput(error.message, param=f"playbooks[{index}].{error.param}") from error
    if len({playbook.name for playbook in own}) != len(own):
        raise BadInput("two playbooks have one name", param="playbooks")
    try:
        wordings = statements.read_wordings(written.statements)
    except BadInput as error:
        raise BadInput(error.message, param=f"statements.{error.param}") from error
    return Duty(together(own), wordings, written.helpline, written.tell_from, written.unanswered_questions)
