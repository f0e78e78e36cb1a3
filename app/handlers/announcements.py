"""/announcements: what the shop tells everybody for some time."""

from aiohttp import web
from pydantic_core import to_json

from app.auth import get_actor, require_staff
from app.keys import ANNOUNCEMENTS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_key, read_version
from app.responses import json_response, once_response, tagged_response
from app.schemas.announcements import AnnouncementIn, AnnouncementOut, AnnouncementPage, AnnouncementPatch
from app.schemas.planned import PlannedQuery

routes = web.RouteTableDef()


@routes.get("/api/v1/announcements")
@describe(
    summary="List the announcements that are on, newest first",
    query=PlannedQuery,
    returns={200: AnnouncementPage},
    errors=("bad_request", "forbidden"),
    tags=("announcements",),
)
async def list_announcements(request: web.Request) -> web.Response:
    """What is on now; staff may ask for what is planned or over, too."""
    actor, query = await get_actor(request), parse_query(request, PlannedQuery)
    items, following = await request.app[ANNOUNCEMENTS].list_planned(actor, query)
    return json_response(AnnouncementPage(items=items, next=following))


@routes.post("/api/v1/announcements")
@describe(
    summary="Plan an announcement",
    who="staff:announcements",
    body=AnnouncementIn,
    key="optional",
    returns={201: AnnouncementOut},
    errors=("conflict",),
    tags=("announcements",),
)
async def post_announcement(request: web.Request) -> web.Response:
    """Something to tell everybody for some time."""
    actor = await require_staff(request, "announcements")
    form = await parse_body(request, AnnouncementIn)
    return once_response(await request.app[ANNOUNCEMENTS].add(actor, form, read_key(request, actor, form)), 201)


@routes.get("/api/v1/announcements/{announcement_id}")
@describe(summary="Get an announcement", returns={200: AnnouncementOut}, errors=("not_found",), tags=("announcements",))
async def get_announcement(request: web.Request) -> web.Response:
    """One announcement; 404 if there is none, or it is not on and this is not the staff."""
    actor = await get_actor(request)
    announcement = await request.app[ANNOUNCEMENTS].get(actor, path_int(request, "announcement_id"))
    return tagged_response(request, str(announcement.version), to_json(announcement))


@routes.patch("/api/v1/announcements/{announcement_id}")
@describe(
    summary="Change an announcement",
    who="staff:announcements",
    body=AnnouncementPatch,
    returns={200: AnnouncementOut},
    errors=("not_found", "stale", "if_match_required"),
    tags=("announcements",),
)
async def patch_announcement(request: web.Request) -> web.Response:
    """To end an announcement, set ``ends_at``."""
    actor = await require_staff(request, "announcements")
    announcement_id, version = path_int(request, "announcement_id"), read_version(request)
    form = await parse_body(request, AnnouncementPatch)
    announcement = await request.app[ANNOUNCEMENTS].change(actor, announcement_id, version, form)
    return tagged_response(request, str(announcement.version), to_json(announcement))


@routes.delete("/api/v1/announcements/{announcement_id}")
@describe(
    summary="Remove an announcement",
    who="staff:announcements",
    returns={204: None},
    errors=("not_found", "stale", "if_match_required"),
    tags=("announcements",),
)
async def delete_announcement(request: web.Request) -> web.Response:
    """It is gone from every list; the work history keeps it."""
    actor = await require_staff(request, "announcements")
    await request.app[ANNOUNCEMENTS].remove(actor, path_int(request, "announcement_id"), read_version(request))
    return web.Response(status=204)
