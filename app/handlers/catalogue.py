"""Groups and categories over HTTP. Their ETag is the hash of the answer; If-Match compares all of it."""

from typing import TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel
from pydantic_core import to_json

from app.auth import require_staff
from app.images import MAX_BYTES
from app.keys import CATALOGUE, IMAGES
from app.openapi import describe
from app.requests import parse_body, parse_query, read_file, read_key, read_tag
from app.responses import json_response, once_response, tagged_response
from app.schemas.catalogue import (
    CategoryIn,
    CategoryList,
    CategoryOut,
    CategoryPatch,
    GroupIn,
    GroupList,
    GroupOut,
    GroupPatch,
    MoveQuery,
)
from app.services.catalogue import content_tag
from app.services.once import Once

routes = web.RouteTableDef()

EDIT = "products.edit"
STAFF = f"staff:{EDIT}"

Out = TypeVar("Out", GroupOut, CategoryOut)


@routes.get("/api/v1/groups")
@describe(summary="List the groups with their categories", returns={200: GroupList}, tags=("products",))
async def list_groups(request: web.Request) -> web.Response:
    return _answer(request, GroupList(items=await request.app[CATALOGUE].list_groups()))


@routes.post("/api/v1/groups")
@describe(
    summary="Add a group",
    who=STAFF,
    body=GroupIn,
    key="optional",
    returns={201: GroupOut},
    errors=("conflict",),
    tags=("products",),
)
async def add_group(request: web.Request) -> web.Response:
    """409 if there is one of this name, in whatever spelling. Takes an Idempotency-Key."""
    actor = await require_staff(request, EDIT)
    form = await parse_body(request, GroupIn)
    done = await request.app[CATALOGUE].add_group(actor, form, read_key(request, actor, form))
    return _answer_added(done, "groups")


@routes.get("/api/v1/groups/{slug}")
@describe(summary="Get a group with its categories", returns={200: GroupOut}, tags=("products",))
async def get_group(request: web.Request) -> web.Response:
    return _answer(request, await request.app[CATALOGUE].get_group(request.match_info["slug"]))


@routes.patch("/api/v1/groups/{slug}")
@describe(
    summary="Change a group",
    who=STAFF,
    body=GroupPatch,
    returns={200: GroupOut},
    errors=("conflict", "stale", "if_match_required"),
    tags=("products",),
)
async def edit_group(request: web.Request) -> web.Response:
    """If-Match says what you have seen. The slug stays, so that links live on."""
    actor = await require_staff(request, EDIT)
    tag, form = read_tag(request), await parse_body(request, GroupPatch)
    return _answer_changed(await request.app[CATALOGUE].edit_group(actor, request.match_info["slug"], tag, form))


@routes.delete("/api/v1/groups/{slug}")
@describe(
    summary="Remove a group",
    who=STAFF,
    query=MoveQuery,
    returns={204: None},
    errors=("conflict", "stale", "if_match_required"),
    tags=("products",),
)
async def remove_group(request: web.Request) -> web.Response:
    """409 while it has categories, unless `move_to` names the group that takes them. If-Match is required."""
    actor = await require_staff(request, EDIT)
    tag, query = read_tag(request), parse_query(request, MoveQuery)
    await request.app[CATALOGUE].remove_group(actor, request.match_info["slug"], tag, query.move_to)
    return web.Response(status=204)


@routes.put("/api/v1/groups/{slug}/image")
@describe(
    summary="Give a group a picture",
    who=STAFF,
    file=True,
    returns={200: GroupOut},
    tags=("products",),
)
async def set_group_image(request: web.Request) -> web.Response:
    """A multipart form with the picture in `file`: JPEG, PNG, WebP or GIF, at most 10 MB."""
    actor = await require_staff(request, EDIT)
    catalogue, slug = request.app[CATALOGUE], request.match_info["slug"]
    await catalogue.get_group(slug)  # before ten megabytes are read
    return _answer_changed(await catalogue.edit_group(actor, slug, None, {"image": await _read_image(request)}))


@routes.get("/api/v1/categories")
@describe(summary="List the categories", returns={200: CategoryList}, tags=("products",))
async def list_categories(request: web.Request) -> web.Response:
    return _answer(request, CategoryList(items=await request.app[CATALOGUE].list_categories()))


@routes.post("/api/v1/categories")
@describe(
    summary="Add a category to a group",
    who=STAFF,
    body=CategoryIn,
    key="optional",
    returns={201: CategoryOut},
    errors=("conflict",),
    tags=("products",),
)
async def add_category(request: web.Request) -> web.Response:
    """409 if the group has one of this name; another group may have it. Takes an Idempotency-Key."""
    actor = await require_staff(request, EDIT)
    form = await parse_body(request, CategoryIn)
    done = await request.app[CATALOGUE].add_category(actor, form, read_key(request, actor, form))
    return _answer_added(done, "categories")


@routes.get("/api/v1/categories/{slug}")
@describe(summary="Get a category", returns={200: CategoryOut}, tags=("products",))
async def get_category(request: web.Request) -> web.Response:
    return _answer(request, await request.app[CATALOGUE].get_category(request.match_info["slug"]))


@routes.patch("/api/v1/categories/{slug}")
@describe(
    summary="Change a category, or move it to another group",
    who=STAFF,
    body=CategoryPatch,
    returns={200: CategoryOut},
    errors=("conflict", "stale", "if_match_required"),
    tags=("products",),
)
async def edit_category(request: web.Request) -> web.Response:
    """If-Match says what you have seen. The slug stays; the products go along."""
    actor = await require_staff(request, EDIT)
    tag, form = read_tag(request), await parse_body(request, CategoryPatch)
    return _answer_changed(await request.app[CATALOGUE].edit_category(actor, request.match_info["slug"], tag, form))


@routes.delete("/api/v1/categories/{slug}")
@describe(
    summary="Remove a category",
    who=STAFF,
    query=MoveQuery,
    returns={204: None},
    errors=("conflict", "stale", "if_match_required"),
    tags=("products",),
)
async def remove_category(request: web.Request) -> web.Response:
    """409 while it has products, unless `move_to` names the category that takes them. If-Match is required."""
    actor = await require_staff(request, EDIT)
    tag, query = read_tag(request), parse_query(request, MoveQuery)
    await request.app[CATALOGUE].remove_category(actor, request.match_info["slug"], tag, query.move_to)
    return web.Response(status=204)


@routes.put("/api/v1/categories/{slug}/image")
@describe(
    summary="Give a category a picture",
    who=STAFF,
    file=True,
    returns={200: CategoryOut},
    tags=("products",),
)
async def set_category_image(request: web.Request) -> web.Response:
    """A multipart form with the picture in `file`: JPEG, PNG, WebP or GIF, at most 10 MB."""
    actor = await require_staff(request, EDIT)
    catalogue, slug = request.app[CATALOGUE], request.match_info["slug"]
    await catalogue.get_category(slug)  # before ten megabytes are read
    return _answer_changed(await catalogue.edit_category(actor, slug, None, {"image": await _read_image(request)}))


async def _read_image(request: web.Request) -> str:
    _, content = await read_file(request, MAX_BYTES)
    return await request.app[IMAGES].add(content)


def _answer(request: web.Request, shown: BaseModel) -> web.Response:
    return tagged_response(request, content_tag(shown), to_json(shown))


def _answer_changed(shown: BaseModel) -> web.Response:
    return json_response(shown, headers={hdrs.ETAG: f'"{content_tag(shown)}"'})


def _answer_added(done: Once[Out], folder: str) -> web.Response:
    location = f"/api/v1/{folder}/{done.answer.slug}"
    return once_response(done, 201, {hdrs.ETAG: f'"{content_tag(done.answer)}"', hdrs.LOCATION: location})
