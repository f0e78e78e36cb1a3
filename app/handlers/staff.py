"""/staff: members of staff see themselves and each other; the owner keeps their accounts."""

from aiohttp import hdrs, web

from app.auth import require_confirmed, require_owner, require_staff
from app.errors import Forbidden
from app.images import MAX_BYTES
from app.keys import CREDENTIALS, HISTORY, IMAGES, STAFF, USERS
from app.openapi import describe
from app.requests import parse_body, parse_query, read_file, read_version
from app.responses import json_response
from app.schemas.history import HistoryOut, HistoryQuery
from app.schemas.staff import ColleaguesOut, ProfilePatch, StaffIn, StaffOut, StaffPatch, StaffQuery
from app.schemas.users import PasswordIn
from app.services.staff import version_of

routes = web.RouteTableDef()
NO_STORE = {"Cache-Control": "no-store"}


@routes.get("/api/v1/staff")
@describe(summary="Colleagues", query=StaffQuery, returns={200: ColleaguesOut}, who="staff", tags=("staff",))
async def list_colleagues(request: web.Request) -> web.Response:
    """Everybody on the staff who may sign in, by id; the owner may ask for the others too."""
    actor = await require_staff(request)
    query = parse_query(request, StaffQuery)
    if query.everybody and not actor.is_owner:
        raise Forbidden
    return json_response(await request.app[STAFF].list_colleagues(query.everybody), headers=NO_STORE)


@routes.post("/api/v1/staff")
@describe(
    summary="Make a member of staff",
    body=StaffIn,
    returns={201: StaffOut},
    who="owner",
    errors=("conflict", "busy"),
    tags=("staff",),
)
async def create_staff(request: web.Request) -> web.Response:
    """With a role and rights. Confirm first: 403 with the reason `password_needed`."""
    actor = await require_owner(request)
    form = await parse_body(request, StaffIn)
    await require_confirmed(request, actor)
    return _staff_response(await request.app[STAFF].create_staff(form, by=actor), 201)


@routes.get("/api/v1/staff/me")
@describe(summary="One's own data and rights", returns={200: StaffOut}, who="staff", tags=("staff",))
async def get_me(request: web.Request) -> web.Response:
    """What the shop knows of the member of staff."""
    return _staff_response(await request.app[STAFF].get_me(await require_staff(request)))


@routes.patch("/api/v1/staff/me")
@describe(
    summary="Change one's own data",
    body=ProfilePatch,
    returns={200: StaffOut},
    who="staff",
    errors=("busy",),
    tags=("staff",),
)
async def update_me(request: web.Request) -> web.Response:
    """What is absent stays, null clears."""
    actor = await require_staff(request)
    return _staff_response(await request.app[STAFF].update_me(actor, await parse_body(request, ProfilePatch)))


@routes.put("/api/v1/staff/me/password")
@describe(
    summary="Change one's own password",
    body=PasswordIn,
    returns={204: None},
    who="staff",
    errors=("rate_limited", "busy"),
    tags=("staff",),
)
async def change_password(request: web.Request) -> web.Response:
    """Needs the old password; ends the other sessions."""
    actor = await require_staff(request)
    await request.app[CREDENTIALS].change_password(actor, await parse_body(request, PasswordIn))
    return web.Response(status=204, headers=NO_STORE)


@routes.put("/api/v1/staff/me/avatar")
@describe(
    summary="Change one's own picture",
    file=True,
    returns={200: StaffOut},
    who="staff",
    errors=("busy",),
    tags=("staff",),
)
async def set_avatar(request: web.Request) -> web.Response:
    """JPEG, PNG, WebP or GIF, at most 10 MB."""
    actor = await require_staff(request)
    _, content = await read_file(request, MAX_BYTES)
    await request.app[USERS].set_image(actor, await request.app[IMAGES].add(content))
    return _staff_response(await request.app[STAFF].get_me(actor))


@routes.delete("/api/v1/staff/me/avatar")
@describe(summary="Remove one's own picture", returns={204: None}, who="staff", errors=("busy",), tags=("staff",))
async def remove_avatar(request: web.Request) -> web.Response:
    """Nothing happens where there is none."""
    await request.app[USERS].set_image(await require_staff(request), None)
    return web.Response(status=204, headers=NO_STORE)


@routes.get("/api/v1/staff/{uuid:[0-9a-f-]{36}}")
@describe(summary="A member of staff", returns={200: StaffOut}, who="owner", errors=("not_found",), tags=("staff",))
async def get_person(request: web.Request) -> web.Response:
    """With rights, active or not."""
    await require_owner(request)
    return _staff_response(await request.app[STAFF].get_person(request.match_info["uuid"]))


@routes.patch("/api/v1/staff/{uuid:[0-9a-f-]{36}}")
@describe(
    summary="Change role or rights of a member of staff, or let them in no longer",
    body=StaffPatch,
    returns={200: StaffOut},
    who="owner",
    errors=("not_found", "conflict", "stale", "if_match_required", "busy"),
    tags=("staff",),
)
async def update_person(request: web.Request) -> web.Response:
    """The person's sessions end: nobody acts on an old right. The last owner stays. Confirm first: 403."""
    actor = await require_owner(request)
    form = await parse_body(request, StaffPatch)
    version = read_version(request)
    await require_confirmed(request, actor)
    out = await request.app[STAFF].update_person(request.match_info["uuid"], form, actor, version)
    return _staff_response(out)


@routes.get("/api/v1/history")
@describe(
    summary="Who did what when, newest first",
    query=HistoryQuery,
    returns={200: HistoryOut},
    who="staff",
    tags=("staff",),
)
async def list_history(request: web.Request) -> web.Response:
    """The owner sees everybody's deeds, the others their own."""
    actor = await require_staff(request)
    query = parse_query(request, HistoryQuery)
    return json_response(await request.app[HISTORY].list_actions(actor, query), headers=NO_STORE)


def _staff_response(out: StaffOut, status: int = 200) -> web.Response:
    return json_response(out, status, {**NO_STORE, hdrs.ETAG: f'"{version_of(out.edit_time)}"'})
