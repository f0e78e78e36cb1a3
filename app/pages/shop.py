"""The shop's pages for customers: front, product."""

from collections.abc import Iterable
from typing import Final, TypeVar
from urllib.parse import quote

from aiohttp import web

from app.auth import get_actor
from app.errors import NotFound
from app.keys import CATALOGUE, FINDING, PRODUCTS
from app.pages.render import page_texts, render
from app.requests import path_int
from app.schemas.catalogue import GroupOut
from app.schemas.finding import ProductQuery
from app.schemas.products import CategoryRef, ProductOut

PRODUCTS_PER_PAGE: Final = 24
NEARLY_GONE: Final = 5
"""From so few pieces on the shop says how many are left."""

Named = TypeVar("Named", GroupOut, CategoryRef)

routes = web.RouteTableDef()


@routes.get("/")
async def show_shop(request: web.Request) -> web.Response:
    """The shop front: a page of products, of all groups or of one group or category."""
    groups = await request.app[CATALOGUE].list_groups()
    group = _choose(groups, request.query.get("group"))
    category = _choose(group.categories if group else (), request.query.get("category"))
    # Sealed by the service, which refuses what it never gave out; quoted, so that anything is a text it may refuse.
    cursor = quote(request.query.get("cursor", ""), safe="=")[:700] or None
    query = ProductQuery(
        limit=PRODUCTS_PER_PAGE,
        cursor=cursor,
        group=[group.slug] if group else [],
        category=[category.slug] if category else [],
    )
    page = await request.app[FINDING].list_products(await get_actor(request), query)
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
    return render("shop.html", request, context, page_texts(request))


@routes.get("/products/{article}")
async def show_product(request: web.Request) -> web.Response:
    """One product; the error page if there is none."""
    product: ProductOut = await request.app[PRODUCTS].get_product(
        await get_actor(request), path_int(request, "article")
    )
    context = {"title": product.name, "product": product, "nearly_gone": NEARLY_GONE}
    return render("product.html", request, context, page_texts(request))


def _choose(offered: Iterable[Named], slug: str | None) -> Named | None:
    """The group or category of that slug; None if none is asked for. Raises NotFound."""
    chosen = next((one for one in offered if one.slug == slug), None)
    if slug and chosen is None:
        raise NotFound
    return chosen
