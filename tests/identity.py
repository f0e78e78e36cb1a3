"""The part of the application that knows who is asking: on a real USERS file, with a clock that a test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.actor import Actor
from app.auth import origin_guard
from app.clock import Clock
from app.cookies import setup_sessions
from app.errors import ServiceError
from app.handlers import sessions as session_handlers
from app.handlers import staff as staff_handlers
from app.handlers import users as user_handlers
from app.keys import CREDENTIALS, SESSIONS, SETTINGS, STAFF, USERS
from app.middlewares import MIDDLEWARES
from app.passwords import Passwords
from app.schemas.sessions import SignInIn
from app.schemas.staff import StaffIn
from app.schemas.users import UserIn
from app.services.credentials import CredentialService
from app.services.names import NameBook
from app.services.staff import StaffService
from app.services.users import UsersService
from app.sessions import SessionStore
from app.settings import Limits, Settings
from db.database import Database
from db.migrate import migrate

PASSWORD = "korova-na-lugu"
ADDRESS = "192.0.2.1"


class MovedClock(Clock):
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s

    def move(self, **parts: float) -> None:
        self.elapsed_s += timedelta(**parts).total_seconds()


@dataclass
class Identity:
    """One process: its services over a USERS database, and what they told their listeners."""

    users_db: Database
    clock: MovedClock
    sessions: SessionStore
    passwords: Passwords
    names: NameBook
    users: UsersService
    staff: StaffService
    credentials: CredentialService
    revoked: list[str]
    changed: list[tuple[str, Actor, Actor]]

    async def register(self, username: str = "anna", current: str = "", **more: Any) -> Any:
        return await self.users.register(user_form(username, **more), ADDRESS, current)

    async def sign_in(self, login: str, password: str = PASSWORD, current: str = "", door: Any = "shop") -> Any:
        form = SignInIn(login=login, password=password)
        return await self.users.sign_in(form, ADDRESS, {"shop": current} if current else {}, door)

    async def add_staff(self, username: str = "boris", **more: Any) -> Any:
        form = StaffIn(username=username, email=f"{username}@shop.example", password=PASSWORD, **more)
        return await self.staff.create_staff(form, by=None)

    async def count(self, statement: Any) -> Any:
        return await self.users_db.read(lambda connection: connection.execute(statement).scalar_one())


def user_form(username: str = "anna", **more: Any) -> UserIn:
    return UserIn(**{"username": username, "email": f"{username}@mail.example", "password": PASSWORD, **more})


@asynccontextmanager
async def open_identity(
    folder: Path, clock: MovedClock | None = None, most_sessions: int = 1000, **limits: int
) -> AsyncIterator[Identity]:
    """Open the services over USERS.db in ``folder``; twice for two processes."""
    url = f"sqlite:///{folder / 'USERS.db'}"
    await migrate("users", url)
    clock = clock or MovedClock()
    users_db = await Database("users", url, refusals=(ServiceError,)).open()
    sessions, passwords = SessionStore(users_db, clock, most_sessions), Passwords("test")
    names, revoked, changed = NameBook(users_db, clock), [], []
    sessions.on_revoked(revoked.append)
    allowed = Limits(**{"registrations": 1000, "guest_sessions": 1000, **limits})
    users = UsersService(
        users_db,
        sessions,
        passwords,
        names,
        clock,
        allowed,
        on_identity_changed=lambda *change: changed.append(change),
    )
    staff = StaffService(users_db, sessions, passwords, names, clock)
    credentials = CredentialService(users_db, sessions, passwords, clock, allowed)
    try:
        yield Identity(users_db, clock, sessions, passwords, names, users, staff, credentials, revoked, changed)
    finally:
        await sessions.stop()
        passwords.close()
        await users_db.close()


@asynccontextmanager
async def serve(
    identity: Identity, routes: web.RouteTableDef | None = None, **settings: Any
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Serve the identity's routes over HTTP, with the application's own middlewares, to a client with a cookie jar."""
    application = web.Application(middlewares=[*MIDDLEWARES, origin_guard])
    application[SETTINGS] = Settings(_env_file=None, secret="x" * 40, **settings)
    application[SESSIONS], application[USERS], application[STAFF] = identity.sessions, identity.users, identity.staff
    application[CREDENTIALS] = identity.credentials
    setup_sessions(application, identity.sessions, secure=application[SETTINGS].is_https)
    for table in (session_handlers.routes, user_handlers.routes, staff_handlers.routes, routes or ()):
        application.add_routes(table)
    async with TestClient(TestServer(application)) as client:
        client.session.headers["Sec-Fetch-Site"] = "same-origin"
        yield client
