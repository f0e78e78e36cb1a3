"""Statements on promotions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from db.models.base import UtcDateTime
from db.models.products import Promotion

AnyRow = Row[*tuple[Any, ...]]

_columns = Promotion.__table__.c
_since = (
    select(*_columns)
    .where(Promotion.ends_at > bindparam("moment", type_=UtcDateTime()))
    .order_by(Promotion.ends_at, Promotion.id)
)


def list_since(connection: Connection, moment: datetime) -> Sequence[AnyRow]:
    """The promotions that had not ended at ``moment``, planned ones too: as many as staff make, read as a whole."""
    return connection.execute(_since, {"moment": moment}).all()
