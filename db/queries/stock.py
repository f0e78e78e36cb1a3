"""Stock: the one statement that changes it, and its ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.orm import Session

from db.models.base import Id
from db.models.products import Product, StockMove
from db.queries.products import raise_epoch

AnyRow = Row[*tuple[Any, ...]]
Reason = Literal["opening", "receipt", "correction", "order", "cancellation", "return", "import"]

_moves = select(
    StockMove.id,
    StockMove.delta,
    StockMove.remains,
    StockMove.reason,
    StockMove.note,
    StockMove.order_id,
    StockMove.service_person_id,
    StockMove.creation_time,
)
_PRODUCT, _MOVES = Product.metadata.tables["Product"], Product.metadata.tables["StockMove"]
_move = (
    update(_PRODUCT)
    .where(_PRODUCT.c.id == bindparam("wanted", type_=Id), _PRODUCT.c.remains + bindparam("delta", type_=Id) >= 0)
    .values(
        remains=_PRODUCT.c.remains + bindparam("delta", type_=Id),
        sold=_PRODUCT.c.sold + bindparam("more_sold", type_=Id),
        rev=_PRODUCT.c.rev + 1,
    )
    .returning(_PRODUCT.c.remains)
)
_log = insert(_MOVES)


def move_stock(
    session: Session,
    product_id: int,
    delta: int,
    reason: Reason,
    now: datetime,
    *,
    sold: int = 0,
    note: str = "",
    order_id: int | None = None,
    staff_id: int | None = None,
) -> int | None:
    """Add ``delta`` to what is left of a product and ``sold`` to what was sold; returns what is left then.

    None: fewer are left than would go; nothing was changed. Asked and done in one statement, so that no two buyers
    get the last piece. Whoever moves several products takes them in the order of their ids: the others do, too.
    """
    connection = session.connection()
    amounts = {"wanted": product_id, "delta": delta, "more_sold": sold}
    moved: int | None = connection.execute(_move, amounts).scalar_one_or_none()
    if moved is None:
        return None
    entry = {
        "product_id": product_id,
        "delta": delta,
        "remains": moved,
        "reason": reason,
        "note": note,
        "order_id": order_id,
        "service_person_id": staff_id,
        "creation_time": now,
    }
    connection.execute(_log, entry)
    if (moved == 0) != (moved == delta):  # sold out, or there again: lists show that, and not each sale
        raise_epoch(session)
    return moved


def list_moves(connection: Connection, product_id: int, before: int | None, limit: int) -> Sequence[AnyRow]:
    """A product's moves, newest first; those older than the move ``before`` if given."""
    moves = _moves.where(StockMove.product_id == product_id).order_by(StockMove.id.desc()).limit(limit)
    return connection.execute(moves if before is None else moves.where(StockMove.id < before)).all()
