"""/users: registration, one's own data, and customers as staff see them."""

from aiohttp import web

from app.auth import (
    AnnouncingResponse,
    address_of,
    current_sessions,
    get_actor,
    require_confirmed,
    require_owner,
    require_staff,
    require_user,
)
from app.cookies import forget, read_bearer, remember
from app.images import MAX_BYTES
from app.keys import CREDENTIALS, CUSTOMERS, IMAGES, SESSIONS, SETTINGS, USERS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_file
from app.responses import json_response
from app.schemas.sessions import MeOut
from app.schemas.users import (
    AvailabilityIn,
    AvailabilityOut,
    CustomerOut,
    CustomerPatch,
    CustomersOut,
    PasswordIn,
    RegisteredOut,
    ResetIn,
    ResetOut,
    ResetWish,
    UserIn,
    UserOut,
    UserPatch,
    UsersQuery,
)

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


@routes.delete("/api/v1/users/me")
@describe(
    summary="Close one's account",
    returns={204: None},
    who="user",
    errors=("busy",),
    tags=("users",),
)
async def delete_me(request: web.Request) -> web.Response:
    """Names, e-mail, cart and sessions go; orders, comments and chats stay without a name. Confirm first: 403."""
    actor = await require_user(request)
    await require_confirmed(request, actor)
    await request.app[USERS].delete_me(actor)
    await forget(request)
    return web.Response(status=204, headers=NO_STORE)


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
    await request.app[CREDENTIALS].change_password(actor, await parse_body(request, PasswordIn))
    return web.Response(status=204, headers=NO_STORE)


@routes.put("/api/v1/users/me/avatar")
@describe(
    summary="Change one's own picture",
    file=True,
    returns={200: UserOut},
    who="user",
    errors=("busy",),
    tags=("users",),
)
async def set_avatar(request: web.Request) -> web.Response:
    """JPEG, PNG, WebP or GIF, at most 10 MB."""
    actor = await require_user(request)
    _, content = await read_file(request, MAX_BYTES)
    await request.app[USERS].set_image(actor, await request.app[IMAGES].add(content))
    return json_response(await request.app[USERS].get_me(actor), headers=NO_STORE)


@routes.delete("/api/v1/users/me/avatar")
@describe(summary="Remove one's own picture", returns={204: None}, who="user", errors=("busy",), tags=("users",))
async def remove_avatar(request: web.Request) -> web.Response:
    """Nothing happens where there is none."""
    await request.app[USERS].set_image(await require_user(request), None)
    return web.Response(status=204, headers=NO_STORE)


@routes.get("/api/v1/users")
@describe(
    summary="List the customers, the newest first",
    query=UsersQuery,
    returns={200: CustomersOut},
    who="staff:customers.view",
    tags=("users",),
)
async def list_customers(request: web.Request) -> web.Response:
    """Registered customers; guests have nothing to be found by."""
    await require_staff(request, "customers.view")
    query = parse_query(request, UsersQuery)
    return json_response(await request.app[CUSTOMERS].list_customers(query), headers=NO_STORE)


@routes.patch("/api/v1/users/{user_id:[0-9]+}")
@describe(
    summary="Block a customer, or let them in again",
    body=CustomerPatch,
    returns={200: CustomerOut},
    who="staff:customers.block",
    errors=("not_found", "busy"),
    tags=("users",),
)
async def update_customer(request: web.Request) -> web.Response:
    """All sessions of a blocked customer end; guests can be blocked too."""
    by = await require_staff(request, "customers.block")
    form = await parse_body(request, CustomerPatch)
    out = await request.app[CUSTOMERS].update_customer(by, path_int(request, "user_id"), form)
    return json_response(out, headers=NO_STORE)


@routes.post("/api/v1/password-resets")
@describe(
    summary="Make a link by which somebody chooses a new password once",
    body=ResetWish,
    returns={201: ResetOut},
    who="owner",
    errors=("not_found", "busy"),
    tags=("users",),
)
async def begin_reset(request: web.Request) -> web.Response:
    """For the owner to hand over; it is good for a day. The old password goes on until then. Confirm first: 403."""
    actor = await require_owner(request)
    form = await parse_body(request, ResetWish)
    await require_confirmed(request, actor)
    token, until = await request.app[CREDENTIALS].begin_reset(form.login)
    # After the #, so that no server on the way gets to see or log it.
    url = f"{request.app[SETTINGS].public_url or request.url.origin()}/password#{token}"
    return json_response(ResetOut(url=url, until=until), 201, NO_STORE)


@routes.put("/api/v1/password-resets")
@describe(
    summary="Choose a new password by a link",
    body=ResetIn,
    returns={204: None},
    errors=("not_found", "rate_limited", "busy"),
    tags=("users",),
)
async def finish_reset(request: web.Request) -> web.Response:
    """The person's sessions end everywhere."""
    await request.app[CREDENTIALS].finish_reset(await parse_body(request, ResetIn), address_of(request))
    return web.Response(status=204, headers=NO_STORE)
