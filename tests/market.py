"""A shop with products, an owner who prices them, and a clock that stands still: for what the clock decides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.keys import BOUNDARIES, DATABASES
from app.services.pricing import discounted
from db.database import Database, Done
from db.models.products import Outbox, PriceLog, Product
from db.queries import products as queries
from tests.conftest import HandClock, Person, Shop, open_shop

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


class StillClock(HandClock):
    """Shows NOW until a test sets it."""

    time = NOW

    def now(self) -> datetime:
        return self.time


def stamp(moment: datetime) -> str:
    return moment.isoformat()


@dataclass
class Market:
    """The running shop. The job that follows boundaries is stopped: a test lets it `catch_up`."""

    shop: Shop
    clock: StillClock
    owner: Person
    visitor: Person
    groups: dict[str, int] = field(default_factory=dict)  # slug → id
    categories: dict[str, tuple[int, int]] = field(default_factory=dict)  # slug → id, group's id
    made: int = 0

    @property
    def products(self) -> Database:
        return self.shop.app[DATABASES].products

    async def catch_up(self) -> None:
        await self.shop.app[BOUNDARIES].catch_up()

    async def make_product(
        self, price: int = 100_00, discount_bp: int = 0, category: str = "hats", group: str = "winter", **values: Any
    ) -> int:
        """Add a product; returns its article."""
        self.made += 1
        article = 1000 + self.made

        def work(session: Any) -> Done[None]:
            if category not in self.categories:
                if group not in self.groups:
                    self.groups |= queries.add_groups(session, [{"slug": group, "name": group, "position": 1}])
                row = {"slug": category, "name": category, "group_id": self.groups[group], "position": 1}
                self.categories[category] = queries.add_categories(session, [row])[category], self.groups[group]
            category_id, group_id = self.categories[category]
            row = {
                "article": article, "name": f"Шапка {self.made}", "status": "published", "category_id": category_id,
                "group_id": group_id, "price_minor": price, "discount_bp": discount_bp,
                "effective_minor": discounted(price, discount_bp), "creation_time": self.clock.time,
                "edit_time": self.clock.time, "remains": 5, **values,
            }  # fmt: skip
            queries.add_products(session, [row])
            return Done(None)

        await self.products.write(work)
        return article

    async def promote(self, begins: timedelta = -HOUR, lasts: timedelta = 2 * HOUR, **values: Any) -> dict[str, Any]:
        """Plan a promotion, by default of 10 % on everything, from an hour ago to an hour from now."""
        starts_at = self.clock.time + begins
        form = {
            "name": "Распродажа", "kind": "percent", "value": 1000, "scope": "all",
            "starts_at": stamp(starts_at), "ends_at": stamp(starts_at + lasts), **values,
        }  # fmt: skip
        made: dict[str, Any] = await self.owner.call("POST", "/api/v1/promotions", json=form, status=201)
        return made

    async def product(self, article: int) -> dict[str, Any]:
        """The product as everybody sees it."""
        shown: dict[str, Any] = await self.visitor.call("GET", f"/api/v1/products/{article}", status=200)
        return shown

    async def price(self, article: int) -> int:
        return int((await self.product(article))["price"]["amount"])

    async def row(self, article: int) -> Any:
        """The product as it stands in the database, for lists."""
        return await self.products.read(
            lambda connection: connection.execute(select(Product.__table__).where(Product.article == article)).one()
        )

    async def log(self, article: int) -> list[tuple[datetime, int]]:
        """When it began to cost what, oldest first."""
        rows = await self.products.read(
            lambda connection: connection.execute(
                select(PriceLog.start_time, PriceLog.effective_minor)
                .join(Product, Product.id == PriceLog.product_id)
                .where(Product.article == article)
                .order_by(PriceLog.start_time, PriceLog.id)
            ).all()
        )
        return [(row.start_time, row.effective_minor) for row in rows]

    async def deeds(self) -> list[dict[str, Any]]:
        """What the work history was given, oldest first."""
        rows = await self.products.read(
            lambda connection: connection.execute(select(Outbox.payload).order_by(Outbox.position)).scalars().all()
        )
        return [{name: payload[name] for name in ("kind", "before", "after")} for payload in rows]

    async def change(self, path: str, form: Any = None, *, method: str = "PATCH", status: int = 200) -> Any:
        """Change what is at ``path`` as the owner who has just seen it."""
        seen = path.removesuffix("/price")
        async with self.owner.request("GET", seen) as response:
            tag = response.headers["ETag"]
        options = {} if form is None else {"json": form}
        return await self.owner.call(method, path, headers={"If-Match": tag}, status=status, **options)


@asynccontextmanager
async def open_market(data: Path, clock: StillClock | None = None) -> AsyncIterator[Market]:
    """A market of its own; with the data of a former one its products and promotions are there already."""
    clock = clock or StillClock()
    async with open_shop(data, clock) as shop:
        await shop.app[BOUNDARIES].stop()
        is_new = not (
            await shop.app[DATABASES].users.read(lambda c: c.exec_driver_sql("SELECT 1 FROM ServicePerson").all())
        )
        owner = await (shop.owner() if is_new else shop.sign_in("owner", audience="staff"))
        yield Market(shop, clock, owner, await shop.visitor())
