"""Orders over HTTP: customers place and follow their own, staff with the right move everybody's on."""

from aiohttp import hdrs, web
from pydantic_core import to_json

from app.actor import Actor
from app.auth import require_actor, require_staff, require_user
from app.errors import Forbidden, Unauthorized
from app.keys import ORDERS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_key, read_version
from app.responses import json_response, once_response, tagged_response
from app.schemas.orders import (
    CancellationIn,
    OrderIn,
    OrderOut,
    OrderPage,
    OrderPatch,
    OrdersQuery,
    PaymentPatch,
)
from app.services.orders import RIGHT, order_tag

routes = web.RouteTableDef()
NO_STORE = {"Cache-Control": "no-store"}


async def require_party(request: web.Request) -> Actor:
    """A user, or staff with the right to orders. Whose order it is the service decides."""
    actor = await require_actor(request)
    if actor.is_staff and not actor.has(RIGHT):
        raise Forbidden
    if actor.kind == "guest":
        raise Unauthorized("An order needs an account: register or sign in.")
    return actor


@routes.post("/api/v1/orders")
@describe(
    summary="Order what is in the cart",
    who="user",
    body=OrderIn,
    key="required",
    returns={201: OrderOut},
    errors=("conflict", "out_of_stock"),
    tags=("orders",),
)
async def place_order(request: web.Request) -> web.Response:
    """All of the cart or some of its lines, at the total that the customer has seen. Idempotency-Key is compulsory.

    409 `conflict` says why in `reason`: `already_ordered` (this cart, in another tab: `order`, `number`),
    `cart_changed` (`version`), `empty`, `key_reused`, or `price_changed` (`total`, and in `lines` what a piece cost
    `then`, when it was put in the cart, and costs `now`). 409 `out_of_stock` says in `lines` how
    many were `wanted` and how many `remains`. Nothing is half done.
    """
    actor = await require_user(request)
    form = await parse_body(request, OrderIn)
    keyed = read_key(request, actor, form, is_required=True)
    assert keyed is not None
    placed = await request.app[ORDERS].place(actor, form, keyed)
    return once_response(placed, 201, {**NO_STORE, hdrs.LOCATION: f"/api/v1/orders/{placed.answer.id}"})


@routes.get("/api/v1/orders")
@describe(
    summary="One's own orders, newest first; for staff everybody's",
    who="orders",
    query=OrdersQuery,
    returns={200: OrderPage},
    errors=("bad_request", "forbidden"),
    tags=("orders",),
)
async def list_orders(request: web.Request) -> web.Response:
    """Staff find one by `q`: its number, or the telephone number of its contact."""
    actor = await require_party(request)
    query = parse_query(request, OrdersQuery)
    return json_response(await request.app[ORDERS].list_orders(actor, query), headers=NO_STORE)


@routes.get("/api/v1/orders/{order_id}")
@describe(summary="Get an order", who="orders", returns={200: OrderOut}, tags=("orders",))
async def get_order(request: web.Request) -> web.Response:
    """One order, for its user and for staff."""
    actor = await require_party(request)
    order = await request.app[ORDERS].get_order(actor, path_int(request, "order_id"))
    response = tagged_response(request, order_tag(order), to_json(order))
    response.headers[hdrs.CACHE_CONTROL] = "private, no-cache"
    return response


@routes.patch("/api/v1/orders/{order_id}")
@describe(
    summary="Move an order on",
    who="staff:orders",
    body=OrderPatch,
    returns={200: OrderOut},
    errors=("conflict", "stale", "if_match_required"),
    tags=("orders",),
)
async def move_order(request: web.Request) -> web.Response:
    """placed → packed → shipped → delivered; cancelled until it is shipped, returned from then on.

    409 with `reason` `status` names in `legal` where it may go. Stock that comes back is for sale at once.
    """
    actor = await require_staff(request, RIGHT)
    order_id = path_int(request, "order_id")
    version = read_version(request)
    form = await parse_body(request, OrderPatch)
    order = await request.app[ORDERS].move_order(actor, order_id, form, version)
    return json_response(order, headers={hdrs.ETAG: f'"{order_tag(order)}"'})


@routes.post("/api/v1/orders/{order_id}/cancellation")
@describe(
    summary="Take an order back",
    who="orders",
    body=CancellationIn,
    key="optional",
    returns={200: OrderOut},
    errors=("conflict",),
    tags=("orders",),
)
async def cancel_order(request: web.Request) -> web.Response:
    """Its user until somebody has packed it, staff until it is shipped. Its stock is for sale again at once."""
    actor = await require_party(request)
    order_id = path_int(request, "order_id")
    form = await parse_body(request, CancellationIn)
    keyed = read_key(request, actor, form)
    return once_response(await request.app[ORDERS].cancel(actor, order_id, form, keyed), 200, NO_STORE)


@routes.post("/api/v1/orders/{order_id}/payment")
@describe(
    summary="Note that an order was paid or its money given back",
    who="staff:orders",
    body=PaymentPatch,
    key="optional",
    returns={200: OrderOut},
    errors=("conflict",),
    tags=("orders",),
)
async def set_payment(request: web.Request) -> web.Response:
    """unpaid → paid → refunded, apart from where the order is. 409 with `reason` `payment` names the `legal` ones."""
    actor = await require_staff(request, RIGHT)
    order_id = path_int(request, "order_id")
    form = await parse_body(request, PaymentPatch)
    keyed = read_key(request, actor, form)
    return once_response(await request.app[ORDERS].set_payment(actor, order_id, form, keyed), 200, NO_STORE)
