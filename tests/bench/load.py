"""The load generator: thousands of small WebSocket clients in one process, made to cost less than the server.

Frames are built once and masked with a zero key (valid, and the server unmasks all the same); incoming frames are cut
by their lengths and told apart by a few bytes, without decoding JSON.
"""

import asyncio
import base64
import ctypes
import os
import socket
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import cast

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
COMPRESSED = 0x40
DEFLATE_OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"  # as browsers do
TIMEOUT_S = 30.0

Take = Callable[["Client", bytes, int, int], None]


class LoadError(Exception):
    """The run is void: a connection was lost, a reply was a refusal, or something never came."""


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A whole client frame around ``payload`` (up to 64 KB)."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, 0x80 | size)) + b"\0\0\0\0" + payload
    return bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big") + b"\0\0\0\0" + payload


class Client(asyncio.Protocol):
    """One WebSocket client.

    ``take(client, data, start, end)`` gets each text frame. At first it collects them for ``until``; a scenario puts
    its own in place for the measured part. ``deflated`` says whether the server accepted compression; ``applied`` is
    up to where the logs of chats have been heard.
    """

    __slots__ = (
        "_inflate",
        "_mark",
        "_rest",
        "_seen",
        "_waiter",
        "applied",
        "deflated",
        "lost",
        "take",
        "transport",
        "upgraded",
    )

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.take: Take = Client.collect
        self.applied: dict[int, int] = {}
        self.upgraded = self.deflated = False
        self.lost = ""
        self._rest = b""
        self._seen: deque[bytes] = deque()
        self._mark = b""
        self._waiter: asyncio.Future[bytes] | None = None
        self._inflate: zlib._Decompress | None = None

    def send(self, payload: bytes) -> None:
        """Send one text frame."""
        self.transport.write(frame(payload))

    async def until(self, mark: bytes, timeout_s: float = TIMEOUT_S) -> bytes:
        """The first frame not yet looked at that contains ``mark``; those before it are dropped."""
        while self._seen:
            text = self._seen.popleft()
            if mark in text:
                return text
        if self.lost:
            raise LoadError(self.lost)
        self._mark, self._waiter = mark, asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(self._waiter, timeout_s)
        except TimeoutError:
            raise LoadError(f"no frame with {mark!r} within {timeout_s} s") from None
        finally:
            self._waiter = None

    def collect(self, data: bytes, start: int, end: int) -> None:
        """Keep the frame for ``until``."""
        self._give(data[start:end])

    def _give(self, text: bytes) -> None:
        if self._waiter and not self._waiter.done():
            if self._mark in text:
                self._waiter.set_result(text)
        else:
            self._seen.append(text)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a child of it

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data, self._rest = self._rest + data, b""
        position = 0
        if not self.upgraded:
            position = self._upgrade(data)
        size, take = len(data), self.take
        while size - position >= 2:
            length = data[position + 1]
            start = position + 2
            if length == 126:
                start = position + 4
                length = int.from_bytes(data[position + 2 : start], "big")
            elif length == 127:
                start = position + 10
                length = int.from_bytes(data[position + 2 : start], "big")
            end = start + length
            if end > size or start > size:
                break
            first = data[position]
            if first == 0x81:
                take(self, data, start, end)
            else:
                self._take_other(first, data[start:end])
            position = end
        if position < size:
            self._rest = data[position:]

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(f"connection lost: {error}")

    def _upgrade(self, data: bytes) -> int:
        """Read the answer to the handshake; where the frames begin."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._rest = data
            return len(data)
        head = data[:end]
        if not head.startswith(b"HTTP/1.1 101"):
            self._lose(f"not upgraded: {head.splitlines()[0]!r}")
            self.transport.abort()
            return len(data)
        self.upgraded = True
        self.deflated = b"permessage-deflate" in head
        return end + 4

    def _take_other(self, first: int, payload: bytes) -> None:
        """Compressed text, ping, close."""
        opcode = first & 0x0F
        if opcode == TEXT and first & COMPRESSED:
            self._inflate = self._inflate or zlib.decompressobj(wbits=-zlib.MAX_WBITS)
            text = self._inflate.decompress(payload + b"\x00\x00\xff\xff")
            self.take(self, text, 0, len(text))
        elif opcode == PING:
            self.transport.write(frame(payload, PONG))
        elif opcode == CLOSE:
            self._lose(f"closed by the server: {int.from_bytes(payload[:2], 'big')} {payload[2:]!r}")

    def _lose(self, why: str) -> None:
        self.lost = self.lost or why
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(LoadError(self.lost))


async def connect(
    port: int, path: str, *, headers: str = "", deflate: bool = False, receive_bytes: int | None = None
) -> Client:
    """Open a socket to the server on this machine and send the upgrade; the answer is read with the first frame.

    ``receive_bytes`` makes the kernel's buffer small, for a client that is going to stop reading.
    """
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    _, client = await loop.create_connection(Client, sock=sock)
    key = base64.b64encode(os.urandom(16)).decode()
    client.transport.write(
        (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{DEFLATE_OFFER if deflate else ''}{headers}\r\n"
        ).encode()
    )
    return client


def check_alive(clients: Sequence[Client]) -> None:
    """Refuse a run in which a socket was lost on the way."""
    lost = [client.lost for client in clients if client.lost]
    if lost:
        raise LoadError(f"{len(lost)} of {len(clients)} sockets lost; the first: {lost[0]}")


async def wait_until(condition: Callable[[], bool], what: Callable[[], str], timeout_s: float = TIMEOUT_S) -> None:
    """Look once a millisecond; LoadError with ``what`` it looks like when the time is over."""
    end = perf_counter() + timeout_s
    while not condition():
        if perf_counter() > end:
            raise LoadError(f"waited {timeout_s} s in vain: {what()}")
        await asyncio.sleep(0.001)


class Metronome:
    """Calls ``tick(n, due)`` for n = 0, 1, 2 … at a steady rate by a kernel timer (asyncio's wake up to 1 ms late)."""

    def __init__(self, rate: float, tick: Callable[[int, float], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(1, 0o4000)  # CLOCK_MONOTONIC, TFD_NONBLOCK
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._period_s, self._tick, self._n = 1 / rate, tick, 0
        self._begin = perf_counter()
        nanoseconds = int(1e9 / rate)
        spec = (ctypes.c_long * 4)(0, nanoseconds, 0, nanoseconds)  # interval, first
        self._libc.timerfd_settime(self._fd, 0, ctypes.byref(spec), None)
        asyncio.get_running_loop().add_reader(self._fd, self._on_timer)

    def _on_timer(self) -> None:
        for _ in range(int.from_bytes(os.read(self._fd, 8), "little")):
            self._n += 1
            self._tick(self._n - 1, self._begin + self._n * self._period_s)

    def stop(self) -> int:
        """Stop; how often it ticked."""
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        return self._n
