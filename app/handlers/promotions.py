"""/promotions: reductions for some time, exact to the clock."""

from aiohttp import web
from pydantic_core import to_json

from app.auth import get_actor, require_staff
from app.keys import PROMOTIONS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_key, read_version
from app.responses import json_response, once_response, tagged_response
from app.schemas.planned import PlannedQuery
from app.schemas.promotions import PromotionIn, PromotionOut, PromotionPage, PromotionPatch

routes = web.RouteTableDef()


@routes.get("/api/v1/promotions")
@describe(
    summary="List the promotions that are on, newest first",
    query=PlannedQuery,
    returns={200: PromotionPage},
    errors=("bad_request", "forbidden"),
    tags=("promotions",),
)
async def list_promotions(request: web.Request) -> web.Response:
    """What is on now; staff may ask for what is planned or over, too."""
    actor, query = await get_actor(request), parse_query(request, PlannedQuery)
    items, following = await request.app[PROMOTIONS].list_planned(actor, query)
    return json_response(PromotionPage(items=items, next=following))


@routes.post("/api/v1/promotions")
@describe(
    summary="Plan a promotion",
    who="staff:promotions",
    body=PromotionIn,
    key="optional",
    returns={201: PromotionOut},
    errors=("conflict",),
    tags=("promotions",),
)
async def post_promotion(request: web.Request) -> web.Response:
    """A reduction for some time; prices follow the clock, not this request."""
    actor = await require_staff(request, "promotions")
    form = await parse_body(request, PromotionIn)
    return once_response(await request.app[PROMOTIONS].add(actor, form, read_key(request, actor, form)), 201)


@routes.get("/api/v1/promotions/{promotion_id}")
@describe(summary="Get a promotion", returns={200: PromotionOut}, errors=("not_found",), tags=("promotions",))
async def get_promotion(request: web.Request) -> web.Response:
    """One promotion; 404 if there is none, or it is not on and this is not the staff."""
    actor = await get_actor(request)
    promotion = await request.app[PROMOTIONS].get(actor, path_int(request, "promotion_id"))
    return tagged_response(request, str(promotion.version), to_json(promotion))


@routes.patch("/api/v1/promotions/{promotion_id}")
@describe(
    summary="Change a promotion",
    who="staff:promotions",
    body=PromotionPatch,
    returns={200: PromotionOut},
    errors=("not_found", "stale", "if_match_required"),
    tags=("promotions",),
)
async def patch_promotion(request: web.Request) -> web.Response:
    """What is shown follows at once. To end a promotion, set ``ends_at``."""
    actor = await require_staff(request, "promotions")
    promotion_id, version = path_int(request, "promotion_id"), read_version(request)
    form = await parse_body(request, PromotionPatch)
    promotion = await request.app[PROMOTIONS].change(actor, promotion_id, version, form)
    return tagged_response(request, str(promotion.version), to_json(promotion))


@routes.delete("/api/v1/promotions/{promotion_id}")
@describe(
    summary="Remove a promotion",
    who="staff:promotions",
    returns={204: None},
    errors=("not_found", "stale", "if_match_required"),
    tags=("promotions",),
)
async def delete_promotion(request: web.Request) -> web.Response:
    """What it reduced costs at once what it would without it."""
    actor = await require_staff(request, "promotions")
    await request.app[PROMOTIONS].remove(actor, path_int(request, "promotion_id"), read_version(request))
    return web.Response(status=204)
