"""What another policy would do with messages that are stored: each is decided on again by both, and nothing is changed.

The models are not asked again: what they said is stored with each message. Words are those of the lists that hold now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from nlp_service.moderation.deciding import Decision, decide
from nlp_service.moderation.documents import decode_document
from nlp_service.moderation.facts import Facts, gather
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy, windows_of
from nlp_service.moderation.rules import Rules
from nlp_service.store.browsing import Filters, StoredMessage
from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming
from nlp_service.store.messages import MessageStore
from nlp_service.store.policies import PolicyStore, name_of
from nlp_service.store.replays import Replayed, ReplayStore
from nlp_service.text.normalise import message_of, normalise_batch
from nlp_service.types import Analysis

MOST_MESSAGES = 20_000
"""Messages of one run: they take about ten seconds of a core."""

STEP = 200
"""Messages that are decided on at once; other work gets its turn between steps."""

NOT_KNOWN = (
    "copies: how many there were of a message, and how often its author wrote, is not kept; no rule on counts applies",
    "strikes: they are those that were given at the time, not those that the other policy would have given",
    "words: the lists are those that hold now, with the words that are valid now",
    "masked: where personal data was masked before it was stored, links and words within it are not found again",
    "deleted: messages that were deleted or erased since are left out, and count for nothing",
)
"""What a dry run cannot tell, for those who read its figures."""


class Choice(NamedTuple):
    """A policy to decide by: a document, or a version that is stored.

    Attributes:
        document: As operators write it; None for a version.
        community: Whose version; the empty one is the policy for all.
        version: 0 is the built-in policy; None what holds in the community.
    """

    document: Mapping[str, Any] | None = None
    community: str = ""
    version: int | None = None

    @property
    def name(self) -> str:
        """What it is called in an answer."""
        if self.document is not None:
            return "document"
        if self.version == 0:
            return DEFAULT_POLICY.version
        return name_of(self.community) + (f"/{self.version}" if self.version else "")


class Trial(NamedTuple):
    """What is compared on which messages.

    Attributes:
        tried: The policy that might come. If it is for all channels and the filters name none, messages of channels
            with a policy of their own are left out; if it is for one channel, so are all others.
        against: What it is compared with; None for what holds in the channel of each message.
        filters: What messages must be like.
        limit: Messages that are read, the newest first.
    """

    tried: Choice
    against: Choice | None = None
    filters: Filters = Filters()
    limit: int = MOST_MESSAGES


class Redecided(NamedTuple):
    """A message by its id in the store, with what one policy decides on it, and what the other."""

    id: int
    before: Decision
    after: Decision


class Step(NamedTuple):
    """Some messages that were decided on, and how many were passed over meanwhile."""

    decided: list[Redecided]
    n_left_out: int


class DryRun:
    """Decides on stored messages again; blocks, step by step.

    Args:
        database: Where the messages are.
        policies: Where versions are.
        tenant: Whose they are.
        rules: Those that hold.
        now: When words must be valid.
    """

    def __init__(
        self, database: Database, policies: PolicyStore, tenant: str, rules: Rules, now: datetime | None = None
    ) -> None:
        self._messages = MessageStore(database)
        self._replays = ReplayStore(database)
        self._policies = policies
        self._tenant = tenant
        self._rules = rules
        self._now = now or datetime.now(UTC)

    def steps(self, trial: Trial) -> Iterator[Step]:
        """Decide on messages, some at a time, the newest first.

        Raises:
            BadInput: A document is no policy, or a filter cannot be; `param` names it.
            NotFound: There is no such version.
        """
        tried = self._find(trial.tried)
        against = None if trial.against is None else self._find(trial.against)
        filters, left_out = trial.filters, frozenset[str]()
        if trial.tried.community and filters.channel is None:
            filters = msgspec.structs.replace(filters, channel=trial.tried.community)
        elif filters.channel is None:
            left_out = frozenset(self._rules.policies.keys() - {""})
        cursor, left = None, trial.limit
        while left > 0:
            page = self._messages.browse(self._tenant, filters, cursor, min(left, STEP))
            chosen = [message for message in page.messages if message.channel not in left_out]
            yield Step(self._decide(chosen, against, tried), len(page.messages) - len(chosen))
            left -= len(page.messages)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _find(self, choice: Choice) -> Policy:
        if choice.document is not None:
            return decode_document(choice.document, choice.name)
        if choice.version == 0:
            return DEFAULT_POLICY
        stored = self._policies.get(self._tenant, choice.community, choice.version)
        return decode_document(stored.document, f"{name_of(choice.community)}/{stored.version}")

    def _decide(self, messages: Sequence[StoredMessage], against: Policy | None, tried: Policy) -> list[Redecided]:
        pairs = [(message, message.analysis) for message in messages if message.analysis is not None]
        replayed = [Replayed(message.id, _incoming(message, analysis)) for message, analysis in pairs]
        held = [against or self._rules.policy_for(one.message.channel) for one in replayed]
        strikes_s = max(windows_of(policy).strikes_s for policy in (tried, *held))
        found = self._facts([one.message for one in replayed])
        known = self._replays.known(self._tenant, replayed, strikes_s)
        decided = []
        for one, old, facts, each in zip(replayed, held, found, known, strict=True):
            analysis, facts = one.message.analysis, facts._replace(known=each)
            decided.append(Redecided(one.id, decide(analysis, old, facts), decide(analysis, tried, facts)))
        return decided

    def _facts(self, messages: Sequence[Incoming]) -> list[Facts]:
        texts = [message.text for message in messages]
        batch = normalise_batch(texts)
        hits = self._rules.matcher.find(texts, batch, self._now)
        return [
            gather(message, found, normalised=message_of(batch, i, message.text).normalised)
            for i, (message, found) in enumerate(zip(messages, hits, strict=True))
        ]


def _incoming(message: StoredMessage, analysis: Analysis) -> Incoming:
    return Incoming(
        message.platform,
        message.channel,
        message.external_id,
        message.author,
        message.sent_at,
        message.received_at,
        message.edited_at,
        message.text,
        message.meta,
        (),
        analysis,
        b"",
        message.model_version,
    )
