"""A server that is killed at every step of an order: in the end stock, order, cart and chat agree, nothing is doubled.

Customers do what a page does: ask again under the same key until there is an answer.
"""

import asyncio
import signal
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.services.chat_log import LogWrite
from db.database import Done
from db.models.messanger import Message, UserChat
from db.models.products import Order, Outbox, Product
from db.models.users import CartLine
from tests.faults.dying_server import STEPS, DyingServer
from tests.faults.server_process import START_S
from tests.goods import add_buyers, add_goods, audit, new_key, opened, order_of

LIVES, BUYERS_A_LIFE = 100, 2
LOCKED_S, PATIENCE_S = 10.0, 3.0
LOCKED_IN = (20, 60)
"""In these lives somebody else locks the chat's database. A server that starts then waits, and is killed again."""


@dataclass
class Buyer:
    """Has two pieces in the cart and a chat open, and wants one order."""

    name: str
    key: dict[str, str] = field(default_factory=new_key)
    order: dict[str, Any] | None = None

    async def ask(self, http: aiohttp.ClientSession, url: str) -> None:
        """Ask once. The server may be gone before it has answered, and may say that it is busy; no more."""
        headers = {"Authorization": f"Bearer {self.name}", **self.key}
        form = order_of({"version": 1, "total": {"amount": 2000, "currency": "RUB"}})
        try:
            async with http.post(f"{url}/api/v1/orders", json=form, headers=headers) as answer:
                body = await answer.json(content_type=None)
                assert answer.status in (201, 503), body
                if answer.status == 201:
                    self.order = body
        except (aiohttp.ClientError, ConnectionError):
            pass


class Lock:
    """Another program that holds the chat's database."""

    def __init__(self, data: Path) -> None:
        self._path = data / "MESSANGER.db"
        self._connection: sqlite3.Connection | None = None
        self._since = 0.0

    @property
    def is_taken(self) -> bool:
        return self._connection is not None

    def take(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=10)
        self._connection.execute("BEGIN IMMEDIATE")
        self._since = monotonic()

    def release_in_time(self) -> None:
        if self._connection is not None and monotonic() - self._since >= LOCKED_S:
            self.release()

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_stock_order_cart_and_chat_agree_after_a_hundred_kills(tmp_path: Path) -> None:
    data = tmp_path / "data"
    buyers = [Buyer(f"buyer{number}") for number in range(LIVES * BUYERS_A_LIFE)]
    ids = await prepare(data, [buyer.name for buyer in buyers])
    server, lock, steps = DyingServer(data), Lock(data), list(STEPS)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as http:
        for life in range(LIVES):
            lock.release_in_time()
            patience_s = PATIENCE_S if lock.is_taken else START_S
            await server.live(steps[life % len(steps)], 1 + life // len(steps) % 3, patience_s)
            if life in LOCKED_IN:
                lock.take()
            there = buyers[: (life + 1) * BUYERS_A_LIFE]
            await asyncio.gather(*(buyer.ask(http, server.url) for buyer in there if buyer.order is None))
            await server.end()
        lock.release()
        await server.live()
        async with asyncio.timeout(60):
            while waiting := [buyer for buyer in buyers if buyer.order is None]:
                await asyncio.gather(*(buyer.ask(http, server.url) for buyer in waiting))
            await until_relayed(data)
        await server.end(signal.SIGTERM)

    await require_agreement(data, dict(zip(ids, buyers, strict=True)))


async def prepare(data: Path, names: list[str]) -> list[int]:
    """A product, and buyers with a cart and an open chat; returns their ids."""
    now = Clock().now()

    def open_chats(session: Session) -> Done[None]:
        for user_id in ids:
            write = LogWrite(session.connection(), now)
            chat = write.open(user_id, "")
            write.add(chat, "opened", "customer", user_id, data={"code": "opened", "subject": ""})
            write.store()
        return Done(None)

    async with opened(data) as databases:
        await databases.products.write(lambda session: add_goods(session, now, 1, remains=10_000))
        ids = await databases.users.write(lambda session: add_buyers(session, now, names, {1: 2}))
        await databases.messanger.write(open_chats)
    return ids


async def until_relayed(data: Path) -> None:
    with sqlite3.connect(data / "PRODUCTS.db") as connection:
        while connection.execute('SELECT 1 FROM "Outbox" WHERE done_at IS NULL LIMIT 1').fetchone():
            await asyncio.sleep(0.05)


async def require_agreement(data: Path, buyers: dict[int, Buyer]) -> None:
    async with opened(data) as databases:

        async def rows(database: str, *columns: Any) -> Iterable[Any]:
            return await databases[database].read(lambda connection: connection.execute(select(*columns)).all())

        await databases.products.read(audit)
        orders = {row.user_id: row.id for row in await rows("products", Order.user_id, Order.id)}
        assert orders == {user_id: buyer.order["id"] for user_id, buyer in buyers.items() if buyer.order}
        assert len(orders) == len(list(await rows("products", Order.id))) == len(buyers)
        [product] = await rows("products", Product.remains, Product.sold)
        assert (product.remains, product.sold) == (10_000 - 2 * len(buyers), 2 * len(buyers))
        assert all(row.done_at for row in await rows("products", Outbox.done_at))
        assert list(await rows("users", CartLine.id)) == []
        owners = {row.id: row.user_id for row in await rows("messanger", UserChat.id, UserChat.user_id)}
        said = [
            row for row in await rows("messanger", Message.chat_id, Message.kind, Message.data) if row.kind == "order"
        ]
        assert {owners[row.chat_id]: row.data["order"] for row in said} == orders
        assert len(said) == len(buyers)
