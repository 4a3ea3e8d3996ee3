"""From a version in the store to what is searched."""

from __future__ import annotations

import msgspec

from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.synonyms import Synonyms
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.knowledge.versions import read_entries
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Base


def load_index(store: KnowledgeStore, model: SearchModel, base: Base, version: int | None = None) -> Index:
    """Make the entries of a version searchable; those of the draft for None.

    Raises:
        NotFound: The base is gone, or has no such version.
    """
    entries = read_entries(store, base.tenant, base.id, version)
    number = base.draft if version is None else version
    return Index(entries, model, version=number, synonyms=load_synonyms(base))


def load_thresholds(store: KnowledgeStore, model: SearchModel, base: Base) -> Thresholds:
    """Bounds of the published version: its own, else the model's."""
    calibration = store.version(base.tenant, base.id, base.published).calibration if base.published else None
    return model.thresholds if calibration is None else msgspec.convert(calibration["thresholds"], Thresholds)


def load_synonyms(base: Base) -> Synonyms:
    """The groups of words that the operator of a base says mean the same."""
    return Synonyms(base.settings.get("synonyms", ()))
