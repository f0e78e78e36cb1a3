"""The pages of one customer: cart, checkout, orders, account, and the choice of a new password."""

from typing import Any, Final

from aiohttp import web

from app.actor import Actor
from app.keys import CARTS, ORDERS, USERS
from app.pages.render import page_texts
from app.pages.store import get_customer, show
from app.requests import path_int
from app.schemas.orders import OrdersQuery

ORDERS_PER_PAGE: Final = 12

routes = web.RouteTableDef()


@routes.get("/cart")
async def show_cart(request: web.Request) -> web.Response:
    """What is in the cart at today's prices, and what was taken out of it."""
    actor, carts, texts = await get_customer(request), request.app[CARTS], page_texts(request)
    q = " ".join(request.query.get("q", "").split())[:100]
    context = {
        "title": texts("cart.title"),
        "cart": await carts.get_cart(actor, q),
        "q": q,
        "removed": (await carts.list_removed(actor)).items,
    }
    return await show(request, "cart.html", context)


@routes.get("/checkout")
async def show_checkout(request: web.Request) -> web.Response:
    """The last look before an order of all of the cart, or of the lines that the address names."""
    actor = await get_customer(request)
    cart = await request.app[CARTS].get_cart(actor)
    wanted = set(request.query.getall("line", []))
    lines = [line for line in cart.lines if not wanted or str(line.article) in wanted]
    context = {
        "title": page_texts(request)("checkout.title"),
        "cart": cart,
        "lines": lines,
        "is_part": len(lines) < len(cart.lines),
        "total": sum(line.total.amount for line in lines),
        "profile": await request.app[USERS].get_me(actor) if actor.kind == "user" else None,
    }
    return await show(request, "checkout.html", context)


@routes.get("/orders")
async def show_orders(request: web.Request) -> web.Response:
    """One's orders, the newest first."""
    actor = await get_customer(request)
    cursor = request.query.get("cursor", "")[:200] or None
    query = OrdersQuery(limit=ORDERS_PER_PAGE, cursor=cursor)
    page = await request.app[ORDERS].list_orders(actor, query) if actor.kind == "user" else None
    next_url = str(request.rel_url.update_query(cursor=page.next)) if page and page.next else None
    return await _show_own(request, actor, "orders.html", "order.title", page=page, next_url=next_url)


@routes.get("/orders/{order_id}")
async def show_order(request: web.Request) -> web.Response:
    """One order. Somebody else's is not there."""
    actor, order_id = await get_customer(request), path_int(request, "order_id")
    order = await request.app[ORDERS].get_order(actor, order_id) if actor.kind == "user" else None
    return await _show_own(request, actor, "order.html", "order.one", order=order)


@routes.get("/account")
async def show_account(request: web.Request) -> web.Response:
    """What the shop knows of the customer, and where they are signed in."""
    actor, users = await get_customer(request), request.app[USERS]
    own: dict[str, Any] = {"profile": None, "devices": []}
    if actor.kind == "user":
        own = {"profile": await users.get_me(actor), "devices": (await users.list_devices(actor)).items}
    return await _show_own(request, actor, "account.html", "account.title", **own)


@routes.get("/password")
async def show_password(request: web.Request) -> web.Response:
    """A new password by a link. Its secret stands behind the #, where only the script gets to see it."""
    return await show(request, "password.html", {"title": page_texts(request)("profile.new_password")})


async def _show_own(request: web.Request, actor: Actor, template: str, title: str, **own: Any) -> web.Response:
    """A page for those who are signed in; others are asked to on the same page."""
    is_known = actor.kind == "user"
    return await show(request, template if is_known else "entrance.html", {"title": page_texts(request)(title), **own})
