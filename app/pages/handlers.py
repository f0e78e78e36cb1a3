"""The pages: shop front, product, staff desk, demo guide, error page; and the texts that their scripts read."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web

from app.auth import get_actor
from app.errors import NotFound, ServiceError
from app.keys import PRODUCTS, SETTINGS
from app.middlewares import ERROR_PAGE
from app.pages.static_files import STATIC, setup_static
from app.pages.texts import LANGUAGES, Texts, choose_language, get_texts, script_texts
from app.requests import path_int
from app.schemas.products import CategoryRef, GroupOut, ProductOut, ProductQuery

LANGUAGE_COOKIE: Final = "cts_lang"
LANGUAGE_COOKIE_S: Final = 365 * 24 * 3600
PRODUCTS_PER_PAGE: Final = 24
NEARLY_GONE: Final = 5
"""From so few pieces on the shop says how many are left."""

Named = TypeVar("Named", GroupOut, CategoryRef)

routes = web.RouteTableDef()


def setup_pages(app: web.Application) -> None:
    """Add the pages, their static files and the page for refusals to the application."""
    setup_static(app)
    app.add_routes(routes)
    app[ERROR_PAGE] = show_error
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("app.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        context_processors=(_page_context,),
    )
    environment.globals["static"] = app[STATIC]


@routes.get("/")
async def show_shop(request: web.Request) -> web.Response:
    """The shop front: a page of products, of all groups or of one group or category."""
    products = request.app[PRODUCTS]
    groups = await products.list_groups()
    group = _choose(groups, request.query.get("group"))
    category = _choose(group.categories if group else (), request.query.get("category"))
    cursor = request.query.get("cursor", "")[:200] or None  # sealed by the service; a longer one was never given out
    query = ProductQuery(
        limit=PRODUCTS_PER_PAGE,
        cursor=cursor,
        group=group.slug if group else None,
        category=category.slug if category else None,
    )
    page = await products.list_products(await get_actor(request), query)
    context = {
        "title": category.name if category else group.name if group else "",
        "groups": groups,
        "group": group,
        "category": category,
        "page": page,
        "page_is_later": cursor is not None,
        "next_url": str(request.rel_url.update_query(cursor=page.next or "")),
        "nearly_gone": NEARLY_GONE,
    }
    return _render("shop.html", request, context, page_texts(request))


@routes.get("/products/{article}")
async def show_product(request: web.Request) -> web.Response:
    """One product; the error page if there is none."""
    product: ProductOut = await request.app[PRODUCTS].get_product(
        await get_actor(request), path_int(request, "article")
    )
    context = {"title": product.name, "product": product, "nearly_gone": NEARLY_GONE}
    return _render("product.html", request, context, page_texts(request))


@routes.get("/staff")
async def show_staff(request: web.Request) -> web.Response:
    """The staff's desk. It holds nothing by itself: the script asks the session who is there."""
    texts = page_texts(request)
    return _render("staff.html", request, {"title": texts("staff.title")}, texts)


@routes.get("/demo")
async def show_demo(request: web.Request) -> web.Response:
    """What to try, in two windows. Only in the demo."""
    if not request.app[SETTINGS].demo:
        raise NotFound
    texts = page_texts(request)
    return _render("demo.html", request, {"title": texts("demo.title")}, texts)


@routes.get("/texts/{language}.json")
async def send_texts(request: web.Request) -> web.Response:
    """The part of a catalogue that scripts use. Under its version (``?v=``) it never changes."""
    language = next((one for one in LANGUAGES if one == request.match_info["language"]), None)
    if language is None:
        raise NotFound
    body, version = script_texts(language)
    is_current = request.query.get("v") == version
    cache = "public, max-age=31536000, immutable" if is_current else "no-cache"
    return web.Response(body=body, content_type="application/json", headers={hdrs.CACHE_CONTROL: cache})


async def show_error(request: web.Request, error: ServiceError, request_id: str) -> web.StreamResponse:
    """A refusal as a person reads it, with the number to mention when writing to us."""
    texts = page_texts(request)
    kind = error.code if error.code in ("not_found", "busy", "rate_limited", "forbidden") else "other"
    context = {"title": texts(f"problem.{kind}"), "kind": kind, "request_id": request_id}
    response = _render("error.html", request, context, texts)
    response.set_status(error.status)
    return response


def _choose(offered: Iterable[Named], slug: str | None) -> Named | None:
    """The group or category of that slug; None if none is asked for. Raises NotFound."""
    chosen = next((one for one in offered if one.slug == slug), None)
    if slug and chosen is None:
        raise NotFound
    return chosen


def page_texts(request: web.Request) -> Texts:
    """The catalogue in which this request is answered."""
    query, cookie = request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE)
    return get_texts(choose_language(query, cookie, request.headers.get(hdrs.ACCEPT_LANGUAGE, "")))


def _render(template: str, request: web.Request, context: Mapping[str, Any], texts: Texts) -> web.Response:
    response = aiohttp_jinja2.render_template(template, request, {"t": texts, **context})
    response.headers[hdrs.CACHE_CONTROL] = "private, no-cache"
    response.headers[hdrs.VARY] = "Accept-Language, Cookie"
    if request.query.get("lang") in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            texts.language,
            max_age=LANGUAGE_COOKIE_S,
            samesite="Lax",
            secure=request.app[SETTINGS].is_https,
        )
    return response


async def _page_context(request: web.Request) -> dict[str, Any]:
    """What every page needs besides its own: the settings that show, and links to itself in other languages."""
    settings, texts = request.app[SETTINGS], page_texts(request)
    return {
        "shop_name": settings.shop_name,
        "is_demo": settings.demo,
        "texts_url": f"/texts/{texts.language}.json?v={script_texts(texts.language)[1]}",
        "languages": {one: str(request.rel_url.update_query(lang=one)) for one in LANGUAGES},
    }
