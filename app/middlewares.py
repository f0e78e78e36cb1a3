"""Around every handler: a request id, refusals shown as problems or as a page, and headers that protect the browser."""

import logging
from collections.abc import Awaitable, Callable
from random import getrandbits
from typing import NoReturn

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from app import errors
from app.errors import ServiceError
from app.logs import request_id
from app.responses import problem_response
from db.engine import is_unwritable
from db.writer import Busy as WriterBusy

logger = logging.getLogger(__name__)

ErrorPage = Callable[[web.Request, ServiceError, str], Awaitable[web.StreamResponse]]
"""Shows a refusal to a person: (request, error, request id)."""
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("error_page")

REQUEST_ID = "X-Request-Id"
_IS_ANSWERED: web.RequestKey[bool] = web.RequestKey("is_answered", bool)

# aiohttp refuses by itself what no route, body reader or file handler wants.
_REFUSALS: dict[int, type[ServiceError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
}


@web.middleware
async def name_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id of our own: in its log lines, in the answer, and in a problem that people send us."""
    request_id.set(f"{getrandbits(48):012x}")
    return await handler(request)


@web.middleware
async def show_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into an answer; what nobody foresaw is `internal`, and in the log."""
    try:
        return await handler(request)
    except ServiceError as error:
        return await _answer(request, error)
    except WriterBusy:
        return await _answer(request, errors.Busy())
    except web.HTTPMethodNotAllowed as error:
        return await _answer_method(request, error)
    except web.HTTPException as error:
        if error.status < 400:  # a redirect, or 304
            raise
        return await _answer(request, _REFUSALS.get(error.status, errors.BadRequest)())
    except Exception as error:
        if request.transport is None or request.transport.is_closing():
            logger.info("The client left before it was answered.")
            _hang_up(error)
        logger.exception("Answering %s %s failed.", request.method, request.rel_url.raw_path)
        return await _answer(request, errors.Busy() if is_unwritable(error) else ServiceError())


def security_headers(public_url: str = "") -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return what to append to ``on_response_prepare``. A handler's own headers win."""
    headers = {
        "Content-Security-Policy": (
            "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'self'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        request[_IS_ANSWERED] = True
        answer = response.headers
        answer[REQUEST_ID] = request_id.get()
        for name, value in headers.items():
            answer.setdefault(name, value)
        if hdrs.CACHE_CONTROL not in answer and request.path.startswith("/api/"):
            # Answers depend on who asks. With an ETag a browser may keep its own, but has to ask each time.
            answer[hdrs.CACHE_CONTROL] = "private, no-cache" if hdrs.ETAG in answer else "no-store"

    return add_headers


async def _answer(request: web.Request, error: ServiceError) -> web.StreamResponse:
    if request.get(_IS_ANSWERED):  # a stream or a socket that has begun cannot begin again
        _hang_up(error)
    page = request.app.get(ERROR_PAGE)
    if page and _wants_page(request):
        try:
            response = await page(request, error, request_id.get())
            response.set_status(error.status)
            return response
        except Exception:
            logger.exception("The error page failed.")
    return problem_response(error, request_id.get())


async def _answer_method(request: web.Request, error: web.HTTPMethodNotAllowed) -> web.StreamResponse:
    allowed = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=204, headers={hdrs.ALLOW: allowed})
    response = await _answer(request, errors.MethodNotAllowed())
    response.headers[hdrs.ALLOW] = allowed
    return response


def _wants_page(request: web.Request) -> bool:
    return not request.path.startswith(("/api/", "/health/")) and "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _hang_up(error: Exception) -> NoReturn:
    """Let aiohttp close the connection without another word."""
    raise ConnectionAbortedError from error


MIDDLEWARES = (name_request, show_refusals)
"""Outermost first. Sessions come after them, so that their refusals are shown too."""
