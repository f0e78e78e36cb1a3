"""What products cost: the effective price in their rows, and the log of it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Integer,
    Row,
    Select,
    Update,
    bindparam,
    case,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from db.json_rows import INT, JSON, TIME, JsonRows
from db.models.base import Id, UtcDateTime
from db.models.products import PriceLog, Product, ProductCategory, ProductGroup

AnyRow = Row[*tuple[Any, ...]]

LOOK_BACK = timedelta(days=30)

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
_log = select(PriceLog.id, PriceLog.start_time, PriceLog.price_minor, PriceLog.effective_minor).where(
    PriceLog.product_id == bindparam("product_id")
)
_place = tuple_(PriceLog.start_time, PriceLog.id)
_given_place = tuple_(bindparam("time", type_=UtcDateTime()), bindparam("id", type_=Id))
_newest = _log.order_by(PriceLog.start_time.desc(), PriceLog.id.desc())
_last_full = _newest.where(PriceLog.effective_minor >= PriceLog.price_minor).limit(1)
_next = _log.where(_place > _given_place).order_by(PriceLog.start_time, PriceLog.id).limit(1)
_in_force = _newest.where(PriceLog.start_time <= bindparam("moment", type_=UtcDateTime())).limit(1)
_lowest = select(func.min(PriceLog.effective_minor)).where(
    PriceLog.product_id == bindparam("product_id"),
    PriceLog.start_time >= bindparam("moment", type_=UtcDateTime()),
    _place <= _given_place,
)
_page_of_log = _newest.limit(bindparam("most", type_=Integer()))
_later_page_of_log = _page_of_log.where(_place < _given_place)


def list_priced(session: Session, product_ids: Sequence[int]) -> Sequence[AnyRow]:
    """What decides the prices of these products, by id. At most some hundreds at once."""
    return session.connection().execute(_priced.where(Product.id.in_(product_ids))).all()


_PRICES = JsonRows(id=INT, effective_minor=INT, valid_until=TIME, promotion=JSON)
_OWN_PRICES = JsonRows(id=INT, price_minor=INT, discount_bp=INT)
_ENTRIES = JsonRows(
    product_id=INT, price_minor=INT, effective_minor=INT, start_time=TIME, service_person_id=INT, promotion_id=INT
)


def set_prices(session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows of id, effective price, valid_until, promotion; each product's rev rises."""
    if rows:
        connection = session.connection()
        connection.execute(_set_prices(connection.dialect.name), _PRICES.parameter(connection, rows))


@lru_cache
def _set_prices(dialect: str) -> Update:
    given = _PRICES.table(dialect)
    values = {name: given.c[name] for name in _PRICES.names if name != "id"}
    return update(Product).where(Product.id == given.c.id).values(**values, rev=Product.rev + 1)


def note_edit(session: Session, product_id: int, now: datetime) -> None:
    """Staff have edited a product: its version rises."""
    edit = update(Product).where(Product.id == product_id)
    session.execute(edit.values(version=Product.version + 1, edit_time=now))


def set_own_prices(session: Session, rows: Sequence[tuple[int, int, int]]) -> None:
    """Give products another price and discount: rows of id, price, discount. `set_prices` must follow.

    No effective price exceeds the price.
    """
    connection = session.connection()
    connection.execute(_set_own_prices(connection.dialect.name), _OWN_PRICES.parameter(connection, rows))


@lru_cache
def _set_own_prices(dialect: str) -> Update:
    given = _OWN_PRICES.table(dialect)
    price = given.c.price_minor
    effective = case((Product.effective_minor > price, price), else_=Product.effective_minor)
    values = {"price_minor": price, "discount_bp": given.c.discount_bp, "effective_minor": effective}
    return update(Product).where(Product.id == given.c.id).values(**values)


def add_price_log(session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
    """Note what products cost: product, price, effective price, since when, by whom, by which promotion."""
    if rows:
        connection = session.connection()
        connection.execute(_add_log(connection.dialect.name), _ENTRIES.parameter(connection, rows))


@lru_cache
def _add_log(dialect: str) -> Insert:
    return insert(PriceLog).from_select(_ENTRIES.names, select(*_ENTRIES.table(dialect).c), include_defaults=False)


def list_touched(connection: Connection, scope: str, targets: Collection[Any], after_id: int, limit: int) -> list[int]:
    """Ids of products within a promotion's scope, above ``after_id``. A tag may be on any product, so that is all.

    One more scope is ``stale``: those whose price some promotion has had a part in.
    """
    found = select(Product.id).where(Product.id > after_id).order_by(Product.id).limit(limit)
    if scope == "products":
        found = found.where(Product.article.in_(targets))
    elif scope == "categories":
        found = found.where(Product.category_id.in_(_ids_of(ProductCategory, targets)))
    elif scope == "groups":
        found = found.where(Product.group_id.in_(_ids_of(ProductGroup, targets)))
    elif scope == "stale":
        found = found.where(Product.valid_until.is_not(None))
    return list(connection.execute(found).scalars())


def list_price_log(
    connection: Connection, product_id: int, after: tuple[datetime, int] | None, limit: int
) -> Sequence[AnyRow]:
    """What a product has cost, newest first; older than ``after`` (time and id) if given."""
    given = {"product_id": product_id, "most": limit}
    if after is None:
        return connection.execute(_page_of_log, given).all()
    return connection.execute(_later_page_of_log, {**given, "time": after[0], "id": after[1]}).all()


def get_lowest_price(connection: Connection, product_id: int, now: datetime) -> int | None:
    """The lowest price of the 30 days before the present reduction began, as the EU's Omnibus directive has it.

    The reduction began when the product last ceased to cost its full price: growing reductions are one. A price counts
    if it was in force at any moment of those days. None: the product has never been sold at its full price.
    """
    of_product = {"product_id": product_id}
    full = connection.execute(_last_full, of_product).one_or_none()
    if full is None:
        return None
    last_full = {**of_product, "time": full.start_time, "id": full.id}
    began = connection.execute(_next, last_full).one_or_none()
    moment = (began.start_time if began else now) - LOOK_BACK  # none: it has begun, and the log does not know it yet
    before = connection.execute(_in_force, {**of_product, "moment": moment}).one_or_none()
    during = connection.execute(_lowest, {**last_full, "moment": moment}).scalar_one()
    return min(price for price in (before and before.effective_minor, during) if price is not None)


def _ids_of(model: type[ProductGroup] | type[ProductCategory], slugs: Collection[str]) -> Select[Any]:
    return select(model.id).where(model.slug.in_(slugs))
