"""Statements on products by the file: the jobs, what they refused, what is there already; and pages for exports."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, insert, select, update
from sqlalchemy.orm import Session

from db.models.products import ImportJob, ImportRow, Product, ProductCategory, ProductGroup

AnyRow = Row[*tuple[Any, ...]]

UNFINISHED = ("waiting", "running")

_jobs = select(*ImportJob.__table__.c)
_places = (
    ProductCategory.slug.label("category_slug"),
    ProductCategory.name.label("category_name"),
    ProductGroup.slug.label("group_slug"),
    ProductGroup.name.label("group_name"),
)
_products = (
    select(
        Product.id,
        Product.article,
        Product.name,
        Product.status,
        Product.category_id,
        Product.group_id,
        Product.price_minor,
        Product.discount_bp,
        Product.remains,
        Product.tags,
        Product.specifications,
        Product.country_origin,
        Product.description,
        Product.images,
        Product.version,
        Product.rev,
        *_places,
    )
    .join(ProductCategory, ProductCategory.id == Product.category_id)
    .join(ProductGroup, ProductGroup.id == Product.group_id)
    .order_by(Product.id)
)


def add_job(session: Session, **values: Any) -> int:
    """Add a job; returns its id."""
    job = ImportJob(**values)
    session.add(job)
    session.flush()
    return job.id


def get_job(connection: Connection, job_id: int) -> AnyRow | None:
    """One job."""
    return connection.execute(_jobs.where(ImportJob.id == job_id)).one_or_none()


def list_jobs(connection: Connection, before: int | None, limit: int) -> Sequence[AnyRow]:
    """Jobs, newest first; those older than the job ``before`` if given."""
    jobs = _jobs.order_by(ImportJob.id.desc()).limit(limit)
    return connection.execute(jobs if before is None else jobs.where(ImportJob.id < before)).all()


def next_job(connection: Connection) -> AnyRow | None:
    """The job that a server has to do next: one that was broken off, else the one that waits longest."""
    broken_off_first = case((ImportJob.status == "running", 0), else_=1)
    mine = _jobs.where(ImportJob.status.in_(UNFINISHED), ImportJob.service_person_id.is_not(None))
    return connection.execute(mine.order_by(broken_off_first, ImportJob.id).limit(1)).one_or_none()


def list_left_behind(connection: Connection) -> Sequence[int]:
    """Jobs of the command line that have not ended."""
    found = select(ImportJob.id).where(ImportJob.status.in_(UNFINISHED), ImportJob.service_person_id.is_(None))
    return connection.execute(found.order_by(ImportJob.id)).scalars().all()


def list_unfinished(connection: Connection) -> Sequence[int]:
    """Ids of all jobs that have not ended."""
    found = select(ImportJob.id).where(ImportJob.status.in_(UNFINISHED))
    return connection.execute(found.order_by(ImportJob.id)).scalars().all()


def change_job(session: Session, job_id: int, now: datetime, **values: Any) -> None:
    """Note how far a job is, or how it ended."""
    session.execute(update(ImportJob).where(ImportJob.id == job_id).values(**values, edit_time=now))


def add_refused(session: Session, job_id: int, rows: Sequence[tuple[int, int | None, list[Any]]]) -> None:
    """Note refused rows: line, article, errors."""
    if rows:
        names = ("line", "article", "errors")
        session.execute(insert(ImportRow), [{"job_id": job_id, **dict(zip(names, row, strict=True))} for row in rows])


def list_refused(connection: Connection, job_id: int, after: int, limit: int) -> Sequence[AnyRow]:
    """Refused rows of a job beyond the line ``after``, in the order of the file."""
    rows = select(ImportRow.line, ImportRow.article, ImportRow.errors)
    of_job = rows.where(ImportRow.job_id == job_id, ImportRow.line > after)
    return connection.execute(of_job.order_by(ImportRow.line).limit(limit)).all()


def list_present(connection: Connection, articles: Collection[int], *, lock: bool) -> dict[int, AnyRow]:
    """The products that have these articles with their places, by article. ``lock``: to be changed now."""
    found = _products.where(Product.article.in_(articles))
    rows = connection.execute(found.with_for_update(of=Product) if lock else found)
    return {row.article: row for row in rows}


def list_products(connection: Connection, after_id: int, limit: int) -> Sequence[AnyRow]:
    """A page of all products by id, those beyond ``after_id``."""
    return connection.execute(_products.where(Product.id > after_id).limit(limit)).all()


def list_revs(session: Session, articles: Collection[int]) -> Sequence[AnyRow]:
    """Id, article and rev of these products, by id."""
    columns = select(Product.id, Product.article, Product.rev)
    return session.connection().execute(columns.where(Product.article.in_(articles)).order_by(Product.id)).all()


def change_products(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write columns of products; each row has the product's id and what is to change."""
    if rows:
        session.execute(update(Product), [dict(row) for row in rows])
