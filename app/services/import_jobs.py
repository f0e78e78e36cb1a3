"""One file of products worked through, a few rows at a time, so that the shop goes on beside it.

How far a job is stands in the transaction of the rows themselves: one that was broken off goes on where it was, and
no row counts twice.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import images
from app.clock import Clock
from app.schemas.imports import Format, ImportOut
from app.services.history import record
from app.services.import_files import FileRefused, FileRow, ProductFile
from app.services.import_plan import Importer, Places, Plan, apply_plan, make_plan
from db.database import Database, Done
from db.queries import catalogue
from db.queries import imports as queries

logger = logging.getLogger(__name__)

CHUNK_S = 0.01
"""What the writer is to spend on a few rows; twice as much is its limit for work in the background."""
FEWEST, MOST = 4, 100
MOST_REPORTED = 10_000
"""Refused rows of a job that are kept; the others are only counted."""
TRIES = 3


class ImportJobs:
    """Runs single jobs. `app.services.imports` lines them up."""

    def __init__(self, products: Database, data: Path, clock: Clock) -> None:
        self._products, self._clock = products, clock
        self._pictures = images.folder(data)

    async def run(self, job_id: int, path: Path, importer: Importer, told: Callable[[ImportOut], object]) -> None:
        """Work through the file from where the job is; ``told`` hears of each step.

        Returns when the job has ended: all rows done, the file refused, or the job cancelled by somebody.

        Raises:
            Busy: nothing can be written; the job goes on when this is called again.
        """
        job = await self._products.read(partial(queries.get_job, job_id=job_id))
        assert job is not None
        try:
            with closing(await asyncio.to_thread(ProductFile, path, job.format)) as file:
                await asyncio.to_thread(file.skip_to, job.bytes_done)
                await self._work_through(job, file, importer, told)
        except FileNotFoundError:
            await self.end(job_id, importer, "missing_file")
        except FileRefused as refusal:
            await self.end(job_id, importer, refusal.code, refusal)

    async def end(
        self, job_id: int, importer: Importer, problem: str | None = None, refusal: FileRefused | None = None
    ) -> None:
        """Note that a job has ended, well or by a problem, and in the history what it did."""

        def work(session: Session) -> Done[None]:
            errors = [(refusal.line, None, refusal.errors)] if refusal and refusal.errors else []
            queries.add_refused(session, job_id, errors)
            end_job(session, job_id, importer, problem, self._clock.now())
            return Done(None)

        await self._products.write(work, background=True)

    async def _work_through(
        self, job: Any, file: ProductFile, importer: Importer, told: Callable[[ImportOut], object]
    ) -> None:
        waiting: list[FileRow] = []
        count, rows = FEWEST, job.rows
        while True:
            if len(waiting) < count:
                waiting += await asyncio.to_thread(file.read, count)
            chunk = _without_repetition(waiting[:count])
            if not chunk:
                break
            del waiting[: len(chunk)]
            notes = [(file.header_line, None, file.notes)] if file.notes and rows == 0 else []
            done = await self._work(job, chunk, notes, importer)
            if done is None:
                return  # cancelled
            shown, took_s = done
            rows = shown.rows
            told(shown)
            count = max(FEWEST, min(MOST, 2 * count, int(len(chunk) * CHUNK_S / max(took_s, 1e-6))))
        if rows == 0:
            raise FileRefused("no_rows", file.header_line)
        await self.end(job.id, importer)

    async def _work(
        self, job: Any, rows: list[FileRow], notes: list[Any], importer: Importer
    ) -> tuple[ImportOut, float] | None:
        """Take some rows; returns how far the job is then, and for how long the writer was busy."""
        for _ in range(TRIES - 1):
            try:
                return await self._try(job, rows, notes, importer)
            except IntegrityError:  # another process was faster: it has added a product, or moved a category
                logger.info("rows of import %s met a change by somebody else; they are taken again", job.id)
        return await self._try(job, rows, notes, importer)

    async def _try(
        self, job: Any, rows: list[FileRow], notes: list[Any], importer: Importer
    ) -> tuple[ImportOut, float] | None:
        places = Places(await self._products.read(catalogue.list_categories))
        articles = [one.row.article for one in rows if one.row]

        def plan(connection: Connection, *, lock: bool) -> Plan:
            present = queries.list_present(connection, articles, lock=lock)
            return make_plan(rows, present, places, self._has_picture, importer)

        looked = await self._products.read(partial(plan, lock=False)) if job.dry_run else None

        def work(session: Session) -> Done[tuple[ImportOut, float] | None]:
            begun, now = time.perf_counter(), self._clock.now()
            found = queries.get_job(session.connection(), job.id)
            if found is None or found.status != "running":
                return Done(None)
            planned = looked or plan(session.connection(), lock=True)
            events = [] if job.dry_run else apply_plan(session, planned, importer, now)
            room = max(0, MOST_REPORTED - found.refused)
            queries.add_refused(session, job.id, [*notes, *planned.refused[:room]])
            queries.change_job(
                session,
                job.id,
                now,
                bytes_done=rows[-1].end,
                rows=found.rows + len(rows),
                added=found.added + planned.added,
                changed=found.changed + len(planned.changes) - planned.added,
                unchanged=found.unchanged + planned.unchanged,
                refused=found.refused + len(planned.refused),
            )
            shown = import_out(queries.get_job(session.connection(), job.id))
            return Done((shown, time.perf_counter() - begun), events)

        return await self._products.write(work, background=True)

    def _has_picture(self, name: str) -> bool:
        return images.NAME.fullmatch(name) is not None and (self._pictures / name).is_file()


def begin_job(
    session: Session,
    status: str,
    name: str,
    size: int,
    file_format: Format,
    dry_run: bool,
    by: int | None,
    now: datetime,
) -> int:
    """Write a job down; returns its id."""
    return queries.add_job(
        session,
        status=status,
        format=file_format,
        dry_run=dry_run,
        file_name=name[:200],
        bytes_total=size,
        service_person_id=by,
        creation_time=now,
        edit_time=now,
    )


def end_job(session: Session, job_id: int, importer: Importer, problem: str | None, now: datetime) -> None:
    """Note in a transaction that a job has ended; does nothing if it had."""
    job = queries.get_job(session.connection(), job_id)
    if job is None or job.status not in queries.UNFINISHED:
        return
    is_whole = {"bytes_done": job.bytes_total} if problem is None else {}
    status = "done" if problem is None else "failed"
    queries.change_job(session, job_id, now, status=status, problem=problem, **is_whole)
    if not job.dry_run and (job.added or job.changed):
        counts = {
            name: getattr(job, name) for name in ("file_name", "rows", "added", "changed", "unchanged", "refused")
        }
        record(session, importer.actor, "import_products", "import", job_id, now, after={**counts, "problem": problem})


def import_out(row: Any) -> ImportOut:
    """A row of a job as it is shown."""
    values = {name: getattr(row, name) for name in ImportOut.model_fields if name != "staff_id"}
    return ImportOut(**values, staff_id=row.service_person_id)


def _without_repetition(rows: list[FileRow]) -> list[FileRow]:
    """The rows up to the first that speaks of a product again: it must meet what the one before has made of it."""
    seen: set[int] = set()
    for index, one in enumerate(rows):
        if one.row is not None:
            if one.row.article in seen:
                return rows[:index]
            seen.add(one.row.article)
    return rows
