"""Products over HTTP, as staff keep them. Every answer has the product's ETag, which the next change names."""

from aiohttp import hdrs, web

from app.auth import require_staff
from app.images import MAX_BYTES
from app.keys import EDITOR, PRODUCT_IMAGES
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_file, read_key, read_version
from app.responses import json_response, once_response
from app.schemas.product_editing import (
    ImagesPatch,
    NextArticleOut,
    ProductIn,
    ProductPatch,
    PublicationIn,
    WithdrawalQuery,
)
from app.schemas.products import ProductOut
from app.services.products import product_tag

routes = web.RouteTableDef()

EDIT = "products.edit"
STAFF = f"staff:{EDIT}"
CHANGED = ("conflict", "stale", "if_match_required")


@routes.get("/api/v1/next-article")
@describe(summary="A free article for a new product", who=STAFF, returns={200: NextArticleOut}, tags=("products",))
async def get_next_article(request: web.Request) -> web.Response:
    """What a new product gets if it names none. Nothing is reserved: somebody else may take it first.

    Not below /products: there it would stand among the articles and seem to take their methods.
    """
    await require_staff(request, EDIT)
    return json_response(await request.app[EDITOR].next_article())


@routes.post("/api/v1/products")
@describe(
    summary="Add a product",
    who=STAFF,
    body=ProductIn,
    key="optional",
    returns={201: ProductOut},
    errors=("conflict",),
    tags=("products",),
)
async def add_product(request: web.Request) -> web.Response:
    """A draft, unless it is to be published at once. 409 if the article exists, with the next free one.

    Takes an Idempotency-Key.
    """
    actor = await require_staff(request, EDIT)
    form = await parse_body(request, ProductIn)
    done = await request.app[EDITOR].add(actor, form, read_key(request, actor, form))
    headers = {**_tag(done.answer), hdrs.LOCATION: f"/api/v1/products/{done.answer.article}"}
    return once_response(done, 201, headers)


@routes.patch("/api/v1/products/{article}")
@describe(
    summary="Change a product",
    who=STAFF,
    body=ProductPatch,
    returns={200: ProductOut},
    errors=CHANGED,
    tags=("products",),
)
async def edit_product(request: web.Request) -> web.Response:
    """If-Match says what you have seen; 412 carries the present `version`. Price, discount and stock go elsewhere."""
    actor = await require_staff(request, EDIT)
    article, version = path_int(request, "article"), read_version(request)
    form = await parse_body(request, ProductPatch)
    return _answer(await request.app[EDITOR].edit(actor, article, version, form))


@routes.delete("/api/v1/products/{article}")
@describe(summary="Archive a product", who=STAFF, returns={204: None}, errors=CHANGED[1:], tags=("products",))
async def archive_product(request: web.Request) -> web.Response:
    """It leaves the catalogue; orders go on knowing it. A published one needs the right `products.publish`."""
    actor = await require_staff(request, EDIT)
    await request.app[EDITOR].archive(actor, path_int(request, "article"), read_version(request))
    return web.Response(status=204)


@routes.put("/api/v1/products/{article}/publication")
@describe(
    summary="Send a product for review, or publish it",
    who=STAFF,
    body=PublicationIn,
    returns={200: ProductOut},
    errors=CHANGED,
    tags=("products",),
)
async def promote_product(request: web.Request) -> web.Response:
    """Draft, review, published. It needs a name, a price and a category; to publish, the right `products.publish`."""
    actor = await require_staff(request, EDIT)
    article, version = path_int(request, "article"), read_version(request)
    form = await parse_body(request, PublicationIn)
    return _answer(await request.app[EDITOR].promote(actor, article, version, form.status))


@routes.delete("/api/v1/products/{article}/publication")
@describe(
    summary="Make a product a draft again",
    who=STAFF,
    query=WithdrawalQuery,
    returns={200: ProductOut},
    errors=CHANGED[1:],
    tags=("products",),
)
async def withdraw_product(request: web.Request) -> web.Response:
    """From review, from the shop (with the right `products.publish`), or from the archive. `note` says why."""
    actor = await require_staff(request, EDIT)
    article, version = path_int(request, "article"), read_version(request)
    query = parse_query(request, WithdrawalQuery)
    return _answer(await request.app[EDITOR].withdraw(actor, article, version, query.note))


@routes.post("/api/v1/products/{article}/images")
@describe(
    summary="Add a picture to a product",
    who=STAFF,
    file=True,
    returns={201: ProductOut},
    errors=("conflict",),
    tags=("products",),
)
async def add_image(request: web.Request) -> web.Response:
    """A multipart form with the picture in `file`: JPEG, PNG, WebP or GIF, at most 10 MB. 12 pictures at most.

    The same picture again changes nothing, so that this needs neither If-Match nor an Idempotency-Key.
    """
    actor = await require_staff(request, EDIT)
    article, images = path_int(request, "article"), request.app[PRODUCT_IMAGES]
    await images.require_room(article)
    _, content = await read_file(request, MAX_BYTES)
    shown = await images.add(actor, article, content)
    return json_response(shown, 201, _tag(shown))


@routes.patch("/api/v1/products/{article}/images")
@describe(
    summary="Put a product's pictures in another order",
    who=STAFF,
    body=ImagesPatch,
    returns={200: ProductOut},
    errors=CHANGED,
    tags=("products",),
)
async def arrange_images(request: web.Request) -> web.Response:
    """All of its pictures, each once; the first is the main one."""
    actor = await require_staff(request, EDIT)
    article, version = path_int(request, "article"), read_version(request)
    form = await parse_body(request, ImagesPatch)
    return _answer(await request.app[PRODUCT_IMAGES].arrange(actor, article, version, form.images))


@routes.delete("/api/v1/products/{article}/images/{name}")
@describe(
    summary="Take a picture away from a product",
    who=STAFF,
    returns={200: ProductOut},
    errors=CHANGED,
    tags=("products",),
)
async def remove_image(request: web.Request) -> web.Response:
    """`name` is the last part of the picture's address. Answers with the product as it is then."""
    actor = await require_staff(request, EDIT)
    article, version = path_int(request, "article"), read_version(request)
    return _answer(await request.app[PRODUCT_IMAGES].remove(actor, article, version, request.match_info["name"]))


def _answer(product: ProductOut) -> web.Response:
    return json_response(product, headers=_tag(product))


def _tag(product: ProductOut) -> dict[str, str]:
    return {hdrs.ETAG: f'"{product_tag(product)}"'}
