"""One database as the services see it: `read`, `write`, and nothing else of engines and threads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from db.engine import is_sqlite, make_async_engine, make_hot_engine, make_write_engine
from db.writer import Busy, Done, Pending, TaskWriter, ThreadWriter, Writer

__all__ = ["Busy", "Database", "Databases", "Done", "Pending"]

T = TypeVar("T")
Item = TypeVar("Item")


class Database:
    """Opened by `open`, closed by `close`. All work is given as plain functions that run where the engine wants them.

    ``publish`` may be set until the first write: the hub is built after the databases.
    """

    def __init__(self, name: str, url: str, **options: Any) -> None:
        self.name = name
        self.is_sqlite = is_sqlite(url)
        self.publish: Callable[[list[Any]], None] = lambda events: None
        self._url, self._options = url, options
        self._writer: Writer | None = None

    async def open(self) -> Self:
        """Start the writer and the read connections. Needs the running loop; the schema must be there already."""
        self._engine = make_async_engine(self._url)
        options = {**self._options, "name": self.name, "publish": lambda events: self.publish(events)}
        if self.is_sqlite:
            self._hot = make_hot_engine(self._url).connect()
            self._writer = ThreadWriter(make_write_engine(self._url), **options)
        else:
            self._writer = TaskWriter(self._engine, **options)
        return self

    async def close(self) -> None:
        """Finish what is queued, then close."""
        await self.writer.stop()
        if self.is_sqlite:
            self._hot.close()
        await self._engine.dispose()

    @property
    def writer(self) -> Writer:
        assert self._writer is not None, f"{self.name} is not open"
        return self._writer

    async def read(self, fn: Callable[[Connection], T], *, hot: bool = False) -> T:
        """Run ``fn(connection)`` on one snapshot, read-only.

        hot: the read is bounded and indexed, well under a millisecond. On SQLite it then runs right here: a thread hop
        costs more than the read.
        """
        if hot and self.is_sqlite:
            with self._hot.begin():
                return fn(self._hot)
        async with self._engine.connect() as connection:
            return await connection.run_sync(fn)

    def submit(self, work: Callable[[Session], Done[T]], *, background: bool = False) -> Pending[T]:
        """Put ``work(session)`` into the writer's next batch. See `db.writer`."""
        return self.writer.submit(work, background=background)

    def submit_run(self, run: Callable[[Connection, list[Item]], list[Done[T] | Exception]], item: Item) -> Pending[T]:
        """Put ``item`` into the writer's next run of ``run``. See `db.writer`."""
        return self.writer.submit_run(run, item)

    async def write(self, work: Callable[[Session], Done[T]], *, background: bool = False) -> T:
        """`submit`, and wait. Raises what the work raised, or Busy."""
        return await self.writer.submit(work, background=background)


@dataclass(frozen=True, slots=True)
class Databases:
    """The three. No foreign key and no transaction crosses them; effects do, by `db.outbox`."""

    products: Database
    users: Database
    messanger: Database

    @classmethod
    async def open(cls, urls: Mapping[str, str], **options: Any) -> Self:
        """Open all three. ``urls`` as `db.urls.database_urls` gives them; ``options`` go to the writers."""
        return cls(**{name: await Database(name, url, **options).open() for name, url in urls.items()})

    async def close(self) -> None:
        for database in self:
            await database.close()

    def __iter__(self) -> Any:
        return iter((self.products, self.users, self.messanger))

    def __getitem__(self, name: str) -> Database:
        database = getattr(self, name)
        assert isinstance(database, Database)
        return database
