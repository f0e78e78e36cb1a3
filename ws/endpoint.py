"""The WebSocket endpoint: admits, reads, dispatches, answers, cleans up. It knows no command and no database."""

import asyncio
import contextlib
import logging
import random
import secrets
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutine
from typing import Any, Final

from aiohttp import WSMessage, WSMsgType, web

from ws.connection import Connection, Pump, Transport
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

logger = logging.getLogger(__name__)

# What a command returns that has sent its reply itself.
SENT: Final = object()

HELLO_S = 10.0
# How long a close waits for the client's own close frame.
CLOSE_S = 2.0
# A drain tells clients to come back spread over one second per thousand of them, within these bounds.
DRAIN_SPREAD_S = (2.0, 25.0)
RECONNECTS_PER_S = 1000


class Refused(Exception):
    """Raised by a command to end the connection: ``code`` tells the client what to do next."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    frame_bytes: int
    in_flight: int
    commands: Rate
    flood_s: float
    heartbeat_s: float
    stuck_s: float


class Endpoint:
    """One per application.

    admit: gives the actor of an upgrade request, or raises an HTTP error before the upgrade.
    dispatch: runs a command and returns its reply: a dict, None for an empty one, `SENT`, a coroutine, or something
        with ``add_done_callback`` and ``result`` whose callbacks run when the outcome is known. ``hello`` comes first.
    explain: puts an exception into (code, message, extra); None for one that is nobody's fault but ours.
    forget: is told when a connection is gone.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        admit: Callable[[web.Request], Awaitable[Any]],
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
        self._heartbeats = self._spawn(self._send_heartbeats())

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """``GET /ws``. The life of one socket."""
        actor = await self._admit(request)
        # No compression: it costs 130 KB per socket. No writer limit: the outbox bounds what waits, and the framework's
        # own would let a ping wait behind a client that does not read.
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), compress=False, heartbeat=self._limits.heartbeat_s, timeout=CLOSE_S,
            max_msg_size=self._limits.frame_bytes + 1,  # the first size that is too large
            writer_limit=sys.maxsize, decode_text=False,
        )  # fmt: skip
        await socket.prepare(request)
        transport = request.transport
        if transport is None:  # gone during the upgrade
            return socket
        await self.serve(socket, transport, actor)
        return socket

    async def serve(self, socket: web.WebSocketResponse, transport: Transport, actor: Any) -> None:
        """Talk with a client until one of the two leaves."""
        connection = Connection(f"k-{secrets.token_hex(6)}", transport, self._pump, lambda code, reason: None)
        connection.close = partial(self._close, socket, connection)
        connection.actor = actor
        self._hub.add(connection)
        try:
            if socket.ws_protocol != SUBPROTOCOL:
                raise Refused(CloseCode.VERSION, f"speak {SUBPROTOCOL}")
            if self.is_draining:
                raise Refused(CloseCode.RESTART, "restarting")
            await self._converse(socket, connection)
        except Refused as refusal:
            connection.flush(self._loop.time())  # the reply that says why goes before the close frame
            await self._end(socket, connection, refusal.code, refusal.reason)
        except Exception:
            logger.exception("connection %s failed", connection.key)
            await self._end(socket, connection, CloseCode.INTERNAL, "")
        finally:
            self._hub.remove(connection)
            self._pump.forget(connection)
            self._forget(connection)
            if connection.unsent:  # a polite close would wait for ever for who does not read
                connection.abort()
            logger.info("%s left: %s", connection.key, socket.close_code)

    async def drain(self) -> None:
        """Say goodbye to everybody: come back a little later, not all at once."""
        self.is_draining = True
        least, most = DRAIN_SPREAD_S
        spread_s = min(most, max(least, len(self._hub.connections) / RECONNECTS_PER_S))
        for connection in list(self._hub.connections.values()):
            after_ms = int(random.uniform(0, spread_s) * 1000)  # noqa: S311 - spreading load, not keeping secrets
            connection.send(frame({"type": "server.draining", "data": {"after_ms": after_ms}}))
            connection.close(CloseCode.RESTART, "restarting")
        self._heartbeats.cancel()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        try:
            first = await socket.receive(timeout=HELLO_S)
        except TimeoutError:
            raise Refused(CloseCode.NOT_AUTHENTICATED, "no hello") from None
        hello = self._parse(first)
        if hello is None:
            return
        if hello.type != "hello":
            raise Refused(CloseCode.NOT_AUTHENTICATED, "say hello first")
        await self._run_first(connection, hello)

        await self._read(socket, connection)

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        """Read commands no faster than they are allowed: the network slows a hasty client down, and nothing is lost."""
        bucket = TokenBucket(self._limits.commands, self._loop.time())
        hasty_since: float | None = None
        while True:
            command = self._parse(await socket.receive())
            if command is None:
                return
            wait_s = bucket.take(self._loop.time())
            if not wait_s:
                hasty_since = None
            while wait_s:
                now = self._loop.time()
                hasty_since = hasty_since or now
                if now + wait_s - hasty_since > self._limits.flood_s:
                    raise Refused(CloseCode.ABUSE, "too many commands")
                await asyncio.sleep(wait_s)
                wait_s = bucket.take(self._loop.time())
            # A client that does not take its replies is asked for no more commands; nor one with too many of them open.
            await connection.drained()
            if connection.in_flight >= self._limits.in_flight:
                await self._slot(connection)
            self._run(connection, command)

    def _parse(self, message: WSMessage) -> Command | None:
        """The next command; None when the socket is closing."""
        if message.type is WSMsgType.TEXT:
            try:
                return parse_command(message.data)
            except Malformed as error:
                raise Refused(CloseCode.MALFORMED, str(error)) from None
        if message.type is WSMsgType.BINARY:
            raise Refused(CloseCode.MALFORMED, "text frames only")
        return None

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
            connection.close(error.code, error.reason)
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

    async def _slot(self, connection: Connection) -> None:
        self._slots[connection] = slot = self._loop.create_future()
        await slot

    def _close(self, socket: web.WebSocketResponse, connection: Connection, code: int, reason: str) -> None:
        """Close in the background. What was pushed before goes out first; from here on it hears and does nothing."""
        connection.flush(self._loop.time())
        self._hub.remove(connection)
        self._spawn(self._end(socket, connection, code, reason))

    async def _end(self, socket: web.WebSocketResponse, connection: Connection, code: int, reason: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await socket.close(code=code, message=reason.encode())
        if connection.unsent:
            connection.abort()

    def _cut(self, connection: Connection) -> None:
        logger.warning("%s was cut off: it took nothing for %s s", connection.key, self._limits.stuck_s)
        connection.abort()

    def _spawn(self, coroutine: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _send_heartbeats(self) -> None:
        """To whom nothing was said for a while: the heads of what is followed. They reveal what the hub has lost."""
        every_s = self._limits.heartbeat_s
        while True:
            await asyncio.sleep(every_s / 5)
            due = self._loop.time() - every_s
            for connection in list(self._hub.connections.values()):
                if connection.last_write <= due and connection.state is not None:
                    known = self._hub.heads
                    heads = {key: known[key] for key in connection.follows if key in known}
                    connection.send(frame({"type": "heartbeat", "heads": cursor_map(heads)}))
