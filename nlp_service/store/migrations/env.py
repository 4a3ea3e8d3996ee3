"""What Alembic runs for each command: the steps, on the connection and in the transaction that the caller holds."""

from __future__ import annotations

from alembic import context

from nlp_service.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
