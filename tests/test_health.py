"""Readiness: who sends requests here learns when a database cannot serve, and when it can again."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import create_engine

from app.handlers import health
from app.services.health import HealthService
from db.database import Databases
from db.models.messanger import MessangerBase
from db.models.products import ProductsBase
from db.models.users import UsersBase
from db.queries.health import write_something
from db.urls import database_urls
from db.writer import Busy

WELL = {"products": "ok", "users": "ok", "messanger": "ok"}


@pytest.fixture
async def databases(tmp_path, monkeypatch) -> AsyncIterator[Databases]:
    monkeypatch.setattr("db.engine.BUSY_TIMEOUT_MS", 50)  # how long a lock is waited for
    urls = database_urls(tmp_path, {})
    for base, url in zip((ProductsBase, UsersBase, MessangerBase), urls.values(), strict=True):
        engine = create_engine(url)
        with engine.begin() as connection:
            base.metadata.create_all(connection)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        engine.dispose()
    opened = await Databases.open(urls)
    yield opened
    await opened.close()


async def ask(databases: Databases, path: str = "/health/ready", is_draining: bool = False) -> tuple[int, dict]:
    application = web.Application()
    application[health.HEALTH] = HealthService(databases, lambda: is_draining)
    application.add_routes(health.routes)
    async with TestClient(TestServer(application)) as client, client.get(path) as response:
        return response.status, await response.json()


async def test_all_is_well(databases):
    assert await ask(databases) == (200, {"status": "ok", "databases": WELL})
    assert await ask(databases, "/health/live") == (200, {"status": "ok"})


async def test_a_server_about_to_stop_wants_no_more_requests(databases):
    assert await ask(databases, is_draining=True) == (503, {"status": "draining", "databases": WELL})


async def test_a_database_that_keeps_nothing_is_reported_until_it_does(databases, tmp_path):
    with closing(sqlite3.connect(tmp_path / "MESSANGER.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            await databases.messanger.write(write_something)

        assert await ask(databases) == (503, {"status": "failing", "databases": {**WELL, "messanger": "unwritable"}})
        assert (await ask(databases, "/health/live"))[0] == 200
        other.execute("ROLLBACK")

    # Nobody has written in between: the question itself finds out that it works again.
    assert await ask(databases) == (200, {"status": "ok", "databases": WELL})


async def test_a_database_that_cannot_be_read_is_reported(databases, tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "PRODUCTS.db")) as other:
        other.execute('DROP TABLE "Meta"')

    assert await ask(databases) == (503, {"status": "failing", "databases": {**WELL, "products": "unreadable"}})
