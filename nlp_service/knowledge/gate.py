"""The gate before a publish: a draft that answers worse than what is published stays a draft.

Figures and a fresh calibration are stored with each version, so that the next draft is compared with them.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence

import msgspec

from nlp_service.errors import BadInput, Conflict
from nlp_service.knowledge.calibrate import Calibrated, calibrate
from nlp_service.knowledge.evaluation import Figures, evaluate, evaluate_own
from nlp_service.knowledge.loading import load_index, load_thresholds
from nlp_service.knowledge.probes import Query, seek_own
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.versions import read_entries
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Base

ALLOWED = 0.02
"""How far a figure may fall: of 600 wordings that are asked, twelve."""

GATED = (
    "hit_at_1",
    "hit_at_3",
    "mrr_at_10",
    "ndcg_at_10",
    "abstention_f1",
    "answer_precision",
    "answer_coverage",
)
"""Figures that must not fall. The calibration error is none of them: on few queries it is mostly chance."""

_SLACK = 1e-9  # 0.90 - 0.88 is more than 0.02 to a computer


class Fall(msgspec.Struct, frozen=True):
    """A figure that is worse than it was.

    Attributes:
        figure: One of `GATED`.
        old, new: What it was and what it is.
        on: ``own`` for the base's own wordings, ``queries`` for those that were given.
    """

    figure: str
    old: float
    new: float
    on: str = "own"


class Published(msgspec.Struct, frozen=True):
    """What a publish did.

    Attributes:
        version: Its number.
        figures: Measured on the base's own wordings.
        calibration: Fitted on them.
        falls: What fell and was allowed by force.
        queries: Measured on the queries that were given; None without any.
    """

    version: int
    figures: Figures
    calibration: Calibrated
    falls: tuple[Fall, ...] = ()
    queries: Figures | None = None


def compare(old: Figures, new: Figures, *, allowed: float = ALLOWED) -> list[Fall]:
    """Figures that fell by more than `allowed`, in the order of `GATED`.

    A figure that could not be measured on both sides is not compared, and a precision that is still at least the
    wanted one did not fall: coverage was bought for it.
    """
    falls = []
    for name in GATED:
        before, after = getattr(old, name), getattr(new, name)
        if before is None or after is None or before - after <= allowed + _SLACK:
            continue
        if name == "answer_precision" and after >= new.thresholds.precision:
            continue
        falls.append(Fall(name, round(before, 4), round(after, 4)))
    return falls


def publish_checked(
    store: KnowledgeStore,
    model: SearchModel,
    tenant: str,
    kb: int | str,
    *,
    author: str = "",
    note: str = "",
    force_reason: str | None = None,
    allowed: float = ALLOWED,
    queries: Sequence[Query] | None = None,
    actor: str = "system",
) -> Published:
    """Measure the draft of a base, and publish it unless it answers worse than what is published.

    Nothing is written when it is refused. Takes seconds, and minutes for 100,000 entries, during which the store is
    free for others.

    Args:
        store: Where the base is.
        model: The search model.
        tenant: Whose base it is.
        kb: The base.
        author: Who publishes.
        note: Why.
        force_reason: Why figures may fall; goes into the note if any did. None refuses.
        allowed: How far a figure may fall, 0 to 1.
        queries: What both versions are asked beside the base's own wordings.
        actor: Who is written into the log of changes, whoever `author` is.

    Raises:
        BadInput: The reason is empty, or `allowed` is out of range.
        NotFound: The tenant has no such base.
        Conflict: A figure fell, the draft has no change, or was changed meanwhile.
    """
    if force_reason is not None and not force_reason.strip():
        raise BadInput("a publish by force needs a reason", param="reason")
    if not 0.0 <= allowed <= 1.0:
        raise BadInput("allowed must be from 0 to 1", param="allowed")
    base = store.get(tenant, kb)
    if not store.compare(tenant, base.id, base.published, None):
        raise Conflict(f"nothing was changed since version {base.published}")
    before = _Before(store, model, base)
    draft = load_index(store, model, base)
    sought = seek_own(draft)
    fitted = calibrate(draft, before.thresholds.precision, sought)
    figures = evaluate_own(draft, fitted.thresholds, sought)
    asked = evaluate(draft, fitted.thresholds, queries) if queries else None
    falls = before.falls(figures, asked, queries or (), allowed)
    if falls and force_reason is None:
        raise Conflict(f"the draft answers worse than version {base.published}: {in_words(falls)}")
    if falls:
        note = f"{note} [forced: {force_reason}; {in_words(falls)}]".strip()
    # What was not measured must not be published; whoever edits within these milliseconds publishes with it.
    if read_entries(store, tenant, base.id) != draft.entries:
        raise Conflict("the draft was changed while it was measured; publish again")
    version = store.publish(
        tenant,
        base.id,
        author=author,
        note=note,
        figures=msgspec.to_builtins(figures),
        calibration=msgspec.to_builtins(fitted),
        draft=base.draft,
        actor=actor,
    )
    return Published(version, figures, fitted, tuple(falls), asked)


def in_words(falls: Sequence[Fall]) -> str:
    """Name the figures that fell."""
    return ", ".join(f"{fall.figure} on {fall.on} {fall.old:.3f} to {fall.new:.3f}" for fall in falls)


class _Before:
    """What is published of a base, to compare a draft with.

    Attributes:
        thresholds: Of the published version, else the model's.
    """

    def __init__(self, store: KnowledgeStore, model: SearchModel, base: Base) -> None:
        self._store, self._model, self._base = store, model, base
        self.thresholds = load_thresholds(store, model, base)

    def falls(self, figures: Figures, asked: Figures | None, queries: Sequence[Query], allowed: float) -> list[Fall]:
        """What fell of the draft's figures on its own wordings, and on queries if they were asked."""
        if not self._base.published:
            return []
        falls = compare(self._figures(), figures, allowed=allowed)
        if asked is not None:
            old = evaluate(self._index, self.thresholds, queries)
            falls += [msgspec.structs.replace(fall, on="queries") for fall in compare(old, asked, allowed=allowed)]
        return falls

    def _figures(self) -> Figures:
        """Those that are stored; measured now where they are of another search model or of other thresholds."""
        stored = self._store.version(self._base.tenant, self._base.id, self._base.published).figures
        if stored is not None:
            with contextlib.suppress(msgspec.ValidationError):  # of an older form
                figures = msgspec.convert(stored, Figures)
                if (figures.model, figures.thresholds) == (self._model.version, self.thresholds):
                    return figures
        return evaluate_own(self._index, self.thresholds)

    @functools.cached_property
    def _index(self) -> Index:
        return load_index(self._store, self._model, self._base, self._base.published)
