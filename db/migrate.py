"""Brings a database to the newest revision of its history, whole or not at all."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from db.engine import is_sqlite
from db.lock import startup_lock
from db.urls import NAMES, ROOT

BUSY_TIMEOUT_MS = 15_000  # an import beside us writes in short chunks; a migration may wait for a gap
ADVISORY_LOCK = 815001  # any number, as long as every process of CTS asks PostgreSQL for the same one

T = TypeVar("T")


class BrokenReferences(Exception):
    """A migration would have left rows that point at nothing. It was undone."""


async def migrate_all(urls: Mapping[str, str]) -> None:
    """Bring the databases up to date, one after another: Alembic keeps its state in module globals."""
    for name in NAMES:
        await migrate(name, urls[name])


async def migrate(name: str, url: str) -> None:
    """Create the database if it is an SQLite file and not there, and upgrade it to the newest revision.

    Safe when several processes start at once: the others wait, then find nothing to do.
    If a revision fails, the database is as it was before the first of them.

    Raises:
        BrokenReferences: a revision lost rows that others refer to.
    """
    await change_schema(url, partial(upgrade, name))


def upgrade(name: str, connection: Connection, revision: str = "head", *, config: Config | None = None) -> None:
    """Run the revisions of ``name`` up to ``revision`` in the caller's transaction."""
    config = config or make_config(name)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def downgrade(name: str, connection: Connection, revision: str, *, config: Config | None = None) -> None:
    """Run them back down to ``revision``; ``base`` is the empty database."""
    config = config or make_config(name)
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def make_config(name: str) -> Config:
    """Return the settings of one history: the section ``name`` of alembic.ini."""
    return Config(ROOT / "alembic.ini", ini_section=name)


async def change_schema(url: str, work: Callable[[Connection], T]) -> T:
    """Run ``work(connection)`` in one transaction under the start-up lock, on an engine of its own."""
    if is_sqlite(url):
        return await asyncio.to_thread(_change_sqlite, url, work)
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _change_sqlite(url: str, work: Callable[[Connection], T]) -> T:
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, record: Any) -> None:
        dbapi_connection.isolation_level = (
            None  # else the driver commits before DDL, and a failure leaves half a schema
        )
        # Rebuilding a table drops the old one, and with foreign keys on that deletes the rows that refer to it.
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=OFF", "synchronous=FULL", "journal_mode=WAL"):
            dbapi_connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    with startup_lock(Path(make_url(url).database or "").parent), engine.begin() as connection:
        result = work(connection)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            tables = ", ".join(sorted({row[0] for row in broken}))
            raise BrokenReferences(f"{len(broken)} rows of {tables} would refer to rows that are gone.")
        return result
