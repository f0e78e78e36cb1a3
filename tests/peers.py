"""Clients beside `tests.conftest.Socket`: one that sends what no client should, and sockets without a network."""

import asyncio
import heapq
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import RECEIVE_S, Person
from ws.connection import Connection, Pump

HELLO = {"id": 1, "type": "hello", "data": {"protocol": 1}}


async def eventually(condition: Callable[[], Any], timeout_s: float = RECEIVE_S) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.002)


@dataclass
class Peer:
    """A client by another library, which sends frames as they are given."""

    raw: ClientConnection

    async def send(self, frame: Any, **options: Any) -> None:
        """A dict goes as JSON; text, bytes and lists of fragments go as they are."""
        await self.raw.send(json.dumps(frame) if isinstance(frame, dict) else frame, **options)

    async def receive(self, timeout_s: float = RECEIVE_S) -> dict[str, Any]:
        async with asyncio.timeout(timeout_s):
            frame: dict[str, Any] = json.loads(await self.raw.recv())
            return frame

    async def reply(self, command: int) -> dict[str, Any]:
        while (frame := await self.receive()).get("reply_to") != command:
            pass
        return frame

    async def rest(self, timeout_s: float = RECEIVE_S) -> tuple[list[dict[str, Any]], int | None]:
        """Everything up to the server's close, and its code."""
        frames = []
        async with asyncio.timeout(timeout_s):
            try:
                while True:
                    frames.append(json.loads(await self.raw.recv()))
            except ConnectionClosed as closed:
                return frames, closed.rcvd.code if closed.rcvd else None

    async def close_code(self) -> int | None:
        return (await self.rest())[1]


@asynccontextmanager
async def open_peer(
    person: Person, *, hello: bool = True, protocols: tuple[str, ...] = ("cts.v1",), token: bool = True,
    query: str = "", headers: dict[str, str] | None = None,
) -> AsyncIterator[Peer]:  # fmt: skip
    """A peer of this person; with ``hello`` it has been welcomed already."""
    url = person.base_url.replace("http", "ws", 1) + "/ws" + (query or ("?as=staff" * (person.audience == "staff")))
    bearer = {"Authorization": f"Bearer {person.token}"} if token and person.token else {}
    async with connect(
        url, subprotocols=list(protocols) or None, additional_headers={**bearer, **(headers or {})},  # type: ignore[arg-type]
        compression=None, max_size=None, close_timeout=1, proxy=None,
    ) as raw:  # fmt: skip
        peer = Peer(raw)
        if hello:
            await peer.send(HELLO)
            while (await peer.receive()).get("type") != "resumed":
                pass
        yield peer


class Transport:
    """A transport whose other end takes bytes when the test says so."""

    def __init__(self, takes_all: bool = True) -> None:
        self.takes_all = takes_all
        self.writes: list[bytes] = []
        self.unsent = 0
        self.closing = False
        self.aborted = False
        self.is_reading = True

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.unsent += 0 if self.takes_all else len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.aborted = self.closing = True

    def drain(self, size: int | None = None) -> None:
        """The client takes so many bytes, or everything."""
        self.unsent = 0 if size is None else max(0, self.unsent - size)

    @property
    def sent(self) -> bytes:
        return b"".join(self.writes)


class Loop:
    """The part of an event loop that a pump needs, in virtual time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._soon: list[Callable[[], None]] = []
        self.on_turn_end: Callable[[], None] = lambda: None
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._soon.append(callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self._now + delay, next(self._order), callback))

    def turn(self) -> None:
        """Run what waits for the next turn, and for those after it."""
        while self._soon:
            soon, self._soon = self._soon, []
            for callback in soon:
                callback()
            self.on_turn_end()

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self._now + seconds
        self.turn()
        while self._later and self._later[0][0] <= until:
            self._now, _, callback = heapq.heappop(self._later)
            callback()
            self.turn()
        self._now = until


class Wire:
    """A connection without a network. ``closed`` has the codes that it was closed with, ``cut`` says it was stuck."""

    names = count(1)

    def __init__(self, loop: Loop | None = None, *, takes_all: bool = True, stuck_s: float = 30) -> None:
        self.loop, self.transport = loop or Loop(), Transport(takes_all)
        self.closed: list[int] = []
        self.cut = False
        self.pump = Pump(self.loop, stuck_s, self._cut)  # type: ignore[arg-type]
        self.connection = Connection(
            f"k-{next(self.names)}", self.transport, self.pump, lambda code, reason: self.closed.append(code)
        )

    def _cut(self, connection: Connection) -> None:
        self.cut = True
        connection.abort()

    @property
    def sent(self) -> bytes:
        """Everything the transport was given, after what is due."""
        self.loop.turn()
        return self.transport.sent
