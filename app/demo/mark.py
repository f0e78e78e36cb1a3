"""The mark that tells a demo's databases from a shop's, so that accounts known to everybody never reach production."""

from functools import partial

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.orm import DeclarativeBase, Session

from db.database import Databases
from db.models.messanger import MessangerBase
from db.models.products import ProductsBase
from db.models.users import UsersBase

KEY = "demo"

_BASES: dict[str, type[DeclarativeBase]] = {
    "products": ProductsBase,
    "users": UsersBase,
    "messanger": MessangerBase,
}
_FIRST_TABLES = {"products": "Product", "users": "Login", "messanger": "UserChat"}
"""A row in one of these is somebody's shop."""


async def demo_mark(databases: Databases) -> dict[str, bool]:
    """Which of the three databases carry the mark, by name."""
    return {name: await databases[name].read(partial(has_mark, name=name)) for name in _BASES}


async def is_demo(databases: Databases) -> bool:
    """Whether any of them is a demo's; `serve` refuses such databases."""
    return any((await demo_mark(databases)).values())


def has_mark(connection: Connection, name: str) -> bool:
    meta = _table(name, "Meta")
    return connection.execute(select(meta.c.key).where(meta.c.key == KEY)).first() is not None


def is_used(connection: Connection, name: str) -> bool:
    """Whether somebody has put something in that is no demo's."""
    first = _table(name, _FIRST_TABLES[name])
    is_empty = connection.execute(select(first).limit(1)).first() is None
    return not is_empty and not has_mark(connection, name)


def set_mark(session: Session, name: str, seed: int) -> None:
    """Mark the database, in the transaction that fills it."""
    session.execute(insert(_table(name, "Meta")).values(key=KEY, value=str(seed)))


def _table(name: str, table: str) -> Table:
    return _BASES[name].metadata.tables[table]
