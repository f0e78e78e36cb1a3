"""/cart: one's own cart, its lines, and what was taken out of it. Answers are the whole cart, never to be kept."""

from aiohttp import web

from app.actor import Actor
from app.auth import get_actor, require_customer
from app.commands.connect import introduce
from app.errors import Forbidden
from app.keys import CARTS, HUB, USERS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_key, read_seen_version
from app.responses import json_response
from app.schemas.carts import CartOut, CartPatch, CartQuery, LineDelta, LineIn, RemovedOut, RestoredOut

routes = web.RouteTableDef()
NO_STORE = {"Cache-Control": "no-store"}


@routes.get("/api/v1/cart")
@describe(
    summary="One's own cart at today's prices",
    query=CartQuery,
    returns={200: CartOut},
    errors=("forbidden",),
    tags=("cart",),
)
async def get_cart(request: web.Request) -> web.Response:
    """Whoever has put nothing in has an empty cart of version 0. Staff have none."""
    actor = await _reader(request)
    query = parse_query(request, CartQuery)
    return _answer(await request.app[CARTS].get_cart(actor, query.q))


@routes.patch("/api/v1/cart")
@describe(
    summary="Change several lines",
    who="customer",
    body=CartPatch,
    returns={200: CartOut},
    errors=("not_found", "out_of_stock", "too_large", "stale", "busy"),
    tags=("cart",),
)
async def change_cart(request: web.Request) -> web.Response:
    """All of it or nothing. Lines that are not named stay."""
    asker, form = await require_customer(request), await parse_body(request, CartPatch)
    actor = await _with_row(request, asker)
    quantities = {int(article): quantity or 0 for article, quantity in form.lines.items()}
    return _answer(await request.app[CARTS].set_quantities(actor, quantities, read_seen_version(request)))


@routes.delete("/api/v1/cart")
@describe(summary="Clear the cart", who="customer", returns={200: CartOut}, errors=("stale", "busy"), tags=("cart",))
async def clear_cart(request: web.Request) -> web.Response:
    """Everything can be put back for thirty days."""
    actor = await require_customer(request)
    return _answer(await request.app[CARTS].remove(actor, seen=read_seen_version(request)))


@routes.post("/api/v1/cart/lines")
@describe(
    summary="Put pieces in, or take some out",
    who="customer",
    body=LineDelta,
    key="optional",
    returns={200: CartOut},
    errors=("not_found", "conflict", "out_of_stock", "too_large", "stale", "busy"),
    tags=("cart",),
)
async def add_pieces(request: web.Request) -> web.Response:
    """Plus and minus. Send an Idempotency-Key, so that a repeated request is counted once."""
    asker, form = await require_customer(request), await parse_body(request, LineDelta)
    actor = await _with_row(request, asker)
    done = await request.app[CARTS].add_pieces(
        actor, form.article, form.delta, read_seen_version(request), read_key(request, actor, form)
    )
    answer = _answer(done.answer)
    if done.is_replay:
        answer.headers["Idempotent-Replay"] = "true"
    return answer


@routes.put("/api/v1/cart/lines/{article}")
@describe(
    summary="Have so many pieces",
    who="customer",
    body=LineIn,
    returns={200: CartOut},
    errors=("not_found", "out_of_stock", "too_large", "stale", "busy"),
    tags=("cart",),
)
async def put_line(request: web.Request) -> web.Response:
    """The line has this quantity then, whatever it had. More than before and more than are left is refused."""
    asker, form = await require_customer(request), await parse_body(request, LineIn)
    actor = await _with_row(request, asker)
    quantities = {path_int(request, "article"): form.quantity}
    return _answer(await request.app[CARTS].set_quantities(actor, quantities, read_seen_version(request)))


@routes.delete("/api/v1/cart/lines/{article}")
@describe(summary="Take a line out", who="customer", returns={200: CartOut}, errors=("stale", "busy"), tags=("cart",))
async def remove_line(request: web.Request) -> web.Response:
    """It can be put back for thirty days. A line that is not there (any more) is no error."""
    actor = await require_customer(request)
    article = path_int(request, "article")
    return _answer(await request.app[CARTS].remove(actor, article, read_seen_version(request)))


@routes.get("/api/v1/cart/removed")
@describe(summary="What was taken out", returns={200: RemovedOut}, errors=("forbidden",), tags=("cart",))
async def list_removed(request: web.Request) -> web.Response:
    """Lines of the last thirty days, the latest first."""
    actor = await _reader(request)
    return json_response(await request.app[CARTS].list_removed(actor), headers=NO_STORE)


@routes.post("/api/v1/cart/removed")
@describe(
    summary="Put everything back", who="customer", returns={200: RestoredOut}, errors=("stale", "busy"), tags=("cart",)
)
async def restore_all(request: web.Request) -> web.Response:
    """As many pieces as are left; what can't come back is named. Asking twice does it once."""
    actor = await require_customer(request)
    return json_response(await request.app[CARTS].restore(actor, seen=read_seen_version(request)), headers=NO_STORE)


@routes.post("/api/v1/cart/removed/{article}")
@describe(
    summary="Put a line back", who="customer", returns={200: RestoredOut}, errors=("stale", "busy"), tags=("cart",)
)
async def restore_line(request: web.Request) -> web.Response:
    """As `POST /cart/removed`, for one; 404 if it was not taken out, or too long ago."""
    actor = await require_customer(request)
    restored = await request.app[CARTS].restore(actor, path_int(request, "article"), read_seen_version(request))
    return json_response(restored, headers=NO_STORE)


async def _reader(request: web.Request) -> Actor:
    """Everybody has a cart to look at but staff."""
    actor = await get_actor(request)
    if actor.is_staff:
        raise Forbidden("This is for customers.")
    return actor


async def _with_row(request: web.Request, asker: Actor) -> Actor:
    """The customer with a row for the cart to belong to: a guest gets it here."""
    actor = await request.app[USERS].ensure_guest(asker)
    if actor != asker:  # the guest's open sockets hear of the cart from its first line on
        introduce(request.app[HUB], actor)
    return actor


def _answer(cart: CartOut) -> web.Response:
    return json_response(cart, headers={**NO_STORE, "ETag": f'"{cart.version}"'})
