"""Carts on both engines: two processes at once, what a merge and an order leave, and the plans behind it all."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from app.actor import Actor
from app.schemas.base import IMAGES_PATH
from app.services.carts import CartService
from app.services.pricing import PriceBook
from db.database import Databases, Done
from db.engine import make_write_engine
from db.models.products import Product
from db.models.users import CartLine, User, UserCart
from db.queries import carts as queries
from db.queries import products as product_queries
from db.queries.users import add_guest
from tests.conftest import HandClock
from tests.storage.conftest import OpenDatabases, Urls
from tests.storage.test_plans import plans

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Call = Callable[[Any], object]


def add_goods(session: Session, most: int) -> Done[None]:
    """Articles 1 to ``most``, a million pieces of each."""
    group = product_queries.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
    row = {"slug": "hats", "name": "Шапки", "group_id": group, "position": 1}
    category = product_queries.add_categories(session, [row])["hats"]
    shape = {
        "category_id": category, "group_id": group, "status": "published", "price_minor": 1000, "discount_bp": 0,
        "effective_minor": 1000, "remains": 10**6, "creation_time": NOW, "edit_time": NOW, "images": ["a.webp"],
    }  # fmt: skip
    rows = [{**shape, "article": article, "name": f"Шапка {article}"} for article in range(1, most + 1)]
    product_queries.add_products(session, rows)
    return Done(None)


async def make_guest(databases: Databases) -> Actor:
    return Actor("guest", await databases.users.write(lambda session: Done(add_guest(session, NOW))))


def open_carts(databases: Databases) -> CartService:
    clock = HandClock()
    return CartService(databases, PriceBook(databases.products, clock), clock)


async def test_two_processes_lose_no_line_of_a_new_cart(open_again: OpenDatabases) -> None:
    here, there = await open_again(), await open_again()
    await here.products.write(lambda session: add_goods(session, 20))
    guest = await make_guest(here)
    services = [open_carts(each) for each in (here, there)]

    await asyncio.gather(
        *(services[article % 2].set_quantities(guest, {article: 2}) for article in range(2, 21)),
        *(services[number % 2].add_pieces(guest, 1, 3) for number in range(20)),
    )

    cart = await services[0].get_cart(guest)
    assert {line.article: line.quantity for line in cart.lines} == {1: 60, **dict.fromkeys(range(2, 21), 2)}
    assert cart.version == 39
    assert cart.lines[0].image == IMAGES_PATH + "a.webp"


async def test_lines_go_and_come_back_merge_and_are_ordered(databases: Databases) -> None:
    await databases.products.write(lambda session: add_goods(session, 5))
    guest, user = await make_guest(databases), await make_guest(databases)
    carts, now = open_carts(databases), HandClock().now()
    await carts.set_quantities(user, {1: 2, 2: 9, 3: 1})
    await carts.remove(user)
    assert (await carts.restore(user, 1)).restored == [1]
    assert sorted((await carts.restore(user)).restored) == [2, 3]
    await carts.remove(user, 3)
    await carts.set_quantities(guest, {2: 4, 3: 5, 4: 6, 5: 1})
    await carts.remove(guest, 5)

    merged = await databases.users.write(
        lambda session: Done(queries.merge_carts(session, guest.id or 0, user.id or 0, now))
    )
    assert merged is not None
    assert merged.lines == [(2, 4, 9, 9), (3, 5, 0, 5), (4, 6, 0, 6)]
    assert merged.version == (await carts.get_cart(user)).version == 6

    ordered = {1: 2, 2: 8, 9: 1}
    version = await databases.users.write(lambda s: Done(queries.take_ordered(s, user.id or 0, ordered, now)))
    cart = await carts.get_cart(user)
    assert (version, {line.article: line.quantity for line in cart.lines}) == (7, {2: 1, 3: 5, 4: 6})
    assert [line.article for line in (await carts.list_removed(user)).items] == [5]


# Plans. One call for each function of the module; a new one needs a line here.

CART = queries.Cart(1, 1, 1)
ROW = {
    "article": 5, "quantity": 1, "price_minor": 1, "source": "shop", "chat_id": None, "chat_seq": None,
    "service_person_id": None, "creation_time": NOW,
}  # fmt: skip
CALLS: dict[str, Call] = {
    "get_cart": lambda s: queries.get_cart(s, 1),
    "list_removed": lambda s: queries.list_removed(s, 1, NOW),
    "lock_cart": lambda s: queries.lock_cart(s, 1),
    "require_cart": lambda s: queries.require_cart(s, 3, NOW),
    "raise_version": lambda s: queries.raise_version(s, CART, NOW),
    "get_lines": lambda s: queries.get_lines(s, CART, [1, 2]),
    "count_lines": lambda s: queries.count_lines(s, CART),
    "put_lines": lambda s: queries.put_lines(s, CART, [ROW]),
    "set_quantities": lambda s: queries.set_quantities(s, CART, {1: 2}),
    "remove_lines": lambda s: queries.remove_lines(s, CART, [1], NOW + timedelta(days=40)),
    "restore_lines": lambda s: queries.restore_lines(s, CART, {2: 2}),
    "delete_cart": lambda s: queries.delete_cart(s, 1),
    "take_ordered": lambda s: queries.take_ordered(s, 1, {1: 1}, NOW),
    "merge_carts": lambda s: queries.merge_carts(s, 2, 1, NOW),
}
ON_PRODUCTS: dict[str, Call] = {"list_goods": lambda c: queries.list_goods(c, [1, 2])}


def open_writing(url: str) -> Iterator[Connection]:
    engine = make_write_engine(url)
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
    engine.dispose()


@pytest.fixture
def users(sqlite_urls: Urls) -> Iterator[Connection]:
    """Two carts with a line, and one that was removed, each."""
    for connection in open_writing(sqlite_urls["users"]):
        times = {"creation_time": NOW, "edit_time": NOW}
        connection.execute(insert(User), [{"id": one, "role": "guest", **times} for one in (1, 2, 3)])
        connection.execute(insert(UserCart), [{"id": one, "owner_id": one, "version": 1, **times} for one in (1, 2)])
        lines = [{**ROW, "cart_id": cart, "article": cart + gone, "removed_time": NOW if gone else None}
                 for cart in (1, 2) for gone in (0, 1)]  # fmt: skip
        connection.execute(insert(CartLine), lines)
        yield connection


@pytest.fixture
def products(sqlite_urls: Urls) -> Iterator[Connection]:
    yield from open_writing(sqlite_urls["products"])


def test_every_query_is_looked_at() -> None:
    functions = inspect.getmembers(queries, inspect.isfunction)
    own = {name for name, made in functions if made.__module__ == queries.__name__ and not name.startswith("_")}
    assert own == {*CALLS, *ON_PRODUCTS}


@pytest.mark.parametrize("name", CALLS)
def test_no_query_goes_through_all_carts(name: str, users: Connection) -> None:
    def call(connection: Connection) -> None:
        with Session(connection, join_transaction_mode="rollback_only") as session:
            CALLS[name](session)

    found = plans(users, call)
    assert found
    for statement, plan in found.items():
        assert not [step for step in plan if step.startswith("SCAN")], f"{plan}\n{statement}"


def test_products_of_a_cart_are_found_by_their_articles(products: Connection) -> None:
    (plan,) = plans(products, ON_PRODUCTS["list_goods"]).values()
    assert all(step.startswith("SEARCH") for step in plan), plan
    assert str(Product.__tablename__) in plan[0]
