"""A shop in virtual time: the real endpoint, hub, commands, reader, sweeper; a storage in memory and a bad network."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic_core import from_json, to_json

import ws.endpoint
from app.actor import Actor
from app.commands import Parts, explain, make_dispatch
from app.services.broadcast import Broadcaster
from app.services.chat_reader import ChatReader
from app.services.rendering import Renderer
from tests.client import FRESH_CODES, Core, Frame, Outbox
from tests.delivery.frames import CLOSE, PING, PONG, TEXT, client_frame, split_frames
from tests.delivery.memory import Memory, MemoryChats, MemoryDatabase
from tests.delivery.virtual import Pipe, VirtualLoop
from ws.connection import Connection
from ws.endpoint import Endpoint, EndpointLimits
from ws.hub import Hub
from ws.limits import Rate
from ws.sweeper import Sweeper

HEARTBEAT_S = 25.0
NEVER_S = 1e6
SWEEP_S = 1.0
TICK_S = 0.05  # how often a transport hands bytes on

LIMITS = EndpointLimits(
    frame_bytes=65536,
    in_flight=8,
    commands=Rate(1e9, 10**9),
    sockets_per_address=10**6,
    flood_s=60,
    heartbeat_s=HEARTBEAT_S,
    stuck_s=30.0,
)
SETTINGS = SimpleNamespace(
    limits=SimpleNamespace(text_chars=4000, frame_bytes=65536, in_flight=8, watched_chats=200),
    heartbeat_s=HEARTBEAT_S,
)


class Names:
    """Everybody's name is their id."""

    def get(self, kind: str, person_id: int) -> str:
        return f"{kind}-{person_id}"

    async def load(self, people: Any) -> None:
        return None

    def remember(self, kind: str, person_id: int, name: str) -> None:
        return None


class Transport:
    """What the server writes to: bytes go on at the link's speed, and nothing goes on while it is frozen."""

    def __init__(self, link: "Link") -> None:
        self._link, self._buffer, self._is_closing = link, bytearray(), False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        if self._is_closing:
            return
        if not self._buffer and self._link.speed is None:
            self._link.to_client.put(bytes(data))
            return
        self._buffer += data
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._take)

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    def is_closing(self) -> bool:
        return self._is_closing

    def abort(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._buffer.clear()
            self._link.server_lost()

    def close(self) -> None:
        """After the close frames: what is buffered may still arrive."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._link.socket.connection_lost, None)

    def pause_reading(self) -> None:
        """What arrives anyway is kept by the socket."""

    def resume_reading(self) -> None:
        pass

    def _take(self) -> None:
        self._timer = None
        speed = self._link.speed
        taken = len(self._buffer) if speed is None else int(speed * TICK_S)
        if taken:
            self._link.to_client.put(bytes(self._buffer[:taken]))
            del self._buffer[:taken]
        if self._buffer and not self._link.is_cut:
            self._timer = self._loop.call_later(TICK_S, self._take)


class Link:
    """One connection of a tab, from its hello to its end. Each side learns of a cut in its own time."""

    def __init__(self, world: "World", tab: "Tab") -> None:
        self.is_cut = False
        self.speed: float | None = tab.speed
        self.actor = tab.actor
        self._world, self._tab, self._received = world, tab, b""
        delay = world.delay()
        self.to_client = Pipe(world.loop, self._arrive, lambda: delay)
        self.to_server = Pipe(world.loop, self._arrive_at_server, lambda: delay)
        self.transport = Transport(self)
        self.socket = world.server.endpoint.serve(self.transport, self.actor)

    def say(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.to_server.put(client_frame(TEXT, to_json(frame)))

    def cut(self, server_learns_s: float) -> None:
        """The wire is cut. What is on it is lost; the server finds out later."""
        self.is_cut = True
        self.speed = 0.0
        self.to_client.cut()
        self.to_server.cut()
        self._world.loop.call_later(server_learns_s, self.transport.abort)

    def server_lost(self) -> None:
        self._world.loop.call_soon(self.socket.connection_lost, None)
        if not self.is_cut:  # cut by the server
            self.is_cut = True
            self._tab.lost(self, None)

    def _arrive(self, data: bytes) -> None:
        if self.is_cut:
            return
        frames, self._received = split_frames(self._received + data)
        for opcode, payload in frames:
            if opcode == CLOSE:
                self.to_server.put(client_frame(CLOSE, payload))
                self.is_cut = True
                self._tab.lost(self, int.from_bytes(payload[:2], "big"))
                return
            if opcode == PING:
                self.to_server.put(client_frame(PONG, payload))
            else:
                self.say(self._tab.core.receive(from_json(payload)))

    def _arrive_at_server(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.socket.data_received(data)


class Tab:
    """A client's tab: connects, comes back after every loss."""

    def __init__(self, world: "World", name: str, actor: Actor, outbox: Outbox | None = None) -> None:
        self.core = Core(lambda: world.loop.time(), outbox, watch_all=actor.is_staff)
        self.name, self.session, self.speed = name, actor.session, None
        self._staff = actor if actor.is_staff else None
        self._world, self._link, self._attempt, self._fresh = world, None, 0, False
        self.core.trace = [] if world.is_recording else None
        self._connect()

    @property
    def actor(self) -> Actor:
        return self._staff or self._world.sessions[self.session]

    def say(self, frames: list[Frame] | None = None) -> None:
        """Send these frames and whatever else may go."""
        if self._link is not None:
            self._link.say([*(frames or ()), *self.core.flush()])

    def cut(self) -> None:
        if self._link is not None:
            link = self._link
            link.cut(self._world.random.choice((0.0, 0.1, 3.0)))
            self.lost(link, None)

    def set_speed(self, speed: float | None) -> None:
        """Bytes a second that arrive from now on; None for as fast as they come, 0 for none."""
        self.speed = speed
        if self._link is not None and not self._link.is_cut:
            self._link.speed = speed

    def lost(self, link: Link, code: int | None) -> None:
        if link is not self._link:
            return
        self._link = None
        self.core.disconnected()
        self._fresh = code in FRESH_CODES
        self._attempt += 1
        wait_s = self._world.random.uniform(0, min(20.0, 0.5 * 2**self._attempt))
        self._world.loop.call_later(0 if self._fresh else wait_s, self._connect)

    def wake(self) -> None:
        """Look whether something that was told to wait may go by now."""
        if self._link is not None and self.core.ready:
            self._attempt = 0
            self.say()

    def _connect(self) -> None:
        if self._world.server.is_down:
            self._world.loop.call_later(self._world.random.uniform(0.1, 1), self._connect)
            return
        self._link = Link(self._world, self)
        self._link.say(self.core.connected(fresh=self._fresh))


class Server:
    """One life of the process: everything of it that is not on disk."""

    def __init__(self, world: "World") -> None:
        self.is_down = False
        self.hub = Hub(100)
        self.database = MemoryDatabase(world.memory, world.random)
        names: Any = Names()
        renderer = Renderer(names)
        database: Any = self.database
        self.broadcaster = Broadcaster(self.hub, database, renderer)
        self.database.publish = self.broadcaster.publish
        self.chats: Any = MemoryChats(self.database, renderer)
        reader = ChatReader(database, renderer)
        other: Any = world
        parts = Parts(
            SETTINGS, self.hub, other, other, other, names, self.chats, reader, other, other,  # type: ignore[arg-type]
        )  # fmt: skip
        self.endpoint = Endpoint(
            self.hub, admit=_nobody, dispatch=make_dispatch(parts), explain=explain, forget=lambda connection: None,
            limits=replace(LIMITS, heartbeat_s=world.heartbeat_s),
        )  # fmt: skip
        self.sweeper = Sweeper(
            self.hub, self.broadcaster.list_changes, self.broadcaster.fan_out, self.broadcaster.show_row,
            world.memory.rev,
        )  # fmt: skip
        self.sweeping = world.loop.create_task(self.sweeper.run(SWEEP_S))

    def die(self) -> None:
        """SIGKILL: what is committed stays, all else is gone."""
        self.is_down = self.database.is_dead = True
        for task in (self.sweeping, *self.endpoint._tasks):
            task.cancel()


async def _nobody(request: Any) -> Any:
    raise NotImplementedError


class World:
    """Everything of one seed. It also plays the parts of sessions, users and presence that commands ask for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seed: int) -> None:
        self.loop, self.random = loop, random.Random(seed)
        self.memory = Memory(loop.time)
        self.heartbeat_s = self.random.choice((HEARTBEAT_S, NEVER_S))  # one net may not depend on the other
        self.sessions: dict[str, Actor] = {}
        self.server = Server(self)
        self.tabs: list[Tab] = []
        self.is_recording = False
        self._people = 0

    # What commands ask of sessions, users and presence

    def touch(self, session: str) -> None:
        return None

    async def look_up(self, session: str) -> Any:
        if self.random.random() < 0.3:
            await asyncio.sleep(0.01)
        return SimpleNamespace(actor=self.sessions[session])

    async def ensure_guest(self, actor: Actor) -> Actor:
        await asyncio.sleep(self.random.uniform(0, 0.05))
        known = self.sessions[actor.session]
        if known.id is None:
            self._people += 1
            known = self.sessions[actor.session] = Actor("guest", self._people, session=actor.session)
        await asyncio.sleep(self.random.uniform(0, 0.02))
        return known

    async def list_staff(self) -> list[Any]:
        return []

    # People

    def customer(self, session: str, tabs: int = 1) -> list[Tab]:
        """A guest with so many tabs, who share one outbox."""
        self.sessions[session] = Actor("guest", session=session)
        outbox = Outbox()
        made = [Tab(self, f"{session}/{index}", self.sessions[session], outbox) for index in range(tabs)]
        self.tabs += made
        return made

    def staff(self, staff_id: int) -> Tab:
        actor = Actor("staff", staff_id, f"staff-{staff_id}", "owner", session=f"staff-{staff_id}", audience="staff")
        self.sessions[actor.session] = actor
        tab = Tab(self, f"staff/{staff_id}", actor)
        self.tabs.append(tab)
        return tab

    # Weather

    def delay(self) -> float:
        return self.random.choice((0.001, 0.01, 0.05, 0.3))

    async def restart(self, down_s: float) -> None:
        """Kill the server; another one comes up on the same storage."""
        old, self.server.is_down = self.server, True
        old.die()
        for tab in self.tabs:
            tab.cut()
        await asyncio.sleep(down_s)
        self.server = Server(self)
        self.server.database.lose, self.server.database.fail = old.database.lose, old.database.fail

    async def until(self, condition: Callable[[], bool], within_s: float) -> None:
        """Let time pass until ``condition()`` holds."""
        end = self.loop.time() + within_s
        while not condition():
            if self.loop.time() > end:
                raise TimeoutError
            await asyncio.sleep(0.25)
            for tab in self.tabs:
                tab.wake()

    async def end(self) -> None:
        self.server.die()
        for task in asyncio.all_tasks(self.loop) - {asyncio.current_task(self.loop)}:
            task.cancel()
        await asyncio.sleep(0.1)


def run_world(seed: int, story: Callable[[World], Awaitable[Any]]) -> Any:
    """Run ``story(world)`` in virtual time and return what it returns. The same seed gives the same world.

    Sets of connections are walked in the order of their hashes, so these may not be addresses.
    """
    loop, numbers = VirtualLoop(), count(1)
    failures: list[Any] = []
    loop.set_exception_handler(lambda loop, context: failures.append(context))

    async def main() -> Any:
        world = World(loop, seed)
        try:
            return await story(world)
        finally:
            await world.end()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ws.endpoint, "secrets", SimpleNamespace(token_hex=lambda size: str(next(numbers))))
        patch.setattr(Connection, "__hash__", lambda connection: int(connection.key[2:]))
        patch.setattr(logging.getLogger("ws"), "disabled", True)
        try:
            return loop.run_until_complete(main())
        finally:
            loop.close()
            assert not failures, failures
