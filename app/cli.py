"""What `run.py` can do. Errors that a person can mend are said in plain words, without a traceback."""

import argparse
import asyncio
import contextlib
import gc
import getpass
import logging
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from dotenv import dotenv_values

from app import backups, bulk
from app.clock import Clock
from app.demo.build import ACCOUNTS_FILE, build_demo, describe_demo
from app.demo.mark import is_demo
from app.demo.report import make_text
from app.keys import DATABASES, STAFF
from app.logs import AccessLogger, set_up_logging
from app.main import create_app, open_databases, urls_of
from app.passwords import Passwords
from app.plain_words import Stop, plain_words
from app.schemas.imports import ImportErrorOut, ImportOut
from app.schemas.staff import StaffIn
from app.services.names import NameBook
from app.services.staff import StaffService
from app.sessions import SessionStore
from app.settings import ROOT, Settings
from db.backup import file_name
from db.database import Databases
from db.lock import serve_lock
from db.migrate import migrate_all

try:
    import uvloop

    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
except ImportError:
    new_loop = asyncio.new_event_loop

logger = logging.getLogger("cts")

# A reconnect of everybody at once overflows the framework's backlog of 128.
BACKLOG = 4096

CHOICES = """\
Nothing is set up here yet. There are two ways to go on:

    python run.py demo    a shop to try, with products, people and chats; nothing to answer
    python run.py init    a shop of your own: writes .env with a secret and asks for the owner
"""


def main(arguments: list[str]) -> int:
    """Run a command. Returns the exit status: 0 done, 1 could not, 2 was not understood."""
    os.umask(0o077)  # databases, pictures and .env are nobody else's, also in a folder that was there before
    try:
        given = _parser().parse_args(arguments)
        if given.run is None:
            if not Settings().secret:
                print(CHOICES, file=sys.stderr)
                return 2
            given = _parser().parse_args(["serve"])
        given.run(given)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        words = plain_words(error)
        if words is None:
            raise
        for handler in logging.getLogger().handlers:
            handler.flush()  # what was logged on the way stands above
        print(words, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description="Current Target Sale: a shop and its support chat.")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], None], about: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(run=run)
        return command

    for name, run, about in (
        ("serve", serve, "run the shop (what happens without a command, once there is a .env)"),
        ("demo", demo, "run a shop to try, made up from a seed, on this machine only"),
    ):
        command = add(name, run, about)
        command.add_argument("--host", help="address to listen on")
        command.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
        command.add_argument("--data", type=Path, help="folder of the databases")
    for name, run, about in (
        ("init", init, "write .env with a random secret, create the databases and the owner"),
        ("create-owner", create_owner, "add an owner"),
    ):
        command = add(name, run, about)
        command.add_argument("--username")
        command.add_argument("--email")
        command.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add("migrate", migrate, "bring the databases up to date; serve does it too")
    command = add("backup", backup, "copy the shop, open or not, into a new folder: databases at one moment, pictures")
    command.add_argument("into", type=Path, help="folder in which the backup's own folder is made")
    command = add("restore", restore, "put a backup into the data folder; what was there is moved aside")
    command.add_argument("backup", type=Path, help="the backup's folder")
    command.add_argument("--replace", action="store_true", help="also where there is a shop already")
    command = add("import", import_products, "take products from a CSV or NDJSON file, beside a running shop or not")
    command.add_argument("file", type=Path, help="the file; what is in it is found out")
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
    command = add("export", export_products, "write all products into a file")
    command.add_argument("file", type=Path, help="the file: NDJSON if it is named .ndjson or .jsonl, else CSV")
    for command in (commands.choices[name] for name in ("backup", "restore", "import", "export")):
        command.add_argument("--data", type=Path, help="folder of the databases")
    command = add("reset-password", reset_password, "give somebody a new password and end their sessions")
    command.add_argument("login", help="username or e-mail, of a customer or of staff")
    return parser


def serve(given: argparse.Namespace) -> None:
    settings = _settings(given, demo=False)
    settings.require_secret()
    _run(_serve(settings))


def demo(given: argparse.Namespace) -> None:
    own_folder = {} if given.data or "CTS_DATA" in os.environ else {"data": ROOT / "data" / "demo"}
    loopback = {} if given.host or "CTS_HOST" in os.environ else {"host": "127.0.0.1"}
    secret = {"secret": secrets.token_hex(32)}  # what it signs need not outlive the demo
    _run(_serve(_settings(given, demo=True, **own_folder, **loopback, **secret)))


def init(given: argparse.Namespace) -> None:
    file = Path(".env")
    if dotenv_values(file).get("CTS_SECRET"):
        print(f"{file} has a secret already; it stays as it is.")
    else:
        _add_secret(file)
        print(f"{file} is written, with a random secret.")
    if given.username is None and asyncio.run(_has_owner()):
        print("There is an owner already; create-owner adds another one.")
    else:
        create_owner(given)
    print("Start the shop with: python run.py serve")


def _add_secret(file: Path) -> None:
    """Put a random secret below whatever stands in the file, which is then for its owner's eyes only."""
    before = file.read_text() if file.exists() else ""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as stream:
        os.fchmod(stream.fileno(), 0o600)
        separator = "\n" if before and not before.endswith("\n") else ""
        stream.write(f"{separator}CTS_SECRET={secrets.token_hex(32)}\n")


def migrate(given: argparse.Namespace) -> None:
    settings = Settings()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    asyncio.run(migrate_all(urls_of(settings)))
    print("The databases are up to date.")


def backup(given: argparse.Namespace) -> None:
    made = backups.back_up(_settings(given), given.into)
    print(f"The shop is copied to {made}")


def restore(given: argparse.Namespace) -> None:
    settings = _settings(given)
    aside = backups.restore(settings, given.backup, replace=given.replace)
    print(f"The shop of {given.backup} is in {settings.data}. Whoever was signed in signs in again.")
    if aside is not None:
        print(f"What was there before is in {aside}")


def import_products(given: argparse.Namespace) -> None:
    """Ends with status 1 if the file or any row was refused; the other rows are in all the same."""
    settings = _settings(given)

    async def run() -> tuple[ImportOut, Sequence[ImportErrorOut]]:
        async with _shop_of(settings) as databases:
            return await bulk.import_products(
                databases.products, settings.data, given.file, given.dry_run, _show_progress
            )

    job, errors = asyncio.run(run())
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for row in errors:
        for error in row.errors:
            print(
                f"line {row.line}: {error.pointer} {error.code}: {error.detail}".replace(":  ", ": "), file=sys.stderr
            )
    if job.refused > len(errors):
        print(f"… and more; GET /api/v1/imports/{job.id}/errors tells of all.", file=sys.stderr)
    if job.problem is not None:
        raise Stop(f"The file was not taken: {job.problem}.")
    counts = f"{job.rows} rows: {job.added} added, {job.changed} changed, {job.unchanged} as they were"
    print(f"{counts}, {job.refused} refused{'; nothing was written, this was a dry run' if job.dry_run else ''}.")
    if job.refused:
        raise Stop("Not every row was taken.")


def _show_progress(job: ImportOut) -> None:
    """A line that is written over again, where somebody looks on."""
    if sys.stderr.isatty():
        percent = 100 * job.bytes_done // max(1, job.bytes_total)
        print(f"\r{percent:3} %  {job.rows} rows, {job.refused} refused ", end="", file=sys.stderr, flush=True)


def export_products(given: argparse.Namespace) -> None:
    async def run() -> None:
        async with _shop_of(_settings(given)) as databases:
            await bulk.export_products(databases.products, given.file)

    asyncio.run(run())
    print(f"All products are in {given.file}")


def create_owner(given: argparse.Namespace) -> None:
    try:
        username = given.username or input("Owner's username: ").strip()
        email = given.email or input("Owner's e-mail: ").strip()
        password = sys.stdin.readline().rstrip("\n") if given.password_stdin else _ask_password()
    except EOFError:
        raise Stop("Nobody answers. Give --username, --email and --password-stdin.") from None
    form = StaffIn(username=username, email=email, password=password, role="owner")

    async def run() -> None:
        async with _staff_service(Settings()) as staff:
            await staff.create_owner(form)

    asyncio.run(run())
    print(f"{username} is an owner now.")


def _ask_password() -> str:
    password = getpass.getpass("Password, 10 characters or more: ")
    if getpass.getpass("Once more: ") != password:
        raise Stop("The two passwords differ; nothing was written.")
    return password


async def _has_owner() -> bool:
    async with _staff_service(Settings()) as staff:
        return any(person.role == "owner" for person in (await staff.list_colleagues()).items)


def reset_password(given: argparse.Namespace) -> None:
    async def run() -> str:
        async with _staff_service(Settings()) as staff:
            return await staff.reset_password(given.login)

    print(f"New password of {given.login}: {asyncio.run(run())}")


@asynccontextmanager
async def _shop_of(settings: Settings) -> AsyncIterator[Databases]:
    """The databases of a shop that is there; beside a running server this is just another process that writes."""
    if not settings.products_url and not (settings.data / file_name("products")).exists():
        raise Stop(f"There is no shop in {settings.data}.")
    databases = await open_databases(settings)
    try:
        yield databases
    finally:
        await databases.close()


@asynccontextmanager
async def _staff_service(settings: Settings) -> AsyncIterator[StaffService]:
    """Staff without a server: beside a running one this is just another process that writes."""
    clock = Clock()
    databases = await open_databases(settings)
    try:
        passwords = Passwords(settings.password_cost)
        store, names = SessionStore(databases.users, clock), NameBook(databases.users, clock)
        yield StaffService(databases.users, store, passwords, names, clock)
        passwords.close()
    finally:
        await databases.close()


def _run(server: Coroutine[Any, Any, None]) -> None:
    """Run the server on uvloop, which costs a fifth less; on asyncio's own loop where there is none (Windows)."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(server)


async def _serve(settings: Settings) -> None:
    set_up_logging(settings.log_format, settings.log_level)
    with serve_lock(settings.data):
        backups.require_no_restore(settings.data)
        app = create_app(settings)
        runner = web.AppRunner(
            app, access_log_class=AccessLogger, access_log=logging.getLogger("access"),
            shutdown_timeout=settings.drain_s,
        )  # fmt: skip
        await runner.setup()
        try:
            await _open_shop(app, settings)
            _calm_collector()
            address = await _listen(runner, settings)
            if settings.demo:
                report = await describe_demo(app[DATABASES], settings)
                print(make_text(report, address, str(settings.data / ACCOUNTS_FILE)), flush=True)
            else:
                logger.info("listening on %s", address)
            await _until_told()
        finally:
            await runner.cleanup()


def _calm_collector() -> None:
    """A full collection over all modules and connections stops the loop for 0.1 s: it sees less, and later."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _open_shop(app: web.Application, settings: Settings) -> None:
    """Keep demo accounts out of production, and tell a shop without staff how to get an owner."""
    if settings.demo:
        await build_demo(app[DATABASES], settings, Clock())
        return
    if await is_demo(app[DATABASES]):
        raise Stop(
            f"{settings.data} holds a demo, whose accounts are no secret. Use `run.py demo`, or another CTS_DATA."
        )
    if not (await app[STAFF].list_colleagues()).items:
        logger.warning("there is no owner yet: python run.py create-owner")


async def _listen(runner: web.AppRunner, settings: Settings) -> str:
    site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG)
    try:
        await site.start()
    except OSError as error:
        raise Stop(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Try another --port.") from None
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _until_told() -> None:
    """Wait for SIGTERM or SIGINT; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has Ctrl+C only
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(number)


def _settings(given: argparse.Namespace, **values: object) -> Settings:
    chosen = {name: value for name in ("host", "port", "data") if (value := getattr(given, name, None)) is not None}
    return Settings.model_validate({**values, **chosen})
