"""Engines for the three databases: one that writes and two that read, each set up so that SQLite keeps its word."""

from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

# How long SQLite waits for another process's lock before a batch is answered with busy, as the queue's age limit.
BUSY_TIMEOUT_MS = 2000
# The write-ahead log is folded back when the writer is idle; only a log this long (16 MB) does it inside a commit.
CHECKPOINT_PAGES = 4000
READ_POOL = 4
# Pages the writer and the hot reader keep, in KiB: SQLite's own 2 MB make every insert into a large index a read.
CACHE_KIB = 64 * 1024

# SQLite's primary result codes that mean "not now": BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
_UNWRITABLE_SQLITE = frozenset({5, 6, 7, 8, 10, 13, 14})
# PostgreSQL's classes 08 connection, 25006 read only, 53 resources, 57 operator intervention, 58 system error.
_UNWRITABLE_POSTGRES = ("08", "25006", "53", "55P03", "57", "58")
_REPLAYABLE = ("40001", "40P01")


def _to_json(value: Any) -> str:
    """Letters as they are: escaped, Russian would take three times the room and be found by no search."""
    return to_json(value).decode()


# Errors name no values: they are logged.
OPTIONS: dict[str, Any] = {"hide_parameters": True, "json_serializer": _to_json}


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def make_write_engine(url: str) -> Engine:
    """A synchronous SQLite engine whose every transaction begins as a writer and whose every commit is on disk.

    The driver's own transactions are off: it would begin a deferred one, which fails at once when it becomes a writer.
    """
    engine = create_engine(url, poolclass=NullPool, **OPTIONS)
    _prepare(
        engine, "synchronous=FULL", "foreign_keys=ON", f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"cache_size=-{CACHE_KIB}",
    )  # fmt: skip
    event.listen(engine, "begin", lambda connection: _begin(connection, "BEGIN IMMEDIATE"))
    return engine


def make_hot_engine(url: str) -> Engine:
    """A synchronous, read-only SQLite engine for reads of bounded size on the loop's own thread."""
    engine = create_engine(url, poolclass=NullPool, **OPTIONS)
    _prepare(engine, "query_only=ON", f"cache_size=-{CACHE_KIB}")
    event.listen(engine, "begin", lambda connection: _begin(connection, "BEGIN"))
    return engine


def make_async_engine(url: str) -> AsyncEngine:
    """The engine for reads, and on PostgreSQL for everything. On SQLite it cannot write."""
    if not is_sqlite(url):
        engine = create_async_engine(url, pool_size=10, max_overflow=0, pool_pre_ping=True, **OPTIONS)
        event.listen(engine.sync_engine, "connect", _set_up_postgres)
        return engine
    aiosqlite = url.replace("sqlite:", "sqlite+aiosqlite:", 1)
    engine = create_async_engine(aiosqlite, pool_size=READ_POOL, max_overflow=0, **OPTIONS)
    _prepare(engine.sync_engine, "query_only=ON")
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _prepare(engine: Engine, *pragmas: str) -> None:
    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, record: Any) -> None:
        dbapi_connection.isolation_level = None  # this module says BEGIN, the driver does not
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", *pragmas):
            dbapi_connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection, statement: str) -> None:
    """Past SQLAlchemy, whose own work for it takes ten times as long."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(statement).close()


def _set_up_postgres(dbapi_connection: Any, record: Any) -> None:
    """Commits wait for the disk, also on a server that was told not to; stricter than "on" stays as it is.

    Nobody waits longer for another's lock than on SQLite: a batch behind it is answered with busy.
    """
    cursor = dbapi_connection.cursor()
    cursor.execute(f"SELECT set_config('lock_timeout', '{BUSY_TIMEOUT_MS}', false)")
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    cursor.close()
    dbapi_connection.commit()


def is_open(connection: Connection) -> bool:
    """Whether the transaction is still there. On a full disk SQLite rolls back by itself and says nothing at COMMIT."""
    driver = connection.connection.dbapi_connection
    return bool(getattr(driver, "in_transaction", True))


def is_unwritable(error: BaseException) -> bool:
    """Whether ``error`` says that the database cannot keep anything right now, whatever was asked."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _UNWRITABLE_SQLITE
    return error.connection_invalidated or _sqlstate(error).startswith(_UNWRITABLE_POSTGRES)


def is_replayable(error: BaseException) -> bool:
    """Whether PostgreSQL chose this transaction as the victim of a deadlock, so that it may simply be done again."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in _REPLAYABLE


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
