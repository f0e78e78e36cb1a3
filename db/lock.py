"""Locks between processes: one server to a data folder, one process at a time preparing its databases."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another server works in this data folder."""


@contextmanager
def serve_lock(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for one server, or for a command that must not run beside one.

    The kernel lets go of the lock when the process ends, however it ends: a file left behind holds up nobody.

    Raises:
        AlreadyRunning: another process has it; says which.
    """
    with _opened(data_dir, "serve.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 32, 0).decode() or "unknown"
            raise AlreadyRunning(f"A server already works in {data_dir} (process {holder}).") from None
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
        os.ftruncate(file, 0)


@contextmanager
def startup_lock(data_dir: Path) -> Iterator[None]:
    """Wait for one's turn to create, switch to WAL and migrate the databases of a folder.

    Without it, first opens at the same time fail as "database is locked": the change to WAL does not wait.
    """
    with _opened(data_dir, "startup.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def import_lock(data_dir: Path) -> Iterator[None]:
    """Wait until no other command line imports into this folder. What an earlier one has left behind is nobody's."""
    with _opened(data_dir, "import.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(data_dir: Path, name: str) -> Iterator[int]:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(data_dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)
