"""Orders: placing them once, at the price that was seen and with what is left; moving on, paying, taking back."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, event, select, update
from sqlalchemy.orm import Session

from app.keys import DATABASES, ORDERS
from app.services.order_book import MOVES
from app.services.store_events import OrderChanged, ProductChanged
from db.database import Done
from db.models.messanger import Message
from db.models.products import Order, OrdersDay, Product, StockMove
from db.models.users import CartLine, StaffAction
from db.queries import orders as queries
from db.queries.orders import OrderFilter
from tests.conftest import MakeChat, Person, Shop, open_shop
from tests.goods import add_goods, audit, buy, fill, new_key, order_of, place

ORDERS_PATH = "/api/v1/orders"


@dataclass
class Store:
    """A shop with articles 1 to 5, a hundred of each at 10.00."""

    shop: Shop
    made: int = 0

    async def user(self) -> Person:
        self.made += 1
        return await self.shop.user(f"buyer{self.made}")

    async def clerk(self) -> Person:
        return await self.shop.staff(allows=("orders",))

    async def change(self, article: int, **values: Any) -> None:
        """Have another price, stock or status, as the staff would."""

        def work(session: Session) -> Done[None]:
            session.execute(update(Product).where(Product.article == article).values(**values))
            return Done(None)

        await self.shop.app[DATABASES].products.write(work)

    async def stock(self, article: int) -> tuple[int, int]:
        """What is left, and what was sold."""
        wanted = select(Product.remains, Product.sold).where(Product.article == article)
        row = await self.shop.app[DATABASES].products.read(lambda connection: connection.execute(wanted).one())
        return row.remains, row.sold

    async def audit(self) -> None:
        await self.shop.app[DATABASES].products.read(audit)

    async def count_orders(self) -> int:
        ids = select(Order.id)
        return len(await self.shop.app[DATABASES].products.read(lambda connection: connection.execute(ids).all()))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_shop(tmp_path / "data") as shop:
        now = shop.clock.now()
        await shop.app[DATABASES].products.write(lambda session: add_goods(session, now, 1, 2, 3, 4, 5))
        yield Store(shop)
        await shop.app[DATABASES].products.read(audit)  # whatever a test did


def path_of(order: dict[str, Any], more: str = "") -> str:
    return f"{ORDERS_PATH}/{order['id']}{more}"


async def move(clerk: Person, order: dict[str, Any], status: str, answer: int = 200, **form: Any) -> dict[str, Any]:
    seen = await clerk.call("GET", path_of(order), status=200)
    headers = {"If-Match": f'"{seen["version"]}"'}
    return dict(
        await clerk.call("PATCH", path_of(order), json={"status": status, **form}, headers=headers, status=answer)
    )


async def move_to(clerk: Person, order: dict[str, Any], status: str) -> None:
    """Along the shortest way."""
    way = {
        "placed": [], "packed": ["packed"], "shipped": ["packed", "shipped"],
        "delivered": ["packed", "shipped", "delivered"], "cancelled": ["cancelled"],
        "returned": ["packed", "shipped", "returned"],
    }  # fmt: skip
    for step in way[status]:
        await move(clerk, order, step)


async def quantities(person: Person) -> dict[int, int]:
    cart = await person.call("GET", "/api/v1/cart", status=200)
    return {line["article"]: line["quantity"] for line in cart["lines"]}


# Placing


async def test_an_order_takes_the_cart_the_stock_and_the_price_as_seen(store: Store) -> None:
    await store.change(2, images=["a.webp", "b.webp"], discount_bp=1000, effective_minor=900)
    anna = await store.user()
    cart = await fill(anna, a1=2, a2=3)
    form = order_of(cart, delivery={"method": "courier", "address": "Тверская, 1", "note": "после шести"})

    async with anna.request("POST", ORDERS_PATH, json=form, headers=new_key()) as answer:
        order = await answer.json()
        assert (answer.status, answer.headers["Location"]) == (201, path_of(order))
        assert "Idempotent-Replay" not in answer.headers

    assert order["total"] == cart["total"] == {"amount": 2 * 1000 + 3 * 900, "currency": "RUB"}
    assert (order["status"], order["moves"], order["version"]) == ("placed", ["cancelled"], 1)
    assert order["user_id"] == anna.me["id"]
    assert order["contact"] == {"name": "Анна", "phone": "+79161234567", "email": None}
    assert order["delivery"] == {"method": "courier", "address": "Тверская, 1", "note": "после шести"}
    assert order["payment"] == {"method": "on_delivery", "status": "unpaid", "paid_at": None, "hold_until": None}
    assert order["lines"][1] == {
        "article": 2, "name": "Шапка 2", "image": "/images/a.webp", "price": {"amount": 900, "currency": "RUB"},
        "quantity": 3, "total": {"amount": 2700, "currency": "RUB"}, "source": "shop",
    }  # fmt: skip
    assert [await store.stock(1), await store.stock(2)] == [(98, 2), (97, 3)]
    assert await quantities(anna) == {}
    assert await anna.call("GET", path_of(order), status=200) == order


async def test_a_price_that_changes_later_stays_as_sold(store: Store) -> None:
    anna = await store.user()
    order = await buy(anna, a1=1)
    await store.change(1, price_minor=9900, effective_minor=9900, name="Другая")

    kept = await anna.call("GET", path_of(order), status=200)

    assert (kept["lines"], kept["total"]) == (order["lines"], order["total"])


async def test_some_lines_are_ordered_and_the_others_stay_in_the_cart(store: Store) -> None:
    anna = await store.user()
    cart = await fill(anna, a1=2, a2=3, a3=1)

    total = {"amount": 3000, "currency": "RUB"}
    order = await place(anna, order_of(cart, lines=[3, 1], expected_total=total))

    assert [line["article"] for line in order["lines"]] == [1, 3]
    assert await quantities(anna) == {2: 3}
    rest = await anna.call("GET", "/api/v1/cart", status=200)
    assert (await place(anna, order_of(rest)))["total"] == {"amount": 3000, "currency": "RUB"}


async def test_what_came_into_the_cart_meanwhile_stays_there(store: Store) -> None:
    """The relay takes out what was ordered, not what is there."""
    anna = await store.user()
    cart = await fill(anna, a1=2)
    [order, _] = await asyncio.gather(
        anna.call("POST", ORDERS_PATH, json=order_of(cart), headers=new_key()),
        anna.call("PUT", "/api/v1/cart/lines/1", json={"quantity": 5}, status=200),
    )
    if "number" not in order:  # the change was first
        assert (order["reason"], order["version"]) == ("cart_changed", cart["version"] + 1)
        assert await quantities(anna) == {1: 5}
    else:
        assert await quantities(anna) in ({1: 3}, {1: 5})


async def test_a_line_keeps_where_it_came_from(store: Store) -> None:
    anna = await store.user()
    cart = await fill(anna, a1=1)
    users = store.shop.app[DATABASES].users

    def recommend(session: Session) -> Done[None]:
        session.execute(update(CartLine).values(source="chat", chat_id=7, chat_seq=3))
        return Done(None)

    await users.write(recommend)

    order = await place(anna, order_of(cart))

    assert order["lines"][0]["source"] == "chat"


async def test_numbers_begin_with_the_day_and_do_not_follow_each_other(store: Store) -> None:
    anna = await store.user()
    numbers = [(await buy(anna, a1=1))["number"] for _ in range(8)]

    today = store.shop.clock.now().astimezone(ZoneInfo("Europe/Moscow"))
    assert {number.partition("-")[0] for number in numbers} == {f"{today:%y%m%d}"}
    ends = [number.partition("-")[2] for number in numbers]
    assert len({end[:3] for end in ends}) > 4 and all(len(end) == 6 for end in ends)


# Once


async def test_a_key_that_comes_again_gives_the_same_order(store: Store) -> None:
    anna = await store.user()
    form, key = order_of(await fill(anna, a1=2)), new_key()
    first = await place(anna, form, headers=key)

    async with anna.request("POST", ORDERS_PATH, json=form, headers=key) as answer:
        assert (answer.status, answer.headers["Idempotent-Replay"]) == (201, "true")
        assert await answer.json() == first

    refusal = await place(anna, {**form, "cart_version": 9}, 409, headers=key)
    assert (refusal["code"], refusal["reason"]) == ("conflict", "key_reused")
    assert await store.stock(1) == (98, 2)


async def test_the_same_key_many_times_at_once_is_one_order(store: Store) -> None:
    anna = await store.user()
    form, key = order_of(await fill(anna, a1=2)), new_key()

    orders = await asyncio.gather(*(place(anna, form, headers=key) for _ in range(10)))

    assert all(order == orders[0] for order in orders)
    assert await store.stock(1) == (98, 2)


async def test_two_tabs_that_order_the_same_cart_with_two_keys_make_one_order(store: Store) -> None:
    anna = await store.user()
    form = order_of(await fill(anna, a1=2))

    answers = await asyncio.gather(*(anna.call("POST", ORDERS_PATH, json=form, headers=new_key()) for _ in range(2)))

    [order] = [answer for answer in answers if "lines" in answer]
    [refusal] = [answer for answer in answers if "lines" not in answer]
    assert (refusal["status"], refusal["code"], refusal["reason"]) == (409, "conflict", "already_ordered")
    assert (refusal["order"], refusal["number"]) == (order["id"], order["number"])
    assert (await store.stock(1), await store.count_orders()) == ((98, 2), 1)


async def test_what_is_still_on_its_way_out_of_the_cart_is_not_ordered_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay is late; meanwhile the cart changes, so that it is not the version that was ordered."""

    async def later() -> None:
        """The relay looks once a second by itself."""

    anna = await store.user()
    form = order_of(await fill(anna, a1=2))
    monkeypatch.setattr(store.shop.app[ORDERS], "_after_effects", later)
    await place(anna, form)
    cart = await anna.call("PUT", "/api/v1/cart/lines/2", json={"quantity": 1}, status=200)
    async with asyncio.timeout(10):
        while (answer := await anna.call("POST", ORDERS_PATH, json=order_of(cart), headers=new_key()))["status"] == 503:
            assert answer["retry_after_ms"] > 0

    assert (await store.stock(1))[1] == 2
    assert answer.get("reason") == "cart_changed" or [line["article"] for line in answer["lines"]] == [2]


async def test_without_a_key_nothing_is_ordered(store: Store) -> None:
    anna = await store.user()
    form = order_of(await fill(anna, a1=2))

    for headers in ({}, {"Idempotency-Key": "with space"}, {"Idempotency-Key": "x" * 129}):
        refusal = await anna.call("POST", ORDERS_PATH, json=form, headers=headers, status=400)
        assert refusal["reason"] == "idempotency_key"


async def test_a_key_of_a_refusal_may_be_used_again(store: Store) -> None:
    anna, key = await store.user(), new_key()
    form = order_of(await fill(anna, a1=2))
    await store.change(1, status="archived")
    await place(anna, form, 409, headers=key)
    await store.change(1, status="published")

    await place(anna, form, headers=key)


# Refusals


async def test_a_price_that_changed_is_refused_and_each_line_named(store: Store) -> None:
    anna = await store.user()
    cart = await fill(anna, a1=2, a2=1)
    await store.change(2, price_minor=1500, effective_minor=1500)

    refusal = await place(anna, order_of(cart), 409)

    assert (refusal["code"], refusal["reason"]) == ("conflict", "price_changed")
    assert refusal["total"] == {"amount": 3500, "currency": "RUB"}
    before, after = {"amount": 1000, "currency": "RUB"}, {"amount": 1500, "currency": "RUB"}
    assert refusal["lines"] == [
        {"article": 1, "name": "Шапка 1", "quantity": 2, "then": before, "now": before},
        {"article": 2, "name": "Шапка 2", "quantity": 1, "then": before, "now": after},
    ]
    assert [await store.stock(1), await store.stock(2)] == [(100, 0), (100, 0)]
    assert await quantities(anna) == {1: 2, 2: 1}
    seen = await anna.call("GET", "/api/v1/cart", status=200)
    assert (await place(anna, order_of(seen, expected_total=refusal["total"])))["total"] == refusal["total"]


async def test_an_order_at_the_price_of_a_promotion_that_is_over_is_refused(store: Store) -> None:
    """Nothing but the clock has changed since the cart was shown."""
    anna, owner, clock = await store.user(), await store.shop.owner(), store.shop.clock
    form = {
        "name": "Распродажа", "kind": "percent", "value": 1000, "scope": "products", "targets": [2],
        "starts_at": clock.now().isoformat(), "ends_at": (clock.now() + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    await owner.call("POST", "/api/v1/promotions", json=form, status=201)
    cart = await fill(anna, a1=1, a2=1)
    assert cart["total"]["amount"] == 1900

    clock.advance(3600)
    refusal = await place(anna, order_of(cart), 409)

    assert (refusal["reason"], refusal["total"]["amount"]) == ("price_changed", 2000)
    changed = [line for line in refusal["lines"] if line["then"] != line["now"]]
    assert [(line["article"], line["then"]["amount"], line["now"]["amount"]) for line in changed] == [(2, 900, 1000)]


async def test_what_is_not_left_is_named_and_nothing_is_half_done(store: Store) -> None:
    anna = await store.user()
    cart = await fill(anna, a1=2, a2=3, a3=1, a4=1)
    boris = await store.user()
    await buy(boris, a2=98)
    await buy(boris, a3=100)
    await store.change(4, status="archived")

    refusal = await place(anna, order_of(cart), 409)

    assert refusal["code"] == "out_of_stock"
    assert refusal["lines"] == [
        {"article": 2, "name": "Шапка 2", "wanted": 3, "remains": 2},
        {"article": 3, "name": "Шапка 3", "wanted": 1, "remains": 0},
        {"article": 4, "name": "Шапка 4", "wanted": 1, "remains": 0},
    ]
    assert await store.stock(1) == (100, 0)
    assert len(await quantities(anna)) == 4


async def test_a_cart_that_changed_is_refused(store: Store) -> None:
    anna = await store.user()
    form = order_of(await fill(anna, a1=2))
    cart = await anna.call("PUT", "/api/v1/cart/lines/2", json={"quantity": 1}, status=200)

    refusal = await place(anna, form, 409)

    assert (refusal["reason"], refusal["version"]) == ("cart_changed", cart["version"])


async def test_an_empty_cart_is_no_order(store: Store) -> None:
    anna = await store.user()
    refusal = await place(anna, order_of({"version": 0, "total": {"amount": 0}}), 409)
    assert refusal["reason"] == "empty"


BAD = {
    "no address": ({"delivery": {"method": "post", "address": " "}}, "/delivery", "address_missing"),
    "no phone": ({"contact": {"name": "Анна", "phone": "позвоните"}}, "/contact/phone", "phone"),
    "no name": ({"contact": {"name": " ", "phone": "89161234567"}}, "/contact/name", "string_pattern_mismatch"),
    "bad e-mail": (
        {"contact": {"name": "Анна", "phone": "89161234567", "email": "anna"}}, "/contact/email", "value_error",
    ),
    "a stranger's line": ({"lines": [1, 9]}, "/lines/1", "not_in_cart"),
    "no lines": ({"lines": []}, "/lines", "too_short"),
    "no provider": ({"payment": {"method": "online"}}, "/payment/method", "payment_unavailable"),
    "unknown payment": ({"payment": {"method": "barter"}}, "/payment/method", "literal_error"),
    "negative total": ({"expected_total": {"amount": -1}}, "/expected_total/amount", "greater_than_equal"),
    "fraction": ({"expected_total": {"amount": 10.5}}, "/expected_total/amount", "int_type"),
    "other money": ({"expected_total": {"amount": 1, "currency": "USD"}}, "/expected_total/currency", "literal_error"),
    "a price of one's own": ({"total": 1}, "/total", "extra_forbidden"),
}  # fmt: skip


async def test_what_is_wrong_with_an_order_is_said(store: Store) -> None:
    anna = await store.user()
    cart = await fill(anna, a1=1)
    for name, (changes, pointer, code) in BAD.items():
        refusal = await place(anna, order_of(cart, **changes), 422)
        assert [(error["pointer"], error["code"]) for error in refusal["errors"]] == [(pointer, code)], name

    await place(anna, order_of(cart, lines=[1], delivery={"method": "pickup"}))


async def test_an_order_needs_an_account(store: Store) -> None:
    guest = await store.shop.guest()
    form = order_of(await fill(guest, a1=1))
    assert (await place(guest, form, 401))["code"] == "unauthorized"
    assert (await place(await store.shop.visitor(), form, 401))["code"] == "unauthorized"
    assert (await place(await store.shop.owner(), form, 403))["code"] == "forbidden"

    account = {"username": "vera", "email": "vera@example.org", "password": "correct horse battery", "token": True}
    guest.token = (await guest.call("POST", "/api/v1/users", json=account, status=201))["token"]
    await place(guest, form)


# Properties


async def test_totals_stock_and_sales_agree_whatever_is_ordered_and_taken_back(store: Store) -> None:
    """Some at once, at odd prices, with cancellations and returns between; the store is audited after each test."""
    chance = random.Random(5)
    for article in range(1, 6):
        price, discount = chance.randrange(1, 10**6), chance.randrange(10001)
        effective = (price * (10000 - discount) + 5000) // 10000
        await store.change(article, price_minor=price, discount_bp=discount, effective_minor=effective)
    clerk = await store.clerk()
    people = [await store.user() for _ in range(4)]

    async def shop_for_a_while(person: Person, rounds: int) -> None:
        for _ in range(rounds):
            articles = chance.sample(range(1, 6), chance.randint(1, 4))
            order = await buy(person, **{f"a{article}": chance.randint(1, 3) for article in articles})
            assert order["total"]["amount"] == sum(line["total"]["amount"] for line in order["lines"])
            for line in order["lines"]:
                assert line["total"]["amount"] == line["price"]["amount"] * line["quantity"]
            status = chance.choice(list(MOVES))
            await move_to(clerk, order, status)

    await asyncio.gather(*(shop_for_a_while(person, 5) for person in people))

    assert await store.count_orders() == 20


async def test_an_order_after_midnight_counts_for_the_shops_day(tmp_path: Path) -> None:
    async with open_shop(tmp_path / "data", time_zone="Asia/Vladivostok") as shop:
        at = datetime(2027, 3, 31, 15, 30, tzinfo=UTC)  # half past one in the night of April
        shop.clock.advance((at - shop.clock.now()).total_seconds())
        await shop.app[DATABASES].products.write(lambda session: add_goods(session, at, 1))
        order = await buy(await shop.user("anna"), a1=1)

        days = select(OrdersDay.day, OrdersDay.placed, OrdersDay.revenue_minor)
        [row] = await shop.app[DATABASES].products.read(lambda connection: connection.execute(days).all())
        assert (row.day.isoformat(), row.placed, row.revenue_minor) == ("2027-04-01", 1, 1000)
        assert order["number"].startswith("270401-")


# Finding


async def test_a_user_sees_own_orders_newest_first(store: Store) -> None:
    anna, boris = await store.user(), await store.user()
    orders = [await buy(anna, a1=1) for _ in range(3)]
    foreign = await buy(boris, a1=1)

    page = await anna.call("GET", f"{ORDERS_PATH}?limit=2", status=200)
    rest = await anna.call("GET", f"{ORDERS_PATH}?limit=2&cursor={page['next']}", status=200)

    assert page["items"] + rest["items"] == orders[::-1]
    assert rest["next"] is None
    refusals = [await anna.call("GET", path_of(order), status=404) for order in (foreign, {"id": 999_999})]
    for refusal in refusals:
        del refusal["request_id"]
    assert refusals[0] == refusals[1]
    await anna.call("POST", path_of(foreign, "/cancellation"), json={}, status=404)


async def test_staff_find_orders_by_number_phone_status_and_customer(store: Store) -> None:
    anna, boris, clerk = await store.user(), await store.user(), await store.clerk()
    first, second = await buy(anna, a1=1), await buy(anna, a2=1)
    contact = {"name": "Борис", "phone": "8 800 555-35-35"}
    third = await buy(boris, {"contact": contact}, a3=1)
    await move(clerk, second, "packed")
    await clerk.call("POST", path_of(third, "/payment"), json={"status": "paid"}, status=200)

    async def found(**query: Any) -> list[int]:
        page = await clerk.call("GET", ORDERS_PATH, params=query, status=200)
        return [item["id"] for item in page["items"]]

    assert await found() == [third["id"], second["id"], first["id"]]
    assert await found(q=first["number"].lower()) == [first["id"]]
    assert await found(q="8 (800) 555 3535") == [third["id"]]
    assert await found(q="+79161234567") == await found(q="8 916 1234567") == [second["id"], first["id"]]
    assert await found(status="packed") == [second["id"]]
    assert await found(payment_status="paid") == [third["id"]]
    assert await found(user=anna.me["id"], status="placed") == [first["id"]]
    assert await found(q="нет такого") == []
    assert (await clerk.call("GET", path_of(first), status=200))["moves"] == ["packed", "cancelled"]


async def test_a_cursor_belongs_to_its_list(store: Store) -> None:
    anna, boris = await store.user(), await store.user()
    for person in (anna, boris):
        for _ in range(2):
            await buy(person, a1=1)
    cursor = (await anna.call("GET", f"{ORDERS_PATH}?limit=1", status=200))["next"]

    for person, query in ((boris, ""), (anna, "&status=placed")):
        await person.call("GET", f"{ORDERS_PATH}?limit=1&cursor={cursor}{query}", status=400)
    for damaged in ("x", "AAAA", cursor[:-4] + "AAAA"):
        await anna.call("GET", f"{ORDERS_PATH}?cursor={damaged}", status=400)
    await anna.call("GET", f"{ORDERS_PATH}?q=1", status=403)
    await anna.call("GET", f"{ORDERS_PATH}?user={boris.me['id']}", status=403)


# Moving on


async def test_only_legal_moves_are_made(store: Store) -> None:
    anna, clerk = await store.user(), await store.clerk()
    for status, to in ((status, to) for status in MOVES for to in MOVES):
        order = await buy(anna, a1=1)
        await move_to(clerk, order, status)
        if to in MOVES[status]:
            moved = await move(clerk, order, to)
            assert (moved["status"], moved["moves"]) == (to, list(MOVES[to]))
        else:
            refusal = await move(clerk, order, to, 409)
            assert (refusal["code"], refusal["reason"]) == ("conflict", "status")
            assert refusal["legal"] == list(MOVES[status])


async def test_a_move_says_which_version_it_moves(store: Store) -> None:
    anna, clerk = await store.user(), await store.clerk()
    order = await buy(anna, a1=1)
    form = {"status": "packed"}

    assert (await clerk.call("PATCH", path_of(order), json=form, status=428))["code"] == "if_match_required"
    refusal = await clerk.call("PATCH", path_of(order), json=form, headers={"If-Match": '"7"'}, status=412)
    assert (refusal["code"], refusal["version"]) == ("stale", 1)
    async with clerk.request("PATCH", path_of(order), json=form, headers={"If-Match": '"1"'}) as answer:
        assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    async with clerk.request("GET", path_of(order), headers={"If-None-Match": '"2"'}) as answer:
        assert answer.status == 304


async def test_deeds_of_staff_stand_in_the_history(store: Store) -> None:
    anna, clerk = await store.user(), await store.clerk()
    order = await buy(anna, a1=1)
    await move_to(clerk, order, "delivered")
    await clerk.call("POST", path_of(order, "/payment"), json={"status": "paid"}, status=200)
    await move(clerk, order, "returned", reason="не подошла")
    await clerk.call("POST", path_of(order, "/payment"), json={"status": "refunded"}, status=200)
    other = await buy(anna, a1=1)
    await anna.call("POST", path_of(other, "/cancellation"), json={}, status=200)

    deeds = select(StaffAction).where(StaffAction.object_kind == "order").order_by(StaffAction.id)
    rows = await store.shop.app[DATABASES].users.read(lambda connection: connection.execute(deeds).all())
    assert [row.kind for row in rows] == [
        "pack_order", "ship_order", "deliver_order", "mark_paid", "return_order", "mark_refunded",
    ]  # fmt: skip
    assert {(row.service_person_id, row.object_id) for row in rows} == {(clerk.me["id"], order["id"])}
    assert (rows[0].before, rows[0].after) == ({"status": "placed"}, {"status": "packed"})
    assert rows[4].after == {"status": "returned", "cancel_reason": "не подошла"}


# Taking back


async def test_a_cancelled_order_gives_its_stock_back(store: Store) -> None:
    anna, clerk = await store.user(), await store.clerk()
    mine, theirs = await buy(anna, a1=60), await buy(anna, a1=40)
    assert await store.stock(1) == (0, 100)

    cancelled = await anna.call("POST", path_of(mine, "/cancellation"), json={"reason": "передумала"}, status=200)

    assert (cancelled["status"], cancelled["cancel_reason"], cancelled["moves"]) == ("cancelled", "передумала", [])
    assert await store.stock(1) == (60, 40)
    await move(clerk, theirs, "packed")
    refusal = await anna.call("POST", path_of(theirs, "/cancellation"), json={}, status=409)
    assert (refusal["reason"], refusal["legal"]) == ("status", [])
    await clerk.call("POST", path_of(theirs, "/cancellation"), json={"reason": "брак"}, status=200)
    assert await store.stock(1) == (100, 0)

    moves = select(StockMove.reason, StockMove.delta, StockMove.order_id, StockMove.service_person_id)
    rows = await store.shop.app[DATABASES].products.read(
        lambda connection: connection.execute(moves.where(StockMove.product_id == 1).order_by(StockMove.id)).all()
    )
    assert [tuple(row) for row in rows[1:]] == [
        ("order", -60, mine["id"], None), ("order", -40, theirs["id"], None),
        ("cancellation", 60, mine["id"], None), ("cancellation", 40, theirs["id"], clerk.me["id"]),
    ]  # fmt: skip


async def test_a_returned_order_gives_its_stock_back(store: Store) -> None:
    anna, clerk = await store.user(), await store.clerk()
    order = await buy(anna, a1=3)
    await move_to(clerk, order, "delivered")

    await move(clerk, order, "returned", reason="мала")

    assert await store.stock(1) == (100, 0)
    reasons = select(StockMove.reason).where(StockMove.order_id == order["id"]).order_by(StockMove.id)
    rows = await store.shop.app[DATABASES].products.read(lambda c: c.execute(reasons).scalars().all())
    assert rows == ["order", "return"]


async def test_an_order_that_is_cancelled_many_times_at_once_is_cancelled_once(store: Store) -> None:
    anna, clerk = await store.user(), await store.clerk()
    order = await buy(anna, a1=3)
    version = {"If-Match": '"1"'}

    answers = await asyncio.gather(
        *(anna.call("POST", path_of(order, "/cancellation"), json={}) for _ in range(5)),
        *(clerk.call("POST", path_of(order, "/cancellation"), json={}) for _ in range(5)),
        *(clerk.call("PATCH", path_of(order), json={"status": "cancelled"}, headers=version) for _ in range(5)),
    )

    assert [answer["status"] for answer in answers].count("cancelled") == 1
    assert {answer["code"] for answer in answers if "code" in answer} <= {"conflict", "stale"}
    assert await store.stock(1) == (100, 0)


async def test_a_cancellation_under_a_key_is_answered_the_same_again(store: Store) -> None:
    anna = await store.user()
    order, key = await buy(anna, a1=3), new_key()
    first = await anna.call("POST", path_of(order, "/cancellation"), json={}, headers=key, status=200)

    async with anna.request("POST", path_of(order, "/cancellation"), json={}, headers=key) as answer:
        assert (answer.status, answer.headers["Idempotent-Replay"]) == (200, "true")
        assert await answer.json() == first


# Paying


async def test_payment_goes_its_own_legal_way(store: Store) -> None:
    anna, clerk = await store.user(), await store.clerk()
    order = await buy(anna, {"payment": {"method": "transfer"}}, a1=1)
    path = path_of(order, "/payment")

    assert (await clerk.call("POST", path, json={"status": "refunded"}, status=409))["legal"] == ["paid"]
    paid = await clerk.call("POST", path, json={"status": "paid"}, status=200)
    assert paid["payment"]["status"] == "paid" and paid["payment"]["paid_at"] and not paid["payment"]["hold_until"]
    assert (await clerk.call("POST", path, json={"status": "paid"}, status=409))["legal"] == ["refunded"]
    assert paid["status"] == "placed"
    await clerk.call("POST", path_of(order, "/cancellation"), json={}, status=200)
    refunded = await clerk.call("POST", path, json={"status": "refunded"}, status=200)
    assert refunded["payment"]["status"] == "refunded"
    assert (await clerk.call("POST", path, json={"status": "paid"}, status=409))["legal"] == []
    await clerk.call("POST", path, json={"status": "unpaid"}, status=422)

    other = await buy(anna, a1=1)
    await clerk.call("POST", path_of(other, "/cancellation"), json={}, status=200)
    refusal = await clerk.call("POST", path_of(other, "/payment"), json={"status": "paid"}, status=409)
    assert refusal["legal"] == [], "nobody pays for what was taken back"


async def test_an_order_that_is_not_paid_in_time_gives_its_stock_back(store: Store) -> None:
    anna, clerk, clock = await store.user(), await store.clerk(), store.shop.clock
    by_transfer = {"payment": {"method": "transfer"}}
    waiting, paid, packed = [await buy(anna, by_transfer, a1=1) for _ in range(3)]
    on_delivery = await buy(anna, a1=1)
    held = datetime.fromisoformat(waiting["payment"]["hold_until"])
    assert held - datetime.fromisoformat(waiting["creation_time"]) == timedelta(hours=72)
    await clerk.call("POST", path_of(paid, "/payment"), json={"status": "paid"}, status=200)
    await move(clerk, packed, "packed")

    clock.advance(71 * 3600)  # the clerk goes home
    await store.shop.app[ORDERS].end_holds()
    assert (await anna.call("GET", path_of(waiting), status=200))["status"] == "placed"
    clock.advance(3600)
    await store.shop.app[ORDERS].end_holds()

    found = [await anna.call("GET", path_of(order), status=200) for order in (waiting, paid, packed, on_delivery)]
    assert [order["status"] for order in found] == ["cancelled", "placed", "packed", "placed"]
    assert found[0]["cancel_reason"] == "hold_ended"
    assert await store.stock(1) == (97, 3)


async def test_a_hold_that_ended_while_the_server_was_down_is_found_at_the_start(tmp_path: Path) -> None:
    async with open_shop(tmp_path / "data", order_hold_h=1) as shop:
        now = shop.clock.now()
        await shop.app[DATABASES].products.write(lambda session: add_goods(session, now, 1))
        order = await buy(await shop.user("anna"), {"payment": {"method": "transfer"}}, a1=1)
        clock = shop.clock
    clock.advance(3601)
    async with open_shop(tmp_path / "data", clock) as shop:
        owner = await shop.owner()
        async with asyncio.timeout(5):
            while (await owner.call("GET", path_of(order), status=200))["status"] != "cancelled":
                await asyncio.sleep(0.01)
        await shop.app[DATABASES].products.read(audit)


# The chat


async def test_the_open_chat_says_what_becomes_of_an_order(store: Store, make_chat: MakeChat) -> None:
    anna, clerk = await store.user(), await store.clerk()
    chat = await make_chat(anna)
    async with anna.socket() as socket:
        order = await buy(anna, a1=2)
        said = (await socket.event("chat.order", chat=chat))["data"]
        assert said["data"] == {
            "code": "order_placed", "order": order["id"], "number": order["number"], "total": order["total"],
            "by": {"kind": "system", "id": None, "name": ""},
        }  # fmt: skip
        await move(clerk, order, "packed")
        await clerk.call("POST", path_of(order, "/cancellation"), json={}, status=200)
        codes = [(await socket.event("chat.order"))["data"]["data"]["code"] for _ in range(2)]
    assert codes == ["order_packed", "order_cancelled"]

    row = await anna.call("GET", f"/api/v1/chats/{chat}", status=200)
    assert row["status"] == "queued"


async def test_without_an_open_chat_nothing_is_said(store: Store, make_chat: MakeChat) -> None:
    anna, boris = await store.user(), await store.user()
    await make_chat(boris)
    await anna.call("PATCH", f"/api/v1/chats/{await make_chat(anna)}", json={"status": "closed"}, status=200)

    await buy(anna, a1=1)

    kinds = select(Message.kind).where(Message.kind == "order")
    assert await store.shop.app[DATABASES].messanger.read(lambda c: c.execute(kinds).scalars().all()) == []


# Events


async def test_whoever_watches_hears_of_orders_and_of_what_is_left(store: Store) -> None:
    told: list[Any] = []
    store.shop.app[DATABASES].products.publish = told.extend
    anna = await store.user()

    order = await buy(anna, a1=2, a3=1)
    await anna.call("POST", path_of(order, "/cancellation"), json={}, status=200)

    orders = [event for event in told if isinstance(event, OrderChanged)]
    assert orders == [OrderChanged(order["id"], anna.me["id"], version) for version in (1, 2)]
    products = [event for event in told if isinstance(event, ProductChanged)]
    assert products == [ProductChanged(article, rev) for rev in (2, 3) for article in (1, 3)]
    shown = await anna.call("GET", "/api/v1/products/1", status=200)
    assert (shown["rev"], shown["remains"]) == (3, 100)


# Plans


async def test_no_list_of_orders_is_read_from_end_to_end(store: Store) -> None:
    now = store.shop.clock.now()
    calls = [
        lambda c, wanted=wanted, before=before: queries.list_orders(c, wanted, before, 24)
        for wanted in (
            OrderFilter(user_id=1), OrderFilter(status="placed"), OrderFilter(number="270101-ABCDEF"),
        )
        for before in (None, 5)
    ] + [
        lambda c: queries.get_order(c, 1),
        lambda c: queries.list_lines(c, [1, 2]),
        lambda c: queries.list_ended_holds(c, now, 50),
        queries.next_hold,
        lambda c: queries.last_order_of(c, 1),
    ]  # fmt: skip

    def explain(connection: Connection) -> list[str]:
        seen: list[tuple[str, Any]] = []

        def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
            seen.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        for call in calls:
            call(connection)
        event.remove(connection, "before_cursor_execute", note)
        return [
            row[3]
            for statement, parameters in seen
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]

    plans = await store.shop.app[DATABASES].products.read(explain)
    assert plans and not [plan for plan in plans if plan.startswith("SCAN") or "TEMP B-TREE FOR ORDER" in plan]
