"""The three histories on SQLite and PostgreSQL: they make what the models say, both ways, whole or not at all."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.exc import DatabaseError

from db.migrate import BrokenReferences, change_schema, downgrade, make_config, migrate, upgrade
from db.models.messanger import MessangerBase
from db.models.products import ProductsBase
from db.models.users import UsersBase
from db.search.schema import is_modelled
from db.urls import NAMES, ROOT, database_urls, environment_urls

METADATA: dict[str, MetaData] = {
    "products": ProductsBase.metadata,
    "users": UsersBase.metadata,
    "messanger": MessangerBase.metadata,
}
MakeUrl = Callable[[], Awaitable[str]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def make_url(request: pytest.FixtureRequest, tmp_path: Path) -> MakeUrl:
    """Make an empty database of either kind."""
    if request.param == "postgres":
        return request.getfixturevalue("make_postgres_database")
    numbers = iter(range(100))

    async def make() -> str:
        return f"sqlite:///{tmp_path}/{next(numbers)}.db"

    return make


def describe(connection: Connection) -> dict[str, Any]:
    """Everything that a migration could forget, CHECKs included, which Alembic's own comparison does not see."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": in_words(inspector.get_columns(table)),
            "options": in_words([inspector.get_table_options(table)]),
            "primary key": in_words([inspector.get_pk_constraint(table)]),
            "foreign keys": sorted(in_words(inspector.get_foreign_keys(table))),
            "unique": sorted(in_words(inspector.get_unique_constraints(table))),
            "checks": sorted(in_words(inspector.get_check_constraints(table))),
            "indexes": sorted(in_words(inspector.get_indexes(table))),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def in_words(items: Iterable[Any]) -> list[str]:
    """Types and the conditions of partial indexes are objects, equal to none but themselves."""

    def words(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{key}={words(value[key])}" for key in sorted(value))
        return str(value)

    return [words(item) for item in items]


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def run(statement: str, connection: Connection) -> list[Any]:
    result = connection.execute(text(statement))
    return list(result) if result.returns_rows else []


@pytest.mark.parametrize("name", NAMES)
async def test_upgrade_from_empty_makes_what_the_models_say(name: str, make_url: MakeUrl) -> None:
    migrated, made = await make_url(), await make_url()

    await migrate(name, migrated)
    await change_schema(made, METADATA[name].create_all)

    assert await change_schema(migrated, describe) == await change_schema(made, describe)

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"compare_server_default": True, "include_name": is_modelled}
        )
        return compare_metadata(context, METADATA[name])

    assert await change_schema(migrated, compare) == []


TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' OR sql LIKE 'CREATE VIRTUAL%' ORDER BY name",
    "postgresql": "SELECT tgname, pg_get_triggerdef(t.oid), p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid"
    " WHERE NOT tgisinternal ORDER BY tgname",
}


async def test_upgrade_makes_the_triggers_and_indexes_that_no_model_can_say(make_url: MakeUrl) -> None:
    migrated, made = await make_url(), await make_url()

    await migrate("products", migrated)
    await change_schema(made, ProductsBase.metadata.create_all)

    def list_triggers(connection: Connection) -> list[Any]:
        return run(TRIGGERS[connection.dialect.name], connection)

    assert await change_schema(migrated, list_triggers) == await change_schema(made, list_triggers) != []


@pytest.mark.parametrize("name", NAMES)
async def test_every_revision_runs_down_and_up_again(name: str, make_url: MakeUrl) -> None:
    url = await make_url()
    history = [script.revision for script in ScriptDirectory.from_config(make_config(name)).walk_revisions()]
    assert history, "no revisions"
    await migrate(name, url)
    newest = await change_schema(url, describe)

    for older in [*history[1:], "base"]:
        await change_schema(url, partial(downgrade, name, revision=older))
    assert await change_schema(url, tables) == set()

    for revision in reversed(history):
        await change_schema(url, partial(upgrade, name, revision=revision))
    assert await change_schema(url, describe) == newest


async def test_a_second_upgrade_changes_nothing(make_url: MakeUrl) -> None:
    url = await make_url()
    await migrate("users", url)
    await change_schema(url, partial(run, "INSERT INTO \"Meta\" (key, value) VALUES ('epoch', '1')"))

    await migrate("users", url)

    assert await change_schema(url, partial(run, 'SELECT value FROM "Meta"')) == [("1",)]


def add_revision(folder: Path, name: str, body: str) -> Config:
    """Return a history with one more revision, whose upgrade is ``body``."""
    config = make_config(name)
    head = ScriptDirectory.from_config(config).get_current_head()
    (folder / "next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = 'next', {head!r}\n"
        f"def upgrade():\n    {body}\ndef downgrade(): pass\n"
    )
    folders = (config.get_section_option(name, "version_locations"), str(folder))
    config.set_section_option(name, "version_locations", os.pathsep.join(folders))
    return config


async def test_failing_revision_leaves_nothing_behind(make_url: MakeUrl, tmp_path: Path) -> None:
    url = await make_url()
    await migrate("users", url)
    before = await change_schema(url, describe)
    config = add_revision(
        tmp_path, "users", "op.create_table('Half', sa.Column('id', sa.Integer)); op.execute('SELECT nonsense')"
    )

    with pytest.raises(DatabaseError, match="nonsense"):
        await change_schema(url, partial(upgrade, "users", config=config))

    assert await change_schema(url, describe) == before
    await migrate("users", url)  # the version did not move either, and the lock is free


async def test_failing_first_upgrade_leaves_an_empty_database(make_url: MakeUrl, tmp_path: Path) -> None:
    url = await make_url()
    config = add_revision(tmp_path, "users", "raise RuntimeError('no')")

    with pytest.raises(RuntimeError, match="no"):
        await change_schema(url, partial(upgrade, "users", config=config))

    assert await change_schema(url, partial(describe)) == {}


GUEST = (
    'INSERT INTO "User" (id, role, is_active, creation_time, edit_time) '
    "VALUES (7, 'guest', true, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)
CART = (
    'INSERT INTO "UserCart" (id, owner_id, version, creation_time, edit_time) '
    "VALUES (1, 7, 0, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)


async def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/USERS.db"
    await migrate("users", url)
    await change_schema(url, partial(run, GUEST))
    await change_schema(url, partial(run, CART))
    config = add_revision(
        tmp_path,
        "users",
        "with op.batch_alter_table('User', recreate='always') as table: table.add_column(sa.Column('new', sa.Integer))",
    )

    await change_schema(url, partial(upgrade, "users", config=config))

    assert await change_schema(url, partial(run, 'SELECT owner_id FROM "UserCart"')) == [(7,)]
    assert await change_schema(url, partial(run, 'SELECT id, new FROM "User"')) == [(7, None)]


async def test_revision_that_loses_rows_others_refer_to_is_undone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/USERS.db"
    await migrate("users", url)
    await change_schema(url, partial(run, GUEST))
    await change_schema(url, partial(run, CART))
    config = add_revision(tmp_path, "users", "op.execute('DELETE FROM \"User\"')")

    with pytest.raises(BrokenReferences, match="1 rows of UserCart"):
        await change_schema(url, partial(upgrade, "users", config=config))

    assert await change_schema(url, partial(run, 'SELECT id FROM "User"')) == [(7,)]


async def test_processes_that_start_at_once_all_find_the_newest_revision(make_url: MakeUrl) -> None:
    url = await make_url()
    program = "import asyncio, sys; from db.migrate import migrate; asyncio.run(migrate('messanger', sys.argv[1]))"

    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, cwd=ROOT) for _ in range(3)]
    ends = await asyncio.gather(*(process.wait() for process in processes))

    assert ends == [0, 0, 0]
    assert await change_schema(url, tables) == set(METADATA["messanger"].tables)


async def test_new_file_is_in_wal_mode(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/PRODUCTS.db"

    await migrate("products", url)

    assert await change_schema(url, partial(run, "PRAGMA journal_mode")) == [("wal",)]
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", NAMES)
def test_revisions_import_nothing_of_the_project(name: str) -> None:
    for script in (ROOT / "migrations" / "versions" / name).glob("*.py"):
        source = script.read_text()
        for package in ("db", "app", "ws"):
            assert f"from {package}" not in source and f"import {package}" not in source, script


def test_urls_are_absolute_and_can_be_overridden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    urls = database_urls(Path("data"), {"users": "postgresql+asyncpg://localhost/users"})

    assert urls == {
        "products": f"sqlite:///{tmp_path}/data/PRODUCTS.db",
        "users": "postgresql+asyncpg://localhost/users",
        "messanger": f"sqlite:///{tmp_path}/data/MESSANGER.db",
    }


def test_urls_come_from_the_environment_before_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("CTS_DATA=/from/file\nCTS_USERS_URL=postgresql+asyncpg://file/users\n")
    for name in ("CTS_DATA", "CTS_PRODUCTS_URL", "CTS_MESSANGER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CTS_USERS_URL", "postgresql+asyncpg://environment/users")

    urls = environment_urls()

    assert urls["products"] == "sqlite:////from/file/PRODUCTS.db"
    assert urls["users"] == "postgresql+asyncpg://environment/users"
