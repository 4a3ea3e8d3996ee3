"""Taking messages in without HTTP: the same way, with worker processes and a database of the command's own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlp_service.inference.process import Build
    from nlp_service.intake.taking import Intake
    from nlp_service.store.database import Database

DEADLINE_S = 60.0
"""Nobody waits for a single message here, and a machine may be slow."""


class _Nobody:
    """Wants to know nothing of batches; lost workers are logged where they are lost."""

    def batch_read(self, n_messages: int, n_failed: int, inference_s: float) -> None:
        return

    def worker_lost(self) -> None:
        return


@contextlib.asynccontextmanager
async def running_intake(database: Database, build: Build, n_workers: int) -> AsyncIterator[Intake]:
    """An intake with its workers and the rules of all tenants, for as long as the block runs.

    Args:
        database: Where messages go.
        build: Makes the reader of each worker.
        n_workers: Processes.

    Raises:
        ServiceError: A worker could not be started.
    """
    from nlp_service.inference.batcher import Batcher
    from nlp_service.intake.taking import Intake
    from nlp_service.moderation.rulebook import Rulebooks, RuleStore
    from nlp_service.store.contributions import ContributionStore
    from nlp_service.store.messages import MessageStore

    batcher = Batcher(build, _Nobody(), workers=n_workers, deadline_s=DEADLINE_S)
    rules = Rulebooks(RuleStore(database))
    intake = Intake(batcher, rules, MessageStore(database), ContributionStore(database), deadline_s=DEADLINE_S)
    try:
        await batcher.start()
        await rules.start()
        await intake.start()
        yield intake
    finally:
        await intake.stop()
        await rules.stop()
        await batcher.stop()
