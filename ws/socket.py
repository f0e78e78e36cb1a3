"""A client's WebSocket once it is upgraded: its frames, pings and goodbyes, right on the transport.

A web framework keeps a task, a parser, the request and its answer alive for each open socket. Here an idle client costs
a `Socket` and its `Connection`, and a command is run in the turn of the loop in which it arrives.
"""

import asyncio
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Protocol

from aiohttp import hdrs, web

from ws.connection import Connection, Pump, Transport
from ws.frames import BINARY, CLOSE, NOT_UTF8, PING, PONG, PROTOCOL_ERROR, TEXT, BadFrame, FrameReader, control_frame
from ws.limits import TokenBucket
from ws.outbox import SOFT_LIMIT
from ws.protocol import SUBPROTOCOL, CloseCode

# How long a close waits for the client's own close frame.
CLOSE_S = 2.0
PING_FRAME = control_frame(PING)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


class Listener(Protocol):
    """Who is told of a socket."""

    def read(self, socket: "Socket") -> None:
        """Something has arrived."""

    def closing(self, socket: "Socket") -> None:
        """It says and hears nothing any more."""

    def lost(self, socket: "Socket") -> None:
        """It is gone."""


class Socket(asyncio.Protocol):
    """``bucket`` is there once hello was accepted; while ``is_busy`` nothing more is taken from the client."""

    __slots__ = (
        "_listener",
        "_pump",
        "_reader",
        "_timer",
        "address",
        "bucket",
        "close_code",
        "connection",
        "hasty_since",
        "heard_time",
        "is_busy",
        "ping_time",
        "transport",
    )

    def __init__(self, key: str, transport: Transport, pump: Pump, listener: Listener, max_bytes: int) -> None:
        self.transport = transport
        self.connection = Connection(key, transport, pump, self.close)
        self.address = ""  # what it is counted by while nobody knows whose it is
        self.bucket: TokenBucket | None = None
        self.hasty_since: float | None = None
        self.is_busy = False
        self.close_code: int | None = None
        self.heard_time, self.ping_time = pump.now(), 0.0
        self._reader, self._listener, self._pump = FrameReader(max_bytes), listener, pump
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio tells

    def data_received(self, data: bytes) -> None:
        self.heard_time = self._pump.now()
        self._reader.feed(data)
        if not self.is_busy:
            self._listener.read(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.set_timer(None)
        self._listener.lost(self)

    # What the endpoint asks for

    def next_message(self) -> bytes | None:
        """The next text that has arrived whole; control frames before it are obeyed. Raises BadFrame."""
        while (frame := self._reader.next()) is not None:
            opcode, payload = frame
            if opcode == CLOSE:
                self._end(payload)
                return None
            if opcode == PING and self.connection.unsent < SOFT_LIMIT:  # else its pongs would pile up unread
                self.transport.write(control_frame(PONG, payload))
            if self.close_code is not None:  # it was told to go, and is heard no more
                continue
            if opcode == TEXT:
                return payload
            if opcode == BINARY:
                raise BadFrame(CloseCode.MALFORMED, "text frames only")
        return None

    def set_busy(self, is_busy: bool) -> None:
        """Stop taking anything from the client, or go on; the network makes it wait."""
        self.is_busy = is_busy
        if not self.transport.is_closing():
            (self.transport.pause_reading if is_busy else self.transport.resume_reading)()

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye after everything that was pushed before; who does not answer in time is cut."""
        if self.close_code is None:
            self.connection.flush_all()
            self._say_close(code.to_bytes(2, "big") + reason.encode()[:120])
            self._listener.closing(self)
            if self.is_busy:  # its close frame has to be heard
                self.set_busy(False)

    def check_alive(self, now: float, every_s: float) -> None:
        """Ping who was silent for ``every_s``; cut who has not even answered that within half of it."""
        if self.is_busy or self.close_code is not None:  # other limits hold then
            return
        if self.ping_time > self.heard_time:
            if now - self.ping_time >= every_s / 2:
                self.transport.abort()
        elif now - self.heard_time >= every_s:
            self.ping_time = now
            self.transport.write(PING_FRAME)

    def set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        """What happens if nothing else does; one at a time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def _end(self, payload: bytes) -> None:
        """The client's close frame: the answer to ours, or its own wish."""
        if len(payload) == 1:
            raise BadFrame(PROTOCOL_ERROR, "half a close code")
        try:
            payload[2:].decode()
        except UnicodeDecodeError:
            raise BadFrame(NOT_UTF8, "a reason that is not UTF-8") from None
        if self.close_code is None:
            self._say_close(payload[:2])
            self._listener.closing(self)
        self.transport.close()

    def _say_close(self, payload: bytes) -> None:
        self.close_code = int.from_bytes(payload[:2], "big") or 1005  # RFC 6455 §7.1.5: it gave none
        self.transport.write(control_frame(CLOSE, payload))
        self.set_timer(asyncio.get_running_loop().call_later(CLOSE_S, self.transport.abort))


class Upgraded(web.StreamResponse):
    """What the framework is given for its access log: the answer has been written, and the transport is not its own."""

    def __init__(self) -> None:
        super().__init__(status=101)

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


def accept_upgrade(request: web.Request, headers: Mapping[str, str]) -> tuple[bytes, str | None]:
    """The answer to an upgrade request and the subprotocol, if the client offers ours. Raises: HTTPBadRequest."""
    given = request.headers
    key = given.get(hdrs.SEC_WEBSOCKET_KEY, "")
    if not (
        request.method == hdrs.METH_GET
        and given.get(hdrs.UPGRADE, "").strip().lower() == "websocket"
        and "upgrade" in given.get(hdrs.CONNECTION, "").lower()
        and given.get(hdrs.SEC_WEBSOCKET_VERSION) == "13"
        and _is_key(key)
    ):
        raise web.HTTPBadRequest
    offered = ",".join(given.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())).split(",")
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in (one.strip() for one in offered) else None
    answer: dict[str, str] = {
        hdrs.UPGRADE: "websocket",
        hdrs.CONNECTION: "Upgrade",
        hdrs.SEC_WEBSOCKET_ACCEPT: b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode(),  # noqa: S324
        **({hdrs.SEC_WEBSOCKET_PROTOCOL: subprotocol} if subprotocol else {}),
        **headers,
    }
    lines = ["HTTP/1.1 101 Switching Protocols", *(f"{name}: {value}" for name, value in answer.items()), "", ""]
    return "\r\n".join(lines).encode(), subprotocol


class _Early:
    """In place of the framework's parser: takes what a client has sent without waiting for the answer."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        pass


def take_transport(request: web.Request) -> tuple[asyncio.Transport, bytes] | None:
    """Have the framework take the client for gone; its transport, and what has come early. None if it is gone."""
    http, early = request.protocol, _Early()
    transport = http.transport
    if transport is None or transport.is_closing():
        return None
    http.set_parser(early)  # type: ignore[arg-type]
    http.transport = None  # or it would close it
    http.connection_lost(None)
    return transport, early.data


def _is_key(key: str) -> bool:
    try:
        return len(b64decode(key, validate=True)) == 16
    except ValueError:
        return False
