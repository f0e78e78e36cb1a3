"""Time that passes only when nothing else is left to do, and a network made of queues."""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable
from typing import Any


class _NoFiles(selectors.SelectSelector):
    """Nothing is ever ready; to wait is to move the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time is a number. An hour of sleep takes no time at all."""

    def __init__(self) -> None:
        self._clock = _NoFiles()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


class Pipe:
    """One direction of a network: what is put in comes out in order, ``delay()`` later, until it is cut."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Any], None], delay: Callable[[], float]):
        self._loop, self._deliver, self._delay = loop, deliver, delay
        self._waiting: deque[tuple[float, Any]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0

    def put(self, item: Any) -> None:
        self._last = max(self._last, self._loop.time() + self._delay())
        self._waiting.append((self._last, item))
        if self._timer is None:
            self._timer = self._loop.call_at(self._last, self._arrive)

    def cut(self) -> None:
        self._waiting.clear()

    def _arrive(self) -> None:
        self._timer = None
        now = self._loop.time() + 1e-6
        while self._waiting and self._waiting[0][0] <= now:
            self._deliver(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._arrive)
