"""The locks between processes, with real processes."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.lock import AlreadyRunning, serve_lock, startup_lock
from db.urls import ROOT

HOLD = """
import sys
from pathlib import Path
from db.lock import serve_lock, startup_lock
with {lock}(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(lock: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have another process hold the lock until the block ends, or until its input does."""
    command = [sys.executable, "-c", HOLD.format(lock=lock), folder]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def let_go(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(5)


def test_second_server_is_refused_and_told_which_process_has_the_folder(tmp_path: Path) -> None:
    with held("serve_lock", tmp_path) as other:
        with pytest.raises(AlreadyRunning, match=rf"process {other.pid}\b"), serve_lock(tmp_path):
            pass

        let_go(other)
        with serve_lock(tmp_path):
            pass


def test_killed_server_holds_up_nobody(tmp_path: Path) -> None:
    with held("serve_lock", tmp_path) as other:
        other.kill()
        other.wait(5)

        with serve_lock(tmp_path):
            pass


def test_startup_lock_waits_for_its_turn(tmp_path: Path) -> None:
    taken = threading.Event()

    def take() -> None:
        with startup_lock(tmp_path):
            taken.set()

    with held("startup_lock", tmp_path) as other:
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        assert not taken.wait(0.2)

        let_go(other)
        assert taken.wait(5)
        thread.join(5)


def test_startup_does_not_wait_for_a_running_server(tmp_path: Path) -> None:
    with held("serve_lock", tmp_path), startup_lock(tmp_path):
        pass
