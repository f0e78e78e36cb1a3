"""Stock as staff keep it: what comes in, what was counted, and the ledger of all of it."""

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import NotFound, OutOfStock
from app.schemas.stock import LedgerOut, LedgerQuery, StockMoveIn, StockMoveOut, StockOut
from app.services.history import record
from app.services.once import Keyed, Once, once
from app.services.store_events import ProductChanged
from db.database import Database, Done
from db.queries import products
from db.queries import stock as queries
from db.queries.product_editing import access_product


class StockService:
    """Moves stock by hand. Orders move it by themselves."""

    def __init__(self, products: Database, clock: Clock) -> None:
        self._products, self._clock = products, clock

    async def move(self, actor: Actor, article: int, form: StockMoveIn, keyed: Keyed | None) -> Once[StockOut]:
        """Add or take pieces, or set what was counted; a count is noted also if it agrees.

        Raises:
            Conflict: the key was used for another body.
            NotFound: there is no such product.
            OutOfStock: more would go than are left; ``lines`` says how many are.
        """
        now = self._clock.now()

        def work(session: Session) -> Done[StockOut]:
            product = access_product(session, article)
            if product is None:
                raise NotFound
            before = product.remains
            delta = form.delta if form.set is None else form.set - before
            assert delta is not None  # the form has one of the two
            remains = queries.move_stock(
                session, product.id, delta, form.reason, now, note=form.note, staff_id=actor.id
            )
            if remains is None:
                raise OutOfStock(lines=[{"article": article, "remains": before}])
            after = {"remains": remains, "reason": form.reason, "note": form.note}
            record(session, actor, "move_stock", "product", article, now, before={"remains": before}, after=after)
            [row] = queries.list_moves(session.connection(), product.id, None, 1)
            moved = StockOut(article=article, remains=remains, move=StockMoveOut.model_validate(row))
            return Done(moved, [ProductChanged(article, product.rev + 1)])

        return await self._products.write(once(keyed, StockOut, now, work))

    async def list_moves(self, article: int, query: LedgerQuery) -> LedgerOut:
        """A page of a product's ledger, newest first. Raises NotFound."""

        def read(connection: Connection) -> LedgerOut:
            product = products.get_product(connection, article)
            if product is None:
                raise NotFound
            rows = queries.list_moves(connection, product.id, query.before, query.limit + 1)
            items = [StockMoveOut.model_validate(row) for row in rows[: query.limit]]
            following = items[-1].id if len(rows) > query.limit else None
            return LedgerOut(remains=product.remains, items=items, next=following)

        return await self._products.read(read)
