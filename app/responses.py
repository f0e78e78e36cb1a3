"""Writing answers: JSON, problems, and answers that a client may keep and ask about again."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import hdrs, web
from pydantic import BaseModel
from pydantic_core import to_json

from app.errors import ServiceError
from app.services.once import Once

JSON = "application/json"
PROBLEM = "application/problem+json"
REPLAY = "Idempotent-Replay"


def json_response(
    value: BaseModel | Mapping[str, Any] | Sequence[Any] | bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Answer with JSON; ``bytes`` are JSON already."""
    body = value if isinstance(value, bytes) else to_json(value)
    return web.Response(body=body, status=status, headers={hdrs.CONTENT_TYPE: JSON, **(headers or {})})


def once_response(done: Once[Any], status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with what was done, now or when the request's Idempotency-Key first came; then a header says so."""
    replay = {REPLAY: "true"} if done.is_replay else {}
    return json_response(done.answer, status, {**replay, **(headers or {})})


def tagged_response(request: web.Request, etag: str, body: bytes, content_type: str = JSON) -> web.Response:
    """Answer with ``body`` and its ETag, or with 304 to a client that has it. ``etag`` comes without quotes."""
    headers = {hdrs.ETAG: f'"{etag}"'}
    if is_known(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type, **headers})


def is_known(request: web.Request, etag: str) -> bool:
    """Whether If-None-Match names ``etag`` (or is ``*``). Weak and strong tags compare alike, as RFC 9110 wants it."""
    return any(known.value in (etag, "*") for known in request.if_none_match or ())


def problem_response(error: ServiceError, request_id: str) -> web.Response:
    """Answer with the refusal as application/problem+json (RFC 9457); its ``extra`` stands beside the usual members."""
    problem = {
        **error.extra,
        "type": f"/docs#error-{error.code}",
        "title": error.default,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "request_id": request_id,
    }
    headers = {hdrs.CONTENT_TYPE: PROBLEM}
    if wait_ms := error.extra.get("retry_after_ms"):
        headers[hdrs.RETRY_AFTER] = str(-(-wait_ms // 1000))  # whole seconds, rounded up
    return web.Response(body=to_json(problem), status=error.status, headers=headers)
