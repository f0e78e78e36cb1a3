"""Many rows as one parameter: a list of objects that the database itself takes apart, on both engines alike.

One statement with one JSON parameter, however many rows there are: the driver is called once, so the writer's thread
gives the interpreter up once, where an executemany would do so for each row.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import BigInteger, Connection, Integer, String, Subquery, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from db.models.base import JsonText, UtcDateTime

INT: TypeEngine[Any] = BigInteger().with_variant(Integer(), "sqlite")
TEXT: TypeEngine[Any] = String()
TIME: TypeEngine[Any] = UtcDateTime()
JSON: TypeEngine[Any] = JsonText

ROWS = "rows"  # the name of the parameter


def json_rows(dialect: str, columns: Mapping[str, TypeEngine[Any]]) -> Subquery:
    """A derived table of the objects in the parameter ``rows``, with typed columns. Pass the rows by `encode_rows`."""
    if dialect == "postgresql":
        record = func.jsonb_to_recordset(cast(bindparam(ROWS, type_=String), JSONB))
        typed = record.table_valued(*(column(name, kind) for name, kind in columns.items())).render_derived(
            name="given", with_types=True
        )
        return select(*typed.c).subquery("given")
    each = func.json_each(bindparam(ROWS, type_=String)).table_valued("value", name="each")
    fields = (func.json_extract(each.c.value, f"$.{name}", type_=kind).label(name) for name, kind in columns.items())
    return select(*fields).subquery("given")


def encode_rows(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The parameter for `json_rows`. Times are written as the engine stores them."""
    shape = _time_for_sqlite if connection.dialect.name == "sqlite" else _time_for_postgres
    plain = [{name: shape(value) if type(value) is datetime else value for name, value in row.items()} for row in rows]
    return {ROWS: to_json(plain).decode()}


def _time_for_sqlite(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _time_for_postgres(value: datetime) -> str:
    return value.isoformat()
