"""One socket as the hub sees it, and the pump that empties all their outboxes."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Protocol

from ws.outbox import SOFT_LIMIT, LogItem, Outbox
from ws.protocol import LogKey

# How often a socket that did not take everything is looked at again.
LAG_TICK_S = 0.05
# One that fell behind has caught up when so little waits for it: nothing more may be on its way to it by then, because
# it was told that it is behind, and still it must go on taking what there is.
LOW_WATER = SOFT_LIMIT // 2


class Transport(Protocol):
    """The part of asyncio's transport that a connection uses."""

    def write(self, data: bytes) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def is_closing(self) -> bool: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class Connection:
    """A client's socket with its outbox.

    ``actor`` is whatever the application admitted; ``person`` ("customer/5") and ``session`` group connections for the
    hub. Nothing else writes data frames.
    """

    __slots__ = (
        "_pump",
        "_transport",
        "_waiter",
        "actor",
        "close",
        "follows",
        "in_flight",
        "is_lagging",
        "key",
        "last_write",
        "outbox",
        "person",
        "progress_time",
        "session",
        "state",
        "topics",
        "unsent_before",
    )

    def __init__(self, key: str, transport: Transport, pump: "Pump", close: Callable[[int, str], None]) -> None:
        self.key = key
        self.close = close  # close(code, reason): polite, after what is waiting
        self.actor: Any = None
        self.person: str | None = None
        self.session = ""
        self.state: Any = None  # the application's own memory of this connection
        self.outbox = Outbox()
        self.topics: set[str] = set()
        self.follows: set[LogKey] = set()
        self.in_flight = 0
        self.last_write = pump.now()
        self.is_lagging = False
        self.progress_time = 0.0
        self.unsent_before = 0
        self._waiter: asyncio.Future[None] | None = None
        self._transport, self._pump = transport, pump

    def send(self, frame: bytes) -> None:
        """A reply, batch or control frame."""
        self.outbox.push(frame)
        self._pump.mark(self)

    def send_log(self, item: LogItem) -> None:
        self.outbox.push_log(item, self._transport.get_write_buffer_size() if self.is_lagging else 0)
        self._pump.mark(self)

    def send_state(self, key: str, frame: bytes, if_waiting: bytes | None = None) -> None:
        self.outbox.push_state(key, frame, if_waiting)
        self._pump.mark(self)

    def send_ephemeral(self, frame: bytes) -> None:
        self.outbox.push_ephemeral(frame, self._transport.get_write_buffer_size())
        self._pump.mark(self)

    def release(self) -> None:
        """End a hold and let what was put aside go out."""
        self.outbox.release()
        self._pump.mark(self)

    def flush(self, now: float) -> bool:
        """Hand over what the transport has room for. False if it had room for nothing."""
        transport, outbox = self._transport, self.outbox
        has_moved = self.is_done
        while not self.is_done and (room := SOFT_LIMIT - transport.get_write_buffer_size()) > 0:
            transport.write(outbox.take(room))
            self.last_write = self.progress_time = now
            has_moved = True
        return has_moved

    def flush_all(self) -> None:
        """Hand over everything, room or not: the last thing before a close."""
        if not self.is_done:
            self._transport.write(self.outbox.take(sys.maxsize))

    @property
    def is_done(self) -> bool:
        """Whether nothing waits here for the transport."""
        return self.outbox.is_empty or self._transport.is_closing()

    async def drained(self) -> None:
        """Wait until the client has taken what it was sent, or is gone."""
        if self.is_lagging:
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiter)

    def wake(self) -> None:
        """Everything has been taken, or nobody will take it any more."""
        self.is_lagging = False
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.set_result(None)

    @property
    def unsent(self) -> int:
        """Bytes that the transport holds and the kernel has not taken."""
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Cut the socket without ceremony: a stuck one cannot be closed politely."""
        self._transport.abort()


class Pump:
    """Flushes every connection that was pushed to, once per turn of the loop, in one joined write each.

    stuck_s: a connection whose client takes nothing for so long is cut.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, stuck_s: float, on_stuck: Callable[[Connection], None]) -> None:
        self._loop, self._stuck_s, self._on_stuck = loop, stuck_s, on_stuck
        self._dirty: set[Connection] = set()
        self._lagging: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        return self._loop.time()

    def mark(self, connection: Connection) -> None:
        if not self._dirty:
            self._loop.call_soon(self._flush)
        self._dirty.add(connection)

    def forget(self, connection: Connection) -> None:
        self._dirty.discard(connection)
        self._lagging.discard(connection)
        connection.wake()

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, set()
        now = self._loop.time()
        for connection in dirty:
            if not connection.flush(now):
                self._watch(connection, now)
            elif not connection.is_done:
                # It took some. uvloop gives the kernel what was written only when the turn ends, so that a transport
                # looks full right after each write: whether a client is slow shows in the next turn.
                self.mark(connection)

    def _watch(self, connection: Connection, now: float) -> None:
        if connection.is_lagging:
            return
        connection.is_lagging = True
        connection.progress_time, connection.unsent_before = now, connection.unsent
        self._lagging.add(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(LAG_TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        for connection in list(self._lagging):
            unsent = connection.unsent
            if unsent < connection.unsent_before:
                connection.progress_time = now
            has_moved = connection.flush(now)
            if connection.is_done and connection.unsent <= LOW_WATER:
                self._lagging.discard(connection)
                connection.wake()
            elif has_moved and not connection.is_done:
                self.mark(connection)
            elif now - connection.progress_time > self._stuck_s:
                self._on_stuck(connection)
            connection.unsent_before = connection.unsent
        if self._lagging:
            self._timer = self._loop.call_later(LAG_TICK_S, self._tick)
