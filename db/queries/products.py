"""Statements on the catalogue: groups, categories, products. Reads are Core, columns named, pages by key."""

from collections.abc import Iterable, Mapping, Sequence
from secrets import randbelow
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from db.models.base import Id
from db.models.products import Meta, PriceLog, Product, ProductCategory, ProductGroup, StockMove

AnyRow = Row[*tuple[Any, ...]]
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
all_products = (
    select(*_product, *_group, *_category)
    .join(ProductCategory, ProductCategory.id == Product.category_id)
    .join(ProductGroup, ProductGroup.id == Product.group_id)
)
_one_product = all_products.where(Product.article == bindparam("wanted"))
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


def _ids(session: Session, model: type[ProductGroup] | type[ProductCategory], slugs: Sequence[str]) -> dict[str, int]:
    return {row.slug: row.id for row in session.execute(select(model.slug, model.id).where(model.slug.in_(slugs)))}
