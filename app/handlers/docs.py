"""What the interface says of itself: the OpenAPI document, and the page that shows it to people."""

from functools import lru_cache
from hashlib import blake2b

from aiohttp import web
from pydantic_core import to_json

from app.keys import SETTINGS
from app.openapi import Route, describe, list_routes, make_document
from app.pages.api_docs import render_docs
from app.pages.static_files import STATIC
from app.responses import tagged_response

routes = web.RouteTableDef()


@routes.get("/api/v1/openapi.json")
@describe(summary="This document", tags=("service",))
async def get_openapi(request: web.Request) -> web.Response:
    """The interface as OpenAPI 3.1, for generators and tools."""
    body = _document(list_routes(request.app.router), request.app[SETTINGS].shop_name)
    return tagged_response(request, _tag(body), body)


@routes.get("/docs")
async def show_docs(request: web.Request) -> web.Response:
    """Show the page. It needs neither scripts nor the internet."""
    settings, static = request.app[SETTINGS], request.app[STATIC]
    body = _page(
        list_routes(request.app.router),
        settings.shop_name,
        static("css/docs.css"),
        static("img/mark.svg"),
        settings.public_url or f"http://{settings.host}:{settings.port}",
    )
    response = tagged_response(request, _tag(body), body, "text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@lru_cache(maxsize=4)  # by the routes, which do not change while a server runs
def _document(found: tuple[Route, ...], title: str) -> bytes:
    return to_json(make_document(found, title))


@lru_cache(maxsize=4)
def _page(found: tuple[Route, ...], title: str, stylesheet: str, icon: str, base_url: str) -> bytes:
    return render_docs(make_document(found, title), stylesheet, icon, base_url).encode()


def _tag(body: bytes) -> str:
    return blake2b(body, digest_size=9).hexdigest()
