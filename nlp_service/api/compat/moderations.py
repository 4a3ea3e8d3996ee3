"""``POST /v1/moderations``: OpenAI's question, answered by our models and the thresholds of our policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.analyze import Limits
from nlp_service.api.body import decode_body, read_body
from nlp_service.api.compat.openai_types import (
    ModerationPart,
    ModerationRequest,
    ModerationResponse,
    ModerationResult,
)
from nlp_service.api.compat.reading import Reading
from nlp_service.api.resources import respond
from nlp_service.errors import BadInput, TooLarge
from nlp_service.moderation.policy import Policy, UnsafeRule
from nlp_service.types import Action, Analysis, Verdict

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""OpenAI's thirteen."""

ILLICIT = ("gambling", "scam", "drugs_weapons", "illegal_service")
"""Unsafe kinds that stand for ``illicit``."""

VIOLENCE = 0.50
"""Probability of a threat of violence from which it is flagged. No policy has a bound of its own for it."""

DENIED = "lexicon.deny"
"""How evidence names a denied word; the word's own category follows."""

_MEANT = {
    "abuse": "harassment",
    "porn_sexual": "sexual",
    "self_harm": "self-harm",
    "violence_threat": "violence",
    **dict.fromkeys(ILLICIT, "illicit"),
}
"""Categories of words that have one here."""

_SEVERITY = {action: rank for rank, action in enumerate(Action)}
_decoder = msgspec.json.Decoder(ModerationRequest)


class Sign(NamedTuple):
    """What is known of one category: its probability, and whether that reaches the bound of the policy."""

    probability: float
    is_flagged: bool


class Moderations:
    """The route with what it needs."""

    def __init__(self, reading: Reading, limits: Limits) -> None:
        self._reading = reading
        self._limits = limits

    async def post(self, request: Request) -> Response:
        """Judge texts; nothing is stored.

        Raises:
            BadInput: The body is none of OpenAI's, or holds an image; `param` names the field.
            TooLarge: The body, the list or a text is over its limit.
            Overloaded: There is no room in the queue.
            NotReady: No worker could read it, or not in time.
        """
        asked = decode_body(await read_body(request, self._limits.max_body_bytes), _decoder)
        submissions = submissions_of(asked.input)
        texts = [text for submission in submissions for text in submission]
        self._check(texts, is_list=not isinstance(asked.input, str))
        request.state.n_messages = len(texts)
        judged = await self._reading.judge(request, texts, await self._reading.analyses(request, texts))
        each = iter([result_of(analysis, judged.policy) for analysis in judged.analyses])
        results = [together([next(each) for _ in submission]) for submission in submissions]
        return respond(
            ModerationResponse(
                id=f"modr-{request.state.request_id}",
                model=asked.model or self._reading.model_version,
                results=results,
                model_version=self._reading.model_version,
                policy_version=judged.policy_version,
                request_id=request.state.request_id,
            )
        )

    def _check(self, texts: Sequence[str], *, is_list: bool) -> None:
        if len(texts) > self._limits.max_messages:
            raise TooLarge(f"{len(texts)} texts are more than {self._limits.max_messages}", param="input")
        for place, text in enumerate(texts):
            if len(text) > self._limits.max_text:
                param = f"input[{place}]" if is_list else "input"
                raise TooLarge(f"{len(text)} code points are more than {self._limits.max_text}", param=param)


def submissions_of(given: str | Sequence[str | ModerationPart]) -> list[list[str]]:
    """The texts of each submission: one for a text, one for each text of a list, one for all parts together.

    Raises:
        BadInput: There is none, a part is no text, or texts and parts are mixed; `param` names it.
    """
    if isinstance(given, str):
        return [[given]]
    if not given:
        raise BadInput("there is no text", param="input")
    texts = [part for part in given if isinstance(part, str)]
    if len(texts) == len(given):
        return [[text] for text in texts]
    return [[_text_of(part, f"input[{place}]") for place, part in enumerate(given)]]


def _text_of(part: str | ModerationPart, at: str) -> str:
    if isinstance(part, str):
        raise BadInput("texts and parts cannot be mixed in one list", param=at)
    if part.type != "text":
        raise BadInput("only parts of the type text can be read; images are not looked at", param=f"{at}.type")
    if part.text is None:
        raise BadInput("a part of the type text has a text", param=f"{at}.text")
    return part.text


def result_of(analysis: Analysis, policy: Policy) -> ModerationResult:
    """An analysis, with its verdict, in OpenAI's categories."""
    signs = signs_of(analysis, policy)
    denied = denied_in(analysis)
    for name in denied & signs.keys():
        signs[name] = Sign(1.0, True)
    has_failed = None in (analysis.abuse.probability, analysis.risk.probability, analysis.unsafe)
    return ModerationResult(
        flagged=has_failed or bool(denied) or any(sign.is_flagged for sign in signs.values()),
        categories={name: name in signs and signs[name].is_flagged for name in CATEGORIES},
        category_scores={name: signs[name].probability if name in signs else 0.0 for name in CATEGORIES},
        category_applied_input_types={name: ["text"] if name in signs else [] for name in CATEGORIES},
        verdict=analysis.verdict or Verdict(Action.REVIEW),
    )


def signs_of(analysis: Analysis, policy: Policy) -> dict[str, Sign]:
    """The categories that our models tell something of.

    Abuse is harassment; hate is abuse too and cannot be told from it. Threats and self-harm are risk categories. An
    insult that threatens is as probable as the less probable of the two.
    """
    risks = {category.name: category.probability for category in analysis.risk.categories}
    chances = {kind.name: kind.probability for kind in analysis.unsafe or ()}
    rules = {rule.name: rule for rule in policy.unsafe}
    kinds = {name: _sign(chances.get(name, 0.0), _bound_of(rules.get(name))) for name in (*ILLICIT, "porn_sexual")}
    abuse_bound = _bound(policy.abuse_warn, policy.abuse_action, policy.abuse_review)
    insult = _sign(analysis.abuse.probability or 0.0, abuse_bound)
    threat = _sign(risks.get("violence_threat", 0.0), VIOLENCE)
    self_harm = _sign(risks.get("self_harm", 0.0), policy.self_harm)
    illicit = [kinds[name] for name in ILLICIT]
    return {
        "harassment": insult,
        "harassment/threatening": Sign(min(insult[0], threat[0]), insult.is_flagged and threat.is_flagged),
        "illicit": Sign(max(sign[0] for sign in illicit), any(sign.is_flagged for sign in illicit)),
        "self-harm": self_harm,
        "self-harm/intent": self_harm,
        "sexual": kinds["porn_sexual"],
        "violence": threat,
    }


def denied_in(analysis: Analysis) -> set[str]:
    """What the denied words of the tenant in a text stand for: categories, or empty where they have none here."""
    labels = [one.label for one in analysis.evidence if one.label == DENIED or one.label.startswith(f"{DENIED}.")]
    return {_MEANT.get(label.removeprefix(DENIED).lstrip("."), "") for label in labels}


def together(results: Sequence[ModerationResult]) -> ModerationResult:
    """One result for the parts of a submission: of each category the most probable, and the severest verdict."""
    if len(results) == 1:
        return results[0]
    worst = max(results, key=lambda result: _SEVERITY[result.verdict.action])
    return ModerationResult(
        flagged=any(result.flagged for result in results),
        categories={name: any(result.categories[name] for result in results) for name in CATEGORIES},
        category_scores={name: max(result.category_scores[name] for result in results) for name in CATEGORIES},
        category_applied_input_types=worst.category_applied_input_types,
        verdict=worst.verdict,
    )


def _sign(probability: float, bound: float | None) -> Sign:
    return Sign(probability, bound is not None and probability >= bound)


def _bound_of(rule: UnsafeRule | None) -> float | None:
    return None if rule is None else _bound(rule.act, rule.action, rule.review)


def _bound(act: float, action: Action, review: float | None) -> float | None:
    """From where on something is done, be it a look by a person; None where nothing is."""
    if action is Action.PASS:
        return None
    return act if review is None else review
