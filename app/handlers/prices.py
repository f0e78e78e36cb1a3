"""/products/{article}/price and /price-history: what a product costs by itself, and what it has cost."""

from aiohttp import web
from pydantic_core import to_json

from app.auth import get_actor, require_staff
from app.keys import PRICE_LIST, PRODUCTS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_version
from app.responses import json_response, tagged_response
from app.schemas.prices import PriceHistory, PriceHistoryQuery, PriceIn
from app.schemas.products import ProductOut
from app.services.products import product_tag

routes = web.RouteTableDef()


@routes.put("/api/v1/products/{article}/price")
@describe(
    summary="Set a product's price and discount",
    who="staff:prices",
    body=PriceIn,
    returns={200: ProductOut},
    errors=("not_found", "stale", "if_match_required"),
    tags=("products",),
)
async def put_price(request: web.Request) -> web.Response:
    """Another price from now on. The product as it is then; 412 if it was changed since it was seen."""
    actor = await require_staff(request, "prices")
    article, version = path_int(request, "article"), read_version(request)
    await request.app[PRICE_LIST].set_price(actor, article, version, await parse_body(request, PriceIn))
    product = await request.app[PRODUCTS].get_product(actor, article)
    return tagged_response(request, product_tag(product), to_json(product))


@routes.get("/api/v1/products/{article}/price-history")
@describe(
    summary="What a product has cost, newest first",
    query=PriceHistoryQuery,
    returns={200: PriceHistory},
    errors=("not_found", "bad_request"),
    tags=("products",),
)
async def list_price_history(request: web.Request) -> web.Response:
    """Each price with the moment from which it counted."""
    actor, query = await get_actor(request), parse_query(request, PriceHistoryQuery)
    return json_response(await request.app[PRICE_LIST].list_history(actor, path_int(request, "article"), query))
