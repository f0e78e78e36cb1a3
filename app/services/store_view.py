"""What those who watch the store are shown of it, read once for all of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.clock import Clock
from app.schemas.carts import CartOut
from app.schemas.products import Money, PromotionRef
from app.schemas.store import OrderState, ProductState
from app.services.carts import CartService
from app.services.pricing import PriceBook
from db.database import Database, Databases
from db.queries import store as queries
from db.queries.products import get_epoch

T = TypeVar("T")
HOT_LENGTH = 50
"""So many rows are read in half a millisecond; more of them in a thread."""
CHUNK = 500


class StoreView:
    """Reads of products, carts and orders, by whatever they are named in events."""

    def __init__(self, databases: Databases, prices: PriceBook, carts: CartService, clock: Clock) -> None:
        self._products, self._users = databases.products, databases.users
        self._prices, self._carts, self._clock = prices, carts, clock

    def now(self) -> datetime:
        return self._clock.now()

    async def list_products(self, articles: Collection[int]) -> list[ProductState]:
        """The products that there are, drafts among them, at what they cost now."""
        now = self._clock.now()
        rows = await _in_chunks(self._products, queries.list_products, articles)
        return [self._product(row, now) for row in rows]

    async def get_cart(self, owner_id: int) -> CartOut:
        """A customer's cart, empty if there is none."""
        return await self._carts.get_cart_of(owner_id)

    async def list_orders(self, ids: Collection[int]) -> list[OrderState]:
        rows = await _in_chunks(self._products, queries.list_orders, ids)
        return [OrderState.model_validate(row) for row in rows]

    async def list_newest_orders(self, user_id: int | None, most: int) -> list[OrderState]:
        """The newest orders of a customer, or of all, newest first."""
        rows = await self._products.read(
            lambda connection: queries.list_newest_orders(connection, user_id, most), hot=most <= HOT_LENGTH
        )
        return [OrderState.model_validate(row) for row in rows]

    async def get_epoch(self) -> int:
        """The number that rises whenever a list would show something else."""
        return await self._products.read(get_epoch, hot=True)

    # What has changed, whoever did it

    async def list_revs(self, articles: Collection[int]) -> Mapping[int, int]:
        return await self._products.read(lambda c: queries.list_revs(c, articles), hot=len(articles) <= HOT_LENGTH)

    async def list_cart_versions(self, owners: Collection[int]) -> Mapping[int, int]:
        return await self._users.read(lambda c: queries.list_cart_versions(c, owners), hot=len(owners) <= HOT_LENGTH)

    def _product(self, row: Any, now: datetime) -> ProductState:
        price = self._prices.current_price(row, now)
        return ProductState(
            article=row.article,
            status=row.status,
            price=Money(amount=price.effective_minor),
            old_price=Money(amount=row.price_minor) if price.effective_minor < row.price_minor else None,
            promotion=PromotionRef.model_validate(price.promotion) if price.promotion else None,
            valid_until=price.valid_until,
            in_stock=row.remains > 0,
            remains=row.remains,
            version=row.version,
            rev=row.rev,
        )


async def _in_chunks(
    database: Database, read: Callable[[Connection, Collection[int]], Sequence[T]], keys: Collection[int]
) -> list[T]:
    """Many at once, but never a statement with more parameters than it may have."""
    ordered = sorted(keys)
    rows: list[T] = []
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        rows += await database.read(lambda connection, part=chunk: read(connection, part), hot=len(chunk) <= HOT_LENGTH)  # type: ignore[misc]
    return rows
