"""All products as a file, written page by page, so that it takes no more memory than a page."""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.actor import Actor
from app.cells import csv_bytes
from app.clock import Clock
from app.schemas.imports import Format
from app.services.history import record
from app.services.import_columns import COLUMNS, write_cells
from db.database import Database, Done
from db.queries import imports as queries

PAGE = 500


class ExportService:
    """Exports what `app.services.imports` takes: imported again unchanged, it changes nothing."""

    def __init__(self, products: Database, clock: Clock) -> None:
        self._products, self._clock = products, clock

    async def note(self, actor: Actor | None, file_format: Format) -> None:
        """Write into the history that somebody takes the catalogue along."""
        now = self._clock.now()

        def work(session: Session) -> Done[None]:
            record(session, actor, "export_products", "export", 0, now, after={"format": file_format})
            return Done(None)

        await self._products.write(work)

    async def pages(self, file_format: Format) -> AsyncIterator[bytes]:
        """The file in parts: products in the order in which they came, each page as of its own moment."""
        write = _table if file_format == "csv" else _lines
        if file_format == "csv":
            yield BOM_UTF8 + csv_bytes([[column.names[0] for column in COLUMNS]])
        after = 0
        while True:
            after, page = await self._products.read(partial(_page, after=after, write=write))
            if not page:
                return
            yield page


def _page(connection: Connection, after: int, write: Any) -> tuple[int, bytes]:
    rows = queries.list_products(connection, after, PAGE)
    return (rows[-1].id, write(rows)) if rows else (after, b"")


def _table(rows: Sequence[Any]) -> bytes:
    return csv_bytes(write_cells(row) for row in rows)


def _lines(rows: Sequence[Any]) -> bytes:
    return b"".join(to_json(_product(row)) + b"\n" for row in rows)


def _product(row: Any) -> dict[str, Any]:
    return {
        "article": row.article,
        "name": row.name,
        "group": row.group_slug,
        "category": row.category_slug,
        "price": {"amount": row.price_minor},
        "discount": row.discount_bp / 100,
        "remains": row.remains,
        "status": row.status,
        "tags": row.tags,
        "specifications": row.specifications,
        "country_origin": row.country_origin,
        "description": row.description,
        "images": row.images,
    }
