"""Carts: what goes in and what does not, two tabs at once, warnings, what was taken out, and merging at sign-in."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from app.actor import Actor
from app.keys import CARTS, DATABASES
from app.services.carts import Source
from app.services.store_events import CartChanged
from db.database import Database, Done
from db.models.products import Product
from db.models.users import CartLine, User, UserCart
from db.queries import carts as queries
from db.queries import products as product_queries
from tests.conftest import PASSWORD, Person, Shop, open_shop

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


@pytest.fixture
def told(store: Store) -> list[Any]:
    """What is told with the commits in USERS."""
    events: list[Any] = []
    store.shop.app[DATABASES].users.publish = events.extend
    return events


async def put(person: Person, article: int, quantity: Any = 1, status: int = 200, **headers: str) -> dict[str, Any]:
    path = f"{CART}/lines/{article}"
    answer = await person.call("PUT", path, json={"quantity": quantity}, status=status, headers=headers)
    return dict(answer)


async def add(person: Person, article: int, delta: Any = 1, status: int = 200, **headers: str) -> dict[str, Any]:
    form = {"article": article, "delta": delta}
    return dict(await person.call("POST", f"{CART}/lines", json=form, status=status, headers=headers))


async def read(person: Person, **query: str) -> dict[str, Any]:
    return dict(await person.call("GET", CART, params=query, status=200))


async def me(person: Person) -> int:
    return int((await person.call("GET", "/api/v1/session", status=200))["me"]["id"])


async def sign_in(person: Person, login: str) -> dict[str, Any]:
    form = {"login": login, "password": PASSWORD}
    return dict(await person.call("POST", "/api/v1/session", json=form, status=200))


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


async def test_a_look_at_no_cart_writes_nothing(store: Store) -> None:
    visitor, guest, user = await store.shop.visitor(), await store.shop.guest(), await store.shop.user("anna")
    guests = await count(store, User)

    for person in (visitor, guest, user):
        cart = await read(person)
        assert (cart["version"], cart["lines"], cart["total"]["amount"]) == (0, [], 0)
        removed = await person.call("GET", f"{CART}/removed", status=200)
        assert removed == {"items": []}

    assert (await count(store, User), await count(store, UserCart)) == (guests, 0)


async def test_the_cart_is_not_to_be_kept_and_says_its_version(store: Store) -> None:
    await store.sell(1)
    guest = await store.shop.guest()
    async with guest.request("PUT", f"{CART}/lines/1", json={"quantity": 2}) as response:
        assert (response.headers["Cache-Control"], response.headers["ETag"]) == ("no-store", '"1"')
    async with guest.request("GET", CART, headers={"If-None-Match": '"1"'}) as response:
        assert (response.status, response.headers["Cache-Control"], response.headers["ETag"]) == (
            200,
            "no-store",
            '"1"',
        )


async def test_a_user_puts_in_takes_out_and_changes_several_lines(store: Store) -> None:
    await store.sell(1, 2, 3, 4)
    user = await store.shop.user("anna")

    await put(user, 1, 2)
    await add(user, 2)
    await add(user, 1, 3)
    assert quantities(await add(user, 2, 4)) == {1: 5, 2: 5}
    assert quantities(await add(user, 1, -2)) == {1: 3, 2: 5}
    assert quantities(await add(user, 1, -3)) == {2: 5}
    form = {"lines": {"2": None, "3": 7, "4": 1}}
    assert quantities(await user.call("PATCH", CART, json=form, status=200)) == {3: 7, 4: 1}
    assert quantities(await user.call("DELETE", f"{CART}/lines/3", status=200)) == {4: 1}
    cart = await user.call("DELETE", CART, status=200)
    assert (cart["lines"], cart["version"]) == ([], 9)


async def test_what_changes_nothing_is_no_new_version_and_no_event(store: Store, told: list[Any]) -> None:
    await store.sell(1, 2)
    guest = await store.shop.guest()
    await put(guest, 1, 2)
    assert told == [CartChanged((await me(guest)), 1)]

    for _ in range(2):
        assert (await put(guest, 1, 2))["version"] == 1
        assert (await guest.call("DELETE", f"{CART}/lines/2", status=200))["version"] == 1
        assert (await add(guest, 2, -1))["version"] == 1
    assert len(told) == 1

    await guest.call("DELETE", CART, status=200)
    assert (await guest.call("DELETE", CART, status=200))["version"] == 2
    assert [event.version for event in told] == [1, 2]


async def test_a_repeated_plus_is_counted_once(store: Store) -> None:
    await store.sell(1, 2)
    guest = await store.shop.guest()
    key = {"Idempotency-Key": "plus-1"}
    form = {"article": 1, "delta": 2}
    await add(guest, 1, 2, **key)
    async with guest.request("POST", f"{CART}/lines", json=form, headers=key) as response:
        assert (response.status, response.headers["Idempotent-Replay"]) == (200, "true")
        assert quantities(await response.json()) == {1: 2}

    assert (await add(guest, 2, 2, status=409, **key))["reason"] == "key_reused"
    assert quantities(await add(await store.shop.guest(), 1, 2, **key)) == {1: 2}  # somebody else's key is another


async def test_a_line_keeps_where_it_came_from(store: Store) -> None:
    await store.sell(1, 2)
    user = await store.shop.user("anna")
    actor = Actor("user", user.me["id"])
    carts = store.shop.app[CARTS]
    await carts.set_quantities(actor, {1: 1}, source=Source("chat", chat_id=5, chat_seq=7))
    await carts.add_pieces(actor, 2, 1, source=Source("proposal", chat_id=6, chat_seq=8))

    cart = await add(user, 1, 2)

    assert [(line["source"], line["chat_id"], line["chat_seq"]) for line in cart["lines"]] == [
        ("chat", 5, 7), ("proposal", 6, 8)
    ]  # fmt: skip
    await user.call("DELETE", f"{CART}/lines/1", status=200)
    assert [line["source"] for line in (await put(user, 1))["lines"]] == ["proposal", "shop"]


async def test_registering_keeps_the_cart_in_place(store: Store) -> None:
    await store.sell(1)
    guest = await store.shop.guest()
    await put(guest, 1, 4)
    guest_id = await me(guest)

    form = {"username": "anna", "email": "anna@example.org", "password": PASSWORD, "token": True}
    answer = await guest.call("POST", "/api/v1/users", json=form, status=201)
    guest.token = answer["token"]

    cart = await read(guest)
    assert (answer["me"]["id"], quantities(cart), cart["version"]) == (guest_id, {1: 4}, 1)


async def test_other_peoples_carts_are_out_of_reach(store: Store) -> None:
    await store.sell(1, 2)
    anna, guest, olga = await store.shop.user("anna"), await store.shop.guest(), await store.shop.user("olga")
    await put(anna, 1, 4)
    await anna.call("DELETE", f"{CART}/lines/1", status=200)
    await put(anna, 2, 5)

    for stranger in (guest, olga):
        assert (await read(stranger))["lines"] == []
        assert (await stranger.call("GET", f"{CART}/removed"))["items"] == []
        await stranger.call("DELETE", CART, status=200)
        await stranger.call("DELETE", f"{CART}/lines/2", status=200)
        await stranger.call("POST", f"{CART}/removed/1", status=404)
    assert quantities(await read(anna)) == {2: 5}


# What is refused


@pytest.mark.parametrize("quantity", [0, -1, 1.5, 1000, 10**30, "2", True, None])
async def test_a_quantity_that_is_none_is_refused(store: Store, quantity: Any) -> None:
    await store.sell(1)
    user = await store.shop.user("anna")

    answer = await put(user, 1, quantity, status=422)
    assert (answer["code"], answer["errors"][0]["pointer"]) == ("invalid", "/quantity")
    form = {"lines": {"1": quantity}}
    if quantity is not None:  # which takes the line out
        answer = await user.call("PATCH", CART, json=form, status=422)
        assert answer["errors"][0]["pointer"] == "/lines/1"
    assert (await read(user))["version"] == 0


@pytest.mark.parametrize("delta", [1.5, 1000, -1000, 10**30, "2", None])
async def test_a_delta_that_is_none_is_refused(store: Store, delta: Any) -> None:
    await store.sell(1)
    user = await store.shop.user("anna")
    answer = await add(user, 1, delta, status=422)
    assert (answer["code"], answer["errors"][0]["pointer"]) == ("invalid", "/delta")


@pytest.mark.parametrize("name", ["0", "-1", "x", "1.0", "+1", "01", "9" * 40, ""])
async def test_an_article_that_is_none_is_refused(store: Store, name: str) -> None:
    user = await store.shop.user("anna")
    answer = await user.call("PATCH", CART, json={"lines": {name: 1}}, status=422)
    assert answer["code"] == "invalid"
    await user.call("PUT", f"{CART}/lines/{name or '%20'}", json={"quantity": 1}, status=404)


@pytest.mark.parametrize("status", ["draft", "review", "archived", None])
async def test_what_is_not_on_sale_is_not_there(store: Store, status: str | None) -> None:
    await store.sell(1)
    if status:
        await store.sell(2, status=status)
    user = await store.shop.user("anna")

    for answer in (
        await put(user, 2, status=404),
        await add(user, 2, status=404),
        await user.call("PATCH", CART, json={"lines": {"1": 1, "2": 1}}, status=404),
    ):
        assert (answer["code"], answer["articles"]) == ("not_found", [2])
    assert (await read(user))["lines"] == []  # not the good one either


async def test_more_than_are_left_is_refused_and_fewer_never(store: Store) -> None:
    await store.sell(1, remains=3)
    await store.sell(2, remains=0)
    user = await store.shop.user("anna")
    await put(user, 1, 3)

    assert (await put(user, 1, 4, status=409))["lines"] == [{"article": 1, "remains": 3}]
    assert (await add(user, 1, 1, status=409))["code"] == "out_of_stock"
    answer = await user.call("PATCH", CART, json={"lines": {"1": 5, "2": 1}}, status=409)
    assert answer["lines"] == [{"article": 1, "remains": 3}, {"article": 2, "remains": 0}]
    assert quantities(await read(user)) == {1: 3}

    await store.change(1, remains=1)
    assert quantities(await add(user, 1, -1)) == {1: 2}


async def test_a_line_holds_999_pieces(store: Store) -> None:
    await store.sell(1)
    user = await store.shop.user("anna")
    await put(user, 1, 998)
    assert quantities(await add(user, 1, 1)) == {1: 999}

    answer = await add(user, 1, 1, status=422)

    assert answer["errors"] == [
        {"pointer": "/delta", "code": "less_than_equal", "detail": "A line holds at most 999 pieces"}
    ]
    assert quantities(await read(user)) == {1: 999}


async def test_a_cart_holds_200_lines(store: Store) -> None:
    await store.sell(*range(1, 203))
    user = await store.shop.user("anna")
    lines = {str(article): 1 for article in range(1, 202)}
    assert (await user.call("PATCH", CART, json={"lines": lines}, status=422))["code"] == "invalid"
    del lines["201"]
    cart = await user.call("PATCH", CART, json={"lines": lines}, status=200)
    assert (cart["line_count"], cart["total"]["amount"]) == (200, 200 * 1000)

    for answer in (await put(user, 201, status=413), await add(user, 201, status=413)):
        assert (answer["code"], answer["most_lines"]) == ("too_large", 200)
    assert (await put(user, 200, 2))["line_count"] == 200
    form = {"lines": {"1": None, "201": 1}}  # one comes for one that goes
    assert (await user.call("PATCH", CART, json=form, status=200))["line_count"] == 200
    assert (await user.call("POST", f"{CART}/removed/1", status=200))["refused"] == [
        {"article": 1, "code": "too_large"}
    ]


async def test_staff_have_no_cart_and_visitors_none_to_write(store: Store) -> None:
    await store.sell(1)
    await put(await store.shop.visitor(), 1, status=401)
    owner = await store.shop.owner()
    await put(owner, 1, status=403)
    await owner.call("GET", CART, status=403)


# Two tabs


async def test_no_tab_loses_what_another_put_in(store: Store) -> None:
    await store.sell(*range(1, 41))
    guest = await store.shop.guest()  # without a row: forty requests make one

    await asyncio.gather(*(put(guest, article, 2) for article in range(1, 41)), *(add(guest, 1, 3) for _ in range(30)))

    cart = await read(guest)
    assert {**quantities(cart), 1: 0} == {**dict.fromkeys(range(2, 41), 2), 1: 0}
    # the put of the first article came before, between or after the thirty pluses
    assert quantities(cart)[1] in {2 + 3 * later for later in range(31)}
    assert await count(store, UserCart) == 1
    await asyncio.gather(*(add(guest, 2, 1) for _ in range(50)), *(add(guest, 2, -1) for _ in range(20)))
    assert quantities(await read(guest))[2] in range(32, 53)  # minus below nothing does nothing


async def test_as_many_pluses_as_came_are_counted(store: Store) -> None:
    await store.sell(1)
    user = await store.shop.user("anna")
    await put(user, 1, 100)

    await asyncio.gather(*(add(user, 1, delta) for delta in [1, 2, 3, -1, -2] * 20))

    cart = await read(user)
    assert (quantities(cart), cart["version"]) == ({1: 100 + 3 * 20}, 101)


async def test_who_has_seen_another_version_is_told_the_present_one(store: Store) -> None:
    await store.sell(1, 2)
    user = await store.shop.user("anna")
    await put(user, 1, **{"If-Match": '"0"'})
    stale = {"If-Match": '"0"'}

    refusals = [
        await put(user, 1, 5, status=412, **stale),
        await add(user, 1, status=412, **stale),
        await user.call("PATCH", CART, json={"lines": {"2": 1}}, headers=stale, status=412),
        await user.call("DELETE", CART, headers=stale, status=412),
        await user.call("DELETE", f"{CART}/lines/1", headers=stale, status=412),
        await user.call("POST", f"{CART}/removed", headers=stale, status=412),
        await user.call("POST", f"{CART}/removed/1", headers=stale, status=412),
    ]

    assert [(answer["code"], answer["version"]) for answer in refusals] == [("stale", 1)] * 7
    for unknown in ('"old"', "1", 'W/"1"'):
        assert (await put(user, 1, 5, status=412, **{"If-Match": unknown}))["code"] == "stale"
    assert (await put(user, 1, 5, **{"If-Match": "*"}))["version"] == 2
    assert (await put(user, 1, 6, **{"If-Match": '"2"'}))["version"] == 3


async def test_of_two_tabs_with_one_version_one_wins(store: Store) -> None:
    await store.sell(*range(1, 21))
    user = await store.shop.user("anna")

    async def try_to(article: int) -> int:
        form = {"quantity": 1}
        async with user.request("PUT", f"{CART}/lines/{article}", json=form, headers={"If-Match": '"0"'}) as response:
            return int(response.status)

    statuses = await asyncio.gather(*(try_to(article) for article in range(1, 21)))

    assert sorted(statuses) == [200] + [412] * 19
    assert (await read(user))["line_count"] == 1


@pytest.mark.parametrize("seed", range(3))
async def test_quantities_are_those_of_a_dictionary(store: Store, seed: int) -> None:
    """Any sequence of operations leaves what the same sequence leaves in a dict."""
    articles, chance = range(1, 6), random.Random(seed)
    await store.sell(*articles)
    user = await store.shop.user("anna")
    there: dict[int, int] = {}
    gone: dict[int, int] = {}
    for _ in range(120):
        article, number = chance.choice(articles), chance.randint(1, 9)
        before = dict(there)
        match chance.choice(("put", "add", "patch", "remove", "clear", "restore", "restore all")):
            case "put":
                await put(user, article, number)
                there[article] = number
            case "add":
                await add(user, article, number - 5)
                there[article] = there.get(article, 0) + number - 5
            case "patch":
                lines = {one: chance.choice([None, number]) for one in chance.sample(articles, 3)}
                await user.call("PATCH", CART, json={"lines": lines}, status=200)
                there |= {one: to or 0 for one, to in lines.items()}
            case "remove":
                await user.call("DELETE", f"{CART}/lines/{article}", status=200)
                there[article] = 0
            case "clear":
                await user.call("DELETE", CART, status=200)
                there = {}
            case "restore":
                status = 200 if article in there or article in gone else 404
                await user.call("POST", f"{CART}/removed/{article}", status=status)
                there |= {article: gone[article]} if article in gone else {}
            case "restore all":
                await user.call("POST", f"{CART}/removed", status=200)
                there |= gone
        there = {one: to for one, to in there.items() if to > 0}
        gone |= {one: to for one, to in before.items() if one not in there}
        gone = {one: to for one, to in gone.items() if one not in there}
        assert quantities(await read(user)) == there
        removed = (await user.call("GET", f"{CART}/removed"))["items"]
        assert {line["article"]: line["quantity"] for line in removed} == gone


# What the customer should know


async def test_a_line_says_what_has_changed_since_it_was_put_in(store: Store) -> None:
    await store.sell(*range(1, 8), price=1000, remains=9)
    user = await store.shop.user("anna")
    await user.call("PATCH", CART, json={"lines": {str(one): 4 for one in range(1, 8)}}, status=200)
    await store.change(2, price_minor=1200, effective_minor=1200)
    await store.change(3, discount_bp=1000, effective_minor=900)
    await store.change(4, remains=0)
    await store.change(5, remains=3)
    await store.change(6, status="archived")
    await store.change(7, remains=1, discount_bp=2000, effective_minor=800)

    cart = await read(user)

    warnings = {line["article"]: line["warnings"] for line in cart["lines"]}
    assert warnings == {
        1: [], 2: ["price_up"], 3: ["price_down"], 4: ["sold_out"], 5: ["fewer_left"], 6: ["unavailable"],
        7: ["price_down", "fewer_left"],
    }  # fmt: skip
    assert cart["warnings"] == ["price_up", "price_down", "sold_out", "fewer_left", "unavailable"]
    assert [line["remains"] for line in cart["lines"]] == [9, 9, 9, 0, 3, 0, 1]
    assert [line["unit_price"] and line["unit_price"]["amount"] for line in cart["lines"]] == [
        1000, 1200, 900, 1000, 1000, None, 800
    ]  # fmt: skip
    assert {line["price_when_added"]["amount"] for line in cart["lines"]} == {1000}
    totals = [line["total"]["amount"] for line in cart["lines"]]
    assert totals == [4000, 4800, 3600, 0, 4000, 0, 3200]
    assert cart["total"]["amount"] == sum(totals)


async def test_a_price_that_has_run_out_is_not_shown(store: Store) -> None:
    await store.sell(1, price=1000)
    now = store.shop.clock.now()
    form = {
        "name": "Распродажа", "kind": "fixed", "value": 300, "scope": "all",
        "starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    await (await store.shop.owner()).call("POST", "/api/v1/promotions", json=form, status=201)
    user = await store.shop.user("anna")
    line = (await put(user, 1, 2))["lines"][0]
    assert (line["unit_price"]["amount"], line["valid_until"] is not None, line["warnings"]) == (700, True, [])

    store.shop.clock.advance(3600)

    line = (await read(user))["lines"][0]
    assert (line["unit_price"]["amount"], line["total"]["amount"], line["valid_until"]) == (1000, 2000, None)
    assert line["warnings"] == ["price_up"]


async def test_a_cart_can_be_searched(store: Store) -> None:
    names = {1207: "Пальто «Ёлка»", 1215: "Шапка белая", 3000: "Ботинки Timberland"}
    for article, name in names.items():
        await store.sell(article, name=name)
    user = await store.shop.user("anna")
    await user.call("PATCH", CART, json={"lines": {str(article): 1 for article in names}}, status=200)

    async def found(q: str) -> list[int]:
        cart = await read(user, q=q)
        assert (cart["line_count"], cart["total"]["amount"]) == (3, 3000)
        return [line["article"] for line in cart["lines"]]

    assert await found("елк") == await found("ЁЛК") == [1207]
    assert await found("timber") == [3000]
    assert await found("12") == [1207, 1215]
    assert await found("сапоги") == []
    assert await found("") == await found("  ") == [1207, 1215, 3000]
    await user.call("GET", CART, params={"q": "x" * 101}, status=422)
    await user.call("GET", CART, params={"name": "x"}, status=422)


# What was taken out


async def test_a_removed_line_comes_back_as_it_was(store: Store) -> None:
    await store.sell(1, 2, price=1000)
    user = await store.shop.user("anna")
    await put(user, 1, 3)
    await put(user, 2, 4)
    await user.call("DELETE", f"{CART}/lines/1", status=200)
    await store.change(1, price_minor=1500, effective_minor=1500)

    removed = (await user.call("GET", f"{CART}/removed", status=200))["items"]
    assert [(line["article"], line["quantity"], line["unit_price"]["amount"]) for line in removed] == [(1, 3, 1500)]
    answer = await user.call("POST", f"{CART}/removed/1", status=200)

    assert (answer["restored"], answer["refused"], quantities(answer["cart"])) == ([1], [], {1: 3, 2: 4})
    assert answer["cart"]["lines"][0]["warnings"] == ["price_up"]
    again = await user.call("POST", f"{CART}/removed/1", status=200)
    assert (again["restored"], again["cart"]["version"]) == ([], answer["cart"]["version"])
    assert (await user.call("GET", f"{CART}/removed"))["items"] == []


async def test_what_cannot_come_back_is_named(store: Store) -> None:
    await store.sell(1, 2, 3, 4)
    user = await store.shop.user("anna")
    await user.call("PATCH", CART, json={"lines": {str(one): 5 for one in range(1, 5)}}, status=200)
    await user.call("DELETE", CART, status=200)
    await store.change(2, remains=0)
    await store.change(3, status="draft")
    await store.change(4, remains=2)

    answer = await user.call("POST", f"{CART}/removed", status=200)

    assert quantities(answer["cart"]) == {1: 5, 4: 2}
    assert sorted(answer["restored"]) == [1, 4]
    assert sorted(answer["refused"], key=lambda line: line["article"]) == [
        {"article": 2, "code": "out_of_stock"}, {"article": 3, "code": "not_found"}
    ]  # fmt: skip
    await store.change(2, remains=1)
    assert quantities((await user.call("POST", f"{CART}/removed", status=200))["cart"]) == {1: 5, 2: 1, 4: 2}


async def test_a_removed_line_can_be_put_back_for_thirty_days(store: Store) -> None:
    await store.sell(1, 2)
    guest = await store.shop.guest()  # whose session lives longer than that
    await put(guest, 1, 3)
    await put(guest, 2, 3)
    await guest.call("DELETE", f"{CART}/lines/1", status=200)
    store.shop.clock.advance(2 * DAY_S)
    await guest.call("DELETE", f"{CART}/lines/2", status=200)

    store.shop.clock.advance(29 * DAY_S)

    removed = (await guest.call("GET", f"{CART}/removed", status=200))["items"]
    assert [line["article"] for line in removed] == [2]
    await guest.call("POST", f"{CART}/removed/1", status=404)
    assert (await guest.call("POST", f"{CART}/removed", status=200))["restored"] == [2]
    await guest.call("DELETE", f"{CART}/lines/2", status=200)
    assert await count(store, CartLine) == 1  # the expired one is not even in the table any more


async def test_only_so_many_removed_lines_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_REMOVED", 3)
    await store.sell(*range(1, 6))
    user = await store.shop.user("anna")
    for article in range(1, 6):
        await put(user, article)
        await user.call("DELETE", f"{CART}/lines/{article}", status=200)

    removed = (await user.call("GET", f"{CART}/removed", status=200))["items"]
    assert [line["article"] for line in removed] == [5, 4, 3]


# Signing in


async def test_signing_in_says_what_came_along(store: Store, told: list[Any]) -> None:
    await store.sell(*range(1, 7))
    user, guest = await store.shop.user("anna"), await store.shop.guest()
    await user.call("PATCH", CART, json={"lines": {"1": 5, "2": 1, "3": 2}}, status=200)
    await user.call("DELETE", f"{CART}/lines/3", status=200)
    await guest.call("PATCH", CART, json={"lines": {"1": 2, "2": 999, "3": 7, "4": 1, "5": 8}}, status=200)
    await guest.call("DELETE", f"{CART}/lines/5", status=200)

    answer = await sign_in(guest, "anna")

    assert answer["merged"]["cart_lines"] == [
        {"article": 1, "guest": 2, "user": 5, "result": 5},
        {"article": 2, "guest": 999, "user": 1, "result": 999},
        {"article": 3, "guest": 7, "user": 0, "result": 7},
        {"article": 4, "guest": 1, "user": 0, "result": 1},
    ]
    cart = await read(user)
    assert (quantities(cart), cart["version"]) == ({1: 5, 2: 999, 3: 7, 4: 1}, 3)
    assert told[-1] == CartChanged(user.me["id"], 3)
    removed = (await user.call("GET", f"{CART}/removed", status=200))["items"]
    assert [line["article"] for line in removed] == [5]
    assert await count(store, UserCart) == 1


async def test_a_full_cart_takes_what_it_can_and_keeps_the_rest_at_hand(store: Store) -> None:
    await store.sell(*range(1, 204))
    user, guest = await store.shop.user("anna"), await store.shop.guest()
    await user.call("PATCH", CART, json={"lines": {str(one): 1 for one in range(1, 200)}}, status=200)
    await guest.call("PATCH", CART, json={"lines": {"1": 2, "201": 3, "202": 4, "203": 5}}, status=200)

    answer = await sign_in(guest, "anna")

    assert [(line["article"], line["result"]) for line in answer["merged"]["cart_lines"]] == [
        (1, 2), (201, 3), (202, 0), (203, 0)
    ]  # fmt: skip
    assert (await read(user))["line_count"] == 200
    await user.call("DELETE", f"{CART}/lines/5", status=200)
    await user.call("DELETE", f"{CART}/lines/6", status=200)
    assert {line["article"] for line in (await user.call("GET", f"{CART}/removed"))["items"]} == {5, 6, 202, 203}
    answer = await user.call("POST", f"{CART}/removed/203", status=200)
    assert quantities(answer["cart"])[203] == 5


async def test_a_line_that_was_under_way_while_the_guest_signed_in_is_the_users(store: Store) -> None:
    await store.sell(1, 2)
    user, guest = await store.shop.user("anna"), await store.shop.guest()
    await put(guest, 1, 2)
    guest_id = await me(guest)
    await sign_in(guest, "anna")

    cart = await store.shop.app[CARTS].set_quantities(Actor("guest", guest_id), {2: 3})

    assert quantities(await read(user)) == {1: 2, 2: 3}
    assert cart.version == 2
    assert await count(store, UserCart) == 1


async def test_an_empty_cart_leaves_the_users_as_it_is(store: Store) -> None:
    await store.sell(1, 2)
    user, guest = await store.shop.user("anna"), await store.shop.guest()
    await put(user, 1, 2)
    await put(guest, 2, 2)
    await guest.call("DELETE", CART, status=200)

    answer = await sign_in(guest, "anna")

    assert answer["merged"]["cart_lines"] == []
    assert (await read(user))["version"] == 1


# What was ordered


async def test_what_was_ordered_leaves_the_cart_and_the_rest_stays(store: Store) -> None:
    await store.sell(1, 2, 3)
    user = await store.shop.user("anna")
    await user.call("PATCH", CART, json={"lines": {"1": 5, "2": 2, "3": 1}}, status=200)
    await user.call("DELETE", f"{CART}/lines/3", status=200)

    async def take(ordered: dict[int, int]) -> int | None:
        now = store.shop.clock.now()
        users = store.shop.app[DATABASES].users
        return await users.write(lambda s: Done(queries.take_ordered(s, user.me["id"], ordered, now)))

    assert await take({1: 3, 2: 2, 3: 1, 9: 1}) == 3
    cart = await read(user)
    assert (quantities(cart), cart["version"]) == ({1: 2}, 3)
    removed = (await user.call("GET", f"{CART}/removed"))["items"]
    assert [line["article"] for line in removed] == [3]  # what was bought is not among them
    assert await take({2: 2}) is None
    assert await take({1: 9}) == 4
    assert (await read(user))["lines"] == []


# What it costs


async def test_a_look_at_a_cart_is_two_statements_however_long_it_is(store: Store) -> None:
    await store.sell(*range(1, 61))
    user = await store.shop.user("anna")
    databases = store.shop.app[DATABASES]
    for length in (1, 60):
        await user.call("PATCH", CART, json={"lines": {str(one): 2 for one in range(1, length + 1)}}, status=200)
        statements: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if statement.startswith("SELECT"):
                statements.append(statement)  # noqa: B023

        engines = [engine for one in (databases.users, databases.products) for engine in read_engines(one)]
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        await read(user)
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)

        assert [re.search(r'FROM "(\w+)"', one).group(1) for one in statements] == ["UserCart", "Product"]  # type: ignore[union-attr]


def read_engines(database: Database) -> list[Any]:
    return [database._hot.engine, database._engine.sync_engine]
