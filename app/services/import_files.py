"""A file of products, read a few rows at a time: encoding, separators, and rows told apart however broken some are.

Blocking: for a thread. Nothing here holds more of a file than a few rows.
"""

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import ValidationError

from app.schemas.imports import Format, ProductRow
from app.services.import_columns import ARTICLE, DESCRIPTION, Column, find_column, read_cells
from app.violations import list_violations, make_pointer

CHUNK_BYTES = 2**16
LINE_BYTES = 2**18
"""Of one line; a description has 20,000 characters."""
ROW_LINES = 200
"""Of one row with line breaks in its cells. A quote that nobody closes must not swallow the rest of the file."""
SEPARATORS = ";,\t"

Errors = list[dict[str, str]]


class FileRefused(Exception):
    """The file as a whole cannot be taken: a code, and what is wrong in the line of the header."""

    def __init__(self, code: str, line: int = 1, errors: Errors | None = None) -> None:
        super().__init__(code)
        self.code, self.line, self.errors = code, line, errors or []


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row: the line where it begins, what it says or why that cannot be understood, and where the next one begins."""

    line: int
    end: int
    row: ProductRow | None = None
    article: int | None = None
    errors: Errors | None = None


class _Line(NamedTuple):
    """A line, with its number; of one that ``is_cut`` only the beginning, the rest was skipped."""

    text: bytes
    number: int
    length: int
    is_cut: bool


class _Lines:
    """The lines of a file, of which some may be put back. ``offset`` is where the next one begins."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: deque[_Line] = deque()
        self._number = 0
        self.offset = 0

    def close(self) -> None:
        self._file.close()

    def next(self) -> _Line | None:
        line = self._waiting.popleft() if self._waiting else self._read()
        if line is not None:
            self.offset += line.length
        return line

    def put_back(self, lines: list[_Line]) -> None:
        self._waiting.extendleft(reversed(lines))
        self.offset -= sum(line.length for line in lines)

    def skip_to(self, offset: int) -> None:
        while self.offset < offset and self.next() is not None:
            pass

    def _read(self) -> _Line | None:
        text = part = self._file.readline(LINE_BYTES)
        if not text:
            return None
        length = len(text)
        while len(part) == LINE_BYTES and not part.endswith(b"\n"):
            part = self._file.readline(LINE_BYTES)
            length += len(part)
        self._number += 1
        return _Line(text, self._number, length, length > len(text))


class ProductFile:
    """An open file. ``notes`` are columns of the header that are not known, and ignored.

    Raises (when made):
        FileRefused: empty, binary, in no encoding that we know, or without a header that we understand.
    """

    def __init__(self, path: Path, file_format: Format) -> None:
        self._encoding = find_encoding(path, file_format)
        self._lines = _Lines(path.open("rb"))
        self._separator = ""
        self._columns: list[Column | None] = []
        self.header_line = 1
        self.notes: Errors = []
        try:
            if file_format == "csv":
                self._read_header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._lines.close()

    def skip_to(self, offset: int) -> None:
        """Go on where a row ended."""
        self._lines.skip_to(offset)

    def read(self, count: int) -> list[FileRow]:
        """The next rows, at most so many; none at the end."""
        found: list[FileRow] = []
        while len(found) < count and (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> FileRow | None:
        while (line := self._lines.next()) is not None:
            if line.is_cut:
                return self._refuse(line, "row_too_long", "This line is too long")
            if line.text.strip():
                one = self._read_table_row(line) if self._columns else self._read_json(line)
                if one is not None:
                    return one
        return None

    # One product to a line

    def _read_json(self, line: _Line) -> FileRow:
        try:
            row = ProductRow.model_validate_json(_without_mark(line.text))
        except ValidationError as error:
            return FileRow(line.number, self._lines.offset, errors=list_violations(error))
        return FileRow(line.number, self._lines.offset, row, row.article)

    # Tables

    def _read_header(self) -> None:
        while (line := self._lines.next()) is not None and not _without_mark(line.text).strip():
            pass
        if line is None:
            raise FileRefused("empty_file")
        text, number = self._decode(_without_mark(line.text)), line.number
        self._separator = max(SEPARATORS, key=lambda one: len(_split(text, one)))
        names = _split(text, self._separator)
        self._columns, self.header_line = [find_column(name) for name in names], number
        known = [column for column in self._columns if column is not None]
        if ARTICLE not in known:
            detail = "A table of products needs a column «артикул» (article)"
            raise FileRefused("missing_column", number, [_error("article", "missing_column", detail)])
        if twice := [column for column in set(known) if known.count(column) > 1]:
            detail = "This column stands there twice"
            errors = [_error(column.names[0], "repeated_column", detail) for column in twice]
            raise FileRefused("repeated_column", number, errors)
        unknown = [name for name, column in zip(names, self._columns, strict=True) if column is None and name.strip()]
        detail = "This column is not known; it is ignored"
        self.notes = [_error(name, "unknown_column", detail) for name in unknown[:100]]

    def _read_table_row(self, line: _Line) -> FileRow | None:
        """The row that begins with ``line``; None if all its cells are empty."""
        taken: list[_Line] = []
        cells, width = self._read_record(line, taken), len(self._columns)
        if cells is not None and not any(cell.strip() for cell in cells):
            return None
        if cells is not None and len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells = cells[:width]  # spreadsheets leave such behind
        if cells is None or len(cells) != width:
            self._lines.put_back(taken)  # it may have had the quote that took good rows into this one
            if cells is None:
                return self._refuse(line, "broken_row", "A quote is not closed, or stands where none may be")
            return self._refuse(line, "wrong_width", f"{len(cells)} cells, where the header has {width}")
        values, errors = read_cells(self._columns, cells)
        number, end, article = line.number, self._lines.offset, values.get("article")
        try:
            row = ProductRow.model_validate(values)
        except ValidationError as error:
            known = {one["pointer"] for one in errors}
            errors += [one for one in list_violations(error) if one["pointer"] not in known]
        return FileRow(number, end, None, article, errors) if errors else FileRow(number, end, row, article)

    def _read_record(self, line: _Line, taken: list[_Line]) -> list[str] | None:
        """The cells of a row, whose cells may have line breaks; None if it is broken. ``taken``: its further lines."""

        def lines() -> Iterator[str]:
            yield self._decode(line.text)
            while len(taken) < ROW_LINES and (more := self._lines.next()) is not None:
                taken.append(more)
                yield self._decode(more.text)

        try:
            cells = next(csv.reader(lines(), delimiter=self._separator, strict=True))
        except csv.Error:
            return None
        named = zip(self._columns, cells, strict=False)
        is_broken = any("\n" in cell for column, cell in named if column is not None and column is not DESCRIPTION)
        return None if is_broken else cells

    def _decode(self, line: bytes) -> str:
        return line.decode(self._encoding, "replace")  # a line that was cut may end within a letter

    def _refuse(self, line: _Line, code: str, detail: str) -> FileRow:
        return FileRow(line.number, self._lines.offset, errors=[{"pointer": "", "code": code, "detail": detail}])


def find_encoding(path: Path, file_format: Format) -> str:
    """utf-8, or windows-1251 for a table that is none; the file is read to its end for it.

    Raises:
        FileRefused: nothing in it (empty_file), not text (binary_file), or text in another encoding (wrong_encoding).
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    wrong = right = 0
    may_be_1251, has_text, is_first, begins_with_mark = file_format == "csv", False, True, False
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if is_first:
                begins_with_mark, is_first = chunk.startswith(codecs.BOM_UTF8), False
                if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise FileRefused("wrong_encoding")
            if b"\0" in chunk:
                raise FileRefused("binary_file")
            has_text = has_text or bool(chunk.removeprefix(codecs.BOM_UTF8).strip())
            if not chunk.isascii() or decoder.getstate()[0]:
                may_be_1251 = may_be_1251 and b"\x98" not in chunk  # the one byte that means nothing there
                text = decoder.decode(chunk)
                damaged = text.count("\ufffd")
                wrong += damaged
                right += len(text) - len(text.encode("ascii", "ignore")) - damaged
    wrong += decoder.decode(b"", final=True).count("\ufffd")
    if not has_text:
        raise FileRefused("empty_file")
    if not wrong:
        return "utf-8"
    # In windows-1251 next to no two letters make one of UTF-8: where many do, it is UTF-8 that was damaged.
    if not may_be_1251 or begins_with_mark or right > wrong:
        raise FileRefused("wrong_encoding")
    return "cp1251"


def find_format(beginning: bytes) -> Format:
    """What a file is whose first bytes are these: lines of JSON begin with a brace, a header does not."""
    return "ndjson" if _without_mark(beginning).lstrip().startswith(b"{") else "csv"


def _without_mark(line: bytes) -> bytes:
    return line.removeprefix(codecs.BOM_UTF8)


def _split(header: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def _error(name: str, code: str, detail: str) -> dict[str, Any]:
    return {"pointer": make_pointer(name.strip()), "code": code, "detail": detail}
