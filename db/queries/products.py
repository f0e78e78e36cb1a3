"""Statements on the catalogue: groups, categories, products. Reads are Core, columns named, pages by key."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from secrets import randbelow
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from db.models.base import Id, UtcDateTime
from db.models.products import Meta, PriceLog, Product, ProductCategory, ProductGroup, StockMove

AnyRow = Row[*tuple[Any, ...]]
Position = tuple[datetime, int]
"""Where a page ended: creation_time and id of its last product."""

EPOCH = "catalogue"
CHUNK = 500

_group = (
    ProductGroup.id.label("group_id"),
    ProductGroup.slug.label("group_slug"),
    ProductGroup.name.label("group_name"),
)
_category = (ProductCategory.slug.label("category_slug"), ProductCategory.name.label("category_name"))
_product = (
    Product.id,
    Product.article,
    Product.name,
    Product.status,
    Product.price_minor,
    Product.discount_bp,
    Product.effective_minor,
    Product.valid_until,
    Product.remains,
    Product.r1,
    Product.r2,
    Product.r3,
    Product.r4,
    Product.r5,
    Product.tags,
    Product.specifications,
    Product.country_origin,
    Product.description,
    Product.images,
    Product.creation_time,
    Product.edit_time,
    Product.version,
    Product.rev,
)
_products = (
    select(*_product, *_group, *_category)
    .join(ProductCategory, ProductCategory.id == Product.category_id)
    .join(ProductGroup, ProductGroup.id == Product.group_id)
)
_one_product = _products.where(Product.article == bindparam("wanted"))
_epoch = select(Meta.value).where(Meta.key == EPOCH)


def get_epoch(connection: Connection) -> int:
    """The number that rises with every change of the catalogue that a list would show."""
    value = connection.execute(_epoch).scalar_one_or_none()
    return int(value or 0)


def raise_epoch(session: Session, by: int = 1) -> None:
    """Make every list be read anew. Belongs into the transaction that changed what lists show.

    ``by``: a restored catalogue jumps ahead of all the numbers that it may have had since its backup.
    """
    found = session.execute(_epoch.with_for_update()).scalar_one_or_none()
    if found is None:  # begins anywhere, so that no browser takes this catalogue for a former one at the same address
        session.execute(insert(Meta).values(key=EPOCH, value=str(randbelow(2**40))))
    else:
        session.execute(update(Meta).where(Meta.key == EPOCH).values(value=str(int(found) + by)))


@lru_cache
def newest_products(by_group: bool, by_category: bool, is_later: bool) -> Select[*tuple[Any, ...]]:
    """The statement of `list_products`, by which parameters are given. To build one costs more than to run it."""
    page = select(Product.id).where(Product.status == bindparam("status"))
    if by_group:
        page = page.where(Product.group_id == _id_of(ProductGroup, "group"))
    if by_category:
        page = page.where(Product.category_id == _id_of(ProductCategory, "category"))
    if is_later:
        after = tuple_(bindparam("after_time", type_=UtcDateTime()), bindparam("after_id", type_=Id))
        page = page.where(tuple_(Product.creation_time, Product.id) < after)
    order = (Product.creation_time.desc(), Product.id.desc())
    # The page is cut from the index before anything is joined: joined first, it could be sorted instead of walked.
    ids = page.order_by(*order).limit(bindparam("most", type_=Integer())).subquery()
    return _products.join(ids, ids.c.id == Product.id).order_by(*order)


def list_products(
    connection: Connection, status: str, group: str | None, category: str | None, after: Position | None, limit: int
) -> Sequence[AnyRow]:
    """Products of one status, newest first, with the names of their group and category; below ``after`` if given."""
    statement = newest_products(group is not None, category is not None, after is not None)
    after_time, after_id = after or (None, None)
    given = {
        "status": status,
        "group": group,
        "category": category,
        "after_time": after_time,
        "after_id": after_id,
        "most": limit,
    }
    return connection.execute(statement, {name: value for name, value in given.items() if value is not None}).all()


def get_product(connection: Connection, article: int) -> AnyRow | None:
    """One product, whatever its status."""
    return connection.execute(_one_product, {"wanted": article}).one_or_none()


def add_groups(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Add groups; returns their ids by slug."""
    session.execute(insert(ProductGroup), [dict(row) for row in rows])
    return _ids(session, ProductGroup, [row["slug"] for row in rows])


def add_categories(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Add categories; returns their ids by slug."""
    session.execute(insert(ProductCategory), [dict(row) for row in rows])
    return _ids(session, ProductCategory, [row["slug"] for row in rows])


def add_products(session: Session, rows: Iterable[Mapping[str, Any]], staff_id: int | None = None) -> int:
    """Add many products, all with the same columns, in chunks; returns how many. Makes lists be read anew.

    Each begins its ledger of stock and its price log at its ``creation_time``; ``staff_id`` is who added them.
    """
    waiting, added = list(rows), 0
    for start in range(0, len(waiting), CHUNK):
        chunk = [dict(row) for row in waiting[start : start + CHUNK]]
        session.execute(insert(Product), chunk)
        given = Product.article.in_([row["article"] for row in chunk])
        _begin_logs(session, given, staff_id)
        added += len(chunk)
    raise_epoch(session)
    return added


def _begin_logs(session: Session, given: ColumnElement[bool], staff_id: int | None) -> None:
    staff = literal(staff_id, Id)
    stock = select(
        Product.id, Product.remains, Product.remains, literal("opening"), literal(""), staff, Product.creation_time
    ).where(given, Product.remains > 0)
    columns = ["product_id", "delta", "remains", "reason", "note", "service_person_id", "creation_time"]
    session.execute(insert(StockMove).from_select(columns, stock))
    prices = select(Product.id, Product.price_minor, Product.effective_minor, staff, Product.creation_time).where(given)
    columns = ["product_id", "price_minor", "effective_minor", "service_person_id", "start_time"]
    session.execute(insert(PriceLog).from_select(columns, prices))


def _id_of(model: type[ProductGroup] | type[ProductCategory], parameter: str) -> Any:
    return select(model.id).where(model.slug == bindparam(parameter)).scalar_subquery()


def _ids(session: Session, model: type[ProductGroup] | type[ProductCategory], slugs: Sequence[str]) -> dict[str, int]:
    return {row.slug: row.id for row in session.execute(select(model.slug, model.id).where(model.slug.in_(slugs)))}
