"""Figures from the rollups that orders keep: a year is some hundreds of rows, however many orders it had."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from db.models.products import Comment, OrdersDay, Product, SalesDay

AnyRow = Row[*tuple[Any, ...]]
FEW = 5
MOST_LOW = 20


def list_days(connection: Connection, since: date, until: date) -> Sequence[AnyRow]:
    """Days with orders, both ends included: day, placed, cancelled, revenue_minor."""
    columns = OrdersDay.day, OrdersDay.placed, OrdersDay.cancelled, OrdersDay.revenue_minor
    return connection.execute(
        select(*columns).where(OrdersDay.day >= since, OrdersDay.day <= until).order_by(OrdersDay.day)
    ).all()


def list_pieces(connection: Connection, since: date, until: date) -> Sequence[AnyRow]:
    """Pieces sold by day."""
    quantity = func.sum(SalesDay.quantity).label("quantity")
    return connection.execute(
        select(SalesDay.day, quantity)
        .where(SalesDay.day >= since, SalesDay.day <= until)
        .group_by(SalesDay.day)
        .order_by(SalesDay.day)
    ).all()


def list_top(
    connection: Connection, since: date, until: date, sort: Literal["revenue", "quantity"], limit: int
) -> Sequence[AnyRow]:
    """Products with what they sold: article, name, quantity, revenue_minor; the best first."""
    quantity, revenue = func.sum(SalesDay.quantity), func.sum(SalesDay.revenue_minor)
    best = revenue if sort == "revenue" else quantity
    sold = (
        select(SalesDay.product_id, quantity.label("quantity"), revenue.label("revenue_minor"))
        .where(SalesDay.day >= since, SalesDay.day <= until)
        .group_by(SalesDay.product_id)
        .having(quantity > 0)
        .order_by(best.desc(), SalesDay.product_id)
        .limit(limit)
        .subquery()
    )
    order = sold.c.revenue_minor if sort == "revenue" else sold.c.quantity
    return connection.execute(
        select(Product.article, Product.name, sold.c.quantity, sold.c.revenue_minor)
        .join(sold, sold.c.product_id == Product.id)
        .order_by(order.desc(), Product.id)
    ).all()


def list_low_stock(connection: Connection) -> Sequence[AnyRow]:
    """Published products of which few are left, the fewest first."""
    return connection.execute(
        select(Product.article, Product.name, Product.remains)
        .where(Product.status == "published", Product.remains <= FEW)
        .order_by(Product.remains, Product.id)
        .limit(MOST_LOW)
    ).all()


def count_waiting_comments(connection: Connection) -> int:
    """Comments that nobody has looked at yet."""
    return connection.execute(select(func.count(Comment.id)).where(Comment.status == "pending")).scalar_one()
