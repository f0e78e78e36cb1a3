"""Statements for who watches the store: states of products and orders, and the versions that tell what has changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, select

from db.models.base import Id
from db.models.products import Order, Product, ProductCategory, ProductGroup
from db.models.users import UserCart

AnyRow = Row[*tuple[Any, ...]]

_of_articles = Product.article.in_(bindparam("articles", expanding=True))
_products = (
    select(
        Product.article,
        Product.status,
        Product.price_minor,
        Product.discount_bp,
        Product.tags,
        Product.remains,
        Product.version,
        Product.rev,
        ProductCategory.slug.label("category_slug"),
        ProductGroup.slug.label("group_slug"),
    )
    .join(ProductCategory, ProductCategory.id == Product.category_id)
    .join(ProductGroup, ProductGroup.id == Product.group_id)
    .where(_of_articles)
    .order_by(Product.article)
)
_revs = select(Product.article, Product.rev).where(_of_articles).order_by(Product.article)
_cart_versions = (
    select(UserCart.owner_id, UserCart.version)
    .where(UserCart.owner_id.in_(bindparam("owners", expanding=True)))
    .order_by(UserCart.owner_id)
)
_order = select(Order.id, Order.number, Order.user_id, Order.status, Order.payment_status, Order.version)
_orders = _order.where(Order.id.in_(bindparam("ids", expanding=True))).order_by(Order.id)
_newest = _order.order_by(Order.id.desc()).limit(bindparam("most", type_=Integer()))
_newest_own = _newest.where(Order.user_id == bindparam("owner", type_=Id))


def list_products(connection: Connection, articles: Collection[int]) -> Sequence[AnyRow]:
    """What decides the state of each of these products, whatever its status."""
    return connection.execute(_products, {"articles": articles}).all()


def list_revs(connection: Connection, articles: Collection[int]) -> Mapping[int, int]:
    """The revs of these products by article."""
    return {row.article: row.rev for row in connection.execute(_revs, {"articles": articles})}


def list_cart_versions(connection: Connection, owners: Collection[int]) -> Mapping[int, int]:
    """The versions of these customers' carts by owner."""
    return {row.owner_id: row.version for row in connection.execute(_cart_versions, {"owners": owners})}


def list_orders(connection: Connection, ids: Collection[int]) -> Sequence[AnyRow]:
    """How far these orders are."""
    return connection.execute(_orders, {"ids": ids}).all()


def list_newest_orders(connection: Connection, user_id: int | None, most: int) -> Sequence[AnyRow]:
    """How far the newest orders are, of one customer or of all, newest first."""
    if user_id is None:
        return connection.execute(_newest, {"most": most}).all()
    return connection.execute(_newest_own, {"most": most, "owner": user_id}).all()
