"""The real application on real files and sockets. Fixtures make things and people, never whole stories."""

import asyncio
import atexit
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.clock import Clock
from app.keys import STAFF
from app.main import create_app
from app.schemas.staff import StaffIn
from app.settings import Limits, Settings
from db.migrate import migrate_all
from db.urls import database_urls

PASSWORD = "correct horse battery"
RECEIVE_S = 5.0


class HandClock(Clock):
    """The machine's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()

    def advance(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


def make_settings(data: Path, **values: Any) -> Settings:
    """Settings that read neither the environment nor .env; limits out of the way unless a test is about them."""
    limits = {
        "guest_sends_per_s": 1e6, "guest_sends_burst": 10**6, "user_sends_per_s": 1e6, "user_sends_burst": 10**6,
        "staff_sends_per_s": 1e6, "staff_sends_burst": 10**6, "commands_per_s": 1e6, "commands_burst": 10**6,
        "guest_sessions": 10**6, "registrations": 10**6, **values.pop("limits", {}),
    }  # fmt: skip
    base: dict[str, Any] = {
        "data": data, "secret": "a secret that only this test knows, and long", "password_cost": "test",
        "sweep_s": 0.2, "port": 0,
    }  # fmt: skip
    return Settings(_env_file=None, limits=Limits(_env_file=None, **limits), **{**base, **values})


LONG = ("browser", "faults", "delivery")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: begun last, they would keep one worker busy while the others have nothing left."""
    items.sort(key=lambda item: not any(part in LONG for part in item.path.parts))


@dataclass
class Socket:
    """A client's socket: says hello, counts its commands, keeps what came while it waited for something else."""

    raw: aiohttp.ClientWebSocketResponse
    frames: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    welcome: dict[str, Any] = field(default_factory=dict)

    async def receive(self, timeout_s: float = RECEIVE_S) -> dict[str, Any]:
        """The next frame. Raises: Closed when the socket closes instead."""
        message = await self.raw.receive(timeout=timeout_s)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Closed(self.raw.close_code)
        frame: dict[str, Any] = json.loads(message.data)
        return frame

    async def wait_for(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = RECEIVE_S) -> dict[str, Any]:
        """The first frame that fits, kept or yet to come; the others are kept."""
        for index, frame in enumerate(self.frames):
            if wanted(frame):
                return self.frames.pop(index)
        async with asyncio.timeout(timeout_s):
            while True:
                frame = await self.receive(timeout_s)
                if wanted(frame):
                    return frame
                self.frames.append(frame)

    async def event(self, kind: str, timeout_s: float = RECEIVE_S, **where: Any) -> dict[str, Any]:
        """The first event of this type, and with these members."""
        return await self.wait_for(
            lambda frame: frame.get("type") == kind and all(frame.get(key) == value for key, value in where.items()),
            timeout_s,
        )

    async def post(self, type: str, **data: Any) -> int:
        """Send a command without waiting; returns its id."""
        self.count += 1
        await self.raw.send_json({"id": self.count, "type": type, "data": data})
        return self.count

    async def reply(self, command: int, timeout_s: float = RECEIVE_S) -> dict[str, Any]:
        """The whole reply to a command, ok or not."""
        return await self.wait_for(lambda frame: frame.get("reply_to") == command, timeout_s)

    async def command(self, type: str, **data: Any) -> dict[str, Any]:
        """Send a command and return its reply's data; a refusal fails the test."""
        answer = await self.reply(await self.post(type, **data))
        assert answer["ok"], answer
        result: dict[str, Any] = answer["data"]
        return result

    async def refusal(self, type: str, **data: Any) -> dict[str, Any]:
        """Send a command that must be refused, and return the error."""
        answer = await self.reply(await self.post(type, **data))
        assert not answer["ok"], answer
        result: dict[str, Any] = answer["error"]
        return result

    async def hello(self, **data: Any) -> list[dict[str, Any]]:
        """Say hello; returns what came between the welcome and ``resumed``, both included."""
        command = await self.post("hello", protocol=1, client="test", **data)
        frames = [answer := await self.receive()]
        assert answer.get("reply_to") == command and answer["ok"], answer
        self.welcome = answer["data"]
        while frames[-1].get("type") != "resumed":
            frames.append(await self.receive())
        return frames

    async def close_code(self, timeout_s: float = RECEIVE_S) -> int:
        """Read until the socket closes, and return why."""
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    self.frames.append(await self.receive(timeout_s))
                except Closed as closed:
                    return int(closed.args[0])


class Closed(Exception):
    """The socket closed; carries the code."""


@dataclass
class Person:
    """A client with a session of its own: REST by a bearer token, and sockets."""

    base_url: str
    http: aiohttp.ClientSession
    me: dict[str, Any]
    token: str | None = None
    audience: str = "shop"

    def request(self, method: str, path: str, **options: Any) -> Any:
        headers = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **options.pop("headers", {})}
        return self.http.request(method, self.base_url + path, headers=headers, **options)

    async def call(self, method: str, path: str, *, status: int | None = None, **options: Any) -> Any:
        """The answer's JSON; with ``status`` it must be that."""
        async with self.request(method, path, **options) as response:
            body = await response.json(content_type=None) if response.content_type.endswith("json") else None
            assert status is None or response.status == status, (response.status, body)
            return body

    @asynccontextmanager
    async def socket(self, *, hello: bool = True, **resume: Any) -> AsyncIterator[Socket]:
        """A socket of this person, by the token in its header; ``resume`` goes into hello."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        query = "?as=staff" if self.audience == "staff" else ""
        url = f"{self.base_url}/ws{query}"
        async with self.http.ws_connect(url, protocols=("cts.v1",), headers=headers, max_msg_size=0) as raw:
            socket = Socket(raw)
            if hello:
                await socket.hello(**({"resume": resume} if resume else {}))
            yield socket


@dataclass
class Shop:
    """A running server, and the people who come to it."""

    app: web.Application
    url: str
    clock: HandClock
    http: aiohttp.ClientSession
    staff_count: int = 0

    async def visitor(self) -> Person:
        return Person(self.url, self.http, {"kind": "visitor", "id": None})

    async def guest(self) -> Person:
        person = await self.visitor()
        answer = await person.call("POST", "/api/v1/session/guest", json={"token": True}, status=201)
        person.me, person.token = answer["me"], answer["token"]
        return person

    async def user(self, username: str) -> Person:
        """A registered user of that name."""
        person = await self.visitor()
        form = {"username": username, "email": f"{username}@example.org", "password": PASSWORD}
        await person.call("POST", "/api/v1/users", json=form, status=201)
        return await self.sign_in(username)

    async def sign_in(self, login: str, audience: str = "shop") -> Person:
        person = await self.visitor()
        person.audience = audience
        form = {"login": login, "password": PASSWORD, "token": True}
        answer = await person.call("POST", "/api/v1/session", json=form, status=200)
        person.me, person.token = answer["me"], answer["token"]
        return person

    async def staff(
        self, username: str = "", role: str = "manager", allows: tuple[str, ...] = ("chats.answer",)
    ) -> Person:
        """A member of staff; a manager with the right to answer chats unless told otherwise."""
        self.staff_count += 1
        username = username or f"{role}{self.staff_count}"
        form = StaffIn(
            username=username, email=f"{username}@example.org", password=PASSWORD, role=role,  # type: ignore[arg-type]
            allows=list(allows) if role == "manager" else [],
        )  # fmt: skip
        await self.app[STAFF].create_staff(form, by=None)
        return await self.sign_in(username, audience="staff")

    async def owner(self, username: str = "owner") -> Person:
        return await self.staff(username, role="owner")


_empty: Path | None = None


async def copy_empty(data: Path) -> None:
    """Databases without a row, as a first start makes them: made once, for migrating takes as long as many a test."""
    global _empty
    if _empty is None:
        _empty = Path(tempfile.mkdtemp(prefix="cts-empty-"))
        atexit.register(shutil.rmtree, _empty, ignore_errors=True)
        await migrate_all(database_urls(_empty, {}))
    shutil.copytree(_empty, data)


@asynccontextmanager
async def open_shop(data: Path, clock: HandClock | None = None, **values: Any) -> AsyncIterator[Shop]:
    """The application as `run.py serve` runs it, on a free port."""
    if not data.exists():
        await copy_empty(data)
    clock = clock or HandClock()
    app = create_app(make_settings(data, **values), clock)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    connector = aiohttp.TCPConnector(limit=0)
    # Neither keeps nor sends cookies of its own: each person says who it is.
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        try:
            yield Shop(app, str(server.make_url("")).rstrip("/"), clock, http)
        finally:
            await server.close()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path / "data") as shop:
        yield shop


MakeChat = Callable[..., Awaitable[int]]


@pytest.fixture
def make_chat() -> MakeChat:
    """Opens a chat of a person by REST and returns its id; a text is its first message."""

    async def make(person: Person, text: str | None = "Здравствуйте!") -> int:
        form = {"client_id": "opening", **({"text": text} if text is not None else {})}
        answer = await person.call("POST", "/api/v1/chats", json=form, status=201)
        return int(answer["chat"])

    return make
