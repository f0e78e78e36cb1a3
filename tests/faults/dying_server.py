"""`run.py serve` that kills itself (SIGKILL) at a chosen step of an order.

Forked from a process that has the program loaded already, so that a hundred lives take a minute.
"""

import asyncio
import contextlib
import inspect
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from functools import wraps
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from app import cli
from app.handlers import orders as handlers
from app.services import order_effects
from app.services import orders as services
from db import outbox
from db.writer import ThreadWriter
from tests.faults.server_process import ENVIRONMENT, START_S

STEPS: dict[str, tuple[Any, str, str]] = {
    "it was asked": (services.OrderService, "place", "before"),
    "the key is claimed": (services, "sell", "before"),
    "stock is moved": (services, "sell", "after"),
    "the effects are written": (services, "tell", "after"),
    "a batch is committed": (ThreadWriter, "_finish", "before"),
    "the relay has looked": (outbox, "_list_pending", "after"),
    "the cart is emptied": (order_effects, "apply_empty_cart", "after"),
    "the chat is told": (order_effects, "apply_tell", "after"),
    "an effect is applied": (outbox.Relay, "_relay", "after"),
    "what was applied is being noted": (outbox, "_mark_done", "after"),
    "what was applied is noted": (outbox.Relay, "_mark", "after"),
    "the answer is made": (handlers, "once_response", "before"),
}
"""Where a server may die: a function, and whether before it begins or after it has ended."""

_context: Any = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


class DyingServer:
    """Lives of a server in ``data``, all on one port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: Any = None

    async def live(self, step: str | None = None, passes: int = 1, patience_s: float = START_S) -> None:
        """Begin a life that ends when ``step`` is passed for the so-manieth time.

        Returns when it is ready, or over, or has not become ready in ``patience_s``.
        """
        self._process = _context.Process(target=_serve, args=(str(self.data), self.port, step, passes))
        self._process.start()
        begun = monotonic()
        async with aiohttp.ClientSession() as http:
            while not await self._is_ready(http) and monotonic() - begun < patience_s:
                if not self._process.is_alive():  # the step came while it relayed what the last life had left
                    is_killed = step is not None and self._process.exitcode == -signal.SIGKILL
                    assert is_killed, (self.data.parent / "log").read_text()
                    return
                await asyncio.sleep(0.02)

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End this life, if it has not ended by itself."""
        if self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):  # it may end by itself this very moment
                os.kill(self._process.pid, number)
        await asyncio.to_thread(self._process.join)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/health/live") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


def _serve(data: str, port: int, step: str | None, passes: int) -> None:
    with (Path(data).parent / "log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.chdir(data)  # where no .env lies
    os.environ.update(ENVIRONMENT, CTS_DATA=data)
    if step is not None:
        _die_at(*STEPS[step], passes)
    cli.main(["serve", "--port", str(port)])


def _die_at(owner: Any, name: str, when: str, passes: int) -> None:
    """Put a fatal step around a function."""
    work, passed = getattr(owner, name), count(1)

    def pass_by() -> None:
        if next(passed) == passes:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, _around(work, pass_by, when))


def _around(work: Callable[..., Any], pass_by: Callable[[], None], when: str) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(work):

        @wraps(work)
        async def run_async(*given: Any, **more: Any) -> Any:
            if when == "before":
                pass_by()
            result = await work(*given, **more)
            if when == "after":
                pass_by()
            return result

        return run_async

    @wraps(work)
    def run(*given: Any, **more: Any) -> Any:
        if when == "before":
            pass_by()
        result = work(*given, **more)
        if when == "after":
            pass_by()
        return result

    return run
