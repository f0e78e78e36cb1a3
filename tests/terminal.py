"""Somebody at a terminal: the real `run.py`, in a folder of its own, through a pipe or a terminal."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import ROOT
from tests.conftest import PASSWORD

COMMAND_S = 30


def owner(username: str = "anna", email: str = "anna@example.org") -> tuple[str, ...]:
    """Who becomes the owner, as arguments; the password is then typed."""
    return ("--username", username, "--email", email, "--password-stdin")


@dataclass
class Said:
    """What a command said and how it ended. It never shows a traceback."""

    status: int
    out: str
    err: str


@dataclass
class Terminal:
    """Somebody in a folder of their own, with nothing of the developer's settings."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("CTS_", "LC_", "LANG"))}
        return {**plain, "CTS_DATA": str(self.data), "CTS_PASSWORD_COST": "test", "CTS_PORT": "0", **self.env}

    async def run(self, *arguments: str, typed: str = "", python: tuple[str, ...] = (), **env: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *python, str(ROOT / "run.py"), *arguments,
            cwd=self.folder, env={**self.environment, **env},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(COMMAND_S):
                out, err = await process.communicate(typed.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert b"Traceback" not in err, err.decode()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    async def refusal(self, *arguments: str, typed: str = "", **env: str) -> str:
        """What is said by a command that cannot do it."""
        said = await self.run(*arguments, typed=typed, **env)
        assert said.status == 1, said
        return said.err

    async def add_owner(self) -> None:
        said = await self.run("create-owner", *owner(), typed=PASSWORD)
        assert said.status == 0, said


class Program:
    """A command that is still running, seen through a pipe or, like a person sees it, through a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], reading: int, writing: int | None) -> None:
        self.said = ""
        self._process, self._reading, self._writing = process, reading, writing

    def wait_for(self, text: str) -> None:
        """Read on until this has been said, since the start."""
        deadline = time.monotonic() + COMMAND_S
        while text not in self.said:
            assert time.monotonic() < deadline and self._read(), f"never said {text!r}:\n{self.said}"

    def wait_for_address(self) -> str:
        self.wait_for("http://127.0.0.1:")
        while not (found := re.search(r"http://127\.0\.0\.1:\d+(?=[^\d])", self.said)):
            assert self._read(), self.said
        return found[0]

    def answer(self, question: str, text: str) -> None:
        """Type a line when it is asked for."""
        assert self._writing is not None
        self.wait_for(question)
        os.write(self._writing, f"{text}\n".encode())

    def stop(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        while self._read():
            pass
        return self._process.wait(COMMAND_S)

    def _read(self) -> bool:
        try:
            part = os.read(self._reading, 65536)
        except OSError:  # so a terminal says that the program has gone
            return False
        self.said += part.decode(errors="replace")
        return bool(part)


@contextmanager
def started(terminal: Terminal, *arguments: str, on_terminal: bool = False, **env: str) -> Iterator[Program]:
    """A command in a process of its own; killed if it still runs in the end."""
    reading, theirs = pty.openpty() if on_terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=terminal.folder, env={**terminal.environment, **env}, start_new_session=True,
        stdin=theirs if on_terminal else subprocess.DEVNULL, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Program(process, reading, reading if on_terminal else None)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(reading)


def permissions(path: Path) -> int:
    return path.stat().st_mode & 0o777


def read_by_others(folder: Path) -> list[str]:
    """What in a folder, or the folder itself, is open to anybody but its owner."""
    return [str(path) for path in (folder, *folder.rglob("*")) if permissions(path) & 0o077]
