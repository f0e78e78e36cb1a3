"""Products to be bought in tests, the requests that buy them, and what must agree in PRODUCTS whatever has happened."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.main import open_databases
from app.session_changes import hash_token
from db.database import Databases, Done
from db.models.products import Order, OrderLine, OrdersDay, Product, ProductGroup, SalesDay, StockMove
from db.models.users import User
from db.queries import carts, sessions
from db.queries import products as queries
from tests.conftest import Person, make_settings

_keys = count()


def add_goods(
    session: Session, now: datetime, *articles: int, price: int = 1000, remains: int = 100, **values: Any
) -> Done[None]:
    """Put products on sale; their group and category are made with the first."""
    category = session.execute(select(ProductGroup.id)).first()
    if category is None:
        group = queries.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
        queries.add_categories(session, [{"slug": "hats", "name": "Шапки", "group_id": group, "position": 1}])
    row = {
        "category_id": 1, "group_id": 1, "status": "published", "discount_bp": 0, "price_minor": price,
        "effective_minor": price, "remains": remains, "creation_time": now, "edit_time": now, **values,
    }  # fmt: skip
    queries.add_products(session, [{"name": f"Шапка {one}", **row, "article": one} for one in articles])
    return Done(None)


async def fill(person: Person, **quantities: int) -> dict[str, Any]:
    """Have so many of each in the cart (``a1=2``: two of article 1), and nothing else; returns the cart."""
    await person.call("DELETE", "/api/v1/cart", status=200)
    lines = {name.removeprefix("a"): quantity for name, quantity in quantities.items()}
    return dict(await person.call("PATCH", "/api/v1/cart", json={"lines": lines}, status=200))


def order_of(cart: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The body that orders a cart as it was seen."""
    return {
        "cart_version": cart["version"],
        "expected_total": cart["total"],
        "contact": {"name": "Анна", "phone": "+7 (916) 123-45-67"},
        "delivery": {"method": "courier", "address": "Москва, Тверская, 1"},
        "payment": {"method": "on_delivery"},
        **changes,
    }


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{next(_keys)}"}


async def place(
    person: Person, form: dict[str, Any], status: int = 201, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    answer = await person.call("POST", "/api/v1/orders", json=form, headers=headers or new_key(), status=status)
    return dict(answer)


async def buy(person: Person, changes: dict[str, Any] | None = None, **quantities: int) -> dict[str, Any]:
    """Fill a cart and order it."""
    return await place(person, order_of(await fill(person, **quantities), **(changes or {})))


def audit(connection: Connection, sold_before: Mapping[int, int] = MappingProxyType({})) -> None:
    """Stock is its ledger, never below nothing; totals are sums of lines; sold and the days' sales are the orders'.

    sold_before: by article, of products that were made with something sold.
    """
    moved: Counter[int] = Counter()
    for move in connection.execute(select(*StockMove.__table__.c).order_by(StockMove.id)):
        moved[move.product_id] += move.delta
        assert move.remains == moved[move.product_id] >= 0
    lines: dict[int, list[Any]] = {}
    for line in connection.execute(select(*OrderLine.__table__.c)):
        lines.setdefault(line.order_id, []).append(line)
    sold: Counter[int] = Counter()
    sales: Counter[tuple[date, int, str]] = Counter()
    days: Counter[tuple[date, str]] = Counter()
    for order in connection.execute(select(*Order.__table__.c)):
        bought = lines.pop(order.id)
        assert order.total_minor == sum(line.price_minor * line.quantity for line in bought)
        days[order.sold_on, "placed"] += 1
        if order.status in ("cancelled", "returned"):
            days[order.sold_on, "cancelled"] += 1
            continue
        days[order.sold_on, "revenue"] += order.total_minor
        for line in bought:
            sold[line.product_id] += line.quantity
            sales[order.sold_on, line.product_id, "quantity"] += line.quantity
            sales[order.sold_on, line.product_id, "revenue"] += line.quantity * line.price_minor
    assert lines == {}, "lines of no order"
    for product in connection.execute(select(Product.id, Product.article, Product.remains, Product.sold)):
        before = sold_before.get(product.article, 0)
        assert (product.remains, product.sold) == (moved[product.id], before + sold[product.id])
    for row in connection.execute(select(*SalesDay.__table__.c)):
        key = (row.day, row.product_id)
        assert (row.quantity, row.revenue_minor) == (sales.pop((*key, "quantity"), 0), sales.pop((*key, "revenue"), 0))
    for row in connection.execute(select(*OrdersDay.__table__.c)):
        kept = [days.pop((row.day, name), 0) for name in ("placed", "cancelled", "revenue")]
        assert [row.placed, row.cancelled, row.revenue_minor] == kept
    assert not +sales and not +days, "sales that were not counted"


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[Databases]:
    """The databases of a folder, while no server has them."""
    databases = await open_databases(make_settings(data))
    try:
        yield databases
    finally:
        await databases.close()


def add_buyers(session: Session, now: datetime, names: Iterable[str], quantities: Mapping[int, int]) -> Done[list[int]]:
    """Users with a session whose token is their name, and a cart of version 1 at 10.00 a piece; returns their ids."""
    ids = []
    for name in names:
        user = User(username=name, role="user", creation_time=now, edit_time=now)
        session.add(user)
        session.flush()
        ids.append(user.id)
        sessions.add_session(
            session, hash_token(name), audience="shop", person=("user", user.id), guest_user_id=None, data={}, now=now,
            expiry_time=now + timedelta(days=1),
        )  # fmt: skip
        cart = carts.require_cart(session, user.id, now)
        origin = {"source": "shop", "chat_id": None, "chat_seq": None, "service_person_id": None}
        carts.put_lines(
            session, cart,
            [
                {"article": article, "quantity": quantity, "price_minor": 1000, "creation_time": now, **origin}
                for article, quantity in quantities.items()
            ],
        )  # fmt: skip
        carts.raise_version(session, cart, now)
    return Done(ids)
