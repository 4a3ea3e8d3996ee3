"""``/v1/policies/dry-run``: what another policy would have done with messages that are stored."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import tenant_of
from nlp_service.api.resources import check_line, respond
from nlp_service.api.rules.parts import MOST_RUNS, RuleParts
from nlp_service.api.rules.policies import MAX_BODY, find_community
from nlp_service.api.schemas.policies import ActionChange, DryRunRequest, DryRunResponse, MessageFilter, PolicyChoice
from nlp_service.errors import BadInput, Overloaded
from nlp_service.moderation.comparing import compare
from nlp_service.moderation.dry_run import NOT_KNOWN, Choice, DryRun, Redecided, Trial
from nlp_service.moderation.entered import in_utc
from nlp_service.store.browsing import Filters
from nlp_service.types import INTENTS

_MAX_LINE = 200

_decoder = msgspec.json.Decoder(DryRunRequest)


class DryRuns:
    """The route with what it needs."""

    def __init__(self, parts: RuleParts, max_body_bytes: int) -> None:
        self._parts = parts
        self._max_body_bytes = min(max_body_bytes, MAX_BODY)
        self._n_runs = 0

    async def post(self, request: Request) -> Response:
        """Decide on stored messages again by two policies, and say what differs.

        Raises:
            BadInput: A document is no policy, or a field cannot be taken; `param` names it.
            NotFound: There is no such version.
            Overloaded: Others are at it.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _decoder)
        tenant, filters = tenant_of(request), filters_of(asked.filter)
        tried = choice_of(asked.policy)
        other = None if asked.against is None else choice_of(asked.against)
        if self._n_runs >= MOST_RUNS:
            raise Overloaded(f"{self._n_runs} dry runs are being done", retry_after_s=5.0)
        self._n_runs += 1
        try:
            return respond(await self._run(request, tenant, Trial(tried, other, filters, asked.limit), asked.examples))
        finally:
            self._n_runs -= 1

    async def _run(self, request: Request, tenant: str, trial: Trial, n_examples: int) -> DryRunResponse:
        parts, rules = self._parts, await self._parts.rulebooks.of(tenant)
        run = DryRun(parts.database, parts.policies, tenant, rules)
        steps = run.steps(trial)
        decided: list[Redecided] = []
        n_left_out = 0
        # Step by step, so that other work gets its turn.
        while (step := await parts.trials.run(lambda: next(steps, None))) is not None:
            decided += step.decided
            n_left_out += step.n_left_out
        found = await parts.trials.run(lambda: compare(decided, n_examples=n_examples))
        changes = [
            ActionChange(change.before, change.after, change.count, [int(each) for each in change.examples])
            for change in found.changes
        ]
        return DryRunResponse(
            request.state.request_id,
            trial.tried.name,
            trial.against.name if trial.against else "active",
            found.messages,
            n_left_out,
            found.stricter,
            found.milder,
            found.reviews_before,
            found.reviews_after,
            changes,
            list(found.reasons),
            list(NOT_KNOWN),
        )


def choice_of(asked: PolicyChoice) -> Choice:
    """The policy that is meant.

    Raises:
        BadInput: Both a document and a version are given.
        NotFound: No community can have this name.
    """
    if asked.document is not None and asked.version is not None:
        raise BadInput("a policy is a document or a version, not both", param="policy.version")
    return Choice(asked.document, find_community(asked.community), asked.version)


def filters_of(asked: MessageFilter) -> Filters:
    """What messages must be like; what is no such thing is refused when they are read.

    Raises:
        BadInput: A text is too long, a time cannot be, or there is no such intent.
    """
    if asked.intent not in (None, *INTENTS):
        raise BadInput(f"intent must be one of {', '.join(INTENTS)}", param="filter.intent")
    return Filters(
        sent_from=in_utc("filter.from", asked.sent_from),
        sent_to=in_utc("filter.to", asked.sent_to),
        platform=_line("platform", asked.platform),
        channel=_line("channel", asked.channel),
        author=_line("author", asked.author),
        labels=tuple(asked.label),
        action=asked.action,
        min_risk=asked.risk,
        intent=asked.intent,
        text=_line("text", asked.text),
    )


def _line(name: str, text: str | None) -> str | None:
    return None if text is None else check_line(f"filter.{name}", text, _MAX_LINE)
