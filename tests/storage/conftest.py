"""Storage without a server around it: each test runs on SQLite files and on a real PostgreSQL."""

import shutil
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, select
from sqlalchemy.orm import Session

from app.actor import Actor
from app.errors import ServiceError
from app.main import open_databases, urls_of
from app.schemas.chats import ChatIn, MessageIn
from app.services.chat_reader import ChatReader
from app.services.chats import ChatService
from app.services.names import NameBook
from app.services.rendering import Renderer
from app.services.sending import Sent
from db.database import Database, Databases, Done, Pending
from db.models.messanger import DeskState
from db.queries import chats as queries
from db.queries.chats import Chat, Entry
from db.urls import NAMES
from tests.conftest import HandClock, make_settings

Urls = Mapping[str, str]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def urls(request: pytest.FixtureRequest) -> Urls:
    """The three databases, new and migrated, of either kind."""
    made: Urls = request.getfixturevalue(f"{request.param}_urls")
    return made


@pytest.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "data"
    await (await open_databases(make_settings(folder))).close()
    return folder


@pytest.fixture
def sqlite_urls(sqlite_template: Path, tmp_path: Path) -> Urls:
    folder = tmp_path / "data"
    shutil.copytree(sqlite_template, folder)
    return urls_of(make_settings(folder))


@pytest.fixture(scope="session")
async def migrated_postgres(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Urls]:
    """Three databases for the whole run, gone afterwards."""
    connection = await asyncpg.connect(postgres_server.replace("+asyncpg", ""))
    made = {name: f"cts_{uuid.uuid4().hex[:12]}" for name in NAMES}
    for database in made.values():
        await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE template0')
    server = make_url(postgres_server)
    urls = {name: server.set(database=made[name]).render_as_string(hide_password=False) for name in NAMES}
    settings = make_settings(tmp_path_factory.mktemp("data"), **{f"{name}_url": url for name, url in urls.items()})
    await (await open_databases(settings)).close()
    yield urls
    for database in made.values():
        await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    await connection.close()


TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


@pytest.fixture
async def postgres_urls(migrated_postgres: Urls) -> Urls:
    """These databases, emptied: that is a hundred times faster than to make them."""
    for name, url in migrated_postgres.items():
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        tables = ", ".join(f'"{row["tablename"]}"' for row in await connection.fetch(TABLES))
        await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        if name == "messanger":
            await connection.execute("INSERT INTO \"Counter\" VALUES ('rev', 0)")
            await connection.execute("INSERT INTO \"Meta\" VALUES ('epoch', 'e-test')")
        await connection.close()
    return migrated_postgres


OpenDatabases = Callable[..., Awaitable[Databases]]


@pytest.fixture
async def open_again(urls: Urls) -> AsyncIterator[OpenDatabases]:
    """Open the databases once more, as another process would: ``others = await open_again(queue_length=3)``."""
    opened: list[Databases] = []

    async def open_them(**options: Any) -> Databases:
        opened.append(await Databases.open(urls, refusals=(ServiceError,), **options))
        return opened[-1]

    yield open_them
    for databases in reversed(opened):
        await databases.close()


@pytest.fixture
async def databases(open_again: OpenDatabases) -> Databases:
    return await open_again()


@pytest.fixture
def database(databases: Databases) -> Database:
    """MESSANGER, whose table Meta serves as a box with keys for tests of the writer."""
    return databases.messanger


@dataclass
class Desk:
    """What one server process has of the chats: the services, and what it has published."""

    databases: Databases
    clock: HandClock
    chats: ChatService
    reader: ChatReader
    renderer: Renderer
    published: list[object] = field(default_factory=list)

    @property
    def messanger(self) -> Database:
        return self.databases.messanger

    def send(
        self, actor: Actor, chat: int, client_id: str, text: str = "Здравствуйте!", **options: Any
    ) -> Pending[Sent]:
        return self.chats.send(actor, chat, MessageIn(client_id=client_id, text=text, **options))

    async def open(self, actor: Actor, text: str | None = None, **options: Any) -> int:
        """Open a chat, or find the open one; returns its id."""
        form = ChatIn(**{"client_id": f"open-{uuid.uuid4().hex}", "text": text, **options})
        chat, _, _ = await self.chats.open(actor, form)
        return chat.id

    async def chat(self, chat_id: int) -> Chat:
        chat = await self.messanger.read(lambda connection: queries.get_chat(connection, chat_id))
        assert chat is not None
        return chat

    async def log(self, chat_id: int, log: str = "chat") -> list[Entry]:
        """The whole log of a chat, which has no holes."""
        entries = await self.messanger.read(lambda c: queries.list_after(c, (chat_id, log), 0, 100_000))
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert (await self.chat(chat_id)).head(log) == len(entries)
        return entries

    async def events(self, entries: list[Entry]) -> list[dict[str, Any]]:
        """As they are told live."""
        await self.renderer.load_names(entries=entries)
        return [self.renderer.event(entry) for entry in entries]

    async def texts(self, chat_id: int) -> list[str | None]:
        """What the messages of a chat say, in their order; None for a deleted one."""
        return [(entry.data or {}).get("text") for entry in await self.log(chat_id) if entry.kind == "message"]

    async def load_of(self, staff: Actor) -> int:
        """How many open chats are on somebody's desk."""
        load = select(DeskState.open_count).where(DeskState.staff_id == staff.id)
        return await self.messanger.read(lambda connection: connection.execute(load).scalar_one_or_none()) or 0

    async def merge(self, guest: Actor, user: Actor) -> None:
        """What the relay does when a guest has signed in."""
        ids = guest.id or 0, user.id or 0
        await self.messanger.write(lambda session: self.chats.merge(session, *ids))


MakeDesk = Callable[[], Awaitable[Desk]]


@pytest.fixture
async def make_desk(open_again: OpenDatabases, tmp_path: Path) -> MakeDesk:
    """One more process on the same databases; they share the clock."""
    clock = HandClock()

    async def make() -> Desk:
        databases = await open_again()
        names = NameBook(databases.users, clock)
        renderer = Renderer(names)
        chats = ChatService(databases.messanger, names, renderer, make_settings(tmp_path), clock)
        desk = Desk(databases, clock, chats, ChatReader(databases.messanger, renderer), renderer)
        databases.messanger.publish = desk.published.extend
        return desk

    return make


@pytest.fixture
async def desk(make_desk: MakeDesk) -> Desk:
    return await make_desk()


def guest(number: int = 5) -> Actor:
    return Actor("guest", number)


def user(number: int = 50) -> Actor:
    return Actor("user", number, f"User {number}")


def manager(number: int = 7) -> Actor:
    rights = frozenset({"chats.answer", "chats.assign"})
    return Actor("staff", number, f"Manager {number}", "manager", rights, audience="staff")


def owner(number: int = 1) -> Actor:
    return Actor("staff", number, "Owner", "owner", audience="staff")


Submit = Callable[[], Pending[Any]]


def in_one_batch(database: Database, submits: Sequence[Submit]) -> list[Pending[Any]]:
    """Call these, so that what they submit becomes one transaction.

    SQLite's writer is kept busy meanwhile; PostgreSQL's takes nothing before the loop turns.
    """
    go_on = threading.Event()

    def wait(session: Session) -> Done[None]:
        assert go_on.wait(5)
        return Done(None)

    if database.is_sqlite:
        database.submit(wait, background=True)  # which ages nobody's queue
        while database.writer._background:  # until the writer's thread has taken it
            pass
    pendings = [submit() for submit in submits]
    go_on.set()
    return pendings
