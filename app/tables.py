"""Answers that are tables, to be saved as CSV."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import hdrs, web

from app.cells import csv_bytes

CSV = "text/csv"


def wants_csv(request: web.Request) -> bool:
    """Whether Accept names CSV; JSON is what everybody else gets."""
    return CSV in request.headers.get(hdrs.ACCEPT, "")


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> web.Response:
    """Answer with a table to be saved as ``name``.csv: UTF-8 with a byte order mark, cells parted by semicolons."""
    headers = {
        hdrs.CONTENT_TYPE: f"{CSV}; charset=utf-8",
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}.csv"',
        hdrs.CACHE_CONTROL: "no-store",
    }
    return web.Response(body=BOM_UTF8 + csv_bytes([columns, *_cells(columns, rows)]), headers=headers)


def _cells(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterable[list[Any]]:
    return ([row[column] for column in columns] for row in rows)
