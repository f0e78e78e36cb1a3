"""Stock over HTTP: moves by hand, and the ledger."""

from aiohttp import web

from app.auth import require_staff
from app.keys import STOCK
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_key
from app.responses import json_response, once_response
from app.schemas.stock import LedgerOut, LedgerQuery, StockMoveIn, StockOut

routes = web.RouteTableDef()


@routes.get("/api/v1/products/{article}/stock")
@describe(
    summary="A product's ledger of stock, newest first",
    who="staff",
    query=LedgerQuery,
    returns={200: LedgerOut},
    tags=("products",),
)
async def list_moves(request: web.Request) -> web.Response:
    """What is left, and every piece that came or went. `next` goes into `before`."""
    await require_staff(request)
    article, query = path_int(request, "article"), parse_query(request, LedgerQuery)
    return json_response(await request.app[STOCK].list_moves(article, query))


@routes.post("/api/v1/products/{article}/stock")
@describe(
    summary="Add or take pieces, or set what was counted",
    who="staff:stock",
    body=StockMoveIn,
    key="required",
    returns={201: StockOut},
    errors=("out_of_stock", "conflict"),
    tags=("products",),
)
async def move_stock(request: web.Request) -> web.Response:
    """Needs an Idempotency-Key, so that a delivery is not taken in twice. 409 if more would go than are left."""
    actor = await require_staff(request, "stock")
    article, form = path_int(request, "article"), await parse_body(request, StockMoveIn)
    keyed = read_key(request, actor, form, is_required=True)
    return once_response(await request.app[STOCK].move(actor, article, form, keyed), 201)
