"""Orders on both engines: two processes that sell the same shelf, the same cart, the same order's way back."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

from sqlalchemy import select

from app.actor import Actor
from app.errors import Conflict, OutOfStock
from app.schemas.orders import CancellationIn, OrderIn, OrdersQuery
from app.services.once import Keyed
from app.services.orders import OrderService
from app.services.pricing import PriceBook
from db.database import Databases
from db.models.products import Product
from tests.conftest import HandClock, make_settings
from tests.goods import add_buyers, add_goods, audit, order_of
from tests.storage.conftest import OpenDatabases

BUYERS, PIECES = 24, 10


def service(databases: Databases, tmp_path: Any) -> OrderService:
    async def nothing() -> None:
        """The relay is another test's."""

    clock = HandClock()
    return OrderService(databases, make_settings(tmp_path), clock, PriceBook(databases.products, clock), nothing)


async def outcome(asked: Awaitable[Any]) -> str:
    try:
        once = await asked
    except (OutOfStock, Conflict) as refusal:
        return str(refusal.extra.get("reason", refusal.code))
    return str(once.answer.status)


async def test_two_processes_sell_each_piece_once(open_again: OpenDatabases, tmp_path: Any) -> None:
    """Carts of three products in every order, so that careless locking would end in deadlocks."""
    here, there = await open_again(), await open_again()
    now = HandClock().now()
    await here.products.write(lambda session: add_goods(session, now, 1, 2, 3, remains=PIECES))
    names = [f"buyer{number}" for number in range(BUYERS)]
    carts = [{1: 1, 2: 1, 3: 1}, {3: 1, 2: 1, 1: 1}]
    ids = await here.users.write(lambda session: add_buyers(session, now, names[::2], carts[0]))
    ids += await here.users.write(lambda session: add_buyers(session, now, names[1::2], carts[1]))
    services = [service(each, tmp_path) for each in (here, there)]
    form = OrderIn.model_validate(order_of({"version": 1, "total": {"amount": 3000, "currency": "RUB"}}))

    def place(number: int, key: str) -> Awaitable[Any]:
        actor = Actor("user", ids[number])
        keyed = Keyed(f"user/{actor.id}", "POST /api/v1/orders", key, b"x" * 32)
        return services[(number + len(key)) % 2].place(actor, form, keyed)

    asked = [outcome(place(number, key)) for number in range(BUYERS) for key in ("a", "bb")]
    answers = Counter(await asyncio.gather(*asked))

    assert answers["placed"] == PIECES
    assert answers["out_of_stock"] + answers["already_ordered"] == 2 * BUYERS - PIECES
    await here.products.read(audit)
    left = select(Product.remains)
    assert await here.products.read(lambda connection: connection.execute(left).scalars().all()) == [0, 0, 0]

    orders = (await services[0].list_orders(Actor("staff", 1, role="owner"), OrdersQuery(limit=100))).items
    taken_back = [
        outcome(each.cancel(Actor("staff", 1, role="owner"), order.id, CancellationIn(), None))
        for order in orders
        for each in services
    ]
    assert Counter(await asyncio.gather(*taken_back)) == {"cancelled": PIECES, "status": PIECES}
    await here.products.read(audit)
    assert await here.products.read(lambda connection: connection.execute(left).scalars().all()) == [PIECES] * 3
