"""From a request to the actor behind it, and back: who asks, whether they may, and whether another site sent them."""

from collections.abc import Callable
from typing import Literal

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from pydantic import BaseModel
from pydantic_core import to_json
from yarl import URL

from app.actor import VISITOR, Actor, Audience
from app.cookies import COOKIES, audience_of, cookie_name, read_bearer, read_cookie
from app.errors import Forbidden, Unauthorized
from app.keys import SESSIONS, SETTINGS
from app.limits import client_address
from app.responses import JSON
from app.session_changes import hash_token
from app.settings import Settings

_ACTOR: web.RequestKey[Actor] = web.RequestKey("actor", Actor)
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

# Who is asking


async def get_actor(request: web.Request, audience: Audience | None = None) -> Actor:
    """Who sent the request; a visitor if no cookie says more. ``audience`` is the request's own unless given.

    Raises:
        Unauthorized: a bearer token that is no longer good. Its sender believes to be somebody; a visitor's answer
            would mislead.
    """
    actor = request.get(_ACTOR) if audience is None else None
    if actor is None:
        actor = await _find_actor(request, audience)
        if audience is None:
            request[_ACTOR] = actor
    return actor


async def require_actor(request: web.Request) -> Actor:
    """A guest, a user or a member of staff. Raises Unauthorized for visitors."""
    actor = await get_actor(request)
    if actor.kind == "visitor":
        raise Unauthorized
    return actor


async def require_customer(request: web.Request) -> Actor:
    """A guest or a user. Raises Unauthorized for visitors, Forbidden for staff."""
    actor = await require_actor(request)
    if not actor.is_customer:
        raise Forbidden("This is for customers.")
    return actor


async def require_user(request: web.Request) -> Actor:
    """A customer with an account. Raises Unauthorized for visitors and guests, Forbidden for staff."""
    actor = await require_customer(request)
    if actor.kind != "user":
        raise Unauthorized
    return actor


async def require_staff(request: web.Request, right: str | None = None) -> Actor:
    """A member of staff, with the right if one is named. Raises Unauthorized for visitors, Forbidden for others."""
    actor = await require_actor(request)
    if not actor.is_staff or (right is not None and not actor.has(right)):
        raise Forbidden
    return actor


async def require_owner(request: web.Request) -> Actor:
    """The owner. Raises Unauthorized for visitors, Forbidden for others."""
    actor = await require_staff(request)
    if not actor.is_owner:
        raise Forbidden
    return actor


async def require_account(request: web.Request) -> Actor:
    """A user or a member of staff: somebody with a password. Raises Unauthorized for the others."""
    actor = await require_actor(request)
    if actor.kind not in ("user", "staff"):
        raise Unauthorized
    return actor


async def require_confirmed(request: web.Request, actor: Actor) -> None:
    """Whoever does this has given the password within the last minutes (POST /session/confirmation).

    Raises Forbidden with ``reason`` password_needed.
    """
    if not await request.app[SESSIONS].is_confirmed(actor.session):
        raise Forbidden("Give your password once more.", reason="password_needed")


async def current_sessions(request: web.Request) -> dict[Audience, str]:
    """The living sessions that come with the request, by audience: what a sign-in may put another one in place of."""
    store = request.app[SESSIONS]
    secure = request.app[SETTINGS].is_https
    bearer = read_bearer(request)
    if bearer is not None:
        tokens = [bearer]
    else:
        tokens = [read_cookie(request, cookie_name(audience, secure)) for audience in COOKIES]
    actors = [await store.actor_for_token(token) for token in tokens if token]
    return {actor.audience: actor.session for actor in actors if actor}


def address_of(request: web.Request) -> str:
    """The client's address, behind trusted proxies too."""
    return client_address(request, request.app[SETTINGS].trusted_proxies)


async def _find_actor(request: web.Request, audience: Audience | None) -> Actor:
    store = request.app[SESSIONS]
    bearer = read_bearer(request)
    if bearer is not None:  # then cookies do not count, and the session itself says which audience it is for
        actor = await store.actor_for_token(bearer) if bearer else None
        if actor is None:
            raise Unauthorized("This token is not good, or no longer.")
        return actor
    token = read_cookie(request, cookie_name(audience or audience_of(request), request.app[SETTINGS].is_https))
    if not token:
        return VISITOR
    record = store.find(hash_token(token)) or await store.get(token)
    return record.actor if record else VISITOR


# Requests that another site had a browser send


@web.middleware
async def origin_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what changes something, comes with a browser's cookie or Origin, and does not come from our own pages."""
    if request.method not in _SAFE and not _is_ours(request):
        raise Forbidden("This request comes from another site.")
    return await handler(request)


def is_allowed_origin(settings: Settings, request: web.Request) -> bool:
    """Whether the Origin is on the list: the public URL, or, while none is set, this machine on the bound port."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return False
    if settings.public_url:
        return origin == str(URL(settings.public_url).origin())
    socket_name = request.transport.get_extra_info("sockname") if request.transport else None
    port = socket_name[1] if isinstance(socket_name, tuple) else settings.port
    allowed = {f"http://{host}:{port}" for host in _LOOPBACK}
    return origin in allowed or (port == 80 and origin in {f"http://{host}" for host in _LOOPBACK})


def upgrade_credential(request: web.Request) -> Literal["cookie", "bearer", "refused"]:
    """By what a socket may say who it is.

    cookie: the upgrade comes from our own page; without a cookie it is a visitor's.
    bearer: no cookie came with it, so that it can do no harm; a token is in its header, or must be in ``hello``.
    refused: a cookie came with it, from another site or from none.
    """
    if read_bearer(request) is not None:
        return "bearer"
    if is_allowed_origin(request.app[SETTINGS], request):
        return "cookie"
    return "refused" if _has_cookie(request) else "bearer"


def _is_ours(request: web.Request) -> bool:
    if read_bearer(request) is not None:  # no browser adds this header by itself
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("same-origin", "none") or is_allowed_origin(request.app[SETTINGS], request):
        return True
    return site is None and hdrs.ORIGIN not in request.headers and not _has_cookie(request)


def _has_cookie(request: web.Request) -> bool:
    secure = request.app[SETTINGS].is_https
    return any(read_cookie(request, cookie_name(audience, secure)) for audience in COOKIES)


# Answers after which somebody is somebody else


class AnnouncingResponse(web.Response):
    """JSON, and something to be done once it has been sent: sockets that are told to reconnect need the new cookie."""

    def __init__(self, value: BaseModel, status: int, then: Callable[[], object]) -> None:
        super().__init__(body=to_json(value), status=status, content_type=JSON, headers={"Cache-Control": "no-store"})
        self._then = then

    async def write_eof(self, data: bytes = b"") -> None:
        try:
            await super().write_eof(data)
        finally:
            self._then()
