"""The WebSocket endpoint: admits, reads, dispatches, answers, cleans up. It knows no command and no database."""

import asyncio
import contextlib
import logging
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutine
from typing import Any, Final

from aiohttp import web

from ws.connection import Connection, Pump, Transport
from ws.frames import BadFrame
from ws.hub import Hub
from ws.limits import Rate, TokenBucket
from ws.protocol import (
    SUBPROTOCOL,
    CloseCode,
    Command,
    Malformed,
    cursor_map,
    error_frame,
    frame,
    parse_command,
    reply_frame,
)
from ws.socket import Socket, Upgraded, accept_upgrade, take_transport

logger = logging.getLogger(__name__)

# What a command returns that has sent its reply itself.
SENT: Final = object()

HELLO_S = 10.0
# A drain tells clients to come back spread over one second per thousand of them, within these bounds.
DRAIN_SPREAD_S = (2.0, 25.0)
RECONNECTS_PER_S = 1000


class Refused(Exception):
    """Raised by a command to end the connection: ``code`` tells the client what to do next."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    frame_bytes: int
    in_flight: int
    commands: Rate
    sockets_per_address: int
    flood_s: float
    heartbeat_s: float
    stuck_s: float


class Endpoint:
    """One per application.

    admit: gives the actor of an upgrade request and, if that is nobody in particular, the address to count it by; or
        raises an HTTP error before the upgrade.
    dispatch: runs a command and returns its reply: a dict, None for an empty one, `SENT`, a coroutine, or something
        with ``add_done_callback`` and ``result`` whose callbacks run when the outcome is known. ``hello`` comes first.
    explain: puts an exception into (code, message, extra); None for one that is nobody's fault but ours.
    forget: is told when a connection is gone.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        admit: Callable[[web.Request], Awaitable[tuple[Any, str]]],
        dispatch: Callable[[Connection, Command], Any],
        explain: Callable[[Exception], tuple[str, str, dict[str, Any]] | None],
        forget: Callable[[Connection], None],
        limits: EndpointLimits,
    ) -> None:
        self.is_draining = False
        self._hub, self._limits = hub, limits
        self._admit, self._dispatch, self._explain, self._forget = admit, dispatch, explain, forget
        self._loop = asyncio.get_running_loop()
        self._pump = Pump(self._loop, limits.stuck_s, self._cut)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._slots: dict[Connection, asyncio.Future[None]] = {}
        self._sockets: dict[Socket, None] = {}
        self._addresses: Counter[str] = Counter()  # how many sockets of nobody in particular come from where
        self._all_left: asyncio.Future[None] | None = None
        self._heartbeats = self._spawn(self._send_heartbeats())

    async def handle(self, request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        """``GET /ws``: upgrades, and leaves the client to a `Socket`. ``headers`` go into the answer."""
        actor, address = await self._admit(request)
        answer, subprotocol = accept_upgrade(request, headers)
        if taken := take_transport(request):
            transport, early = taken
            transport.write(answer)
            socket = self.serve(transport, actor, subprotocol, address)
            transport.set_protocol(socket)
            socket.data_received(early)
        return Upgraded()

    def serve(
        self, transport: Transport, actor: Any, subprotocol: str | None = SUBPROTOCOL, address: str = ""
    ) -> Socket:
        """Talk with a client until one of the two leaves."""
        key = f"k-{secrets.token_hex(6)}"
        socket = Socket(key, transport, self._pump, self, self._limits.frame_bytes)
        socket.connection.actor = actor
        self._sockets[socket] = None
        self._hub.add(socket.connection)
        logger.info("%s came", key)
        if address:
            self._addresses[address] += 1
            socket.address = address
        if subprotocol != SUBPROTOCOL:
            socket.close(CloseCode.VERSION, f"speak {SUBPROTOCOL}")
        elif self.is_draining:
            socket.close(CloseCode.RESTART, "restarting")
        elif address and self._addresses[address] > self._limits.sockets_per_address:
            socket.close(CloseCode.OVERLOADED, "too many sockets of this address")
        else:
            socket.set_timer(self._loop.call_later(HELLO_S, socket.close, CloseCode.NOT_AUTHENTICATED, "no hello"))
        return socket

    async def drain(self) -> None:
        """Say goodbye to everybody: come back a little later, not all at once."""
        self.is_draining = True
        least, most = DRAIN_SPREAD_S
        spread_s = min(most, max(least, len(self._sockets) / RECONNECTS_PER_S))
        for socket in list(self._sockets):
            after_ms = int(random.uniform(0, spread_s) * 1000)  # noqa: S311 - spreading load, not keeping secrets
            socket.connection.send(frame({"type": "server.draining", "data": {"after_ms": after_ms}}))
            socket.close(CloseCode.RESTART, "restarting")
        self._heartbeats.cancel()
        if self._sockets:
            self._all_left = self._loop.create_future()
            await self._all_left
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What a socket tells

    def read(self, socket: Socket) -> None:
        """Run what has arrived. What has to wait waits in a task, and nothing more is read meanwhile."""
        with self._closing_refused(socket):
            while (raw := socket.next_message()) is not None:
                command = parse_command(raw)
                if socket.bucket is None:
                    socket.set_timer(None)
                    self._read_later(socket, partial(self._greet, socket, command))
                    return
                wait_s = socket.bucket.take(self._loop.time())
                if wait_s or socket.connection.is_lagging or socket.connection.in_flight >= self._limits.in_flight:
                    self._read_later(socket, partial(self._run_later, socket, socket.bucket, command, wait_s))
                    return
                socket.hasty_since = None
                self._run(socket.connection, command)

    def closing(self, socket: Socket) -> None:
        """From here on it hears of nothing and does nothing."""
        self._hub.remove(socket.connection)

    def lost(self, socket: Socket) -> None:
        connection = socket.connection
        self._hub.remove(connection)
        self._pump.forget(connection)
        self._forget(connection)
        self._sockets.pop(socket, None)
        self._uncount(socket)
        logger.info("%s left: %s", connection.key, socket.close_code)
        if not self._sockets and self._all_left is not None and not self._all_left.done():
            self._all_left.set_result(None)

    @contextlib.contextmanager
    def _closing_refused(self, socket: Socket) -> Iterator[None]:
        """What ends a connection while its client is heard."""
        try:
            yield
        except (Refused, BadFrame) as refusal:
            socket.close(refusal.code, str(refusal))
        except Malformed as error:
            socket.close(CloseCode.MALFORMED, str(error))
        except Exception:
            logger.exception("connection %s failed", socket.connection.key)
            socket.close(CloseCode.INTERNAL)

    def _read_later(self, socket: Socket, first: Callable[[], Awaitable[None]]) -> None:
        """Do ``first``, then read on."""

        async def go_on() -> None:
            with self._closing_refused(socket):
                await first()
            socket.set_busy(False)
            self.read(socket)

        socket.set_busy(True)
        self._spawn(go_on())

    async def _greet(self, socket: Socket, hello: Command) -> None:
        if hello.type != "hello":
            raise Refused(CloseCode.NOT_AUTHENTICATED, "say hello first")
        await self._run_first(socket.connection, hello)
        if socket.connection.person is not None:  # whose sockets the hub counts
            self._uncount(socket)
        socket.bucket = TokenBucket(self._limits.commands, self._loop.time())

    async def _run_later(self, socket: Socket, bucket: TokenBucket, command: Command, wait_s: float) -> None:
        """Run a command no sooner than it is allowed: the network slows a hasty client down, and nothing is lost."""
        connection = socket.connection
        while wait_s:
            now = self._loop.time()
            socket.hasty_since = socket.hasty_since or now
            if now + wait_s - socket.hasty_since > self._limits.flood_s:
                raise Refused(CloseCode.ABUSE, "too many commands")
            await asyncio.sleep(wait_s)
            wait_s = bucket.take(self._loop.time())
        # A client that does not take its replies is asked for no more commands; nor one with too many of them open.
        await connection.drained()
        while connection.in_flight >= self._limits.in_flight:
            self._slots[connection] = slot = self._loop.create_future()
            await slot
        self._run(connection, command)

    async def _run_first(self, connection: Connection, hello: Command) -> None:
        try:
            outcome = self._dispatch(connection, hello)
            self._reply(connection, hello, await outcome if iscoroutine(outcome) else outcome)
        except Refused:
            raise
        except Exception as error:
            code = self._answer_error(connection, hello, error)
            raise Refused(
                CloseCode.INTERNAL if code == "internal" else
                CloseCode.OVERLOADED if code in ("busy", "rate_limited") else
                CloseCode.NOT_AUTHENTICATED if code == "unauthorized" else CloseCode.MALFORMED,
                code,
            ) from None  # fmt: skip

    def _run(self, connection: Connection, command: Command) -> None:
        """Start a command. Writes enter the writer here, in reading order; reads go on by themselves."""
        if connection.key not in self._hub.connections:  # it was told to go, and does nothing more
            return
        try:
            outcome = self._dispatch(connection, command)
        except Exception as error:
            self._fail(connection, command, error)
            return
        if iscoroutine(outcome):
            outcome = self._spawn(outcome)
        if hasattr(outcome, "add_done_callback"):
            connection.in_flight += 1
            outcome.add_done_callback(partial(self._finish, connection, command))
        else:
            self._reply(connection, command, outcome)

    def _finish(self, connection: Connection, command: Command, outcome: Any) -> None:
        connection.in_flight -= 1
        slot = self._slots.pop(connection, None)
        if slot is not None and not slot.done():
            slot.set_result(None)
        try:
            self._reply(connection, command, outcome.result())
        except asyncio.CancelledError:  # the server stops
            return
        except Exception as error:
            self._fail(connection, command, error)

    def _reply(self, connection: Connection, command: Command, data: Any) -> None:
        if command.id is not None and data is not SENT:
            connection.send(reply_frame(command.id, {} if data is None else data))

    def _fail(self, connection: Connection, command: Command, error: Exception) -> None:
        if isinstance(error, Refused):
            connection.close(error.code, str(error))
        else:
            self._answer_error(connection, command, error)

    def _answer_error(self, connection: Connection, command: Command, error: Exception) -> str:
        explained = self._explain(error)
        if explained is None:
            logger.error("%s of %s failed", command.type, connection.key, exc_info=error)
            explained = ("internal", "Something went wrong on our side.", {})
        self._refuse(connection, command, *explained)
        return explained[0]

    def _refuse(self, connection: Connection, command: Command, code: str, message: str, extra: dict[str, Any]) -> None:
        if command.id is not None:
            connection.send(error_frame(command.id, code, message, extra))

    def _uncount(self, socket: Socket) -> None:
        """Its sender is known, or it is gone."""
        address, socket.address = socket.address, ""
        if address:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    def _cut(self, connection: Connection) -> None:
        logger.warning("%s was cut off: it took nothing for %s s", connection.key, self._limits.stuck_s)
        connection.abort()

    def _spawn(self, coroutine: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _send_heartbeats(self) -> None:
        """Find who has gone without a word. To whom nothing was said for a while: the heads of what they follow."""
        every_s = self._limits.heartbeat_s
        while True:
            await asyncio.sleep(every_s / 10)
            now = self._loop.time()
            for socket in list(self._sockets):
                socket.check_alive(now, every_s)
                connection = socket.connection
                if connection.last_write <= now - every_s and connection.state is not None:
                    known = self._hub.heads
                    heads = {key: known[key] for key in connection.follows if key in known}
                    connection.send(frame({"type": "heartbeat", "heads": cursor_map(heads)}))
