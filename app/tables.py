"""Tables as CSV that spreadsheets open by a double click, and that cannot make them calculate."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import hdrs, web

CSV = "text/csv"
_CALCULATES = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet (CWE-1236)."""


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
    return web.Response(body=b"\xef\xbb\xbf" + csv_bytes([columns, *_cells(columns, rows)]), headers=headers)


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as UTF-8 without a mark, lines ended as spreadsheets end them."""
    into = io.StringIO()
    csv.writer(into, delimiter=";", lineterminator="\r\n").writerows([safe_cell(cell) for cell in row] for row in rows)
    return into.getvalue().encode()


def safe_cell(cell: Any) -> Any:
    """The cell with an apostrophe before it if a spreadsheet would take it for a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_CALCULATES) else cell


def money_cell(minor: int) -> str:
    """Minor units as a spreadsheet in Russian reads them: 129990 is 1299,90."""
    sign, (whole, part) = ("-" if minor < 0 else ""), divmod(abs(minor), 100)
    return f"{sign}{whole},{part:02}"


def _cells(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterable[list[Any]]:
    return ([row[column] for column in columns] for row in rows)
