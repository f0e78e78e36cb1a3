"""Writes of the shop: lines put into carts, and purchases (a line and its order), by many buyers at once."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import ClientSession, TCPConnector

from tests.bench.load import LoadError
from tests.bench.measure import Meter, percentile
from tests.bench.scenarios import Figures, Size, cost
from tests.bench.targets import Target

BUYERS = 64
"""Each with a connection, a cart and one request under way."""
ARTICLES = 2000
"""Different products that are bought."""

ORDER: dict[str, Any] = {
    "contact": {"name": "Анна Петрова", "phone": "+79001234567"},
    "delivery": {"method": "courier", "address": "Москва, Тверская, 1"},
    "payment": {"method": "on_delivery"},
}


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody with an account, and the articles that they are going to want."""

    http: ClientSession
    headers: dict[str, str]
    articles: Iterator[int]

    async def put(self) -> dict[str, Any] | None:
        """Put the next product into the cart, which is the answer; None if it is sold out."""
        path = f"/api/v1/cart/lines/{next(self.articles)}"
        async with self.http.put(path, json={"quantity": 1}, headers=self.headers) as response:
            answer: dict[str, Any] = await response.json()
            if response.status not in (200, 409):
                raise LoadError(f"cart: {response.status} {answer}")
            return answer if response.status == 200 else None

    async def clear(self) -> None:
        async with self.http.delete("/api/v1/cart", headers=self.headers) as response:
            if response.status >= 300:
                raise LoadError(f"cart: {response.status}")

    async def buy(self, key: str) -> bool:
        """Put a product into the empty cart and order it; false if somebody else has bought the last one."""
        cart = await self.put()
        if cart is None:
            return False
        form = {**ORDER, "cart_version": cart["version"], "expected_total": {"amount": cart["total"]["amount"]}}
        headers = {**self.headers, "Idempotency-Key": key}
        async with self.http.post("/api/v1/orders", json=form, headers=headers) as response:
            if response.status == 409:
                await self.clear()
                return False
            if response.status != 201:
                raise LoadError(f"order: {response.status} {await response.text()}")
            await response.read()
            return True


async def buying(target: Target, tokens: Sequence[str], size: Size) -> Figures:
    """Cart writes, then purchases, ``run_s`` each: server CPU per one, how many a second, p99."""
    figures: Figures = {}
    async with ClientSession(f"http://127.0.0.1:{target.port}", connector=TCPConnector(limit=BUYERS)) as http:
        articles = _list_articles(target)
        buyers = [
            Buyer(http, {"Authorization": f"Bearer {token}"}, _turns(articles, index))
            for index, token in enumerate(tokens)
        ]
        keys = count()

        async def put(buyer: Buyer) -> bool:
            return await buyer.put() is not None

        async def buy(buyer: Buyer) -> bool:
            return await buyer.buy(f"key-{next(keys)}")

        for name, act in (("cart", put), ("purchase", buy)):
            await asyncio.gather(*(buyer.clear() for buyer in buyers))
            await _repeat(buyers, act, size.warm_s)
            await asyncio.gather(*(buyer.clear() for buyer in buyers))
            meter, begin = Meter(target.pid), time.perf_counter()
            took = await _repeat(buyers, act, size.run_s)
            lasted, usage = time.perf_counter() - begin, meter.stop()
            figures[f"{name}_cpu_us"] = usage.server_s / len(took) * 1e6
            figures[f"{name}_rate"] = len(took) / lasted
            figures[f"{name}_p99"] = percentile(took, 99)
            figures |= {key: max(value, figures.get(key, 0)) for key, value in cost(usage).items()}
    return figures


async def _repeat(buyers: Sequence[Buyer], act: Callable[[Buyer], Awaitable[bool]], run_s: float) -> list[float]:
    """All at once, each one thing after another; how long what was done took, in ms."""
    took: list[float] = []
    end = time.perf_counter() + run_s

    async def repeat(buyer: Buyer) -> None:
        while (begin := time.perf_counter()) < end:
            if await act(buyer):
                took.append((time.perf_counter() - begin) * 1e3)

    await asyncio.gather(*(repeat(buyer) for buyer in buyers))
    return took


def _list_articles(target: Target) -> list[int]:
    """The same products for both servers: enough of each that hardly anything sells out."""
    with closing(sqlite3.connect(target.data / "PRODUCTS.db")) as connection:
        rows = connection.execute('SELECT article FROM "Product" ORDER BY remains DESC, id LIMIT ?', (ARTICLES,))
        return [row[0] for row in rows]


def _turns(articles: Sequence[int], index: int) -> Iterator[int]:
    """All of them again and again, each buyer beginning elsewhere; a cart never gets to its limit of lines."""
    mine = articles[index::BUYERS]
    return (mine[turn % len(mine)] for turn in count())
