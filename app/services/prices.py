"""The prices of single products: set by staff, and what they were."""

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.cursors import Cursors, from_micros, to_micros
from app.errors import NotFound, Stale
from app.schemas.prices import PriceHistory, PriceHistoryQuery, PriceIn, PricePoint
from app.schemas.products import Money
from app.services import history
from app.services.pricing import discounted, set_price
from db.database import Database, Done
from db.queries import prices as queries
from db.queries.products import get_product


class PriceService:
    """Changes prices and shows their history."""

    def __init__(self, products: Database, clock: Clock, secret: str) -> None:
        self._products, self._clock, self._cursors = products, clock, Cursors(secret)

    async def set_price(self, by: Actor, article: int, version: int, form: PriceIn) -> None:
        """Give a product that was seen at ``version`` another price; the same price changes nothing.

        Raises:
            NotFound: there is no such product.
            Stale: somebody else changed it; carries the present version.
        """

        def work(session: Session) -> Done[None]:
            row = get_product(session.connection(), article)
            if row is None:
                raise NotFound
            if row.version != version:
                raise Stale(version=row.version)
            price, discount = form.price.amount, row.discount_bp
            if form.discount is not None:
                discount = round(form.discount * 100)
            now = self._clock.now()
            if (price, discount) == (row.price_minor, row.discount_bp):
                return Done(None)
            events = set_price(session, row.id, price, discount, now, by)
            queries.note_edit(session, row.id, now)
            then = discounted(row.price_minor, row.discount_bp), row.price_minor
            kind = "price_up" if (discounted(price, discount), price) > then else "price_drop"
            before = {"price_minor": row.price_minor, "discount_bp": row.discount_bp}
            after = {"price_minor": price, "discount_bp": discount, "reason": form.reason}
            history.record(session, by, kind, "product", article, now, before=before, after=after)
            return Done(None, events)

        await self._products.write(work)

    async def list_history(self, actor: Actor, article: int, query: PriceHistoryQuery) -> PriceHistory:
        """What a product has cost, newest first.

        Raises:
            BadRequest: the cursor is damaged or belongs to another list.
            NotFound: there is no such product, or it is not published and the actor is not staff.
        """
        place, after = f"prices of {article}", None
        if query.cursor is not None:
            micros, last_id = self._cursors.open(place, query.cursor)
            after = from_micros(micros), last_id

        def read(connection: Connection) -> PriceHistory:
            product = get_product(connection, article)
            if product is None or (product.status != "published" and not actor.is_staff):
                raise NotFound
            rows = queries.list_price_log(connection, product.id, after, query.limit + 1)
            shown = rows[: query.limit]
            last = shown[-1] if len(rows) > query.limit else None
            return PriceHistory(
                items=[
                    PricePoint(
                        since=row.start_time,
                        price=Money(amount=row.effective_minor),
                        old_price=Money(amount=row.price_minor) if row.effective_minor < row.price_minor else None,
                    )
                    for row in shown
                ],
                next=None if last is None else self._cursors.seal(place, (to_micros(last.start_time), last.id)),
            )

        return await self._products.read(read, hot=True)
