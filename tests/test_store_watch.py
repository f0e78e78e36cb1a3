"""`store.watch`: who looks at products, a cart or orders is told within a second what has become of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, select, update
from sqlalchemy.orm import Session

from app.actor import VISITOR
from app.keys import BOUNDARIES, DATABASES, FEED, HUB
from app.schemas.store import MOST_WATCHED, WatchIn
from app.services.store_events import CatalogueChanged, ProductChanged, StoreEvent
from app.services.store_topics import cart_topic, product_topic
from db.database import Done
from db.models.products import Product
from db.models.users import UsersBase
from db.queries.products import raise_epoch
from tests.conftest import Person, Shop, Socket, open_shop
from tests.goods import add_goods, buy, fill
from tests.market import HOUR, NOW, open_market
from tests.peers import Wire, eventually

SOON_S = 1.0
"""How late a change may come."""
DRAFT = 9


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """Articles 1 to 3, a hundred of each at 10.00, and a draft."""
    async with open_shop(tmp_path / "data") as shop:
        products = shop.app[DATABASES].products
        await products.write(lambda session: add_goods(session, shop.clock.now(), 1, 2, 3))
        await products.write(lambda session: add_goods(session, shop.clock.now(), DRAFT, status="draft"))
        yield shop


@asynccontextmanager
async def look_in(shop: Shop) -> AsyncIterator[Socket]:
    """A visitor's socket: from a page of the shop's own, without a session."""
    url, origin = f"{shop.url}/ws", {"Origin": shop.url}
    async with shop.http.ws_connect(url, protocols=("cts.v1",), headers=origin, max_msg_size=0) as raw:
        socket = Socket(raw)
        await socket.hello()
        yield socket


async def edit(person: Person, method: str, path: str, form: dict[str, Any]) -> None:
    """Change a part of a product as somebody who has just seen it."""
    async with person.request("GET", path.rpartition("/")[0]) as seen:
        tag = {"If-Match": seen.headers["ETag"]}
    await person.call(method, path, json=form, headers=tag, status=200)


async def set_price(person: Person, article: int, amount: int) -> None:
    await edit(person, "PUT", f"/api/v1/products/{article}/price", {"price": {"amount": amount}})


async def change(shop: Shop, article: int, *, is_told: bool = True, **values: Any) -> None:
    """Have another stock or status; ``is_told`` False: as another process would, of which this one hears nothing."""

    def work(session: Session) -> Done[None]:
        shape = {**values, "rev": Product.rev + 1}
        rev = session.execute(update(Product).where(Product.article == article).values(shape).returning(Product.rev))
        raise_epoch(session)
        events: list[StoreEvent] = [ProductChanged(article, rev.scalar_one()), CatalogueChanged()]
        return Done(None, events if is_told else ())

    await shop.app[DATABASES].products.write(work)


async def put(person: Person, article: int, quantity: int) -> dict[str, Any]:
    path = f"/api/v1/cart/lines/{article}"
    return dict(await person.call("PUT", path, json={"quantity": quantity}, status=200))


async def id_of(person: Person) -> int:
    return int((await person.call("GET", "/api/v1/session", status=200))["me"]["id"])


def amounts(socket: Socket) -> list[int]:
    """The prices that have come and were waited past."""
    return [one["data"]["price"]["amount"] for one in socket.frames if one.get("type") == "product.updated"]


# Products


async def test_a_visitor_hears_of_a_price_within_a_second(shop: Shop):
    owner = await shop.owner()
    async with look_in(shop) as visitor:
        snapshot = await visitor.command("store.watch", products=[1, 2])
        assert [one["price"]["amount"] for one in snapshot["products"]] == [1000, 1000]

        await set_price(owner, 1, 900)

        event = await visitor.event("product.updated", SOON_S)
        product = await owner.call("GET", "/api/v1/products/1", status=200)
        assert (event["key"], event["version"]) == ("product/1", product["rev"])
        assert event["data"] == {name: product[name] for name in event["data"]}
        assert event["data"]["price"]["amount"] == 900
        assert event["version"] > snapshot["products"][0]["rev"]


async def test_looking_in_makes_no_session(shop: Shop):
    async def rows() -> int:
        table: Table = UsersBase.metadata.tables["Session"]
        return await shop.app[DATABASES].users.read(
            lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one()
        )

    before = await rows()
    async with look_in(shop) as visitor:
        assert visitor.welcome["me"] == {"kind": "visitor", "id": None, "name": ""}
        await visitor.command("store.watch", products=[1])

    assert await rows() == before


async def test_an_order_shows_the_others_what_is_left(shop: Shop):
    user = await shop.user("vera")
    async with look_in(shop) as visitor:
        await visitor.command("store.watch", products=[1])

        await buy(user, a1=100)

        event = await visitor.event("product.updated", SOON_S)
        assert (event["data"]["remains"], event["data"]["in_stock"]) == (0, False)


async def test_a_promotion_reaches_watchers_at_its_start_and_its_end(tmp_path: Path):
    async with open_market(tmp_path / "data") as market:
        article = await market.make_product(price=100_00)
        promotion = await market.promote(begins=HOUR, lasts=HOUR)
        await market.catch_up()
        await market.shop.app[BOUNDARIES].start()
        async with look_in(market.shop) as visitor:
            snapshot = await visitor.command("store.watch", products=[article])
            assert [one["valid_until"] for one in snapshot["products"]] == [promotion["starts_at"]]

            market.clock.time = NOW + HOUR
            started = (await visitor.event("product.updated", 2 * SOON_S))["data"]
            market.clock.time = NOW + 2 * HOUR
            ended = (await visitor.event("product.updated", 2 * SOON_S))["data"]

        assert (started["price"]["amount"], started["old_price"]["amount"]) == (90_00, 100_00)
        assert started["promotion"] == {key: promotion[key] for key in ("id", "name", "ends_at")}
        assert (ended["price"]["amount"], ended["old_price"], ended["promotion"]) == (100_00, None, None)


async def test_drafts_are_shown_to_who_edits_them_and_nobody_else(shop: Shop):
    editor, clerk = await shop.staff(allows=("products.edit",)), await shop.staff(allows=("orders",))
    async with editor.socket() as desk, clerk.socket() as other, look_in(shop) as visitor:
        assert [one["status"] for one in (await desk.command("store.watch", products=[DRAFT]))["products"]] == ["draft"]
        for socket in (other, visitor):
            assert (await socket.command("store.watch", products=[DRAFT, 1]))["products"][0]["article"] == 1

        await change(shop, DRAFT, remains=5)
        assert (await desk.event("product.updated", SOON_S))["data"]["remains"] == 5
        await change(shop, DRAFT, status="published")

        for socket in (desk, other, visitor):  # the first that the others hear of it
            event = await socket.event("product.updated", SOON_S)
            assert (event["key"], event["data"]["status"]) == (f"product/{DRAFT}", "published")


async def test_a_product_that_goes_is_gone_for_those_who_could_see_it(shop: Shop):
    editor = await shop.staff(allows=("products.edit",))
    async with editor.socket() as desk, look_in(shop) as visitor:
        for socket in (desk, visitor):
            await socket.command("store.watch", products=[1])

        await change(shop, 1, status="archived")
        gone, kept = await visitor.event("product.updated", SOON_S), await desk.event("product.updated", SOON_S)
        assert gone["data"] == {"article": 1, "status": "archived"}
        assert (kept["data"]["status"], kept["data"]["price"]["amount"]) == ("archived", 1000)

        await change(shop, 1, remains=7)  # nobody's business any more
        assert (await desk.event("product.updated", SOON_S))["data"]["remains"] == 7
        await visitor.command("ping")
        assert visitor.frames == []


async def test_an_article_that_is_not_there_yet_is_told_when_it_is(shop: Shop):
    async with look_in(shop) as visitor:
        assert (await visitor.command("store.watch", products=[77]))["products"] == []

        products = shop.app[DATABASES].products
        await products.write(
            lambda session: Done(add_goods(session, shop.clock.now(), 77).result, [ProductChanged(77, 1)])
        )

        assert (await visitor.event("product.updated", SOON_S))["key"] == "product/77"


async def test_who_shows_a_list_is_told_that_it_is_another(shop: Shop):
    owner = await shop.owner()
    async with look_in(shop) as visitor, look_in(shop) as other:
        before = (await visitor.command("store.watch", catalogue=True))["catalogue"]
        await other.command("store.watch", products=[1])

        await edit(owner, "PUT", f"/api/v1/products/{DRAFT}/publication", {"status": "published"})

        event = await visitor.event("catalogue.updated", SOON_S)
        assert event == {"type": "catalogue.updated", "key": "catalogue", "version": event["version"], "data": {}}
        assert event["version"] > before
        await other.command("ping")
        assert other.frames == []


async def test_what_another_process_commits_is_found(shop: Shop):
    async with look_in(shop) as visitor:
        await visitor.command("store.watch", products=[1, 77], catalogue=True)

        await change(shop, 1, is_told=False, remains=3)

        assert (await visitor.event("product.updated", SOON_S))["data"]["remains"] == 3
        await visitor.event("catalogue.updated", SOON_S)


# Carts


async def test_a_cart_is_the_same_in_all_tabs(shop: Shop):
    guest = await shop.guest()
    await put(guest, 1, 1)
    async with guest.socket() as one, guest.socket() as other:
        for socket in (one, other):
            assert (await socket.command("store.watch", cart=True))["cart"]["piece_count"] == 1

        cart = await put(guest, 2, 3)

        for socket in (one, other):
            event = await socket.event("cart.updated", SOON_S)
            assert (event["key"], event["version"]) == (f"cart/{await id_of(guest)}", cart["version"])
            assert event["data"] == cart


async def test_a_guest_who_puts_in_the_first_line_hears_of_it(shop: Shop):
    guest = await shop.guest()
    async with guest.socket() as socket:
        snapshot = await socket.command("store.watch", cart=True)
        assert (snapshot["cart"]["version"], snapshot["cart"]["lines"]) == (0, [])

        cart = await put(guest, 1, 2)
        assert (await socket.event("cart.updated", SOON_S))["data"] == cart
        cart = await put(guest, 1, 3)
        assert (await socket.event("cart.updated", SOON_S))["data"] == cart


async def test_staff_see_a_guests_cart_change_and_other_customers_do_not(shop: Shop):
    guest, stranger, anna = await shop.guest(), await shop.user("boris"), await shop.staff()
    await put(guest, 1, 1)
    customer = await id_of(guest)
    async with anna.socket() as desk, stranger.socket() as other:
        assert (await desk.command("store.watch", customer=customer))["cart"]["piece_count"] == 1
        assert (await other.command("store.watch", cart=True))["cart"]["piece_count"] == 0

        cart = await put(guest, 2, 2)

        assert (await desk.event("cart.updated", SOON_S))["data"] == cart
        await other.command("ping")
        assert other.frames == []


async def test_a_cart_that_was_ordered_is_empty_in_the_other_tab(shop: Shop):
    user = await shop.user("vera")
    await fill(user, a1=1)
    async with user.socket() as socket:
        await socket.command("store.watch", cart=True)

        await buy(user, a2=1)

        event = await socket.wait_for(
            lambda one: one.get("type") == "cart.updated" and one["data"]["lines"] == [], SOON_S
        )
        assert event["version"] > 1


# Orders


async def test_a_customer_and_the_staff_hear_how_far_an_order_is(shop: Shop):
    user, other, clerk = await shop.user("vera"), await shop.user("boris"), await shop.staff(allows=("orders",))
    async with user.socket() as own, other.socket() as foreign, clerk.socket() as desk:
        for socket in (own, foreign, desk):
            assert (await socket.command("store.watch", orders=True))["orders"] == []

        order = await buy(user, a1=1)
        path = f"/api/v1/orders/{order['id']}"
        shown = {"id": order["id"], "number": order["number"], "user_id": order["user_id"]}
        for socket in (own, desk):
            event = await socket.event("order.updated", SOON_S)
            assert (event["key"], event["version"]) == (f"order/{order['id']}", order["version"])
            assert event["data"] == {
                **shown, "status": "placed", "payment_status": "unpaid", "version": order["version"],
            }  # fmt: skip
        tag = {"If-Match": f'"{order["version"]}"'}
        await clerk.call("PATCH", path, json={"status": "packed"}, headers=tag, status=200)
        for socket in (own, desk):
            assert (await socket.event("order.updated", SOON_S))["data"]["status"] == "packed"

        assert (await own.command("store.watch", orders=True))["orders"][0]["status"] == "packed"
        assert (await foreign.command("store.watch", orders=True))["orders"] == []
        assert foreign.frames == []


# Watching something else, and no more


async def test_another_watch_takes_the_place_of_the_first(shop: Shop):
    async with look_in(shop) as visitor:
        await visitor.command("store.watch", products=[1, 2])
        await visitor.command("store.watch", products=[2, 3])

        for article in (1, 3, 2):
            await change(shop, article, remains=article)

        assert {(await visitor.event("product.updated", SOON_S))["key"] for _ in range(2)} == {"product/2", "product/3"}
        await visitor.command("store.watch")
        await change(shop, 2, remains=50)
        await visitor.command("ping")
        assert visitor.frames == []
        assert not any(shop.app[HUB].has_listeners(product_topic(one, drafts=False)) for one in (1, 2, 3))


async def test_nothing_is_kept_of_who_has_left(shop: Shop):
    hub, guest = shop.app[HUB], await shop.guest()
    await put(guest, 1, 1)
    async with guest.socket() as socket:
        await socket.command("store.watch", products=[1], cart=True)
        topics = [product_topic(1, drafts=False), cart_topic(await id_of(guest))]
        assert all(map(hub.has_listeners, topics))

    await eventually(lambda: not any(map(hub.has_listeners, topics)))
    await put(guest, 2, 1)  # told to nobody
    await shop.app[FEED].sweep()
    assert not any(shop.app[FEED]._told.values())


async def test_a_slow_reader_is_given_the_newest_only(shop: Shop):
    owner = await shop.owner()
    async with look_in(shop) as slow, look_in(shop) as quick:
        for socket in (slow, quick):
            await socket.command("store.watch", products=[1])
        connection = shop.app[HUB].connections[slow.welcome["connection"]]
        connection.outbox.hold()  # as if nothing were taken

        for amount in (900, 800, 700):
            await set_price(owner, 1, amount)
            assert (await quick.event("product.updated", SOON_S))["data"]["price"]["amount"] == amount
        connection.release()

        assert (await slow.event("product.updated", SOON_S))["data"]["price"]["amount"] == 700
        await slow.command("ping")
        assert slow.frames == []


async def test_a_hot_product_costs_a_few_frames_a_second(shop: Shop):
    async with look_in(shop) as visitor:
        await visitor.command("store.watch", products=[1])

        begin = asyncio.get_running_loop().time()
        for remains in range(200, 100, -1):
            await change(shop, 1, remains=remains)
        await visitor.wait_for(lambda one: one.get("type") == "product.updated" and one["data"]["remains"] == 101)

        passed = asyncio.get_running_loop().time() - begin
        assert len(amounts(visitor)) <= 1 + passed / 0.1


async def test_a_thousand_watchers_are_given_one_encoded_frame(shop: Shop):
    hub, wires = shop.app[HUB], [Wire() for _ in range(1000)]
    pushed: list[tuple[str, bytes]] = []
    for wire in wires:
        hub.add(wire.connection)
        await shop.app[FEED].watch(wire.connection, VISITOR, WatchIn(products=[1]))

    await change(shop, 1, remains=5)

    await eventually(lambda: all(wire.connection.outbox.size for wire in wires))
    for wire in wires:
        pushed += wire.connection.outbox._states.items()
    assert len(pushed) == len(wires) and len({id(frame) for _, frame in pushed}) == 1


# Refusals


@pytest.mark.parametrize(
    "data",
    [
        {"products": list(range(1, MOST_WATCHED + 2))}, {"products": [0]}, {"products": ["1"]}, {"products": 1},
        {"products": [2**53]}, {"cart": 1}, {"customer": 0}, {"orders": "yes"},
    ],
)  # fmt: skip
async def test_wrong_values_are_refused_and_the_watch_stays(shop: Shop, data: dict[str, Any]):
    anna = await shop.staff(allows=("chats.answer", "orders"))
    async with anna.socket() as desk:
        await desk.command("store.watch", products=[1])

        assert (await desk.refusal("store.watch", **data))["code"] == "invalid"

        await change(shop, 1, remains=5)
        await desk.event("product.updated", SOON_S)


async def test_a_hundred_products_can_be_watched(shop: Shop):
    async with look_in(shop) as visitor:
        snapshot = await visitor.command("store.watch", products=list(range(1, MOST_WATCHED + 1)))

        assert [one["article"] for one in snapshot["products"]] == [1, 2, 3]


async def test_carts_and_orders_are_not_for_everybody(shop: Shop):
    guest, user = await shop.guest(), await shop.user("vera")
    await put(guest, 1, 1)
    customer = await id_of(guest)
    nobody, answers = await shop.staff(allows=("prices",)), await shop.staff()
    wanted = ({"cart": True}, {"customer": customer}, {"customer": 10**9}, {"orders": True})

    async def outcomes(socket: Socket) -> list[str]:
        replies = [await socket.reply(await socket.post("store.watch", **data)) for data in wanted]
        return ["ok" if reply["ok"] else reply["error"]["code"] for reply in replies]

    async with look_in(shop) as visitor, user.socket() as shopper, nobody.socket() as other, answers.socket() as desk:
        assert await outcomes(visitor) == ["unauthorized"] * 4
        assert await outcomes(shopper) == ["ok", "forbidden", "forbidden", "ok"]
        assert await outcomes(other) == ["forbidden"] * 4
        assert await outcomes(desk) == ["forbidden", "ok", "not_found", "forbidden"]
