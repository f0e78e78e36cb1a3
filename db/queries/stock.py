"""Stock: the one statement that changes it, and its ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.orm import Session

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
    moved: int | None = (
        session.connection()
        .execute(
            update(Product)
            .where(Product.id == product_id, Product.remains + delta >= 0)
            .values(remains=Product.remains + delta, sold=Product.sold + sold, rev=Product.rev + 1)
            .returning(Product.remains)
        )
        .scalar_one_or_none()
    )
    if moved is None:
        return None
    session.execute(
        insert(StockMove).values(
            product_id=product_id,
            delta=delta,
            remains=moved,
            reason=reason,
            note=note,
            order_id=order_id,
            service_person_id=staff_id,
            creation_time=now,
        )
    )
    if (moved == 0) != (moved == delta):  # sold out, or there again: lists show that, and not each sale
        raise_epoch(session)
    return moved


def list_moves(connection: Connection, product_id: int, before: int | None, limit: int) -> Sequence[AnyRow]:
    """A product's moves, newest first; those older than the move ``before`` if given."""
    moves = _moves.where(StockMove.product_id == product_id).order_by(StockMove.id.desc()).limit(limit)
    return connection.execute(moves if before is None else moves.where(StockMove.id < before)).all()
