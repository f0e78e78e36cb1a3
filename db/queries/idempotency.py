"""Answers kept for requests that come again with the same Idempotency-Key. Every database has the table."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, column, delete, select, table
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from db.models.base import UtcDateTime

KEPT = timedelta(hours=24)
KEYS = table(
    "IdempotencyKey",
    column("principal"),
    column("route"),
    column("key"),
    column("body_hash"),
    column("status"),
    column("answer"),
    column("created", UtcDateTime),
)
PURGED_AT_ONCE = 20


def claim(
    session: Session, principal: str, route: str, key: str, body_hash: bytes, now: datetime
) -> Row[*tuple[Any, ...]] | None:
    """Take the key, or return (body_hash, answer) of who had it first. A parallel double waits for the first here."""
    insert_for = postgres_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    _purge(session, now)
    taken = insert_for(KEYS).values(
        principal=principal, route=route, key=key, body_hash=body_hash, status=0, answer=b"", created=now
    )
    if session.connection().execute(taken.on_conflict_do_nothing()).rowcount:
        return None
    mine = (KEYS.c.principal == principal) & (KEYS.c.route == route) & (KEYS.c.key == key)
    return session.execute(select(KEYS.c.body_hash, KEYS.c.answer).where(mine)).one()


def keep(session: Session, principal: str, route: str, key: str, status: int, answer: bytes) -> None:
    """Keep the answer under a key that was just taken."""
    mine = (KEYS.c.principal == principal) & (KEYS.c.route == route) & (KEYS.c.key == key)
    session.execute(KEYS.update().where(mine).values(status=status, answer=answer))


def _purge(session: Session, now: datetime) -> None:
    """A few of the oldest with each new one: the table stays as long as a day's keys."""
    old = select(KEYS.c.principal, KEYS.c.route, KEYS.c.key).where(KEYS.c.created < now - KEPT)
    for row in session.execute(old.order_by(KEYS.c.created).limit(PURGED_AT_ONCE)).all():
        session.execute(
            delete(KEYS).where(KEYS.c.principal == row.principal, KEYS.c.route == row.route, KEYS.c.key == row.key)
        )
