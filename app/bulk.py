"""Import and export of products on the command line: beside a running server, or without one."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.clock import Clock
from app.schemas.imports import Format, ImportErrorOut, ImportOut
from app.services.exports import ExportService
from app.services.import_files import find_format
from app.services.import_jobs import ImportJobs, begin_job, end_job, import_out
from app.services.import_plan import Importer
from db.database import Database, Done
from db.lock import import_lock
from db.queries import imports as queries

SHOWN_ERRORS = 100
BEGINNING_BYTES = 64
COMMAND_LINE = Importer()


async def import_products(
    products: Database, data: Path, file: Path, dry_run: bool, told: Callable[[ImportOut], object]
) -> tuple[ImportOut, Sequence[ImportErrorOut]]:
    """Take a file of products; ``told`` hears how far it is. Returns how it ended, and the first refused rows.

    Another process may write at the same time: each few rows are a transaction of their own.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as opened:
        beginning, size = opened.read(BEGINNING_BYTES), os.fstat(opened.fileno()).st_size
    with import_lock(data):
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
            await ImportJobs(products, data, clock).run(job_id, file, COMMAND_LINE, told)
        except BaseException:
            await products.write(end)
            raise

        def read(connection: Connection) -> tuple[ImportOut, Sequence[ImportErrorOut]]:
            rows = queries.list_refused(connection, job_id, 0, SHOWN_ERRORS)
            job = import_out(queries.get_job(connection, job_id))
            return job, [ImportErrorOut.model_validate(row) for row in rows]

        return await products.read(read)


async def export_products(products: Database, file: Path) -> None:
    """Write all products into ``file``, NDJSON if it is named so, CSV otherwise; it appears when it is whole.

    Raises:
        OSError: the file cannot be written.
    """
    file_format: Format = "ndjson" if file.suffix in (".ndjson", ".jsonl") else "csv"
    part = file.with_name(f"{file.name}.part")
    exports = ExportService(products, Clock())
    await exports.note(None, file_format)
    try:
        with part.open("wb") as opened:
            async for page in exports.pages(file_format):
                opened.write(page)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
