"""Whether this process should get requests."""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from app.schemas.health import ReadyOut
from db.database import Database, Databases
from db.queries.health import read_something, write_something

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""For one database; who asks gives up soon after."""


class HealthService:
    """Asks the three databases. ``is_draining`` says whether the server is about to stop."""

    def __init__(self, databases: Databases, is_draining: Callable[[], bool] = lambda: False) -> None:
        self._databases = databases
        self._is_draining = is_draining

    async def check(self) -> ReadyOut:
        """Return what is well and what is not. Never raises."""
        databases = list(self._databases)
        found = await asyncio.gather(*map(_check, databases))
        failing: Literal["ok", "failing"] = "ok" if set(found) == {"ok"} else "failing"
        return ReadyOut(
            status="draining" if self._is_draining() else failing,
            databases={database.name: state for database, state in zip(databases, found, strict=True)},
        )


async def _check(database: Database) -> Literal["ok", "unreadable", "unwritable"]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await database.read(read_something, hot=True)
    except Exception as error:
        logger.warning("%s cannot be read: %r", database.name, error)
        return "unreadable"
    if not database.writer.failing:  # the writer knows from the last batch; no need to write for the question
        return "ok"
    try:
        # Without requests nobody else would find out that it works again, and without readiness there are no requests.
        async with asyncio.timeout(PATIENCE_S):
            await database.write(write_something)
    except Exception as error:
        logger.warning("%s cannot be written: %r", database.name, error)
        return "unwritable"
    return "ok"
