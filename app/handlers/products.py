"""The catalogue over HTTP: products, groups, categories. Every answer has an ETag."""

from hashlib import blake2b

from aiohttp import web
from pydantic import BaseModel
from pydantic_core import to_json

from app.auth import get_actor
from app.keys import PRODUCTS
from app.openapi import describe
from app.requests import parse_query, path_int
from app.responses import is_known, tagged_response
from app.schemas.products import CategoryList, GroupList, ProductOut, ProductPage, ProductQuery
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


@routes.get("/api/v1/groups")
@describe(summary="List the groups with their categories", returns={200: GroupList}, tags=("products",))
async def list_groups(request: web.Request) -> web.Response:
    return _hashed_response(request, GroupList(items=await request.app[PRODUCTS].list_groups()))


@routes.get("/api/v1/categories")
@describe(summary="List the categories", returns={200: CategoryList}, tags=("products",))
async def list_categories(request: web.Request) -> web.Response:
    return _hashed_response(request, CategoryList(items=await request.app[PRODUCTS].list_categories()))


def _hashed_response(request: web.Request, answer: BaseModel) -> web.Response:
    """A short answer whose ETag is its own hash."""
    body = to_json(answer)
    return tagged_response(request, blake2b(body, digest_size=9).hexdigest(), body)
