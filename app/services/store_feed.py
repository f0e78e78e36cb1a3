"""The news for those who watch the store: what has changed is read once, encoded once, and put on every outbox."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from itertools import islice
from typing import Any

from app.actor import Actor
from app.schemas.carts import CartOut
from app.schemas.store import OrderState, ProductGone, ProductState, StoreOut, WatchIn
from app.services.store_events import CartChanged, CatalogueChanged, OrderChanged, ProductChanged
from app.services.store_topics import (
    ALL_ORDERS,
    CATALOGUE,
    ORDERS,
    OWN_CART,
    STORE,
    cart_topic,
    orders_topic,
    product_topic,
    sees_drafts,
    topics_of,
)
from app.services.store_view import StoreView
from ws.connection import Connection
from ws.hub import Hub
from ws.protocol import frame

logger = logging.getLogger(__name__)

SHOW_EVERY_S = 0.1
"""However often a product is sold, its watchers are told no more often than this."""
SNAPSHOT_ORDERS = 50
SWEPT = 1000
"""Products, and as many carts, of which one sweep compares the versions; the others have their turn in later ones."""
SWEPT_ORDERS = 200


class StoreFeed:
    """Given to the writers of PRODUCTS and USERS as ``publish``; `run` finds what other processes have committed.

    For everything that is watched the feed knows up to which version all its watchers have been told.
    """

    def __init__(self, hub: Hub, view: StoreView) -> None:
        self._hub, self._view = hub, view
        self._told: dict[str, dict[int, int]] = {"product": {}, "cart": {}, "catalogue": {}}  # kind → id → version
        self._orders: dict[int, int] | None = None  # the same of the newest orders, while anybody watches orders
        self._public: set[int] = set()  # watched products that everybody can see, as far as has been told
        self._waiting: defaultdict[str, set[int]] = defaultdict(set)  # what is to be told: kind → ids
        self._task: asyncio.Task[None] | None = None

    async def watch(self, connection: Connection, actor: Actor, wanted: WatchIn) -> StoreOut:
        """Tell a connection of these things from now on, and how they are.

        Subscribed first, read after: a change between the two comes twice, and its version says so.
        """
        topics = topics_of(actor, wanted)
        for topic in {one for one in connection.topics if one.startswith(STORE)} - topics:
            self._hub.unsubscribe(connection, topic)
        for topic in topics:
            self._hub.subscribe(connection, topic)
        own = None if actor.is_staff else actor.id or 0
        is_cart = wanted.cart or wanted.customer is not None
        return StoreOut(
            products=await self._look_at_products(wanted.products, sees_drafts(actor)),
            cart=await self._look_at_cart(wanted.customer or own or 0) if is_cart else None,
            orders=await self._look_at_orders(own) if wanted.orders else None,
            catalogue=await self._look_at_catalogue() if wanted.catalogue else None,
            time=self._view.now(),
        )

    def publish(self, events: list[Any]) -> None:
        """After a commit: have told what has changed, to those who watch it."""
        for event in events:
            if isinstance(event, ProductChanged):
                self._offer("product", event.article)
                self._offer("catalogue", 0)
            elif isinstance(event, CatalogueChanged):
                self._offer("catalogue", 0)
            elif isinstance(event, CartChanged):
                for connection in self._hub.of_person(f"customer/{event.owner_id}"):
                    if OWN_CART in connection.topics:  # of a guest who has been given an id
                        self._hub.subscribe(connection, cart_topic(event.owner_id))
                self._offer("cart", event.owner_id)
            elif isinstance(event, OrderChanged) and self._hub.has_listeners(ORDERS):
                self._enqueue("order", event.order_id)

    async def run(self, every_s: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Look every so often for what was committed and not published: by another process, or before a crash."""
        while True:
            await sleep(every_s)
            try:
                await self.sweep()
            except Exception:
                logger.exception("looking for news of the store failed and will be tried again")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> None:
        """Forget what nobody watches any more, and compare versions of the rest."""
        self._forget_unwatched()
        versions: dict[str, Callable[[Collection[int]], Awaitable[Mapping[int, int]]]] = {
            "product": self._view.list_revs, "cart": self._view.list_cart_versions, "catalogue": self._list_epoch,
        }  # fmt: skip
        for kind, list_versions in versions.items():
            told = self._told[kind]
            turn = list(islice(told, SWEPT))
            for key in turn:  # to the end of the line
                told[key] = told.pop(key)
            for key, version in (await list_versions(turn) if turn else {}).items():
                if version > told.get(key, version):
                    self._enqueue(kind, key)
        if self._orders is not None:
            newest = await self._list_order_versions()
            for key, version in newest.items():
                if version > self._orders.get(key, 0):
                    self._enqueue("order", key)
            self._orders = {key: version for key, version in self._orders.items() if key in newest}

    # How things are, for who begins to watch

    async def _look_at_products(self, articles: Collection[int], drafts: bool) -> list[ProductState]:
        states = await self._view.list_products(articles)
        for state in states:
            self._saw("product", state.article, state.rev)
            if state.status == "published":
                self._public.add(state.article)
        for article in articles:
            self._told["product"].setdefault(article, 0)  # there may yet be such a one
        return [state for state in states if drafts or state.status == "published"]

    async def _look_at_cart(self, owner_id: int) -> CartOut:
        cart = await self._view.get_cart(owner_id)
        self._saw("cart", owner_id, cart.version)
        return cart

    async def _look_at_orders(self, user_id: int | None) -> list[OrderState]:
        if self._orders is None:
            self._orders = await self._list_order_versions()
        return await self._view.list_newest_orders(user_id, SNAPSHOT_ORDERS)

    async def get_epoch(self) -> int:
        """The version of all lists, for a page that watches from then on."""
        return await self._view.get_epoch()

    async def _look_at_catalogue(self) -> int:
        epoch = await self._view.get_epoch()
        self._saw("catalogue", 0, epoch)
        return epoch

    def _saw(self, kind: str, key: int, version: int) -> None:
        """A watcher has it at this version; others may have been told more, or less."""
        told = self._told[kind]
        told[key] = min(told.get(key, version), version)

    # Telling

    def _offer(self, kind: str, key: int) -> None:
        if any(self._hub.has_listeners(topic) for topic in _topics(kind, key)):
            self._enqueue(kind, key)

    def _enqueue(self, kind: str, key: int) -> None:
        self._waiting[kind].add(key)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        """At once, then again after a pause while there is more."""
        telling: dict[str, Callable[[Collection[int]], Awaitable[None]]] = {
            "product": self._tell_products, "cart": self._tell_carts, "order": self._tell_orders,
            "catalogue": self._tell_catalogue,
        }  # fmt: skip
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, defaultdict(set)
                for kind, keys in waiting.items():
                    try:
                        await telling[kind](keys)
                    except Exception:  # the next sweep finds that it was not told
                        logger.exception("news of the store (%s) could not be told", kind)
                await asyncio.sleep(SHOW_EVERY_S)
        finally:
            self._task = None

    async def _tell_products(self, articles: Collection[int]) -> None:
        for state in await self._view.list_products(articles):
            article = state.article
            if not _is_news(self._told["product"], article, state.rev):
                continue
            shown = product_frame(state, state.rev)
            self._hub.publish_state(product_topic(article, drafts=True), f"product/{article}", shown)
            if state.status == "published":
                self._public.add(article)
            elif article in self._public:
                self._public.remove(article)
                shown = product_frame(ProductGone(article=article), state.rev)
            else:  # a draft, of which others know nothing
                continue
            self._hub.publish_state(product_topic(article, drafts=False), f"product/{article}", shown)

    async def _tell_carts(self, owners: Collection[int]) -> None:
        for owner_id in owners:
            cart = await self._view.get_cart(owner_id)
            if _is_news(self._told["cart"], owner_id, cart.version):
                self._hub.publish_state(cart_topic(owner_id), f"cart/{owner_id}", cart_frame(owner_id, cart))

    async def _tell_orders(self, ids: Collection[int]) -> None:
        for order in await self._view.list_orders(ids):
            if self._orders is not None and _is_news(self._orders, order.id, order.version):
                shown = order_frame(order)
                for topic in (ALL_ORDERS, orders_topic(order.user_id)):
                    self._hub.publish_state(topic, f"order/{order.id}", shown)

    async def _tell_catalogue(self, _: Collection[int]) -> None:
        epoch = await self._view.get_epoch()
        if _is_news(self._told["catalogue"], 0, epoch):
            shown = frame({"type": "catalogue.updated", "key": "catalogue", "version": epoch, "data": {}})
            self._hub.publish_state(CATALOGUE, "catalogue", shown)

    # Remembering

    def _forget_unwatched(self) -> None:
        for kind, told in self._told.items():
            for key in [key for key in told if not any(map(self._hub.has_listeners, _topics(kind, key)))]:
                del told[key]
        self._public &= self._told["product"].keys()
        if not self._hub.has_listeners(ORDERS):
            self._orders = None

    async def _list_epoch(self, _: Collection[int]) -> Mapping[int, int]:
        return {0: await self._view.get_epoch()}

    async def _list_order_versions(self) -> dict[int, int]:
        return {order.id: order.version for order in await self._view.list_newest_orders(None, SWEPT_ORDERS)}


def _topics(kind: str, key: int) -> tuple[str, ...]:
    if kind == "product":
        return product_topic(key, drafts=False), product_topic(key, drafts=True)
    return (cart_topic(key) if kind == "cart" else CATALOGUE,)


def _is_news(told: dict[int, int], key: int, version: int) -> bool:
    """Whether somebody has not been told of this version; from now on everybody has."""
    if version <= told.get(key, -1):
        return False
    told[key] = version
    return True


def product_frame(state: ProductState | ProductGone, rev: int) -> bytes:
    key = f"product/{state.article}"
    return frame({"type": "product.updated", "key": key, "version": rev, "data": state})


def cart_frame(owner_id: int, cart: CartOut) -> bytes:
    return frame({"type": "cart.updated", "key": f"cart/{owner_id}", "version": cart.version, "data": cart})


def order_frame(order: OrderState) -> bytes:
    return frame({"type": "order.updated", "key": f"order/{order.id}", "version": order.version, "data": order})
