"""Statements on groups and categories: reading them, and what staff change about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.orm import Session

from db.models.products import Product, ProductCategory, ProductGroup, Promotion

AnyRow = Row[*tuple[Any, ...]]
Place = TypeVar("Place", ProductGroup, ProductCategory)

MOST_GROUPS, MOST_CATEGORIES = 200, 2000

_groups = (
    select(
        ProductGroup.id,
        ProductGroup.slug,
        ProductGroup.name,
        ProductGroup.image,
        ProductGroup.description,
        ProductGroup.position,
    )
    .where(ProductGroup.archived.is_(False))
    .order_by(ProductGroup.position, ProductGroup.id)
    .limit(MOST_GROUPS)
)
_categories = (
    select(
        ProductCategory.id,
        ProductCategory.slug,
        ProductCategory.name,
        ProductCategory.image,
        ProductCategory.description,
        ProductCategory.position,
        ProductCategory.group_id,
        ProductGroup.slug.label("group_slug"),
        ProductGroup.name.label("group_name"),
    )
    .join(ProductGroup, ProductGroup.id == ProductCategory.group_id)
    .where(ProductCategory.archived.is_(False), ProductGroup.archived.is_(False))
    .order_by(ProductGroup.position, ProductGroup.id, ProductCategory.position, ProductCategory.id)
    .limit(MOST_CATEGORIES)
)


def list_groups(connection: Connection) -> Sequence[AnyRow]:
    """Groups that are not archived, in display order."""
    return connection.execute(_groups).all()


def get_group(connection: Connection, slug: str) -> AnyRow | None:
    """One group that is not archived."""
    return connection.execute(_groups.where(ProductGroup.slug == slug)).one_or_none()


def list_categories(connection: Connection, group_id: int | None = None) -> Sequence[AnyRow]:
    """Categories that are not archived, of groups that are not, in display order; of one group if given."""
    statement = _categories if group_id is None else _categories.where(ProductCategory.group_id == group_id)
    return connection.execute(statement).all()


def get_category(connection: Connection, slug: str) -> AnyRow | None:
    """One category that is not archived."""
    return connection.execute(_categories.where(ProductCategory.slug == slug)).one_or_none()


def access_place(session: Session, model: type[Place], slug: str) -> Place | None:
    """The group or category to be changed in this transaction, unless it is archived."""
    statement = select(model).where(model.slug == slug, model.archived.is_(False)).with_for_update()
    return session.execute(statement).scalar_one_or_none()


def list_slugs(session: Session, model: type[Place], stem: str) -> Sequence[str]:
    """The slugs that begin with ``stem``, also of what is archived."""
    beginning = model.slug.startswith(stem, autoescape=True)
    return session.execute(select(model.slug).where(beginning).order_by(model.slug)).scalars().all()


def count_products(session: Session, category_id: int, *, is_archived: bool) -> int:
    """How many products a category has: archived ones, or all others."""
    counted = select(func.count()).where(
        Product.category_id == category_id, (Product.status == "archived").is_(is_archived)
    )
    return session.execute(counted).scalar_one()


def has_archived_categories(session: Session, group_id: int) -> bool:
    """Whether an archived category still belongs to the group."""
    found = select(ProductCategory.id).where(ProductCategory.group_id == group_id, ProductCategory.archived)
    return session.execute(found.limit(1)).first() is not None


def list_product_ids(session: Session, category_id: int) -> Sequence[int]:
    """Ids of all products of a category, archived ones too."""
    return session.execute(select(Product.id).where(Product.category_id == category_id)).scalars().all()


def move_products(session: Session, category_id: int, to: ProductCategory) -> None:
    """Put all products of a category into another one, also archived ones. Their answers say it: each rev rises."""
    session.execute(
        update(Product)
        .where(Product.category_id == category_id)
        .values(category_id=to.id, group_id=to.group_id, rev=Product.rev + 1)
        .execution_options(synchronize_session=False)
    )


def touch_products(session: Session, model: type[Place], place_id: int) -> None:
    """Raise the rev of all products of a group or category: their answers name it."""
    inside = Product.group_id if model is ProductGroup else Product.category_id
    session.execute(
        update(Product)
        .where(inside == place_id)
        .values(rev=Product.rev + 1)
        .execution_options(synchronize_session=False)
    )


def has_place_promotions(session: Session, now: datetime) -> bool:
    """Whether a promotion that has not ended is one for categories or groups."""
    found = select(Promotion.id).where(Promotion.ends_at > now, Promotion.scope.in_(("categories", "groups")))
    return session.execute(found.limit(1)).first() is not None
