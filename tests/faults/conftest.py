"""Servers in processes of their own, on a disk that may fail, and the people who come to them."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import Shop
from tests.faults.server_process import ServerProcess

FAULT = "CTS_TEST_FAULT"
SOURCE = Path(__file__).with_name("failing_disk.c")


@pytest.fixture(scope="session")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of failing_disk.c; skips where nothing can compile it."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler is installed (apt install gcc libc6-dev)")
    library = tmp_path_factory.mktemp("library") / "failing_disk.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o", str(library), str(SOURCE)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if made.returncode and "stdlib.h" in made.stderr:
        pytest.skip("the C library's headers are not installed (apt install libc6-dev)")
    assert made.returncode == 0, made.stderr
    return library


SetFault = Callable[[str], None]


@pytest.fixture(scope="session")
async def owned_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an owner, to be copied."""
    server = ServerProcess(tmp_path_factory.mktemp("owned") / "data")
    await server.add_owner()
    return server.data


@pytest.fixture
async def server(tmp_path: Path, owned_data: Path) -> AsyncIterator[ServerProcess]:
    """A server with an owner, started, and ended after the test however it went."""
    server = ServerProcess(Path(shutil.copytree(owned_data, tmp_path / "data")))
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
async def frail_server(tmp_path: Path, owned_data: Path, failing_disk: Path) -> AsyncIterator[ServerProcess]:
    """The same on a disk that fails as `fault_setter` says."""
    data = Path(shutil.copytree(owned_data, tmp_path / "data"))
    server = ServerProcess(data, env={FAULT: str(tmp_path / "fault")}, preload=failing_disk)
    await server.start()
    yield server
    await server.kill()


def fault_setter(server: ServerProcess) -> SetFault:
    """Makes the disk of a `frail_server` fail: sync, full, readonly; "" mends it."""
    path = server.data.with_name("fault")

    def set_fault(fault: str) -> None:
        new = path.with_suffix(".new")
        new.write_text(fault)
        os.replace(new, path)  # at once: a server in the middle of a commit must not read half a word

    return set_fault


@asynccontextmanager
async def people_of(server: ServerProcess) -> AsyncIterator[Shop]:
    """The people who come: ``guest()``, ``sign_in("owner", "staff")``. They outlive the server."""
    outside: Any = None
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Shop(outside, server.url, outside, http)
