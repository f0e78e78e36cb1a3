"""Statements on orders, their lines, and the days' sales that change with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from db.models.base import Id
from db.models.products import Order, OrderLine, OrdersDay, Product, ProductCategory, ProductGroup, SalesDay

AnyRow = Row[*tuple[Any, ...]]

# Statements that every order needs are built once: to build one costs more than to run it.
_ORDER, _LINE = Order.metadata.tables["Order"], Order.metadata.tables["OrderLine"]
_order = select(*_ORDER.c)
_one_order = _order.where(_ORDER.c.id == bindparam("wanted", type_=Id))
_locked_order = _one_order.with_for_update()
_lines = (
    select(
        OrderLine.order_id,
        OrderLine.product_id,
        OrderLine.article,
        OrderLine.name,
        OrderLine.image,
        OrderLine.price_minor,
        OrderLine.quantity,
        OrderLine.source,
    )
    .where(OrderLine.order_id.in_(bindparam("orders", expanding=True)))
    .order_by(OrderLine.order_id, OrderLine.id)
)
_for_sale = (
    select(
        Product.id,
        Product.article,
        Product.name,
        Product.status,
        Product.price_minor,
        Product.discount_bp,
        Product.tags,
        ProductCategory.slug.label("category_slug"),
        ProductGroup.slug.label("group_slug"),
        Product.remains,
        Product.images,
        Product.rev,
    )
    .join(ProductCategory, ProductCategory.id == Product.category_id)
    .join(ProductGroup, ProductGroup.id == Product.group_id)
    .where(Product.article.in_(bindparam("articles", expanding=True)))
    .order_by(Product.id)
    .with_for_update(of=Product)
)
_by_cart = select(_ORDER.c.id, _ORDER.c.number).where(
    _ORDER.c.user_id == bindparam("owner", type_=Id), _ORDER.c.cart_version == bindparam("ordered", type_=Id)
)
_newest = select(func.max(_ORDER.c.id)).where(_ORDER.c.user_id == bindparam("owner", type_=Id))
_by_number = select(_ORDER.c.id).where(_ORDER.c.number == bindparam("wanted"))
_add_line = insert(_LINE)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders; what is None does not matter. ``phone`` as it is stored."""

    user_id: int | None = None
    status: str | None = None
    payment_status: str | None = None
    number: str | None = None
    phone: str | None = None


# Reading


def get_order(connection: Connection, order_id: int) -> AnyRow | None:
    """An order, whoever's it is."""
    return connection.execute(_one_order, {"wanted": order_id}).one_or_none()


def list_orders(connection: Connection, wanted: OrderFilter, before: int | None, limit: int) -> Sequence[AnyRow]:
    """Orders with an id below ``before``, newest first."""
    statement = _order
    if wanted.user_id is not None:
        statement = statement.where(Order.user_id == wanted.user_id)
    if wanted.status is not None:
        statement = statement.where(Order.status == wanted.status)
    if wanted.payment_status is not None:
        statement = statement.where(Order.payment_status == wanted.payment_status)
    if wanted.number is not None:
        statement = statement.where(Order.number == wanted.number)
    if wanted.phone is not None:
        statement = statement.where(Order.contact_phone == wanted.phone)
    if before is not None:
        statement = statement.where(Order.id < before)
    return connection.execute(statement.order_by(Order.id.desc()).limit(limit)).all()


def list_lines(connection: Connection, order_ids: Sequence[int]) -> Sequence[AnyRow]:
    """The lines of these orders (a page of them at most), in the order of the cart."""
    return connection.execute(_lines, {"orders": order_ids}).all()


def list_ended_holds(connection: Connection, now: datetime, limit: int) -> Sequence[int]:
    """Ids of orders that were to be paid by now, the longest overdue first."""
    statement = select(Order.id).where(Order.hold_until <= now).order_by(Order.hold_until, Order.id).limit(limit)
    return connection.execute(statement).scalars().all()


def next_hold(connection: Connection) -> datetime | None:
    """When the next order is to be paid."""
    statement = select(Order.hold_until).where(Order.hold_until.is_not(None)).order_by(Order.hold_until).limit(1)
    return connection.execute(statement).scalar_one_or_none()


# Writing


def lock_products(session: Session, articles: Iterable[int]) -> Sequence[AnyRow]:
    """The products to be sold, by id. Nobody else moves their stock until the end of this transaction."""
    return session.connection().execute(_for_sale, {"articles": sorted(articles)}).all()


def lock_order(session: Session, order_id: int) -> AnyRow | None:
    """An order that is to be changed in this transaction."""
    return session.connection().execute(_locked_order, {"wanted": order_id}).one_or_none()


def last_order_of(connection: Connection, user_id: int) -> int:
    """The id of the user's newest order, 0 if there is none."""
    return connection.execute(_newest, {"owner": user_id}).scalar_one() or 0


def find_by_cart(session: Session, user_id: int, cart_version: int) -> AnyRow | None:
    """The order of that version of the user's cart: id and number."""
    return session.connection().execute(_by_cart, {"owner": user_id, "ordered": cart_version}).one_or_none()


def has_number(session: Session, number: str) -> bool:
    """Whether an order has it."""
    return session.connection().execute(_by_number, {"wanted": number}).first() is not None


def add_order(session: Session, values: dict[str, Any]) -> int | None:
    """Add an order; returns its id. None: that version of the cart has been ordered, a moment ago and elsewhere."""
    added: int | None = session.connection().execute(_adding_order(_is_postgres(session)), values).scalar_one_or_none()
    return added


def add_lines(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add the lines of an order."""
    session.connection().execute(_add_line, list(rows))


def set_order(session: Session, order_id: int, now: datetime, values: dict[str, Any]) -> None:
    """Change an order that is locked; its version rises."""
    changed = {**values, "edit_time": now, "version": Order.version + 1}
    session.connection().execute(update(Order).where(Order.id == order_id).values(**changed))


def add_sales(session: Session, day: date, sales: Sequence[tuple[int, int, int]]) -> None:
    """Add (product id, pieces, minor units) to the day's sales; negative takes them out again."""
    rows = [
        {"day": day, "product_id": product_id, "quantity": quantity, "revenue_minor": revenue}
        for product_id, quantity, revenue in sorted(sales)
    ]
    session.connection().execute(_adding_to(SalesDay, _is_postgres(session)), rows)


def add_to_day(session: Session, day: date, *, placed: int = 0, cancelled: int = 0, revenue_minor: int) -> None:
    """Add to the day's orders; negative takes out again."""
    row = {"day": day, "placed": placed, "cancelled": cancelled, "revenue_minor": revenue_minor}
    session.connection().execute(_adding_to(OrdersDay, _is_postgres(session)), row)


@lru_cache
def _adding_order(is_postgres: bool) -> Any:
    adding = (postgres_insert if is_postgres else sqlite_insert)(_ORDER)
    return adding.on_conflict_do_nothing(index_elements=["user_id", "cart_version"]).returning(_ORDER.c.id)


@lru_cache
def _adding_to(model: type[SalesDay] | type[OrdersDay], is_postgres: bool) -> Any:
    """Add to the row's numbers, or begin it with them."""
    table = model.metadata.tables[model.__tablename__]
    adding = (postgres_insert if is_postgres else sqlite_insert)(table)
    sums = {column.name: column + adding.excluded[column.name] for column in table.c if not column.primary_key}
    return adding.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)


def _is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
