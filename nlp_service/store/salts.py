"""A secret of each base, with which hashes of authors are made: who reads the hashes elsewhere cannot guess names."""

from __future__ import annotations

import secrets

from nlp_service.store import bases
from nlp_service.store.database import Database

SETTING = "_author_salt"
"""Under which name the settings of a base hold it; names that begin so are nobody's to see or set."""

_BYTES = 16


class SaltStore:
    """Salts in a database, each made when it is first asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def author_salt(self, tenant: str, kb: int | str) -> bytes:
        """The salt of a base; the same for all processes and for as long as the base is there.

        Raises:
            NotFound: The tenant has no such base.
        """
        with self._database.read() as connection:
            salt = bases.find(connection, tenant, kb).settings.get(SETTING)
        if salt is None:
            with self._database.write() as connection:
                base = bases.find(connection, tenant, kb, is_locked=True)
                salt = base.settings.get(SETTING)  # another process may have made one in between
                if salt is None:
                    salt = secrets.token_hex(_BYTES)
                    # Nothing that replicas follow has changed, so the version of the settings stays.
                    bases.change(connection, base, settings=base.settings | {SETTING: salt})
        return bytes.fromhex(salt)
