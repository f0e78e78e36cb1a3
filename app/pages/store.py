"""What stands around every page of the shop: who is here, and what is in the cart."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from app.actor import VISITOR, Actor
from app.auth import get_actor
from app.keys import CARTS, FEED
from app.pages.render import page_texts, render


async def show(request: web.Request, template: str, context: Mapping[str, Any]) -> web.Response:
    """Render a page of the shop in its frame. ``epoch`` in the context: of the lists that the page shows."""
    actor = await get_customer(request)
    cart = await request.app[CARTS].get_cart(actor)
    frame = {"me": actor, "piece_count": cart.piece_count, "cart_version": cart.version, "epoch": 0}
    return render(template, request, {**frame, **context}, page_texts(request))


async def read_epoch(request: web.Request) -> int:
    """The version of all lists, to be read before them: whoever watches the store hears of later ones."""
    return await request.app[FEED].get_epoch()


async def get_customer(request: web.Request) -> Actor:
    """Who looks at the shop. Staff do as visitors: they have neither carts nor orders."""
    actor = await get_actor(request)
    return VISITOR if actor.is_staff else actor
