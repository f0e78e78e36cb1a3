"""More buyers at once than there are pieces: every piece is sold once, and everybody else is told so."""

import asyncio
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from app.clock import Clock
from db.models.products import Product, StockMove
from tests.conftest import Person, Shop
from tests.faults.conftest import people_of
from tests.faults.server_process import ServerProcess
from tests.goods import add_buyers, add_goods, audit, new_key, opened, order_of

BUYERS, PIECES = 500, 100
SCARCE, PLENTY = 1, 2


async def test_of_a_hundred_pieces_five_hundred_buyers_get_exactly_a_hundred(tmp_path: Path) -> None:
    """Each wants one of the scarce pieces and one of which there are enough; who gets none of one gets none at all."""
    data, now = tmp_path / "data", Clock().now()
    names = [f"buyer{number}" for number in range(BUYERS)]
    async with opened(data) as databases:
        await databases.products.write(lambda session: add_goods(session, now, SCARCE, remains=PIECES))
        await databases.products.write(lambda session: add_goods(session, now, PLENTY, remains=10 * BUYERS))
        await databases.users.write(lambda session: add_buyers(session, now, names, {SCARCE: 1, PLENTY: 1}))

    async with ServerProcess(data) as server, people_of(server) as shop:
        answers = Counter(await asyncio.gather(*(order(shop, name) for name in names)))
        assert answers == {"placed": PIECES, "out_of_stock": BUYERS - PIECES}

    async with opened(data) as databases:
        await databases.products.read(audit)
        stock = select(Product.remains, Product.sold).order_by(Product.id)
        rows = await databases.products.read(lambda connection: connection.execute(stock).all())
        assert [tuple(row) for row in rows] == [(0, PIECES), (10 * BUYERS - PIECES, PIECES)]
        moves = select(StockMove.remains).where(StockMove.product_id == SCARCE).order_by(StockMove.id)
        left = await databases.products.read(lambda connection: connection.execute(moves).scalars().all())
        assert left == list(range(PIECES, -1, -1))


async def order(shop: Shop, name: str) -> str:
    """Try until there is an answer; returns the order's status, or the code of the refusal."""
    person, key = Person(shop.url, shop.http, {}, token=name), new_key()
    form = order_of({"version": 1, "total": {"amount": 2000, "currency": "RUB"}})
    while True:
        async with person.request("POST", "/api/v1/orders", json=form, headers=key) as answer:
            body = await answer.json(content_type=None)
            if answer.status == 201:
                return str(body["status"])
            if answer.status == 409:
                assert [line["article"] for line in body["lines"]] == [SCARCE]
                return str(body["code"])
            assert answer.status == 503, body
            await asyncio.sleep(body["retry_after_ms"] / 1000)
