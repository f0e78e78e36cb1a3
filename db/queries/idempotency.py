"""Answers kept for requests that come again with the same Idempotency-Key. Every database has the table."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, column, delete, select, table, update
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

# Built once: every keyed request runs them.
_mine = (
    (KEYS.c.principal == bindparam("whose")) & (KEYS.c.route == bindparam("where")) & (KEYS.c.key == bindparam("which"))
)
_kept = select(KEYS.c.body_hash, KEYS.c.answer).where(_mine)
_keep = update(KEYS).where(_mine).values(status=bindparam("new_status"), answer=bindparam("new_answer"))
_old = (
    select(KEYS.c.principal, KEYS.c.route, KEYS.c.key)
    .where(KEYS.c.created < bindparam("before", type_=UtcDateTime()))
    .order_by(KEYS.c.created)
    .limit(PURGED_AT_ONCE)
)
_claims = {
    "sqlite": sqlite_insert(KEYS).on_conflict_do_nothing(),
    "postgresql": postgres_insert(KEYS).on_conflict_do_nothing(),
}


def claim(
    session: Session, principal: str, route: str, key: str, body_hash: bytes, now: datetime
) -> Row[*tuple[Any, ...]] | None:
    """Take the key, or return (body_hash, answer) of who had it first. A parallel double waits for the first here."""
    connection = session.connection()
    _purge(session, now)
    taken = {
        "principal": principal,
        "route": route,
        "key": key,
        "body_hash": body_hash,
        "status": 0,
        "answer": b"",
        "created": now,
    }
    if connection.execute(_claims[connection.dialect.name], taken).rowcount:
        return None
    return connection.execute(_kept, {"whose": principal, "where": route, "which": key}).one()


def keep(session: Session, principal: str, route: str, key: str, status: int, answer: bytes) -> None:
    """Keep the answer under a key that was just taken."""
    mine = {"whose": principal, "where": route, "which": key}
    session.connection().execute(_keep, {**mine, "new_status": status, "new_answer": answer})


def _purge(session: Session, now: datetime) -> None:
    """A few of the oldest with each new one: the table stays as long as a day's keys."""
    for row in session.connection().execute(_old, {"before": now - KEPT}).all():
        session.execute(
            delete(KEYS).where(KEYS.c.principal == row.principal, KEYS.c.route == row.route, KEYS.c.key == row.key)
        )
