"""The statements of every message, past SQLAlchemy: on SQLite its own work takes longer than the statement."""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

_DIALECT = SQLiteDialect_pysqlite(paramstyle="named")


def execute(connection: Connection, statement: Executable, **parameters: Any) -> Sequence[Any]:
    """Execute ``statement`` in the open transaction and return its rows.

    It must be made once and kept: it is compiled when it is first seen. Parameters and results are what the driver
    takes and gives, numbers and texts. Errors are SQLAlchemy's.
    """
    if connection.dialect.name != "sqlite":
        result = connection.execute(statement, parameters)
        return result.all() if result.returns_rows else ()
    text, own = _compiled(statement)
    driver: Any = connection.connection.dbapi_connection
    try:
        return driver.execute(text, own | parameters).fetchall()  # type: ignore[no-any-return]
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True) from error


@lru_cache
def _compiled(statement: ClauseElement) -> tuple[str, dict[str, Any]]:
    """The text, and the values that stand in the statement itself."""
    compiled = statement.compile(dialect=_DIALECT)
    return compiled.string, compiled.params
