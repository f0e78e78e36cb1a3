"""Imports of products: files come in, wait for their turn, and are worked through one after another."""

import asyncio
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Conflict, NotFound
from app.schemas.imports import (
    FileIn,
    ImportErrorOut,
    ImportErrorPage,
    ImportErrorsQuery,
    ImportOut,
    ImportPage,
    ImportQuery,
    ImportsQuery,
)
from app.services.import_files import find_format
from app.services.import_jobs import ImportJobs, begin_job, end_job, import_out
from app.services.import_plan import Importer
from app.services.once import Keyed, Once, once
from db.database import Busy, Databases, Done
from db.queries import imports as queries
from db.queries import staff

logger = logging.getLogger(__name__)

FOLDER = "imports"
"""Below the data folder: files that wait for their turn, by the id of their job."""
RIGHT = "import"
RETRY_S = 1.0


class Incoming:
    """A file on its way in, written down as it comes. ``is_taken``: it belongs to a job now."""

    def __init__(self, path: Path) -> None:
        self.is_taken = False
        self._path = path
        self._file = path.open("xb")
        self._digest = blake2b(digest_size=32)
        self._beginning, self._size = b"", 0

    def keep(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self._size += len(chunk)
        if len(self._beginning) < 64:
            self._beginning += chunk[:64]

    def describe(self, name: str, query: ImportQuery) -> FileIn:
        """What has come, and how it is to be taken."""
        file_format = query.format or find_format(self._beginning)
        digest = self._digest.hexdigest()
        return FileIn(dry_run=query.dry_run, format=file_format, name=name, size=self._size, digest=digest)

    def finish(self) -> None:
        """Have all of it on disk. Blocking."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def move(self, path: Path) -> None:
        """Give the file another name; it may get one more."""
        self._path = self._path.replace(path)

    def close(self) -> None:
        """Remove what nobody has taken."""
        self._file.close()
        if not self.is_taken:
            self._path.unlink(missing_ok=True)


class ImportService:
    """Started and stopped with the application. What it has not finished when it stops, the next start goes on with."""

    def __init__(self, databases: Databases, data: Path, clock: Clock) -> None:
        self._products, self._users, self._clock = databases.products, databases.users, clock
        self._folder = data / FOLDER
        self._jobs = ImportJobs(databases.products, data, clock)
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        wanted = {str(job) for job in await self._products.read(queries.list_unfinished)}
        for path in self._folder.glob("*"):
            if path.name not in wanted:
                path.unlink()
        self._task = asyncio.create_task(self._run(), name="imports")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextmanager
    def receive(self) -> Iterator[Incoming]:
        """A place for a file that comes; what `add` has not taken is gone in the end."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        incoming = Incoming(self._folder / f"{secrets.token_hex(8)}.part")
        with closing(incoming):
            yield incoming

    async def add(self, actor: Actor, incoming: Incoming, form: FileIn, keyed: Keyed | None) -> Once[ImportOut]:
        """Line a file up. Raises Conflict: the key was used for another file."""
        now = self._clock.now()
        await asyncio.to_thread(incoming.finish)

        def work(session: Session) -> Done[ImportOut]:
            job_id = begin_job(session, "waiting", form.name, form.size, form.format, form.dry_run, actor.id, now)
            incoming.move(self._folder / str(job_id))  # before the commit: a job that is there has its file
            return Done(import_out(queries.get_job(session.connection(), job_id)))

        added = await self._products.write(once(keyed, ImportOut, now, work))
        incoming.is_taken = not added.is_replay
        self._woken.set()
        return added

    async def get(self, job_id: int) -> ImportOut:
        """How far an import is. Raises NotFound."""
        return import_out(await self._products.read(partial(_access, job_id=job_id), hot=True))

    async def list_imports(self, query: ImportsQuery) -> ImportPage:
        """A page of imports, newest first."""
        rows = await self._products.read(lambda c: queries.list_jobs(c, query.before, query.limit + 1))
        shown = [import_out(row) for row in rows[: query.limit]]
        return ImportPage(items=shown, next=shown[-1].id if len(rows) > query.limit else None)

    async def list_errors(self, job_id: int, query: ImportErrorsQuery) -> ImportErrorPage:
        """A page of what an import has refused, in the order of the file. Raises NotFound."""

        def read(connection: Connection) -> Any:
            _access(connection, job_id)
            return queries.list_refused(connection, job_id, query.after or 0, query.limit + 1)

        rows = await self._products.read(read)
        shown = [ImportErrorOut.model_validate(row) for row in rows[: query.limit]]
        return ImportErrorPage(items=shown, next=shown[-1].line if len(rows) > query.limit else None)

    async def cancel(self, actor: Actor, job_id: int) -> ImportOut:
        """End an import where it is; what it has done stays. Once more changes nothing.

        Raises:
            Conflict: it has ended by itself.
            NotFound.
        """
        now = self._clock.now()

        def work(session: Session) -> Done[ImportOut]:
            job = _access(session.connection(), job_id)
            if job.status not in queries.UNFINISHED and job.problem != "cancelled":
                raise Conflict("This import has ended.", reason="ended")
            end_job(session, job_id, Importer(actor), "cancelled", now)
            return Done(import_out(_access(session.connection(), job_id)))

        cancelled = await self._products.write(work)
        (self._folder / str(job_id)).unlink(missing_ok=True)
        return cancelled

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                job = await self._products.write(self._take, background=True)
                if job is None:
                    await self._woken.wait()
                    continue
                await self._work(job)
            except Busy:
                logger.warning("imports wait until something can be written")
                await asyncio.sleep(RETRY_S)
            except Exception:
                logger.exception("an import failed")
                await asyncio.sleep(RETRY_S)

    def _take(self, session: Session) -> Done[Any]:
        """The next job, which is under way from now on."""
        job = queries.next_job(session.connection())
        if job is not None and job.status == "waiting":
            queries.change_job(session, job.id, self._clock.now(), status="running")
        return Done(job)

    async def _work(self, job: Any) -> None:
        path, importer = self._folder / str(job.id), Importer()
        try:
            person = await self._users.read(lambda c: staff.get_person(c, job.service_person_id))
            importer = _importer(person)
            if importer.actor is None or not importer.actor.has(RIGHT):
                await self._jobs.end(job.id, importer, "forbidden")
            else:
                await self._jobs.run(job.id, path, importer, told=lambda _: None)
        except Busy:
            raise
        except Exception:
            logger.exception("import %s failed", job.id)
            await self._jobs.end(job.id, importer, "internal")
        path.unlink(missing_ok=True)


def _importer(person: Any) -> Importer:
    """The person with today's rights; nobody, if they are not at work here any more."""
    if person is None or not person.is_active:
        return Importer()
    actor = Actor("staff", person.id, person.username, person.role, frozenset(person.allows), audience="staff")
    return Importer(actor, person.uuid)


def _access(connection: Connection, job_id: int) -> Any:
    job = queries.get_job(connection, job_id)
    if job is None:
        raise NotFound
    return job
