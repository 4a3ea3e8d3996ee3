from tests.unit.store.conftest import database, postgresql, url

__all__ = ["database", "postgresql", "url"]
