"""Two servers on one set of databases: who watches the store on one hears what was committed by the other."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from app.keys import DATABASES
from tests.conftest import open_shop
from tests.goods import add_goods, buy, fill
from tests.storage.conftest import Urls
from tests.test_store_watch import look_in


async def test_what_one_server_sells_the_watchers_at_the_other_see(urls: Urls, tmp_path: Path) -> None:
    where = {f"{name}_url": url for name, url in urls.items()}
    async with AsyncExitStack() as stack:
        here, there = [await stack.enter_async_context(open_shop(tmp_path / name, **where)) for name in ("a", "b")]
        await here.app[DATABASES].products.write(lambda session: add_goods(session, here.clock.now(), 1))
        user, clerk = await here.user("vera"), await here.staff(allows=("orders",))
        visitor = await stack.enter_async_context(look_in(there))
        own, desk = [
            await stack.enter_async_context(replace(person, base_url=there.url).socket()) for person in (user, clerk)
        ]
        await visitor.command("store.watch", products=[1])
        await own.command("store.watch", cart=True)
        await desk.command("store.watch", orders=True)

        cart = await fill(user, a1=3)
        assert (await own.event("cart.updated"))["data"] == cart
        order = await buy(user, a1=2)

        assert (await visitor.event("product.updated"))["data"]["remains"] == 98
        event = await desk.event("order.updated")
        assert (event["data"]["id"], event["data"]["status"]) == (order["id"], "placed")
        emptied = await own.wait_for(lambda one: one.get("type") == "cart.updated" and one["data"]["lines"] == [])
        assert emptied["version"] > cart["version"]
