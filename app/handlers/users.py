"""/users: registration and one's own data."""

from aiohttp import web

from app.auth import AnnouncingResponse, address_of, current_sessions, get_actor, require_user
from app.cookies import read_bearer, remember
from app.keys import SESSIONS, USERS
from app.openapi import describe
from app.requests import parse_body
from app.responses import json_response
from app.schemas.sessions import MeOut
from app.schemas.users import AvailabilityIn, AvailabilityOut, PasswordIn, RegisteredOut, UserIn, UserOut, UserPatch

routes = web.RouteTableDef()
NO_STORE = {"Cache-Control": "no-store"}


@routes.post("/api/v1/users")
@describe(
    summary="Register",
    body=UserIn,
    returns={201: RegisteredOut},
    errors=("conflict", "rate_limited", "busy"),
    tags=("users",),
)
async def register(request: web.Request) -> web.Response:
    """Make an account and sign in. A guest becomes a user in place and keeps chats and cart."""
    form = await parse_body(request, UserIn)
    store = request.app[SESSIONS]
    current = (await current_sessions(request)).get("shop", "")
    signed_in = await request.app[USERS].register(form, address_of(request), current)
    begun, is_token = signed_in.begun, form.token or read_bearer(request) is not None
    if not is_token:
        await remember(request, begun)
    out = RegisteredOut(me=MeOut.of(begun.actor), token=begun.token if is_token else None)
    return AnnouncingResponse(out, 201, lambda: store.announce(signed_in.replaced))


@routes.post("/api/v1/users/availability")
@describe(
    summary="Whether a name is free",
    body=AvailabilityIn,
    returns={200: AvailabilityOut},
    errors=("unauthorized", "rate_limited"),
    tags=("users",),
)
async def get_availability(request: web.Request) -> web.Response:
    """Only the signed-in may ask about an e-mail, so that nobody learns who the customers are."""
    actor = await get_actor(request)
    form = await parse_body(request, AvailabilityIn)
    return json_response(await request.app[USERS].get_availability(actor, form, address_of(request)), headers=NO_STORE)


@routes.get("/api/v1/users/me")
@describe(summary="One's own data", returns={200: UserOut}, who="user", tags=("users",))
async def get_me(request: web.Request) -> web.Response:
    """What the account knows of the user."""
    actor = await require_user(request)
    return json_response(await request.app[USERS].get_me(actor), headers=NO_STORE)


@routes.patch("/api/v1/users/me")
@describe(
    summary="Change one's own data",
    body=UserPatch,
    returns={200: UserOut},
    who="user",
    errors=("busy",),
    tags=("users",),
)
async def update_me(request: web.Request) -> web.Response:
    """What is absent stays, null clears."""
    actor = await require_user(request)
    form = await parse_body(request, UserPatch)
    return json_response(await request.app[USERS].update_me(actor, form), headers=NO_STORE)


@routes.put("/api/v1/users/me/password")
@describe(
    summary="Change one's own password",
    body=PasswordIn,
    returns={204: None},
    who="user",
    errors=("rate_limited", "busy"),
    tags=("users",),
)
async def change_password(request: web.Request) -> web.Response:
    """Needs the old password; ends the other sessions."""
    actor = await require_user(request)
    await request.app[USERS].change_password(actor, await parse_body(request, PasswordIn))
    return web.Response(status=204, headers=NO_STORE)
