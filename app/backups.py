"""Backup and restore of a shop that lives in one data folder: its databases and its pictures.

A backup is a folder: the three databases at one moment, the files beside them, and ``manifest.json`` with the hash of
each. It appears under its name when it is whole. A restore moves what was there aside and deletes nothing.
"""

import asyncio
import json
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.plain_words import Stop
from app.settings import Settings
from db.backup import copy_databases, digest, file_name, require_whole, sync
from db.engine import make_write_engine
from db.lock import serve_lock
from db.migrate import migrate_all
from db.queries import restored as queries
from db.urls import NAMES, database_urls

MANIFEST = "manifest.json"
VERSION = 1
PART = "restore.part"
"""Lies in the data folder while a restore is under way: no server starts beside it."""
# Not the shop's: locks, what only lives while something runs, and what earlier restores have moved aside.
_LEFT_OUT = ("*.db", "*.db-*", "*.lock", "*.part", "imports", "before-restore-*", MANIFEST)


def back_up(settings: Settings, into: Path) -> Path:
    """Copy the shop into a new folder below ``into``, while it may be open; returns the folder.

    Raises:
        Stop: a database is elsewhere (PostgreSQL has tools of its own); there is no shop in the data folder; or
            ``into`` lies inside it, where the next backup would copy this one.
        Damaged: a copy did not pass its check; nothing is left of it.
    """
    _require_files(settings)
    if not all((settings.data / file_name(name)).exists() for name in NAMES):
        raise Stop(f"There is no shop in {settings.data}.")
    into = into.resolve()
    if into.is_relative_to(settings.data):
        raise Stop("A backup inside the data folder would be lost with it. Choose another folder.")
    moment = datetime.now(UTC)
    folder = into / f"cts-{moment:%Y-%m-%dT%H-%M-%SZ}"
    part = into / f"{folder.name}.part"
    try:
        part.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise Stop(f"{part} is there already: another backup is under way, or one was broken off. Remove it.") from None
    try:
        copy_databases(settings.data, part)
        # After the databases: a picture is written before the row that names it, and never changed.
        _copy_files(settings.data, part)
        manifest = {"version": VERSION, "time": moment.isoformat(), "files": dict(_digests(part))}
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1))
        for path in (part / MANIFEST, part):
            sync(path)
        part.rename(folder)
        sync(into)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def restore(settings: Settings, backup: Path, *, replace: bool = False) -> Path | None:
    """Put a backup into the data folder; returns the folder into which what was there has been moved, if it was.

    Clients find another epoch and ask for everything anew. Whoever was signed in signs in again: a session that was
    ended since the backup must not come back to life. Guests stay: their session is all they have.

    Raises:
        Stop: this is no whole backup, there is a shop already and ``replace`` is not said, or a database is elsewhere.
        AlreadyRunning: a server works in the data folder.
        Damaged: a database of the backup does not pass its check.
    """
    _require_files(settings)
    _require_backup(backup)
    data = settings.data
    with serve_lock(data):
        part = data / PART
        is_broken_off = part.exists()
        if not replace and not is_broken_off and any((data / file_name(name)).exists() for name in NAMES):
            raise Stop(f"There is a shop in {data}. To put the backup in its place, say --replace.")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(backup, part, ignore=shutil.ignore_patterns(MANIFEST))
        for name in NAMES:
            require_whole(part / file_name(name))
        asyncio.run(migrate_all(database_urls(part, {})))  # a backup may be older than the program
        _begin_anew(part)
        aside = _move_aside(data)
        for path in part.iterdir():
            if path.suffix != ".lock":  # a lock that somebody may be waiting for stays
                path.rename(data / path.name)
        sync(data)
        shutil.rmtree(part)  # until here no server starts
    return aside


def require_no_restore(data: Path) -> None:
    """Refuse to serve a folder that a restore has left half done. Raises Stop."""
    if (data / PART).exists():
        raise Stop(f"A restore into {data} was broken off. Run it again before the shop opens.")


def _begin_anew(folder: Path) -> None:
    for name, url in database_urls(folder, {}).items():
        engine = make_write_engine(url)
        with engine.begin() as connection, Session(bind=connection) as session:
            if name == "messanger":
                queries.change_epoch(session, f"e-{secrets.token_hex(8)}")
            elif name == "products":
                queries.change_catalogue(session)
            else:
                queries.end_sessions(session, datetime.now(UTC))
            session.commit()
        engine.dispose()
        sync(folder / file_name(name))


def _move_aside(data: Path) -> Path | None:
    """What a shop has in the folder, into one beside it. The locks and the part stay."""
    mine = [path for path in data.iterdir() if path.suffix not in (".lock", ".part")]
    mine = [path for path in mine if not path.name.startswith("before-restore-")]
    if not mine:
        return None
    aside = data / f"before-restore-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%fZ}"
    aside.mkdir(mode=0o700)
    for path in mine:
        path.rename(aside / path.name)
    return aside


def _copy_files(source: Path, target: Path) -> None:
    def ignore(folder: str, names: list[str]) -> set[str]:
        return set(shutil.ignore_patterns(*_LEFT_OUT)(folder, names))

    shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), digest(path)


def _require_backup(folder: Path) -> None:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        files, version = manifest["files"], manifest["version"]
    except (OSError, ValueError, KeyError):
        raise Stop(f"{folder} is no backup: it has no {MANIFEST} that can be read.") from None
    if version != VERSION:
        raise Stop(f"{folder} was made by another version of this program ({version}).")
    for name, expected in files.items():
        path = folder / name
        if not path.is_file() or digest(path) != expected:
            raise Stop(f"{folder} is not whole: {name} is missing or is not what it was.")


def _require_files(settings: Settings) -> None:
    if settings.products_url or settings.users_url or settings.messanger_url:
        raise Stop("A database of this shop is elsewhere. Back PostgreSQL up with its own tools (docs/operating.md).")
