"""Products over HTTP, as everybody reads them. Every answer has an ETag."""

from aiohttp import web
from pydantic_core import to_json

from app.auth import get_actor
from app.keys import PRODUCTS
from app.openapi import describe
from app.requests import parse_query, path_int
from app.responses import is_known, tagged_response
from app.schemas.products import ProductOut, ProductPage, ProductQuery
from app.services.products import product_tag

routes = web.RouteTableDef()


@routes.get("/api/v1/products")
@describe(
    summary="List products, newest first",
    query=ProductQuery,
    returns={200: ProductPage},
    errors=("bad_request", "forbidden"),
    tags=("products",),
)
async def list_products(request: web.Request) -> web.Response:
    """A page of products. 304 before any of them is read, if the client's page still holds."""
    actor, query = await get_actor(request), parse_query(request, ProductQuery)
    products = request.app[PRODUCTS]
    tag = await products.page_tag(actor, query)
    if is_known(request, tag):
        return tagged_response(request, tag, b"")
    return tagged_response(request, tag, to_json(await products.list_products(actor, query)))


@routes.get("/api/v1/products/{article}")
@describe(summary="Get a product", returns={200: ProductOut}, errors=("not_found",), tags=("products",))
async def get_product(request: web.Request) -> web.Response:
    """One product; 404 if there is none or it is not for this actor's eyes."""
    actor = await get_actor(request)
    product = await request.app[PRODUCTS].get_product(actor, path_int(request, "article"))
    return tagged_response(request, product_tag(product), to_json(product))
