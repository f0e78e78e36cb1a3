"""What the three databases' models share: naming, column types, and the four tables that each database has."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite forgets the zone, so it is put back on the way out; a naive time is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A naive time reached the database; times are aware and UTC.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


# An object or list: JSON text on SQLite, JSONB on PostgreSQL. SQL NULL for None, never the JSON literal null.
JsonText = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

# Ids and counters: 64 bits on both; SQLite gives row ids only to a column declared INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")


class OutboxColumns:
    """An effect in another database, written with its cause and applied once by the relay, in order per key."""

    __tablename__ = "Outbox"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Index, ...]:
        pending = text("done_at IS NULL")
        return (Index("ix_Outbox_pending", "position", sqlite_where=pending, postgresql_where=pending),)

    position: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128))
    payload: Mapped[dict[str, Any]] = mapped_column(JsonText)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AppliedEventColumns:
    """The ids of effects that this database has taken in; written in the effect's own transaction."""

    __tablename__ = "AppliedEvent"
    event_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    applied: Mapped[datetime] = mapped_column(UtcDateTime)


class IdempotencyKeyColumns:
    """The answer given to a keyed request, kept 24 hours with the hash of the body it was given for."""

    __tablename__ = "IdempotencyKey"
    principal: Mapped[str] = mapped_column(String(64), primary_key=True)
    route: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int] = mapped_column(Integer)
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    created: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class MetaColumns:
    """Facts about the database itself: its epoch, and the mark of a demo."""

    __tablename__ = "Meta"
    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(255))
