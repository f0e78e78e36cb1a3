"""The two servers under test: how to start each, who is there, and what its frames look like."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from aiohttp import ClientResponse, ClientSession

from tests.bench import baseline
from tests.bench.load import Client, LoadError, connect

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
MISSED = 5  # answers that wait in each chat for a customer who was away
START_S = 60.0
STAFF_PASSWORD = "the bench needs no secrets"
# Limits of CTS, which a baseline without limits would make unfair to compare; the checks themselves stay.
GENEROUS = {
    "commands_per_s": 1_000_000,
    "commands_burst": 1_000_000,
    "guest_sends_per_s": 1_000_000,
    "guest_sends_burst": 1_000_000,
    "staff_sends_per_s": 1_000_000,
    "staff_sends_burst": 1_000_000,
    "in_flight": 64,
    "connections": 50,
    "guest_sessions": 1_000_000,
    "registrations": 1_000_000,
    "sign_in_attempts": 1_000_000,
}


def staff_name(index: int) -> str:
    """What member of staff ``index`` signs in by."""
    return f"agent-{index}"


class Target(ABC):
    """A server with ``customers``, who have a chat each with ``MISSED`` answers in it, and ``staff``.

    Prepared once; every run is on a fresh copy.
    """

    name: ClassVar[str]
    reply: ClassVar[bytes]
    """How the reply to a command begins; the command's id follows."""
    accepted: ClassVar[bytes]
    """What a reply contains when the command was not refused."""
    created: ClassVar[bytes]
    """What the event of a new message contains."""
    behind: ClassVar[bytes] = b""
    """What the frame contains that stands for events not sent to a slow reader; empty: there is no such frame."""

    def __init__(self, folder: Path, customers: int, staff: int) -> None:
        self.folder, self.customers, self.staff = folder / self.name, customers, staff
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The running server."""
        assert self._process
        return self._process.pid

    @property
    def template(self) -> Path:
        """The prepared data."""
        return self.folder / "template"

    @property
    def data(self) -> Path:
        """The data of the present run."""
        return self.folder / "run"

    async def start(self) -> None:
        """Start on a fresh copy of the prepared data."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.template, self.data)
        await self._launch(self.data)

    async def _launch(self, data: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with (self.folder / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(data), cwd=ROOT, env=os.environ | self._environment(data), stdout=log, stderr=log
            )
        async with asyncio.timeout(START_S):
            while not await self._answers():
                if self._process.returncode is not None:
                    raise LoadError(f"{self.name} did not start; see {self.folder / 'server.log'}")
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the server; by SIGKILL, so that what is found on disk was really there."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()
        self._process = None

    @abstractmethod
    async def prepare(self) -> None:
        """Make the template."""

    @abstractmethod
    def _command(self, data: Path) -> list[str]: ...

    def _environment(self, data: Path) -> dict[str, str]:
        return {}

    @abstractmethod
    async def enter_customer(self, index: int, *, deflate: bool = False) -> Client:
        """A socket of customer ``index``, signed in and following the own chat."""

    @abstractmethod
    async def enter_staff(self, index: int, *, receive_bytes: int | None = None) -> Client:
        """A socket of member of staff ``index``, signed in."""

    @abstractmethod
    async def watch(self, client: Client, customers: Sequence[int]) -> None:
        """Follow the chats of these customers."""

    @abstractmethod
    async def come_back(self, index: int) -> None:
        """Connect as customer ``index`` and get the ``MISSED`` answers."""

    @abstractmethod
    def message(self, number: int, customer: int, client_id: str, text: str) -> bytes:
        """The command that sends ``text`` from a customer."""

    def sync(self, chat: int, after: int) -> bytes:
        """The command that asks for what ``behind`` stands for."""
        raise NotImplementedError

    @abstractmethod
    def stored(self) -> list[str]:
        """Client ids of all messages on disk, in the order written."""


class Baseline(Target):
    """The server of ``baseline.py``."""

    name = "baseline"
    reply = b'{"reply_to": '
    accepted = b'"ok": true'
    created = b'"type": "message.created"'

    async def prepare(self) -> None:
        self.template.mkdir(parents=True)
        await asyncio.to_thread(baseline.fill, self.template / "chat.db", self.customers, self.staff, MISSED)

    def _command(self, data: Path) -> list[str]:
        return [sys.executable, "-m", "tests.bench.baseline", str(data / "chat.db"), str(self.port)]

    async def enter_customer(self, index: int, *, deflate: bool = False) -> Client:
        return await self._enter(index + 1, deflate=deflate)

    async def enter_staff(self, index: int, *, receive_bytes: int | None = None) -> Client:
        return await self._enter(self.customers + index + 1, receive_bytes=receive_bytes)

    async def _enter(self, person: int, *, deflate: bool = False, receive_bytes: int | None = None) -> Client:
        path = f"/ws?token={baseline.token_of(person)}"
        client = await connect(self.port, path, deflate=deflate, receive_bytes=receive_bytes)
        await client.until(b'"type": "welcome"')
        return client

    async def watch(self, client: Client, customers: Sequence[int]) -> None:
        chats = ",".join(str(index + 1) for index in customers)
        client.send(b'{"id":1,"type":"watch","chats":[%s]}' % chats.encode())
        await client.until(b'{"reply_to": 1, "ok": true')

    async def come_back(self, index: int) -> None:
        client = await self._enter(index + 1)
        client.send(b'{"id":1,"type":"history","chat":%d,"after":0}' % (index + 1))
        check_missed(await client.until(self.reply), b'"client_id": ')

    def message(self, number: int, customer: int, client_id: str, text: str) -> bytes:
        return (
            f'{{"id":{number},"type":"message.send","chat":{customer + 1},"client_id":"{client_id}","text":"{text}"}}'
        ).encode()

    def stored(self) -> list[str]:
        return baseline.stored_ids(self.data / "chat.db")


class Cts(Target):
    """This project's server, as ``python run.py serve`` starts it, with limits that do not bind."""

    name = "cts"
    reply = b'{"reply_to":'
    accepted = b'"ok":true'
    created = b'"type":"message.created"'
    behind = b'"type":"chat.behind"'

    def __init__(self, folder: Path, customers: int, staff: int) -> None:
        super().__init__(folder, customers, staff)
        self.guests: list[str] = []  # bearer tokens
        self.agents: list[str] = []
        self.chats: list[int] = []
        self.heads: list[int] = []
        self.epoch = ""

    async def prepare(self) -> None:
        self.template.mkdir(parents=True)
        await self._run(sys.executable, "-m", "tests.bench.people", str(self.staff))
        await self._launch(self.template)
        try:
            async with ClientSession(f"http://127.0.0.1:{self.port}") as http:
                self.agents = await many(self.staff, 16, partial(self._sign_in, http))
                self.guests = await many(self.customers, 16, partial(self._new_guest, http))
            await self._open_chats()
        finally:
            await self.end(signal.SIGTERM)

    async def _run(self, *command: str) -> None:
        environment = os.environ | self._environment(self.template)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise LoadError(f"{' '.join(command)} failed: {output.decode()[-2000:]}")

    async def _sign_in(self, http: ClientSession, index: int) -> str:
        form = {"login": staff_name(index), "password": STAFF_PASSWORD, "token": True}
        async with http.post("/api/v1/session", json=form, headers={"CTS-Audience": "staff"}) as response:
            return await token_in(response)

    async def _new_guest(self, http: ClientSession, _index: int) -> str:
        async with http.post("/api/v1/session/guest", json={"token": True}) as response:
            return await token_in(response)

    async def _open_chats(self) -> None:
        """Every guest writes, and a member of staff answers ``MISSED`` times."""

        async def open_chat(index: int) -> tuple[int, str]:
            client, hello = await self._enter("/ws", self.guests[index])
            client.send(b'{"id":2,"type":"chat.open","data":{"client_id":"open","text":"Good day!"}}')
            opened = json.loads(await client.until(b'{"reply_to":2,'))
            client.transport.abort()
            return opened["data"]["chat"], hello["data"]["epoch"]

        opened = await many(self.customers, 64, open_chat)
        self.chats = [chat for chat, _ in opened]
        self.epoch = opened[0][1]
        self.heads = [0] * self.customers

        async def answer(agent: int) -> None:
            client = await self.enter_staff(agent)
            for index in range(agent, self.customers, self.staff):
                for number in range(MISSED):
                    client.send(
                        b'{"id":9,"type":"message.send","data":{"chat":%d,"client_id":"a%d-%d","text":"Answer %d"}}'
                        % (self.chats[index], index, number, number)
                    )
                    reply = json.loads(await client.until(b'{"reply_to":9,'))
                    self.heads[index] = reply["data"]["seq"]
            client.transport.abort()

        await many(self.staff, self.staff, answer)

    def _command(self, data: Path) -> list[str]:
        return [sys.executable, "run.py", "serve"]

    def _environment(self, data: Path) -> dict[str, str]:
        return {
            "CTS_DATA": str(data),
            "CTS_HOST": "127.0.0.1",
            "CTS_PORT": str(self.port),
            "CTS_SECRET": "a secret of the bench, for one run on loopback",
            "CTS_PASSWORD_COST": "test",
            "CTS_LOG_FORMAT": "json",
        } | {f"CTS_LIMIT_{name.upper()}": str(value) for name, value in GENEROUS.items()}

    async def enter_customer(self, index: int, *, deflate: bool = False) -> Client:
        client, _ = await self._enter("/ws", self.guests[index], deflate=deflate)
        await client.until(b'"type":"resumed"')
        return client

    async def enter_staff(self, index: int, *, receive_bytes: int | None = None) -> Client:
        client, _ = await self._enter("/ws?as=staff", self.agents[index], receive_bytes=receive_bytes)
        await client.until(b'"type":"resumed"')
        return client

    async def _enter(
        self, path: str, token: str, *, resume: str = "", deflate: bool = False, receive_bytes: int | None = None
    ) -> tuple[Client, dict[str, Any]]:
        client = await connect(
            self.port,
            path,
            headers=f"Sec-WebSocket-Protocol: cts.v1\r\nAuthorization: Bearer {token}\r\n",
            deflate=deflate,
            receive_bytes=receive_bytes,
        )
        client.send(f'{{"id":1,"type":"hello","data":{{"protocol":1,"client":"bench/1"{resume}}}}}'.encode())
        hello = json.loads(await client.until(b'{"reply_to":1,'))
        if not hello["ok"]:
            raise LoadError(f"hello was refused: {hello}")
        return client, hello

    async def watch(self, client: Client, customers: Sequence[int]) -> None:
        for index in customers:
            client.send(b'{"id":3,"type":"chat.watch","data":{"chat":%d,"after":{"chat":%d,"notes":0}}}'
                        % (self.chats[index], self.heads[index]))  # fmt: skip
            reply = await client.until(b'{"reply_to":3,')
            if self.accepted not in reply:
                raise LoadError(f"watching was refused: {reply!r}")
            client.applied[self.chats[index]] = self.heads[index]

    async def come_back(self, index: int) -> None:
        cursor = f'{{"{self.chats[index]}":{{"chat":{self.heads[index] - MISSED}}}}}'
        resume = f',"resume":{{"epoch":"{self.epoch}","chats":{cursor}}}'
        client, _ = await self._enter("/ws", self.guests[index], resume=resume)
        check_missed(await client.until(b'"type":"chat.batch"'), self.created)
        await client.until(b'"type":"resumed"')

    def message(self, number: int, customer: int, client_id: str, text: str) -> bytes:
        return (
            f'{{"id":{number},"type":"message.send","data":'
            f'{{"chat":{self.chats[customer]},"client_id":"{client_id}","text":"{text}"}}}}'
        ).encode()

    def sync(self, chat: int, after: int) -> bytes:
        return b'{"id":4,"type":"chat.sync","data":{"chat":%d,"log":"chat","after":%d}}' % (chat, after)

    def stored(self) -> list[str]:
        with sqlite3.connect(self.data / "MESSANGER.db") as connection:
            query = "SELECT client_id FROM Message WHERE kind = 'message' ORDER BY chat_id, log, seq"
            return [row[0] for row in connection.execute(query)]


async def token_in(response: ClientResponse) -> str:
    """The bearer token of an answer."""
    if response.status not in (200, 201):
        raise LoadError(f"{response.method} {response.url.path}: {response.status} {await response.text()}")
    return str((await response.json())["token"])


def check_missed(batch: bytes, mark: bytes) -> None:
    """Refuse a run in which somebody came back and did not get exactly what was missed."""
    if batch.count(mark) != MISSED:
        raise LoadError(f"{batch.count(mark)} messages instead of {MISSED} after coming back: {batch[:300]!r}")


async def many(count: int, at_once: int, work: Callable[[int], Awaitable[T]]) -> list[T]:
    """``work(0)`` to ``work(count - 1)``, some at once; the results in order."""
    gate = asyncio.Semaphore(at_once)

    async def one(index: int) -> T:
        async with gate:
            return await work(index)

    return list(await asyncio.gather(*(one(index) for index in range(count))))
