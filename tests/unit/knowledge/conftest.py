from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nlp_service.store.database import open_database
from nlp_service.store.knowledge import KnowledgeStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    """An empty store; what depends on the database is tested in tests/unit/store."""
    with open_database(str(tmp_path / "store.db")) as database:
        yield KnowledgeStore(database)
