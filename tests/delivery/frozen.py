"""A socket that stops reading: by hand, because every client library reads ahead."""

import asyncio
import base64
import json
import os
import socket
from typing import Any
from urllib.parse import urlsplit

from tests.client import Core, Frame
from tests.conftest import Person
from tests.delivery.frames import CLOSE, TEXT, client_frame, split_frames

RECEIVE_BUFFER = 4096  # the smallest that Linux gives is about this
READ_S = 10.0


class FrozenSocket:
    """A person's WebSocket over a plain one with a tiny receive buffer. It reads only inside `until`."""

    def __init__(self, person: Person, core: Core) -> None:
        self.person, self.core = person, core
        self.arrived: list[Frame] = []
        self.is_closed = False
        self._raw = socket.socket()
        self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._raw.setblocking(False)
        self._received = b""

    async def connect(self) -> None:
        """Shake hands, say hello, and read until ``resumed``."""
        loop, url = asyncio.get_running_loop(), urlsplit(self.person.base_url)
        await loop.sock_connect(self._raw, (url.hostname, url.port))
        lines = [
            f"GET /ws{'?as=staff' if self.person.audience == 'staff' else ''} HTTP/1.1", f"Host: {url.netloc}",
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Protocol: cts.v1",
            f"Authorization: Bearer {self.person.token}", "", "",
        ]  # fmt: skip
        await loop.sock_sendall(self._raw, "\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self._received:
            await self._read()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        await self.say(self.core.connected())
        await self.until(lambda: self.core.ready)

    async def say(self, frames: list[Frame]) -> None:
        for frame in frames:
            data = client_frame(TEXT, json.dumps(frame).encode())
            await asyncio.get_running_loop().sock_sendall(self._raw, data)

    async def until(self, condition: Any) -> None:
        """Read on until ``condition()`` holds."""
        while not condition():
            for frame in self._frames():
                self.arrived.append(frame)
                await self.say(self.core.receive(frame))
            if not condition():
                await self._read()

    async def until_closed(self) -> None:
        """Read on until the server has cut the connection."""
        while not self.is_closed:
            await self._read()

    def close(self) -> None:
        self._raw.close()

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(READ_S):
                more = await asyncio.get_running_loop().sock_recv(self._raw, 65536)
        except ConnectionError:
            more = b""
        self.is_closed = not more
        self._received += more

    def _frames(self) -> list[Frame]:
        """The text frames that have arrived whole."""
        frames, self._received = split_frames(self._received)
        self.is_closed |= any(opcode == CLOSE for opcode, _ in frames)
        return [json.loads(payload) for opcode, payload in frames if opcode == TEXT]
