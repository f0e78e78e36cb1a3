"""Statements behind lists and search: what has changed since, and the products of a page by their ids."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Select, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from db.json_rows import INT, JsonRows
from db.models.products import Meta, Product, ProductCategory, ProductChange, ProductGroup
from db.queries.products import EPOCH, AnyRow, all_products
from db.search.words import VERSION

INDEXED = "texts"
"""In Meta: which normaliser the index of texts was made with, and the last change that is in it."""

_IDS = JsonRows(id=INT)
_place = (
    ProductCategory.slug.label("category_slug"),
    ProductCategory.name.label("category_name"),
    ProductGroup.slug.label("group_slug"),
    ProductGroup.name.label("group_name"),
)
_shelved = (
    Product.id,
    Product.name,
    Product.status,
    Product.price_minor,
    Product.effective_minor,
    Product.tags,
    Product.specifications,
    Product.country_origin,
    Product.sold,
    Product.remains,
    Product.r1,
    Product.r2,
    Product.r3,
    Product.r4,
    Product.r5,
    Product.creation_manager_uuid,
    Product.creation_time,
)
_texts = (
    Product.id,
    Product.article,
    Product.name,
    Product.tags,
    Product.specifications,
    Product.country_origin,
    Product.description,
)


@lru_cache
def _products_by_id(dialect: str) -> Select[*tuple[Any, ...]]:
    given = _IDS.table(dialect)
    return all_products.join(given, given.c.id == Product.id)


def _changed(counter: Any, columns: Sequence[Any]) -> Select[*tuple[Any, ...]]:
    """Changes beyond ``after`` in their order, with the product as it is now; no ``id`` if it is gone."""
    # The page is cut from the index of the counter before anything is joined.
    changes = (
        select(ProductChange.product_id, counter.label("seq"))
        .where(counter > bindparam("after"))
        .order_by(counter)
        .limit(bindparam("most", type_=Integer()))
        .subquery()
    )
    return (
        select(changes.c.product_id, changes.c.seq, *columns, *_place)
        .outerjoin(Product, Product.id == changes.c.product_id)
        .outerjoin(ProductCategory, ProductCategory.id == Product.category_id)
        .outerjoin(ProductGroup, ProductGroup.id == Product.group_id)
        .order_by(changes.c.seq)
    )


_changes = _changed(ProductChange.seq, _shelved)
_text_changes = _changed(ProductChange.text_seq, _texts)
_epoch = select(Meta.value).where(Meta.key == EPOCH).scalar_subquery()
_state = select(
    _epoch.label("epoch"),
    select(func.max(ProductChange.seq)).scalar_subquery().label("seq"),
    select(func.max(ProductChange.text_seq)).scalar_subquery().label("text_seq"),
)
_indexed = select(Meta.value).where(Meta.key == INDEXED)


class State(NamedTuple):
    """How far the catalogue is: its epoch, its last change, and the last one that search sees."""

    epoch: int
    seq: int
    text_seq: int


def get_state(connection: Connection) -> State:
    """How far the catalogue is. Three looks into indexes."""
    row = connection.execute(_state).one()
    return State(int(row.epoch or 0), row.seq or 0, row.text_seq or 0)


def list_changes(connection: Connection, after: int, limit: int) -> Sequence[AnyRow]:
    """Products that have changed since ``after``, oldest change first, with what filters and orders need."""
    return connection.execute(_changes, {"after": after, "most": limit}).all()


def list_text_changes(connection: Connection, after: int, limit: int) -> Sequence[AnyRow]:
    """Products whose texts have changed since ``after``, oldest change first, with those texts."""
    return connection.execute(_text_changes, {"after": after, "most": limit}).all()


def list_products_by_id(connection: Connection, ids: Sequence[int]) -> Sequence[AnyRow]:
    """Products with the names of their group and category, in the order of ``ids``; without those that are gone."""
    given = _IDS.parameter(connection, ((one,) for one in ids))
    rows = connection.execute(_products_by_id(connection.dialect.name), given)
    found = {row.id: row for row in rows}
    return [found[one] for one in ids if one in found]


def get_indexed(connection: Connection) -> int:
    """The last change that is in the index of texts; 0 if it must be made anew."""
    version, _, seq = (connection.execute(_indexed).scalar_one_or_none() or "").partition(":")
    return int(seq) if version == str(VERSION) else 0


def set_indexed(session: Session, seq: int) -> None:
    """Note the last change that is in the index."""
    session.execute(delete(Meta).where(Meta.key == INDEXED))
    session.execute(insert(Meta).values(key=INDEXED, value=f"{VERSION}:{seq}"))
