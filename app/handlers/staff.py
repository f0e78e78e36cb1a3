"""/staff: members of staff see themselves and each other."""

from aiohttp import web

from app.auth import require_staff
from app.keys import STAFF
from app.openapi import describe
from app.responses import json_response
from app.schemas.staff import ColleaguesOut, StaffOut

routes = web.RouteTableDef()
NO_STORE = {"Cache-Control": "no-store"}


@routes.get("/api/v1/staff")
@describe(summary="Colleagues", returns={200: ColleaguesOut}, who="staff", tags=("staff",))
async def list_colleagues(request: web.Request) -> web.Response:
    """Everybody on the staff who may sign in, by name."""
    await require_staff(request)
    return json_response(await request.app[STAFF].list_colleagues(), headers=NO_STORE)


@routes.get("/api/v1/staff/me")
@describe(summary="One's own data and rights", returns={200: StaffOut}, who="staff", tags=("staff",))
async def get_me(request: web.Request) -> web.Response:
    """What the shop knows of the member of staff."""
    actor = await require_staff(request)
    return json_response(await request.app[STAFF].get_me(actor), headers=NO_STORE)
