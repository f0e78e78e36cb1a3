"""How a session's token travels: as a cookie of its audience, written by aiohttp-session, or as a bearer token."""

from typing import Any

import aiohttp_session
from aiohttp import hdrs, web
from aiohttp_session import AbstractStorage, SessionData

from app.actor import Audience
from app.session_changes import GUEST_LIFE, Begun, hash_token
from app.sessions import SessionStore

COOKIES: dict[Audience, str] = {"shop": "cts_shop", "staff": "cts_staff"}
AUDIENCE_HEADER = "CTS-Audience"
# What the storage itself keeps in the mapping, so that it is empty only when somebody called invalidate().
OWN_KEY = "audience"


def cookie_name(audience: Audience, secure: bool) -> str:
    """The cookie's name. ``__Host-`` has browsers refuse one that another host or plain http has set."""
    return f"__Host-{COOKIES[audience]}" if secure else COOKIES[audience]


def read_bearer(request: web.Request) -> str | None:
    """The token of ``Authorization: Bearer``; "" if that header is there and says something else."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def read_cookie(request: web.Request, name: str) -> str:
    """The value of a cookie, "" if there is none. `request.cookies` would parse them all, at ten times the price."""
    header = request.headers.get(hdrs.COOKIE)
    if header:
        for part in header.split(";"):
            key, _, value = part.partition("=")
            if key.strip() == name:
                return value.strip()
    return ""


def audience_of(request: web.Request) -> Audience:
    """For whom the page behind the request is, as it says itself: a header, or ``?as=staff`` where it can send none."""
    if request.headers.get(AUDIENCE_HEADER) == "staff":
        return "staff"
    return "staff" if request.rel_url.raw_query_string and request.query.get("as") == "staff" else "shop"


class SessionStorage(AbstractStorage):
    """aiohttp-session on top of our store: the cookie holds a token and nothing else, and each audience has its own.

    `get_session` gives what was kept for the caller; `new_session` rotates the token, and the old one is dead at once;
    `invalidate` ends the session. Who the session belongs to is not in there: that is `app.auth.get_actor`.
    """

    def __init__(self, store: SessionStore, *, secure: bool) -> None:
        super().__init__(secure=secure, httponly=True, samesite="Lax", path="/")
        self._store = store
        self.secure = secure

    async def load_session(self, request: web.Request) -> aiohttp_session.Session:
        bearer = read_bearer(request)
        token = read_cookie(request, self._name(request)) if bearer is None else bearer
        record = await self._store.get(token) if token else None
        if record is None:
            return await self.new_session()
        mapping = {**record.data, OWN_KEY: record.actor.audience}
        kept: SessionData = {"created": int(record.creation_time.timestamp()), "session": mapping}
        return aiohttp_session.Session(token, data=kept, new=False)

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: aiohttp_session.Session
    ) -> None:
        audience: Audience = "staff" if session.get(OWN_KEY, audience_of(request)) == "staff" else "shop"
        if session.empty:
            await self._end(request, response, audience)
        elif session.identity is None:  # from new_session(): rotate
            old = await self._store.get(self._token(request))
            begun = await self._store.begin_guest(_own(session), replace=old.actor.session if old else "")
            self.write_cookie(response, "shop", begun.token)
        elif session.new:  # begun by a service already, for example at sign-in
            self.write_cookie(response, audience, session.identity)
        else:
            token_hash, data = hash_token(session.identity), _own(session)
            await self._store.write(lambda _, changes: changes.keep_data(token_hash, data))

    def write_cookie(self, response: web.StreamResponse, audience: Audience, token: str) -> None:
        """Set the audience's cookie. How long it counts is the server's affair; the staff's goes with the browser."""
        max_age = int(GUEST_LIFE.total_seconds()) if audience == "shop" else None
        response.set_cookie(
            cookie_name(audience, self.secure),
            token,
            max_age=max_age,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )

    async def _end(self, request: web.Request, response: web.StreamResponse, audience: Audience) -> None:
        record = await self._store.get(self._token(request))
        if record is not None:
            await self._store.end(record.actor.session)
        if read_bearer(request) is None:
            name = cookie_name(audience, self.secure)
            response.del_cookie(name, path="/", secure=self.secure, httponly=True, samesite="Lax")

    def _token(self, request: web.Request) -> str:
        bearer = read_bearer(request)
        return read_cookie(request, self._name(request)) if bearer is None else bearer

    def _name(self, request: web.Request) -> str:
        return cookie_name(audience_of(request), self.secure)


async def remember(request: web.Request, begun: Begun) -> None:
    """Have the answer to ``request`` set the cookie of a session that just began."""
    session = await aiohttp_session.new_session(request)
    session.set_new_identity(begun.token)
    session[OWN_KEY] = begun.actor.audience


async def forget(request: web.Request) -> None:
    """Have the answer to ``request`` end its session and take the cookie back."""
    session = await aiohttp_session.get_session(request)
    session.invalidate()


def setup_sessions(application: web.Application, store: SessionStore, *, secure: bool) -> None:
    """Install the middleware of aiohttp-session with our storage."""
    aiohttp_session.setup(application, SessionStorage(store, secure=secure))


def _own(session: aiohttp_session.Session) -> dict[str, Any]:
    return {key: value for key, value in session.items() if key != OWN_KEY}
