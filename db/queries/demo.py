"""Statements of the demo: its mark in each database, how much there is, and who."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Session

from db.models.messanger import MessangerBase, UserChat
from db.models.products import Product, ProductCategory, ProductGroup, ProductsBase
from db.models.users import ServicePerson, User, UsersBase

AnyRow = Row[*tuple[Any, ...]]
MARK = "demo"

_BASES: dict[str, type[DeclarativeBase]] = {
    "products": ProductsBase,
    "users": UsersBase,
    "messanger": MessangerBase,
}
# A row in one of these is somebody's shop.
_FIRST_TABLES = {"products": "Product", "users": "Login", "messanger": "UserChat"}


def has_mark(connection: Connection, name: str) -> bool:
    """Whether the database ``name`` carries the mark of a demo."""
    meta = _table(name, "Meta")
    return connection.execute(select(meta.c.key).where(meta.c.key == MARK)).first() is not None


def is_used(connection: Connection, name: str) -> bool:
    """Whether somebody has put something in that is no demo's."""
    first = _table(name, _FIRST_TABLES[name])
    is_empty = connection.execute(select(first).limit(1)).first() is None
    return not is_empty and not has_mark(connection, name)


def set_mark(session: Session, name: str, seed: int) -> None:
    """Mark the database. Belongs into the transaction that fills it."""
    session.execute(insert(_table(name, "Meta")).values(key=MARK, value=str(seed)))


def count_catalogue(connection: Connection) -> tuple[int, int, int]:
    """How many groups, categories and products."""
    return _count(connection, ProductGroup), _count(connection, ProductCategory), _count(connection, Product)


def count_chats(connection: Connection) -> int:
    return _count(connection, UserChat)


def list_staff(connection: Connection) -> Sequence[AnyRow]:
    """Columns id, uuid, username, role; the first made first."""
    columns = (ServicePerson.id, ServicePerson.uuid, ServicePerson.username, ServicePerson.role)
    return connection.execute(select(*columns).order_by(ServicePerson.id).limit(100)).all()


def list_users(connection: Connection, usernames: Sequence[str]) -> Sequence[AnyRow]:
    """Columns id, username of these users."""
    statement = select(User.id, User.username).where(User.username.in_(usernames)).order_by(User.id)
    return connection.execute(statement).all()


def list_guests(connection: Connection, limit: int) -> Sequence[int]:
    """The ids of the first guests."""
    statement = select(User.id).where(User.role == "guest").order_by(User.id).limit(limit)
    return connection.execute(statement).scalars().all()


def _count(connection: Connection, model: type[DeclarativeBase]) -> int:
    return connection.execute(select(func.count()).select_from(model)).scalar_one()


def _table(name: str, table: str) -> Table:
    return _BASES[name].metadata.tables[table]
