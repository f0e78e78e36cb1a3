"""/session: become a guest, sign in, ask who one is, sign out here or everywhere."""

from aiohttp import web

from app.auth import AnnouncingResponse, address_of, current_sessions, get_actor, require_account
from app.cookies import audience_of, forget, read_bearer, remember
from app.keys import CREDENTIALS, SESSIONS, USERS
from app.openapi import describe
from app.requests import parse_body
from app.responses import json_response
from app.schemas.sessions import (
    ConfirmationIn,
    ConfirmedOut,
    DevicesOut,
    GuestIn,
    GuestOut,
    MeOut,
    SessionOut,
    SignedInOut,
    SignInIn,
)

routes = web.RouteTableDef()
NO_STORE = {"Cache-Control": "no-store"}


@routes.post("/api/v1/session/guest")
@describe(
    summary="Begin a guest's session",
    body=GuestIn,
    returns={200: GuestOut, 201: GuestOut},
    errors=("rate_limited", "busy"),
    tags=("session",),
)
async def begin_guest(request: web.Request) -> web.Response:
    """Whoever has a session of the shop keeps it and gets 200; a token is always a new session."""
    form = await parse_body(request, GuestIn)
    if not form.token and read_bearer(request) is None:
        actor = await get_actor(request, "shop")
        if actor.is_customer:
            return json_response(GuestOut(me=MeOut.of(actor)), headers=NO_STORE)
    begun = await request.app[USERS].begin_guest(address_of(request))
    if form.token:
        return json_response(GuestOut(me=MeOut.of(begun.actor), token=begun.token), 201, NO_STORE)
    await remember(request, begun)
    return json_response(GuestOut(me=MeOut.of(begun.actor)), 201, NO_STORE)


@routes.post("/api/v1/session")
@describe(
    summary="Sign in, users and staff alike",
    body=SignInIn,
    returns={200: SignedInOut},
    errors=("unauthorized", "rate_limited", "busy"),
    tags=("session",),
)
async def sign_in(request: web.Request) -> web.Response:
    """What a guest had goes to the user's account. Staff get their own cookie and leave the shop's alone."""
    form = await parse_body(request, SignInIn)
    store = request.app[SESSIONS]
    signed_in = await request.app[USERS].sign_in(
        form, address_of(request), await current_sessions(request), audience_of(request)
    )
    begun, is_token = signed_in.begun, form.token or read_bearer(request) is not None
    if not is_token:
        await remember(request, begun)
    out = SignedInOut(
        me=MeOut.of(begun.actor),
        audience=begun.actor.audience,
        merged=signed_in.merged,
        token=begun.token if is_token else None,
    )
    return AnnouncingResponse(out, 200, lambda: store.announce(signed_in.replaced))


@routes.get("/api/v1/session")
@describe(summary="Who am I", returns={200: SessionOut}, errors=("unauthorized",), tags=("session",))
async def get_session(request: web.Request) -> web.Response:
    """A visitor for those without a session; 401 only for a token that is not good."""
    actor = await get_actor(request)
    return json_response(SessionOut(me=MeOut.of(actor), audience=actor.audience), headers=NO_STORE)


@routes.delete("/api/v1/session")
@describe(summary="Sign out here", returns={204: None}, errors=("unauthorized", "busy"), tags=("session",))
async def sign_out(request: web.Request) -> web.Response:
    """End this session and take its cookie back. Its sockets are closed."""
    await request.app[USERS].sign_out(await get_actor(request))
    await forget(request)
    return web.Response(status=204, headers=NO_STORE)


@routes.delete("/api/v1/session/all")
@describe(summary="Sign out everywhere", returns={204: None}, errors=("unauthorized", "busy"), tags=("session",))
async def sign_out_everywhere(request: web.Request) -> web.Response:
    """End all sessions of the person, on every device, this one too."""
    await request.app[USERS].sign_out_everywhere(await get_actor(request))
    await forget(request)
    return web.Response(status=204, headers=NO_STORE)


@routes.get("/api/v1/session/all")
@describe(summary="One's own devices", returns={200: DevicesOut}, who="account", tags=("session",))
async def list_devices(request: web.Request) -> web.Response:
    """The person's living sessions, the latest used first."""
    actor = await require_account(request)
    return json_response(await request.app[USERS].list_devices(actor), headers=NO_STORE)


@routes.post("/api/v1/session/confirmation")
@describe(
    summary="Give one's password once more",
    body=ConfirmationIn,
    returns={200: ConfirmedOut},
    who="account",
    errors=("rate_limited", "busy"),
    tags=("session",),
)
async def confirm(request: web.Request) -> web.Response:
    """For the next ten minutes this session may do what asks for it (403 with the reason `password_needed`)."""
    actor = await require_account(request)
    form = await parse_body(request, ConfirmationIn)
    until = await request.app[CREDENTIALS].confirm(actor, form.password)
    return json_response(ConfirmedOut(until=until), headers=NO_STORE)
