"""Copies of the three SQLite files at one moment, made while the shop is open; and the way back.

No transaction crosses the files, but an order in one has its effects in the others: copies made one after another
could hold the order and not the cart it emptied. So all three are held for the moment that three snapshots take.
"""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from db.urls import NAMES

BUSY_TIMEOUT_S = 30
"""How long to wait for the shop's own writers, who hold a file for milliseconds."""


class Damaged(Exception):
    """A copy is not what was copied. It must not be relied on."""


def file_name(name: str) -> str:
    """The database's file in its folder."""
    return f"{name.upper()}.db"


def copy_databases(source: Path, target: Path) -> None:
    """Copy the three files of ``source`` into the folder ``target``, as they were at one moment, and check the copies.

    Writers wait for some milliseconds, readers for nothing.

    Raises:
        Damaged: a copy did not pass SQLite's own check.
    """
    with _one_cut({name: source / file_name(name) for name in NAMES}) as snapshots:
        for name, snapshot in snapshots.items():
            with closing(sqlite3.connect(target / file_name(name))) as copy:
                snapshot.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file, with no log beside it
    for name in NAMES:
        require_whole(target / file_name(name))
        sync(target / file_name(name))


def require_whole(path: Path) -> None:
    """Have SQLite read all of a file. Raises Damaged."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            broken = connection.execute("PRAGMA foreign_key_check").fetchmany(3)
        except sqlite3.DatabaseError as error:
            raise Damaged(f"{path.name}: {error}") from None
    if found != ["ok"] or broken:
        raise Damaged(f"{path.name}: {'; '.join(map(str, [*found, *broken]))}")


def digest(path: Path) -> str:
    """The BLAKE2 hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def sync(path: Path) -> None:
    """Have a file, or a folder's names, on disk before anybody relies on it."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def _one_cut(paths: Mapping[str, Path]) -> Iterator[dict[str, sqlite3.Connection]]:
    """Snapshots of all files at a moment when nobody was writing to any of them."""
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(closing(_connect(path))) for path in paths.values()]
        snapshots = {name: stack.enter_context(closing(_connect(path))) for name, path in paths.items()}
        for writer in writers:
            writer.execute("BEGIN IMMEDIATE")
        for snapshot in snapshots.values():
            snapshot.execute("BEGIN")
            snapshot.execute("SELECT 1 FROM sqlite_schema").fetchone()  # a snapshot is taken by the first read
        for writer in writers:
            writer.execute("ROLLBACK")
        yield snapshots


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a file that is not there must not be made, empty, and then be copied as if it were the shop.
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
