"""Reading what a client sent: bodies, files, queries, headers and path ids, each a typed value or a refusal."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin

from aiohttp import BodyPartReader, ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from app.actor import Actor
from app.errors import BadRequest, IfMatchRequired, Invalid, NotFound, Stale, TooLarge, UnsupportedMediaType
from app.schemas.base import MAX_INT
from app.services.once import Keyed
from app.violations import list_violations

MAX_BODY_BYTES = 2**20
"""Of a JSON body; uploads have a limit of their own."""
BODY_TIMEOUT_S = 30
"""For a body that trickles in; aiohttp itself would wait for ever."""
FILE_TIMEOUT_S = 300

Model = TypeVar("Model", bound=BaseModel)

IDEMPOTENCY_KEY = "Idempotency-Key"

_NUMBER = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_VERSION = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_KEY = re.compile(r"[!-~]{1,128}", re.ASCII)


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

    A field that is a mapping of lists takes every name that begins with its own and a dot: ``spec.brand=…``.

    Raises:
        Invalid: an unknown name, a repeated one that takes one value, or a value of the wrong kind.
    """
    query = request.query
    repeatable, mappings = _repeatable(model), _mappings(model)
    values: dict[str, Any] = {}
    mapped: dict[str, dict[str, list[str]]] = {}
    for name in query:
        found = query.getall(name)
        mapping, dot, key = name.partition(".")
        if dot and mapping in mappings:
            mapped.setdefault(mapping, {})[key] = found
        else:
            values[name] = found if name in repeatable or len(found) > 1 else found[0]
    try:
        return model.model_validate({**mapped, **values}, strict=False)  # in a query everything is text
    except ValidationError as error:
        raise _invalid(error) from None


def path_int(request: web.Request, name: str) -> int:
    """Return the id in the path; what cannot be an id is `NotFound`, like an id that nobody has."""
    value = request.match_info[name]
    if not _NUMBER.fullmatch(value) or int(value) > MAX_INT:
        raise NotFound
    return int(value)


def read_key(request: web.Request, actor: Actor, form: BaseModel, *, is_required: bool = False) -> Keyed | None:
    """Return the request's Idempotency-Key with whose it is, for which route and which body.

    Raises:
        BadRequest: it is missing where it must not be (``reason`` idempotency_key), or is no 1 to 128 ASCII characters.
    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None and not is_required:
        return None
    if key is None or not _KEY.fullmatch(key):
        raise BadRequest("Send an Idempotency-Key: 1 to 128 ASCII characters.", reason="idempotency_key")
    principal = f"session/{actor.session[:40]}" if actor.id is None else f"{actor.kind}/{actor.id}"
    route = f"{request.method} {request.path}"[:128]
    return Keyed(principal, route, key, hashlib.blake2b(form.model_dump_json().encode(), digest_size=32).digest())


def read_version(request: web.Request) -> int:
    """Return the version in If-Match: the first part of an ETag of ours.

    Raises:
        IfMatchRequired: as `read_tag`.
        Stale: it cannot be a version.
    """
    version = read_seen_version(request)
    if version is None:
        raise IfMatchRequired
    return version


def read_seen_version(request: web.Request) -> int | None:
    """Return the version in If-Match, or None if the client does not say what it has seen.

    Raises:
        Stale: it cannot be a version.
    """
    tag = _seen_tag(request)
    if tag is None:
        return None
    version = tag.partition(".")[0]
    if not _VERSION.fullmatch(version):
        raise Stale
    return int(version)


def read_tag(request: web.Request) -> str:
    """Return the ETag in If-Match, without quotes.

    Raises:
        IfMatchRequired: there is none, or ``*``: whoever changes something says what they have seen.
        Stale: it is damaged, or a weak one, which says nothing of the content.
    """
    tag = _seen_tag(request)
    if tag is None:
        raise IfMatchRequired
    return tag


def _seen_tag(request: web.Request) -> str | None:
    tags = request.if_match or ()
    if hdrs.IF_MATCH not in request.headers or (tags and tags[0].value == "*"):
        return None
    if not tags or tags[0].is_weak:
        raise Stale
    return tags[0].value


async def read_file(request: web.Request, max_bytes: int) -> tuple[str, bytes]:
    """Read the one file of a multipart form, its field named ``file``; returns its name and content.

    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: as `receive_file`.
    """
    content = bytearray()
    name = await receive_file(request, max_bytes, content.extend)
    return name, bytes(content)


async def receive_file(request: web.Request, max_bytes: int, keep: Callable[[bytes], object]) -> str:
    """Hand the one file of a multipart form, its field named ``file``, to ``keep`` as it comes; returns its name.

    Raises:
        UnsupportedMediaType: not sent as multipart/form-data.
        TooLarge: more than ``max_bytes``; found out while reading, so that no more is kept.
        BadRequest: the form is damaged, stopped coming, or has no file in it.
    """
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as multipart/form-data, in a field named file.")
    try:
        async with asyncio.timeout(FILE_TIMEOUT_S):
            form = await request.multipart()
            while (part := await form.next()) is not None:
                if isinstance(part, BodyPartReader) and part.name == "file" and part.filename is not None:
                    await _receive_part(part, max_bytes, keep)
                    return part.filename[:200]
    except (ValueError, AssertionError, web.RequestPayloadError, ClientPayloadError, HttpProcessingError):
        raise BadRequest("The form is damaged.") from None
    except TimeoutError:
        raise BadRequest("The file did not come.") from None
    raise BadRequest("There is no file in this form: its field is named file.")


async def _receive_part(part: BodyPartReader, max_bytes: int, keep: Callable[[bytes], object]) -> None:
    size = 0
    while chunk := await part.read_chunk(2**16):
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge
        keep(bytes(chunk))


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
    if errors := list_violations(error):
        return Invalid(errors=errors)
    return Invalid("Far too many values are not right.", errors=[])


@lru_cache(maxsize=256)
def _repeatable(model: type[BaseModel]) -> frozenset[str]:
    def holds_many(annotation: Any) -> bool:
        return get_origin(annotation) in (list, tuple, set, frozenset) or any(map(holds_many, get_args(annotation)))

    return frozenset(field.alias or name for name, field in model.model_fields.items() if holds_many(field.annotation))


@lru_cache(maxsize=256)
def _mappings(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if get_origin(field.annotation) is dict)
