"""Import and export of products on the command line: beside a running server, or without one."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.clock import Clock
from app.main import open_databases
from app.plain_words import Stop
from app.schemas.imports import Format, ImportErrorOut, ImportOut
from app.services.exports import ExportService
from app.services.import_files import find_format
from app.services.import_jobs import ImportJobs, begin_job, end_job, import_out
from app.services.import_plan import Importer
from app.settings import Settings
from db.backup import file_name
from db.database import Database, Done
from db.lock import import_lock
from db.queries import imports as queries

SHOWN_ERRORS = 100
BEGINNING_BYTES = 64
COMMAND_LINE = Importer()


async def import_products(
    settings: Settings, file: Path, dry_run: bool, told: Callable[[ImportOut], object]
) -> tuple[ImportOut, Sequence[ImportErrorOut]]:
    """Take a file of products; ``told`` hears how far it is. Returns how it ended, and the first refused rows.

    Another process may write at the same time: each few rows are a transaction of their own.

    Raises:
        Stop: there is no shop in the data folder.
        OSError: the file cannot be read.
    """
    with file.open("rb") as opened:
        beginning, size = opened.read(BEGINNING_BYTES), os.fstat(opened.fileno()).st_size
    async with _products(settings) as products:
        with import_lock(settings.data):
            clock = Clock()

            def begin(session: Session) -> Done[int]:
                for left_behind in queries.list_left_behind(session.connection()):
                    end_job(session, left_behind, COMMAND_LINE, "interrupted", clock.now())
                file_format = find_format(beginning)
                return Done(begin_job(session, "running", file.name, size, file_format, dry_run, None, clock.now()))

            def end(session: Session) -> Done[None]:
                end_job(session, job_id, COMMAND_LINE, "interrupted", clock.now())
                return Done(None)

            job_id = await products.write(begin)
            try:
                await ImportJobs(products, settings.data, clock).run(job_id, file, COMMAND_LINE, told)
            except BaseException:
                await products.write(end)
                raise

            def read(connection: Connection) -> tuple[ImportOut, Sequence[ImportErrorOut]]:
                rows = queries.list_refused(connection, job_id, 0, SHOWN_ERRORS)
                job = import_out(queries.get_job(connection, job_id))
                return job, [ImportErrorOut.model_validate(row) for row in rows]

            return await products.read(read)


async def export_products(settings: Settings, file: Path) -> None:
    """Write all products into ``file``, NDJSON if it is named so, CSV otherwise; it appears when it is whole.

    Raises:
        Stop: there is no shop in the data folder.
        OSError: the file cannot be written.
    """
    file_format: Format = "ndjson" if file.suffix in (".ndjson", ".jsonl") else "csv"
    part = file.with_name(f"{file.name}.part")
    async with _products(settings) as products:
        exports = ExportService(products, Clock())
        await exports.note(None, file_format)
        try:
            with part.open("wb") as opened:
                async for page in exports.pages(file_format):
                    opened.write(page)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


@asynccontextmanager
async def _products(settings: Settings) -> AsyncIterator[Database]:
    if not settings.products_url and not (settings.data / file_name("products")).exists():
        raise Stop(f"There is no shop in {settings.data}.")
    databases = await open_databases(settings)
    try:
        yield databases.products
    finally:
        await databases.close()
