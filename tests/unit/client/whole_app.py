"""The application with every route that the client knows: one worker, a real database, and a tenant with a key."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from nlp_service.api.access import PUBLIC, Access
from nlp_service.api.app import Options, create_app
from nlp_service.api.community import Community
from nlp_service.api.compat.discovery import PATHS
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.store.database import Database, open_database
from nlp_service.store.founding import found_tenant
from tests.api.knowledge_app import planted_model
from tests.api.messages_app import build_reader


def whole_app(folder: Path) -> tuple[FastAPI, Database, str]:
    """The application, its database, and a key that may do everything."""
    database = open_database(str(folder / "whole.db"))
    key = found_tenant(database, "shop").issued.secret
    knowledge = Knowledge(database, planted_model(), poll_s=0.05)
    app = create_app(
        build_reader,
        Options(),
        knowledge,
        Access(database, public=PUBLIC | set(PATHS)),
        Community(database, poll_s=0.05),
    )
    return app, database, key
