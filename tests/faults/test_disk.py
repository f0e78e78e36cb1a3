"""A database that cannot be written: nothing is acknowledged that is not there afterwards, and nobody is cut off.

The real server in a process of its own, on SQLite, with a disk that fails under it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest

from tests.conftest import Closed, Person, Shop, Socket
from tests.faults.conftest import fault_setter, people_of
from tests.faults.server_process import ServerProcess

SetTrouble = Callable[[bool], None]
Frame = dict[str, Any]


def limit_files(server: ServerProcess) -> SetTrouble:
    """As on a full disk, but from outside: ``prlimit --fsize`` on the living process."""
    return lambda is_on: server.limit_file_size(0 if is_on else None)


def fail_disk(fault: str) -> Callable[[ServerProcess], SetTrouble]:
    def make(server: ServerProcess) -> SetTrouble:
        set_fault = fault_setter(server)
        return lambda is_on: set_fault(fault if is_on else "")

    return make


TROUBLES = {
    "no file may grow": ("server", limit_files),
    "fsync fails": ("frail_server", fail_disk("sync")),
    "disk full": ("frail_server", fail_disk("full")),
    "mounted read-only": ("frail_server", fail_disk("readonly")),
}


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> tuple[ServerProcess, SetTrouble]:
    """A server, and what turns its trouble on and off."""
    name, make = TROUBLES[request.param]
    server: ServerProcess = request.getfixturevalue(name)
    return server, make(server)


@dataclass
class Talk:
    """A guest writes, the owner watches."""

    shop: Shop
    guest: Person
    owner: Person
    chat: int
    writer: Socket
    watcher: Socket

    async def send(self, client_id: str) -> Frame:
        """Send a message that says its client_id; returns the reply, ok or not."""
        return await self.writer.reply(
            await self.writer.post("message.send", chat=self.chat, client_id=client_id, text=client_id), timeout_s=10
        )

    async def require_alive(self) -> None:
        """Both sockets answer at once, and the log can be read."""
        for socket in (self.writer, self.watcher):
            asked = monotonic()
            await socket.command("ping", n=1)
            await socket.command("chat.sync", chat=self.chat, log="chat", after=0)
            assert monotonic() - asked < 1.5

    def told(self) -> list[str]:
        """What the owner's socket has been told, in the order of arrival."""
        created = [frame for frame in self.watcher.frames if frame.get("type") == "message.created"]
        return [frame["data"]["client_id"] for frame in created]


@asynccontextmanager
async def talk_on(server: ServerProcess) -> AsyncIterator[Talk]:
    async with people_of(server) as shop:
        guest, owner = await shop.guest(), await shop.sign_in("owner", "staff")
        opening = {"client_id": "opening", "text": "opening"}
        chat = (await guest.call("POST", "/api/v1/chats", json=opening, status=201))["chat"]
        async with guest.socket() as writer, owner.socket() as watcher:
            await watcher.command("chat.watch", chat=chat, after={"chat": 2, "notes": 0})
            yield Talk(shop, guest, owner, chat, writer, watcher)


async def stored(person: Person, chat: int) -> list[str]:
    """The client_ids of a chat's messages, read from a server that has just been started on what the last one left."""
    ids: list[str] = []
    after, more = 0, True
    while more:
        page = await person.call("GET", f"/api/v1/chats/{chat}/messages?after={after}&limit=100", status=200)
        assert [item["seq"] for item in page["items"]] == list(range(after + 1, after + 1 + len(page["items"])))
        ids += [item["client_id"] for item in page["items"] if item["kind"] == "message"]
        after, more = after + len(page["items"]), page["more"]
    return ids


async def start_again(server: ServerProcess) -> None:
    """Kill the server as it is, and start one on a good disk."""
    await server.kill()
    server.preload = None
    await server.start()


def require_busy(answer: Frame) -> None:
    assert not answer["ok"], answer
    assert answer["error"]["code"] == "busy" and answer["error"]["retry_after_ms"] > 0


async def readiness(shop: Shop) -> int:
    async with shop.http.get(f"{shop.url}/health/ready") as answer:
        return int(answer.status)


async def test_database_that_cannot_be_written_is_busy_and_recovers(trouble: tuple[ServerProcess, SetTrouble]) -> None:
    server, set_trouble = trouble
    async with talk_on(server) as talk:
        assert (await talk.send("before"))["ok"]
        await talk.watcher.event("message.created", seq=3)

        set_trouble(True)
        for number in range(5):
            require_busy(await talk.send(f"m{number}"))
        await talk.require_alive()
        assert talk.told() == []  # and what was told would have come before the answers
        assert await readiness(talk.shop) == 503
        async with talk.guest.request(
            "POST", f"/api/v1/chats/{talk.chat}/messages", json={"client_id": "rest", "text": "rest"}
        ) as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "busy")
            assert int(answer.headers["Retry-After"]) > 0

        set_trouble(False)
        for number in range(5):
            assert (await talk.send(f"m{number}"))["ok"]  # the first try succeeds, without a restart
        assert await readiness(talk.shop) == 200
        await talk.watcher.event("message.created", seq=8)
        assert talk.told() == ["m0", "m1", "m2", "m3"]  # the fifth is the event waited for
        assert server.is_running

        await start_again(server)
        assert await stored(talk.guest, talk.chat) == ["opening", "before", *(f"m{number}" for number in range(5))]


@pytest.mark.parametrize("fault", ["sync", "full"])
async def test_nothing_acknowledged_is_lost_when_the_server_dies_in_trouble(
    frail_server: ServerProcess, fault: str
) -> None:
    """What was refused may be there or not; sent again, it is there once."""
    server, set_fault = frail_server, fault_setter(frail_server)
    async with talk_on(server) as talk:
        assert (await talk.send("a"))["ok"]
        set_fault(fault)
        require_busy(await talk.send("b"))
        require_busy(await talk.send("b"))

        await start_again(server)
        assert await stored(talk.guest, talk.chat) in (["opening", "a"], ["opening", "a", "b"])
        async with talk.guest.socket() as talk.writer:
            for client_id in ("a", "b", "c"):
                assert (await talk.send(client_id))["ok"]
        assert await stored(talk.guest, talk.chat) == ["opening", "a", "b", "c"]


async def test_disk_that_fills_up_under_load_keeps_what_was_acknowledged(server: ServerProcess) -> None:
    """Four guests write until there is no room; each retries what was refused after the server was killed."""
    async with people_of(server) as shop:
        owner = await shop.sign_in("owner", "staff")
        guests = [await shop.guest() for _ in range(4)]
        opening = {"client_id": "opening", "text": "opening"}
        chats = [(await guest.call("POST", "/api/v1/chats", json=opening, status=201))["chat"] for guest in guests]
        log = max(path.stat().st_size for path in server.data.glob("MESSANGER.db*"))
        server.limit_file_size(log + 300_000)
        text = "Ж" * 3000
        acknowledged: dict[int, list[str]] = {chat: [] for chat in chats}
        seen: dict[int, list[str]] = {chat: [] for chat in chats}

        async def write_until_refused(guest: Person, chat: int) -> str:
            async with guest.socket() as socket:
                for number in range(1000):
                    form = {"chat": chat, "client_id": f"m{number}", "text": text}
                    reply = await socket.reply(await socket.post("message.send", **form), timeout_s=10)
                    if not reply["ok"]:
                        require_busy(reply)
                        return f"m{number}"
                    acknowledged[chat].append(f"m{number}")
            raise AssertionError("the disk never filled up")

        async with owner.socket() as watcher:
            for chat in chats:
                await watcher.command("chat.watch", chat=chat, after={"chat": 2, "notes": 0})
            refused = await asyncio.gather(*map(write_until_refused, guests, chats))
            await watcher.command("ping", n=1)
            for frame in watcher.frames:
                if frame.get("type") == "message.created":
                    seen[frame["chat"]].append(frame["data"]["client_id"])
        assert seen == acknowledged and min(map(len, seen.values())) > 0

        await start_again(server)
        for guest, chat, client_id in zip(guests, chats, refused, strict=True):
            kept = (await stored(guest, chat))[1:]
            assert kept in (acknowledged[chat], [*acknowledged[chat], client_id])
            form = {"client_id": client_id, "text": text}
            await guest.call("POST", f"/api/v1/chats/{chat}/messages", json=form)
            assert (await stored(guest, chat))[1:] == [*acknowledged[chat], client_id]


@pytest.mark.parametrize("held_s", [0, pytest.param(10, marks=pytest.mark.slow)])
async def test_database_locked_by_another_process_is_busy_and_works_again(server: ServerProcess, held_s: float) -> None:
    """Another program holds the lock, until somebody has been refused and for so long."""
    async with talk_on(server) as talk:
        other = sqlite3.connect(server.data / "MESSANGER.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        locked = monotonic()

        first = asyncio.create_task(talk.send("a"))
        await talk.watcher.command("ping", n=1)
        await talk.watcher.command("chat.sync", chat=talk.chat, log="chat", after=0)
        assert not first.done()  # the others go on while the writer waits
        require_busy(await first)
        while monotonic() - locked < held_s:
            require_busy(await talk.send("a"))
            await talk.require_alive()
        assert talk.told() == []

        other.execute("ROLLBACK")
        other.close()
        assert (await talk.send("a"))["ok"]
        await talk.watcher.event("message.created", seq=3)
        assert await readiness(talk.shop) == 200


async def test_short_lock_of_another_process_is_waited_for(server: ServerProcess) -> None:
    """An import beside the server writes in short chunks; nobody notices."""
    async with talk_on(server) as talk:
        other = sqlite3.connect(server.data / "MESSANGER.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        sending = asyncio.create_task(talk.send("a"))
        await talk.watcher.command("ping", n=1)
        other.execute("ROLLBACK")
        other.close()

        assert (await sending)["ok"]


async def test_stop_in_trouble_ends_in_time(frail_server: ServerProcess) -> None:
    """What cannot be written holds up no stop; the sockets are told to come back."""
    async with talk_on(frail_server) as talk:
        fault_setter(frail_server)("full")
        require_busy(await talk.send("a"))

        stopping = asyncio.create_task(frail_server.stop())
        with pytest.raises(Closed):
            while True:
                await talk.watcher.receive()
        assert await stopping == 0
        assert talk.watcher.raw.close_code == 1012
