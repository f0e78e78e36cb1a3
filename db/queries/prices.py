"""What products cost: the effective price in their rows, and the log of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, case, insert, select, update
from sqlalchemy.orm import Session

from db.models.products import PriceLog, Product, ProductCategory, ProductGroup

AnyRow = Row[*tuple[Any, ...]]

_priced = (
    select(
        Product.id,
        Product.article,
        Product.price_minor,
        Product.discount_bp,
        Product.effective_minor,
        Product.valid_until,
        Product.promotion,
        Product.tags,
        Product.rev,
        ProductCategory.slug.label("category_slug"),
        ProductGroup.slug.label("group_slug"),
    )
    .join(ProductCategory, ProductCategory.id == Product.category_id)
    .join(ProductGroup, ProductGroup.id == Product.group_id)
    .order_by(Product.id)
)
_set_price = (
    update(Product)
    .where(Product.id == bindparam("wanted"))
    .values(
        effective_minor=bindparam("effective"),
        valid_until=bindparam("until"),
        promotion=bindparam("by"),
        rev=Product.rev + 1,
    )
)


def list_priced(session: Session, product_ids: Sequence[int]) -> Sequence[AnyRow]:
    """What decides the prices of these products, by id. At most some hundreds at once."""
    return session.connection().execute(_priced.where(Product.id.in_(product_ids))).all()


def set_prices(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write effective prices: rows of ``wanted`` (the id), ``effective``, ``until``, ``by``; each rev rises."""
    if rows:
        session.connection().execute(_set_price, list(rows))


def set_own_price(session: Session, product_id: int, price_minor: int, discount_bp: int) -> None:
    """Give a product another price and discount; `set_prices` must follow. No effective price exceeds the price."""
    effective = case((Product.effective_minor > price_minor, price_minor), else_=Product.effective_minor)
    session.execute(
        update(Product)
        .where(Product.id == product_id)
        .values(price_minor=price_minor, discount_bp=discount_bp, effective_minor=effective)
    )


def add_price_log(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Note what products cost, each from its ``start_time`` on."""
    if rows:
        session.connection().execute(insert(PriceLog), list(rows))
