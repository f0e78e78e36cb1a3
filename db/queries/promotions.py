"""Statements on promotions and announcements, whose tables are alike: each row is there for some time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from db.models.base import UtcDateTime
from db.models.products import Announcement, Product, ProductCategory, ProductGroup, Promotion

AnyRow = Row[*tuple[Any, ...]]
Planned = type[Promotion] | type[Announcement]
Period = Literal["active", "planned", "ended", "all"]

_since = (
    select(*Promotion.__table__.c)
    .where(Promotion.ends_at > bindparam("moment", type_=UtcDateTime()))
    .order_by(Promotion.ends_at, Promotion.id)
)
_target_columns = {"products": Product.article, "categories": ProductCategory.slug, "groups": ProductGroup.slug}


def list_since(connection: Connection, moment: datetime) -> Sequence[AnyRow]:
    """The promotions that had not ended at ``moment``, planned ones too: as many as staff make, read as a whole."""
    return connection.execute(_since, {"moment": moment}).all()


def list_planned(
    connection: Connection, model: Planned, period: Period, now: datetime, before_id: int | None, limit: int
) -> Sequence[AnyRow]:
    """Promotions or announcements of a period, newest first; those older than ``before_id`` if given."""
    page = select(*model.__table__.c).order_by(model.id.desc()).limit(limit)
    if period == "active":
        page = page.where(model.starts_at <= now, model.ends_at > now)
    elif period == "planned":
        page = page.where(model.starts_at > now)
    elif period == "ended":
        page = page.where(model.ends_at <= now)
    if before_id is not None:
        page = page.where(model.id < before_id)
    return connection.execute(page).all()


def get_planned(connection: Connection, model: Planned, planned_id: int) -> AnyRow | None:
    """One promotion or announcement, whenever it runs."""
    return connection.execute(select(*model.__table__.c).where(model.id == planned_id)).one_or_none()


def add_planned(session: Session, model: Planned, values: Mapping[str, Any]) -> AnyRow:
    """Add a promotion or announcement."""
    return session.connection().execute(insert(model).values(**values).returning(*model.__table__.c)).one()


def change_planned(session: Session, model: Planned, planned_id: int, values: Mapping[str, Any]) -> AnyRow:
    """Change a promotion or announcement; its version rises."""
    change = update(model).where(model.id == planned_id).values(**values, version=model.version + 1)
    return session.connection().execute(change.returning(*model.__table__.c)).one()


def remove_planned(session: Session, model: Planned, planned_id: int) -> None:
    """Take a promotion or announcement away. A price log may still name it."""
    session.connection().execute(delete(model).where(model.id == planned_id))


def list_known_targets(
    session: Session, scope: Literal["products", "categories", "groups"], targets: Collection[Any]
) -> set[Any]:
    """Those of the articles or slugs that are there."""
    column = _target_columns[scope]
    return set(session.connection().execute(select(column).where(column.in_(targets))).scalars())
