"""One product over HTTP, as everybody reads it. The answer has an ETag."""

from aiohttp import web
from pydantic_core import to_json

from app.auth import get_actor
from app.keys import PRODUCTS
from app.openapi import describe
from app.requests import path_int
from app.responses import tagged_response
from app.schemas.products import ProductOut
from app.services.products import product_tag

routes = web.RouteTableDef()


@routes.get("/api/v1/products/{article}")
@describe(summary="Get a product", returns={200: ProductOut}, errors=("not_found",), tags=("products",))
async def get_product(request: web.Request) -> web.Response:
    """One product; 404 if there is none or it is not for this actor's eyes."""
    actor = await get_actor(request)
    product = await request.app[PRODUCTS].get_product(actor, path_int(request, "article"))
    return tagged_response(request, product_tag(product), to_json(product))
