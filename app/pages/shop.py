"""The shop's pages for everybody: home, catalogue, search, product."""

from typing import Final

from aiohttp import web
from yarl import URL

from app.auth import get_actor
from app.errors import NotFound
from app.keys import ANNOUNCEMENTS, CARTS, CATALOGUE, COMMENTS, FINDING, PRODUCTS, PROMOTIONS
from app.pages.render import page_texts
from app.pages.store import get_customer, read_epoch, show
from app.pages.wishes import CHOICES, Wish, read_wish
from app.requests import path_int
from app.schemas.comments import CommentsQuery
from app.schemas.finding import ProductQuery
from app.schemas.planned import PlannedQuery
from app.schemas.promotions import PromotionOut

ON_A_SHELF: Final = 8
"""Products in one row of the home page."""
ON_THE_WALL: Final = 6
"""Announcements, and promotions, on the home page."""
COMMENTS_PER_PAGE: Final = 10

routes = web.RouteTableDef()


@routes.get("/")
async def show_home(request: web.Request) -> web.Response:
    """What is on, where to look, what is new and what costs less."""
    app, actor = request.app, await get_customer(request)
    epoch, planned = await read_epoch(request), PlannedQuery(limit=ON_THE_WALL)
    announcements, _ = await app[ANNOUNCEMENTS].list_planned(actor, planned)
    promotions, _ = await app[PROMOTIONS].list_planned(actor, planned)
    new = await app[FINDING].list_products(actor, ProductQuery(limit=ON_A_SHELF, sort="-created"))
    reduced = await app[FINDING].list_products(actor, ProductQuery(limit=ON_A_SHELF, sort="-discount", on_sale=True))
    context = {
        "title": "",
        "epoch": epoch,
        "groups": await app[CATALOGUE].list_groups(),
        "announcements": announcements,
        "promotions": [(one, _address_of(one)) for one in promotions],
        "new": new.items,
        "reduced": reduced.items,
    }
    return await show(request, "home.html", context)


@routes.get("/catalogue")
async def show_catalogue(request: web.Request) -> web.Response:
    """All products, or those that the address asks for."""
    wish = read_wish(request)
    groups = {one.slug: one for one in await request.app[CATALOGUE].list_groups()}
    categories = {one.slug: one for group in groups.values() for one in group.categories}
    for name, known in (("group", groups), ("category", categories)):
        if not known.keys() >= set(wish.chosen[name]):
            raise NotFound
    named = [
        known[wish.chosen[name][0]].name
        for name, known in (("category", categories), ("group", groups))
        if len(wish.chosen[name]) == 1
    ]
    title = named[0] if named else page_texts(request)("shop.all")
    return await _show_list(request, wish, title)


@routes.get("/search")
async def search(request: web.Request) -> web.Response:
    """What was found for some words; they can be filtered like the catalogue."""
    wish, texts = read_wish(request), page_texts(request)
    return await _show_list(request, wish, texts("find.found", q=wish.q) if wish.q else texts("shop.all"))


@routes.get("/products/{article}")
async def show_product(request: web.Request) -> web.Response:
    """One product with what customers say of it; the error page if there is none."""
    actor, article = await get_actor(request), path_int(request, "article")  # staff see what is not published yet
    product = await request.app[PRODUCTS].get_product(actor, article)
    sort = next((one for one in ("useful", "rating") if request.query.get("comments") == one), "new")
    query = CommentsQuery.model_validate(
        {"limit": COMMENTS_PER_PAGE, "sort": sort, "cursor": request.query.get("after", "")[:200] or None}
    )
    cart = await request.app[CARTS].get_cart(await get_customer(request))
    context = {
        "title": product.name,
        "product": product,
        "in_cart": next((line.quantity for line in cart.lines if line.article == article), 0),
        "comments": await request.app[COMMENTS].list_of_product(actor, article, query),
        "comments_sort": sort,
    }
    return await show(request, "product.html", context)


async def _show_list(request: web.Request, wish: Wish, title: str) -> web.Response:
    epoch = await read_epoch(request)
    page = await request.app[FINDING].list_products(await get_customer(request), wish.product_query())
    assert page.facets is not None and page.facets.price is not None, "they were asked for"
    labels = {name: {one.value: one.label for one in page.facets.values[name]} for name in CHOICES}
    context = {
        "title": title,
        "epoch": epoch,
        "wish": wish,
        "page": page,
        "facets": page.facets,
        # A value that nothing has any more is called what the address calls it.
        "chips": [
            (labels[name].get(value, value), wish.without(name, value))
            for name in CHOICES
            for value in wish.chosen[name]
        ],
        "next_url": wish.page_after(page.next) if page.next else None,
    }
    return await show(request, "catalogue.html", context)


def _address_of(promotion: PromotionOut) -> str:
    """Where the products of a promotion are to be found."""
    names = {"groups": "group", "categories": "category", "tags": "tag"}
    if promotion.scope == "products" and len(promotion.targets) == 1:
        return f"/products/{promotion.targets[0]}"
    if promotion.scope in names:
        return str(URL("/catalogue").with_query([(names[promotion.scope], str(one)) for one in promotion.targets]))
    return "/catalogue?on_sale=true"
