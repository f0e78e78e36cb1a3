"""Many rows as one parameter: a JSON list that the database itself takes apart, on both engines alike.

One statement with one parameter, however many rows there are: the driver is called once, so the writer's thread gives
the interpreter up once, where an executemany would do so for each row.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    String,
    Subquery,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from db.models.base import JsonText, UtcDateTime

INT: TypeEngine[Any] = BigInteger().with_variant(Integer(), "sqlite")
TEXT: TypeEngine[Any] = String()
TIME: TypeEngine[Any] = UtcDateTime()
JSON: TypeEngine[Any] = JsonText

_ROWS = "rows"  # the name of the parameter


class JsonRows:
    """The shape of such rows: ``JsonRows(id=INT, data=JSON)``. Rows are tuples in that order."""

    def __init__(self, **columns: TypeEngine[Any]) -> None:
        self.names = list(columns)
        self._columns = columns
        self._times = [index for index, kind in enumerate(columns.values()) if kind is TIME]

    @lru_cache  # noqa: B019 - there are a handful of shapes, and they live as long as the program
    def table(self, dialect: str) -> Subquery:
        """The rows as a derived table with typed columns, for a statement that is executed with `parameter`."""
        given = bindparam(_ROWS, type_=String)
        if dialect == "postgresql":
            record = func.jsonb_to_recordset(cast(given, JSONB))
            typed = record.table_valued(*(column(name, kind) for name, kind in self._columns.items()))
            return select(*typed.render_derived(name="given", with_types=True).c).subquery("given")
        each = func.json_each(given).table_valued("value", name="each")
        fields = (
            func.json_extract(each.c.value, literal_column(f"'$[{index}]'"), type_=kind).label(name)
            for index, (name, kind) in enumerate(self._columns.items())
        )
        return select(*fields).subquery("given")

    def parameter(self, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> dict[str, str]:
        """The rows encoded, with times as the engine stores them."""
        if connection.dialect.name == "postgresql":
            return {_ROWS: to_json([dict(zip(self.names, row, strict=True)) for row in rows]).decode()}
        plain = [list(row) for row in rows]
        for index in self._times:
            for row in plain:
                row[index] = _time(row[index])
        return {_ROWS: to_json(plain).decode()}


@lru_cache(1024)  # the rows of one write carry the same few times
def _time(value: datetime | None) -> str | None:
    """As SQLAlchemy stores it in SQLite."""
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")
