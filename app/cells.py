"""Cells of tables as CSV: what spreadsheets open by a double click, and cannot be made to calculate by."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_CALCULATES = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet (CWE-1236)."""


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as UTF-8 without a mark, cells parted by semicolons, lines ended as spreadsheets end them."""
    into = io.StringIO()
    csv.writer(into, delimiter=";", lineterminator="\r\n").writerows([safe_cell(cell) for cell in row] for row in rows)
    return into.getvalue().encode()


def safe_cell(cell: Any) -> Any:
    """The cell with an apostrophe before it if a spreadsheet would take it for a formula; numbers stay numbers.

    So does a text that looks as if it had got one: `plain_cell` gives each text back as it was.
    """
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip("'").startswith(_CALCULATES) else cell


def plain_cell(cell: str) -> str:
    """The text that `safe_cell` has made safe."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_CALCULATES) else cell


def money_cell(minor: int) -> str:
    """Minor units as a spreadsheet in Russian reads them: 129990 is 1299,90."""
    sign, (whole, part) = ("-" if minor < 0 else ""), divmod(abs(minor), 100)
    return f"{sign}{whole},{part:02}"
