"""Reading what a client sent: bodies, queries and path ids, each turned into a typed value or a refusal."""

import asyncio
import re
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from app.errors import BadRequest, Invalid, NotFound, TooLarge, UnsupportedMediaType
from app.schemas.base import MAX_INT

MAX_BODY_BYTES = 2**20
"""Of a JSON body; uploads have a limit of their own."""
BODY_TIMEOUT_S = 30
"""For a body that trickles in; aiohttp itself would wait for ever."""
MAX_ERRORS = 20
"""Of one answer: enough for any form, too few to make a small request cost a large reply."""

Model = TypeVar("Model", bound=BaseModel)

_NUMBER = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)

# Pydantic's words are right for most errors, but a pattern says nothing to the person who fills in a form.
_DETAILS = {
    "string_pattern_mismatch": "This contains characters that are not allowed here",
    "extra_forbidden": "There is no such field",
    "missing": "This is required",
}


async def parse_body(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body as ``model``. No body at all reads as ``{}``: every default, or what is missing.

    Raises:
        TooLarge: more than `MAX_BODY_BYTES`.
        UnsupportedMediaType: not sent as application/json.
        BadRequest: not JSON: malformed, NaN, too deep, a lone surrogate, a byte order mark.
        Invalid: JSON, but not this model; ``errors`` says what is wrong and never repeats what was sent.
    """
    if not request.body_exists:
        return _validate(model, b"{}")
    if request.content_type != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    return _validate(model, await _read(request))


def parse_query(request: web.Request, model: type[Model]) -> Model:
    """Read the query string as ``model``. A name may be repeated where the model has a list.

    Raises:
        Invalid: an unknown name, a repeated one that takes one value, or a value of the wrong kind.
    """
    query = request.query
    repeatable = _repeatable(model)
    values: dict[str, Any] = {}
    for name in query:
        found = query.getall(name)
        values[name] = found if name in repeatable or len(found) > 1 else found[0]
    try:
        return model.model_validate(values, strict=False)  # in a query everything is text
    except ValidationError as error:
        raise _invalid(error) from None


def path_int(request: web.Request, name: str) -> int:
    """Return the id in the path; what cannot be an id is `NotFound`, like an id that nobody has."""
    value = request.match_info[name]
    if not _NUMBER.fullmatch(value) or int(value) > MAX_INT:
        raise NotFound
    return int(value)


async def _read(request: web.Request) -> bytes:
    try:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise TooLarge
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.read()  # counts as it reads, after decompression
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge from None
    except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError):
        raise BadRequest("The body is damaged.") from None
    except TimeoutError:
        raise BadRequest("The body did not come.") from None
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge
    return body


def _validate(model: type[Model], body: bytes) -> Model:
    try:
        # First as bare JSON: to the model a NaN is a wrong type, and nothing at all in a field it does not know.
        from_json(body, allow_inf_nan=False, cache_strings=False)
    except ValueError as error:
        raise BadRequest(f"This is not JSON: {error}.") from None
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Invalid:
    if error.error_count() > 50 * MAX_ERRORS:  # nobody's form: making the whole list would hold up the loop
        return Invalid("Far too many values are not right.", errors=[])
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return Invalid(errors=[_describe(one) for one in found[:MAX_ERRORS]])


def _describe(error: ErrorDetails) -> dict[str, str]:
    kind = error["type"]
    return {"pointer": _pointer(error["loc"]), "code": kind, "detail": _DETAILS.get(kind, error["msg"])}


def _pointer(location: tuple[int | str, ...]) -> str:
    """Write a place as a JSON pointer (RFC 6901). A name that the client made up is cut to 64 characters."""
    return "".join("/" + str(part)[:64].replace("~", "~0").replace("/", "~1") for part in location)


@lru_cache(maxsize=256)
def _repeatable(model: type[BaseModel]) -> frozenset[str]:
    def holds_many(annotation: Any) -> bool:
        return get_origin(annotation) in (list, tuple, set, frozenset) or any(map(holds_many, get_args(annotation)))

    return frozenset(field.alias or name for name, field in model.model_fields.items() if holds_many(field.annotation))
