"""Carts: what goes in and what does not, two tabs at once, warnings, what was taken out, and merging at sign-in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.keys import DATABASES
from db.database import Done
from db.models.products import Product
from db.queries import products as product_queries
from tests.conftest import Person, Shop, open_shop

CART = "/api/v1/cart"
DAY_S = 24 * 3600


@dataclass
class Store:
    """A shop whose products are there to be put into carts: article 1, 2, 3 … of that many pieces."""

    shop: Shop
    category: tuple[int, int]

    async def sell(self, *articles: int, price: int = 1000, remains: int = 5000, **values: Any) -> None:
        """Put products on sale."""
        now = self.shop.clock.now()
        row = {
            "category_id": self.category[0], "group_id": self.category[1], "status": "published", "discount_bp": 0,
            "price_minor": price, "effective_minor": price, "remains": remains, "creation_time": now, "edit_time": now,
            **values,
        }  # fmt: skip
        rows = [{"name": f"Шапка {article}", **row, "article": article} for article in articles]
        await self.shop.app[DATABASES].products.write(lambda s: Done(product_queries.add_products(s, rows)))

    async def change(self, article: int, **values: Any) -> None:
        """Have another price, stock, status."""

        def work(session: Session) -> Done[None]:
            session.execute(update(Product).where(Product.article == article).values(**values))
            return Done(None)

        await self.shop.app[DATABASES].products.write(work)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_shop(tmp_path / "data") as shop:

        def work(session: Session) -> Done[tuple[int, int]]:
            group = product_queries.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
            row = {"slug": "hats", "name": "Шапки", "group_id": group, "position": 1}
            return Done((product_queries.add_categories(session, [row])["hats"], group))

        yield Store(shop, await shop.app[DATABASES].products.write(work))


async def put(person: Person, article: int, quantity: Any = 1, status: int = 200, **headers: str) -> dict[str, Any]:
    path = f"{CART}/lines/{article}"
    answer = await person.call("PUT", path, json={"quantity": quantity}, status=status, headers=headers)
    return dict(answer)


async def add(person: Person, article: int, delta: Any = 1, status: int = 200, **headers: str) -> dict[str, Any]:
    form = {"article": article, "delta": delta}
    return dict(await person.call("POST", f"{CART}/lines", json=form, status=status, headers=headers))


async def read(person: Person, **query: str) -> dict[str, Any]:
    return dict(await person.call("GET", CART, params=query, status=200))


def quantities(cart: dict[str, Any]) -> dict[int, int]:
    return {line["article"]: line["quantity"] for line in cart["lines"]}


async def count(store: Store, model: Any) -> int:
    users = store.shop.app[DATABASES].users
    return len(await users.read(lambda connection: connection.execute(select(model.id)).all()))


# What goes in


async def test_a_guest_fills_a_cart(store: Store) -> None:
    await store.sell(1, 2, price=1000)
    await store.change(2, discount_bp=1000, effective_minor=900, images=["a.webp", "b.webp"])
    guest = await store.shop.guest()

    await put(guest, 1, 2)
    cart = await put(guest, 2, 3)

    assert cart == await read(guest)
    assert (cart["version"], cart["line_count"], cart["piece_count"]) == (2, 2, 5)
    assert cart["total"] == {"amount": 2 * 1000 + 3 * 900, "currency": "RUB"}
    assert cart["warnings"] == []
    assert cart["lines"][1] == {
        "article": 2, "name": "Шапка 2", "image": "/images/a.webp", "quantity": 3, "remains": 5000, "in_stock": True,
        "unit_price": {"amount": 900, "currency": "RUB"}, "price_when_added": {"amount": 900, "currency": "RUB"},
        "valid_until": None, "total": {"amount": 2700, "currency": "RUB"}, "source": "shop", "chat_id": None,
        "chat_seq": None, "warnings": [],
    }  # fmt: skip
