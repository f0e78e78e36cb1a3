"""Statements on uploads: whose picture it is, and what shows it."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.models.messanger import Upload

AnyRow = Row[*tuple[Any, ...]]


def count_unused(connection: Connection, owner_kind: str, owner_id: int, most: int) -> int:
    """How many uploads of somebody wait to be used, counted up to ``most``."""
    mine = select(Upload.id).where(
        Upload.owner_kind == owner_kind, Upload.owner_id == owner_id, Upload.used_time.is_(None)
    )
    return connection.execute(select(func.count()).select_from(mine.limit(most).subquery())).scalar_one()


def add_upload(session: Session, row: Mapping[str, Any]) -> str:
    """Add an upload under a random id, which is returned."""
    upload_id = secrets.token_hex(16)
    session.execute(insert(Upload).values(id=upload_id, **row))
    return upload_id


def list_uploads(
    connection: Connection, owner_kind: str, owner_id: int, ids: Collection[str], since: datetime
) -> dict[str, str]:
    """File names, by id, of those of ``ids`` that are the owner's and in use or not older than ``since``."""
    usable = select(Upload.id, Upload.name).where(
        Upload.id.in_(ids),
        Upload.owner_kind == owner_kind,
        Upload.owner_id == owner_id,
        or_(Upload.used_time.is_not(None), Upload.creation_time >= since),
    )
    return {row.id: row.name for row in connection.execute(usable)}


def list_expired(connection: Connection, before: datetime, limit: int) -> Sequence[AnyRow]:
    """Ids and file names of uploads that nothing uses and that are older than ``before``, the oldest first."""
    unused = select(Upload.id, Upload.name).where(Upload.used_time.is_(None), Upload.creation_time < before)
    return connection.execute(unused.order_by(Upload.creation_time, Upload.id).limit(limit)).all()


def list_shared(connection: Connection, names: Collection[str], ids: Collection[str]) -> set[str]:
    """Which of these files belong to other uploads than those of ``ids``, too."""
    others = select(Upload.name).where(Upload.name.in_(names), Upload.id.not_in(ids))
    return set(connection.execute(others).scalars())


def delete_unused(session: Session, ids: Collection[str]) -> None:
    """Delete uploads, unless something has come to use them."""
    session.execute(delete(Upload).where(Upload.id.in_(ids), Upload.used_time.is_(None)))


def move_uploads(session: Session, guest_id: int, user_id: int) -> None:
    """Give a guest's unused uploads to the user whom the guest has become."""
    mine = (Upload.owner_kind == "customer", Upload.owner_id == guest_id, Upload.used_time.is_(None))
    session.execute(update(Upload).where(*mine).values(owner_id=user_id))


def set_uses(session: Session, used_in: str, names: Collection[str], ids: Collection[str], now: datetime) -> None:
    """Note that ``used_in`` shows these files and no others; ``ids`` are the uploads by which the new ones came.

    An upload that something else shows already gets a second row: the file stays until the last of them is gone.
    """
    gone = (Upload.used_in == used_in, Upload.name.not_in(names))
    session.execute(update(Upload).where(*gone).values(used_in=None, used_time=None))
    shown = set(session.execute(select(Upload.name).where(Upload.used_in == used_in)).scalars())
    given = select(Upload).where(Upload.id.in_(ids), Upload.name.in_(names)).order_by(Upload.id).with_for_update()
    for upload in session.execute(given).scalars().all():
        if upload.name in shown:
            continue
        shown.add(upload.name)
        if upload.used_in is None:
            upload.used_in, upload.used_time = used_in, now
        else:
            columns = ("owner_kind", "owner_id", "name", "size", "creation_time")
            row = {column: getattr(upload, column) for column in columns}
            add_upload(session, {**row, "used_in": used_in, "used_time": now})
