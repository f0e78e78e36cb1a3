"""The only module that knows every part: builds the application, starts it and stops it."""

import asyncio
import logging
import secrets
import sys
from collections.abc import AsyncIterator
from functools import partial
from hashlib import blake2b
from typing import Any

from aiohttp import web
from sqlalchemy.orm import Session

from app.actor import Actor
from app.auth import address_of, get_actor, origin_guard, upgrade_credential
from app.clock import Clock
from app.commands import Parts, explain, make_dispatch
from app.cookies import audience_of, setup_sessions
from app.errors import Forbidden, ServiceError
from app.handlers import (
    announcements,
    catalogue,
    comments,
    docs,
    finding,
    health,
    images,
    imports,
    orders,
    prices,
    product_editing,
    products,
    promotions,
    sessions,
    staff,
    stats,
    stock,
    uploads,
    users,
)
from app.handlers import carts as cart_routes
from app.handlers import chats as chat_routes
from app.handlers.health import HEALTH
from app.images import ImageStore
from app.keys import (
    ANNOUNCEMENTS,
    BOUNDARIES,
    CARTS,
    CATALOGUE,
    CHATS,
    CLOCK,
    COMMENTS,
    CREDENTIALS,
    CUSTOMERS,
    DATABASES,
    EDITOR,
    EXPORTS,
    FEED,
    FINDING,
    HISTORY,
    HUB,
    IMAGES,
    IMPORTS,
    NAMES,
    ORDERS,
    PRICE_LIST,
    PRICES,
    PRODUCT_IMAGES,
    PRODUCTS,
    PROMOTIONS,
    READER,
    SESSIONS,
    SETTINGS,
    STAFF,
    STATS,
    STOCK,
    UPLOADS,
    USERS,
)
from app.limits import address_key
from app.logs import request_id
from app.middlewares import MIDDLEWARES, REQUEST_ID, security_headers
from app.pages.handlers import setup_pages
from app.passwords import Passwords
from app.services import history, order_effects
from app.services import uploads as upload_service
from app.services.announcements import AnnouncementService
from app.services.boundaries import Boundaries
from app.services.broadcast import Broadcaster
from app.services.carts import CartService
from app.services.catalogue import CatalogueService
from app.services.chat_reader import ChatReader
from app.services.chats import ChatService
from app.services.comments import CommentService
from app.services.credentials import CredentialService
from app.services.customers import CustomerService
from app.services.exports import ExportService
from app.services.finding import FindingService
from app.services.health import HealthService
from app.services.imports import ImportService
from app.services.names import NameBook
from app.services.orders import OrderService
from app.services.presence import Presence
from app.services.prices import PriceService
from app.services.pricing import PriceBook
from app.services.product_editor import ProductEditor
from app.services.product_images import ProductImages
from app.services.products import ProductService
from app.services.promotions import PromotionService
from app.services.rendering import Renderer
from app.services.staff import StaffService
from app.services.stats import StatsService
from app.services.stock import StockService
from app.services.store_feed import StoreFeed
from app.services.store_view import StoreView
from app.services.uploads import UploadService
from app.services.users import UsersService
from app.sessions import SessionStore
from app.settings import Settings
from db.database import Busy, Databases, Done
from db.migrate import migrate_all
from db.outbox import Effect, Relay
from db.queries import chats as chat_queries
from db.urls import database_urls
from ws.endpoint import Endpoint, EndpointLimits
from ws.hub import Hub
from ws.limits import Rate
from ws.protocol import CloseCode, frame
from ws.sweeper import Sweeper

logger = logging.getLogger(__name__)

ENDPOINT: web.AppKey[Endpoint] = web.AppKey("endpoint", Endpoint)
SWEEPER: web.AppKey[Sweeper] = web.AppKey("sweeper", Sweeper)

# A thread that holds the interpreter gives it up ten times sooner than by default: the writer's thread and the loop
# take turns thousands of times a second.
SWITCH_S = 0.0005
ROUTES = (
    sessions, users, staff, stats, chat_routes, cart_routes, products, finding, product_editing, stock, catalogue,
    prices, promotions, announcements, comments, uploads, orders, imports, images, docs, health,
)  # fmt: skip


def create_app(settings: Settings, clock: Clock | None = None) -> web.Application:
    """The whole application, not yet started. Raises SecretRefused: see `Settings.require_secret`."""
    settings.require_secret()
    app = web.Application(middlewares=[*MIDDLEWARES, origin_guard])
    app[SETTINGS] = settings
    app[CLOCK] = clock or Clock()
    app.on_response_prepare.append(security_headers(settings.public_url))
    for module in ROUTES:
        app.add_routes(module.routes)
    app.router.add_get("/ws", open_socket)
    setup_pages(app)
    app.cleanup_ctx.append(run_parts)
    app.on_shutdown.append(drain)
    return app


async def open_socket(request: web.Request) -> web.StreamResponse:
    """The socket; ws/PROTOCOL.md says what is spoken there."""
    return await request.app[ENDPOINT].handle(request, {REQUEST_ID: request_id.get()})


async def drain(app: web.Application) -> None:
    """Finish and acknowledge what is queued, then send everybody away for a moment."""
    endpoint = app[ENDPOINT]
    endpoint.is_draining = True
    try:
        async with asyncio.timeout(app[SETTINGS].drain_s):
            await app[CHATS].marks.flush()
            await app[DATABASES].messanger.write(lambda session: Done(None))  # comes after all that was queued
    except (TimeoutError, Busy):
        logger.warning("not everything that was queued could be written; who sent it will send it again")
    await endpoint.drain()


async def run_parts(app: web.Application) -> AsyncIterator[None]:
    """Start everything that lives as long as the server; stop it in reverse."""
    sys.setswitchinterval(SWITCH_S)
    settings, clock = app[SETTINGS], app[CLOCK]
    databases = await open_databases(settings)
    app[DATABASES] = databases

    hub = app[HUB] = Hub(settings.limits.connections)
    names = app[NAMES] = NameBook(databases.users, clock)
    renderer = Renderer(names)
    broadcaster = Broadcaster(hub, databases.messanger, renderer)
    databases.messanger.publish = broadcaster.publish
    store = app[SESSIONS] = SessionStore(databases.users, clock)
    store.on_revoked(partial(_close_session, hub))
    setup_sessions(app, store, secure=settings.is_https)
    passwords = Passwords(settings.password_cost)
    chats = app[CHATS] = ChatService(databases.messanger, names, renderer, settings, clock)
    reader = app[READER] = ChatReader(databases.messanger, renderer)
    pictures = app[IMAGES] = ImageStore(settings.data)
    price_book = app[PRICES] = PriceBook(databases.products, clock)
    boundaries = app[BOUNDARIES] = Boundaries(databases.products, price_book, clock)
    app[PRODUCTS] = ProductService(databases, price_book, clock)
    app[FINDING] = FindingService(databases, price_book, clock, settings.secret)
    app[CARTS] = CartService(databases, price_book, clock)
    feed = app[FEED] = StoreFeed(hub, StoreView(databases, price_book, app[CARTS], clock))
    databases.products.publish = databases.users.publish = feed.publish
    app[PRICE_LIST] = PriceService(databases.products, clock, settings.secret)
    app[PROMOTIONS] = PromotionService(databases.products, boundaries, clock, settings.secret)
    app[ANNOUNCEMENTS] = AnnouncementService(databases.products, clock, settings.secret)
    app[EDITOR] = ProductEditor(databases, clock)
    app[PRODUCT_IMAGES] = ProductImages(databases.products, pictures, clock)
    app[STOCK] = StockService(databases.products, clock)
    app[CATALOGUE] = CatalogueService(databases.products, clock)
    app[IMPORTS] = ImportService(databases, settings.data, clock)
    app[EXPORTS] = ExportService(databases.products, clock)
    app[STAFF] = StaffService(databases.users, store, passwords, names, clock)
    app[CREDENTIALS] = CredentialService(databases.users, store, passwords, clock, settings.limits)
    app[CUSTOMERS] = CustomerService(databases.users, store, clock)
    app[HISTORY] = history.HistoryService(databases.users, names)
    app[STATS] = StatsService(databases, names, clock, settings.time_zone)
    relay = Relay(
        databases,
        {
            "merge_customer": Effect("messanger", partial(_merge, chats)),
            history.EFFECT: Effect("users", history.apply_action),
            upload_service.EFFECT: Effect("messanger", upload_service.apply_uses),
            order_effects.EMPTY_CART: Effect("users", partial(order_effects.apply_empty_cart, clock.now)),
            order_effects.TELL: Effect("messanger", partial(order_effects.apply_tell, clock.now)),
        },
    )
    uploaded = ImageStore(settings.data, blake2b(settings.secret.encode(), digest_size=32).digest())
    app[UPLOADS] = UploadService(databases.messanger, uploaded, clock, settle=partial(relay.drain, "products"))
    app[COMMENTS] = CommentService(databases, names, app[UPLOADS], clock, settings.secret)
    app[ORDERS] = OrderService(databases, settings, clock, price_book, after_effects=partial(relay.drain, "products"))

    async def find_open_chat(user_id: int) -> int | None:
        chat = await databases.messanger.read(lambda c: chat_queries.get_open_chat(c, user_id), hot=True)
        return None if chat is None else chat.id

    app[USERS] = UsersService(
        databases.users, store, passwords, names, clock, settings.limits,
        after_effects=partial(relay.drain, "users"),
        find_open_chat=find_open_chat,
        on_identity_changed=partial(_change_identity, hub),
    )  # fmt: skip
    presence = Presence(hub, chats, reader, names)
    parts = Parts(settings, hub, store, app[USERS], app[STAFF], names, chats, reader, presence, feed)
    endpoint = app[ENDPOINT] = Endpoint(
        hub,
        admit=_admit,
        dispatch=make_dispatch(parts),
        explain=explain,
        forget=lambda connection: presence.left(connection.actor),
        limits=_endpoint_limits(settings),
    )
    app[HEALTH] = HealthService(databases, lambda: endpoint.is_draining)
    rev = await databases.messanger.read(chat_queries.last_rev, hot=True)
    sweeper = app[SWEEPER] = Sweeper(hub, broadcaster.list_changes, broadcaster.fan_out, broadcaster.show_row, rev)

    await boundaries.start()
    await store.start()
    await names.load(("staff", person.id) for person in (await app[STAFF].list_colleagues()).items)
    await presence.start()
    relay.start()
    await app[FINDING].start()
    app[UPLOADS].start()
    await app[IMPORTS].start()
    tasks = [
        asyncio.create_task(sweeper.run(settings.sweep_s, clock.sleep), name="sweeper"),
        asyncio.create_task(app[ORDERS].run_holds(), name="holds"),
        asyncio.create_task(feed.run(settings.sweep_s, clock.sleep), name="store"),
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await app[IMPORTS].stop()
    await app[UPLOADS].stop()
    await presence.stop()
    await chats.marks.stop()
    await app[FINDING].stop()
    await relay.stop()
    await boundaries.stop()
    await feed.stop()
    await store.stop()
    passwords.close()
    await databases.close()


async def open_databases(settings: Settings) -> Databases:
    """Create and migrate what needs it, under the start-up lock, then open all three."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    urls = urls_of(settings)
    await migrate_all(urls)
    databases = await Databases.open(
        urls,
        refusals=(ServiceError,),
        queue_length=settings.limits.queue_length,
        queue_age_s=settings.limits.queue_age_s,
    )
    is_new = await databases.messanger.read(lambda connection: chat_queries.get_meta(connection, "epoch") is None)
    if is_new:  # else a start needs no write: somebody may hold the lock
        await databases.messanger.write(_prepare_messanger)
    return databases


def urls_of(settings: Settings) -> dict[str, str]:
    overrides = {
        "products": settings.products_url, "users": settings.users_url, "messanger": settings.messanger_url,
    }  # fmt: skip
    return database_urls(settings.data, overrides)


async def _admit(request: web.Request) -> tuple[Actor | None, str]:
    """Who opens a socket, and for visitors from where. None must say who it is by a token in ``hello``.

    Raises Forbidden: another site's page.
    """
    credential = upgrade_credential(request)
    if credential == "refused":
        raise Forbidden("This page may not open a socket here.")
    actor = await get_actor(request)
    if actor.kind == "visitor" and (credential == "bearer" or audience_of(request) == "staff"):
        return None, address_key(address_of(request))
    return actor, address_key(address_of(request)) if actor.kind == "visitor" else ""


def _close_session(hub: Hub, session: str) -> None:
    hub.close_all(hub.of_session(session), CloseCode.REVOKED, "signed out")


def _change_identity(hub: Hub, session: str, before: Actor, after: Actor) -> None:
    """The sockets of a guest who registered or signed in: told who they are now, then sent to connect as that."""
    shape: dict[str, Any] = {
        "from": {"kind": before.kind, "id": before.id},
        "to": {"kind": after.kind, "id": after.id},
    }
    told = frame({"type": "session.changed", "data": shape})
    for connection in hub.of_session(session):
        connection.send(told)
    hub.close_all(hub.of_session(session), CloseCode.IDENTITY_CHANGED, "somebody else now")


def _merge(chats: ChatService, session: Session, payload: dict[str, Any]) -> Done[Any]:
    upload_service.move_uploads(session, payload["guest_id"], payload["user_id"])
    return chats.merge(session, payload["guest_id"], payload["user_id"])


def _prepare_messanger(session: Session) -> Done[None]:
    connection = session.connection()
    chat_queries.ensure_counter(connection)
    if chat_queries.get_meta(connection, "epoch") is None:
        chat_queries.set_meta(connection, "epoch", f"e-{secrets.token_hex(8)}")
    return Done(None)


def _endpoint_limits(settings: Settings) -> EndpointLimits:
    limits = settings.limits
    return EndpointLimits(
        frame_bytes=limits.frame_bytes,
        in_flight=limits.in_flight,
        commands=Rate(limits.commands_per_s, limits.commands_burst),
        sockets_per_address=limits.sockets_per_address,
        flood_s=limits.flood_s,
        heartbeat_s=settings.heartbeat_s,
        stuck_s=settings.stuck_s,
    )
