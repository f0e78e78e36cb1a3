"""The real `run.py serve` in a process of its own, which a test may kill, starve and start again.

server = ServerProcess(tmp_path / "data")
await server.add_owner()
async with server:          # starts, and stops in the end
    ...                     # server.url
    await server.kill()     # SIGKILL
    await server.start()    # again, in the same folder and on the same port
"""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp

from db.urls import ROOT
from tests.conftest import PASSWORD

START_S = 30.0
STOP_S = 20.0
SECRET = "a secret that only this test knows, and long"

# Limits out of the way unless a test is about them.
ENVIRONMENT = {
    "CTS_SECRET": SECRET, "CTS_PASSWORD_COST": "test", "CTS_LOG_FORMAT": "text", "CTS_SWEEP_S": "0.2",
    "CTS_LIMIT_GUEST_SENDS_PER_S": "1e6", "CTS_LIMIT_GUEST_SENDS_BURST": "1000000",
    "CTS_LIMIT_USER_SENDS_PER_S": "1e6", "CTS_LIMIT_USER_SENDS_BURST": "1000000",
    "CTS_LIMIT_STAFF_SENDS_PER_S": "1e6", "CTS_LIMIT_STAFF_SENDS_BURST": "1000000",
    "CTS_LIMIT_COMMANDS_PER_S": "1e6", "CTS_LIMIT_COMMANDS_BURST": "1000000",
    "CTS_LIMIT_GUEST_SESSIONS": "1000000", "CTS_LIMIT_REGISTRATIONS": "1000000",
    "CTS_LIMIT_SIGN_IN_ATTEMPTS": "1000000",
}  # fmt: skip


class ServerProcess:
    """A server in ``data``. The port is a free one, and stays the same when it is started again.

    env: settings on top of ENVIRONMENT, such as ``{"CTS_DRAIN_S": "1"}``.
    preload: a shared library for LD_PRELOAD; only the server gets it, not the commands beside it.
    preexec: runs in the child before the program.
    command: what `run.py` does: ``("serve",)``, or ``("demo",)``.
    """

    def __init__(
        self, data: Path, *, port: int = 0, env: Mapping[str, str] | None = None, preload: Path | None = None,
        preexec: Callable[[], object] | None = None, command: Sequence[str] = ("serve",),
    ) -> None:  # fmt: skip
        self.data, self.port = data, port
        self.preload, self.preexec = preload, preexec
        self.log: list[str] = []  # everything it has said, over all its lives
        self._env, self._command = dict(env or {}), tuple(command)
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()

    @property
    def url(self) -> str:
        assert self.port, "it has not been started"
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start, and return once /health/ready says so. Raises AssertionError with its log if it does not come up."""
        assert not self.is_running
        self._listening.clear()
        env = self._environment()
        if self.preload is not None:
            env["LD_PRELOAD"] = str(self.preload)
        self._process = process = await self._run(*self._command, "--port", str(self.port), env=env)
        self._readers = [asyncio.create_task(self._read(stream)) for stream in (process.stdout, process.stderr)]
        listening, ended = asyncio.create_task(self._listening.wait()), asyncio.create_task(process.wait())
        await asyncio.wait((listening, ended), timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        is_up = listening.done()
        for task in (listening, ended):
            task.cancel()
        if not is_up:
            await self.kill()
            raise AssertionError("the server did not start:\n" + "".join(self.log))
        await self._require_ready()

    async def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said. Does nothing if it does not run."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM, wait until it has drained, and return its exit status."""
        return await self._end(signal.SIGTERM)

    async def add_owner(self, username: str = "owner", password: str = PASSWORD) -> None:
        """Add the owner's account to the folder; works beside a running server too."""
        arguments = ("--username", username, "--email", f"{username}@example.org", "--password-stdin")
        process = await self._run("create-owner", *arguments, env=self._environment())
        out, err = await process.communicate(f"{password}\n".encode())
        assert process.returncode == 0, (out + err).decode()

    def limit_file_size(self, size: int | None) -> None:
        """Let the living process write no file beyond ``size`` bytes, as on a full disk; None lifts the limit."""
        soft = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self.is_running:
            await (self.kill() if any(error) else self.stop())

    def _environment(self) -> dict[str, str]:
        """The machine's, without a developer's own settings."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("CTS_")}
        return {**plain, **ENVIRONMENT, "CTS_DATA": str(self.data), **self._env}

    async def _run(self, *arguments: str, env: dict[str, str]) -> asyncio.subprocess.Process:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_server = arguments[0] == self._command[0]
        return await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "run.py"), *arguments,
            env=env,
            cwd=self.data,  # where no .env lies
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            limit=2**20,
            preexec_fn=self.preexec if is_server else None,
        )  # fmt: skip

    async def _read(self, stream: Any) -> None:
        """Keep what it says, and learn where it listens."""
        async for raw in stream:
            line = raw.decode(errors="replace")
            self.log.append(line)
            if not self._listening.is_set() and "http://127.0.0.1:" in line:
                self.port = int(line.partition("http://127.0.0.1:")[2].split("/")[0].split()[0].rstrip('",}'))
                self._listening.set()

    async def _require_ready(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=START_S)) as http:
            async with http.get(f"{self.url}/health/ready") as answer:
                assert answer.status == 200, await answer.text()

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_S):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError("the server did not stop:\n" + "".join(self.log)) from None
        await asyncio.gather(*self._readers)
        process.stdin.close()  # type: ignore[union-attr]
        return status
