"""The OpenAPI 3.1 document, made from what is there: the router, and what `describe` says of each handler."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from aiohttp import hdrs, web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.errors import STATUS, ServiceError
from app.responses import JSON, PROBLEM
from app.schemas.base import MAX_INT
from app.schemas.problems import Problem

VERSION = "1.0.0"
REF = "#/components/schemas/{model}"

Schema = dict[str, Any]
_Names = Mapping[tuple[type[BaseModel], JsonSchemaMode], str]
Key = Literal["optional", "required"]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])

WHO = {
    "all": "Everybody, signed in or not.",
    "customer": "A guest or a user.",
    "user": "A signed-in user.",
    "account": "A user or a member of staff.",
    "person": "Whoever has a session: a guest, a user or a member of staff.",
    "author": "The comment's author, and staff with the right `comments`.",
    "members": "The chat's customer, and staff with the right to answer chats.",
    "orders": "A signed-in user for their own orders, and staff with the right `orders`.",
    "staff": "Any member of staff.",
    "owner": "The owner.",
}
"""The words of ``who``; besides them there is ``staff:<right>``."""

_METHODS = (hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_PATCH, hdrs.METH_DELETE)  # HEAD comes with GET
_ERRORS: list[type[ServiceError]] = [ServiceError, *ServiceError.__subclasses__()]
REFUSALS = {error.code: error for error in _ERRORS}

# A path parameter of another name is refused at start-up, so that each one says what it is.
_PATH: dict[str, Schema] = {
    "chat_id": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The chat's id."},
    "article": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The product's article."},
    "user_id": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The customer's id."},
    "uuid": {"type": "string", "description": "The UUID of a member of staff."},
    "promotion_id": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The promotion's id."},
    "announcement_id": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The announcement's id."},
    "comment_id": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The comment's id."},
    "order_id": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The order's id."},
    "import_id": {"type": "integer", "minimum": 1, "maximum": MAX_INT, "description": "The import's id."},
    "slug": {"type": "string", "description": "The group's or category's name in addresses."},
    "name": {"type": "string", "description": "The picture's file name: the last part of its address."},
}

_TAGS = {
    "session": "Who is asking: guests, sign in, sign out.",
    "users": "Customers and their own data.",
    "staff": "Service staff, their rights and what they did.",
    "stats": "The shop in figures.",
    "chats": "Support chats and their messages. What is posted here is broadcast on the socket.",
    "products": "The catalogue.",
    "imports": "Products by the file.",
    "cart": "One's own cart. A change answers with all of it; with If-Match only the cart that was seen is changed.",
    "orders": "What customers buy: placing, following, shipping, paying, taking back.",
    "promotions": "Reductions for some time, exact to the clock.",
    "announcements": "What the shop tells everybody for some time.",
    "comments": "Reviews with a rating, their moderation, and pictures that people send.",
    "service": "Documents about the interface, and the server's health.",
}

_SECURITY: Mapping[str, Schema] = {
    "shopCookie": {"type": "apiKey", "in": "cookie", "name": "cts_shop", "description": "Customers in a browser."},
    "staffCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "cts_staff",
        "description": "Staff in a browser, together with the header `CTS-Audience: staff`.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": 'A token from `POST /api/v1/session` or `/api/v1/session/guest` with `"token": true`.',
    },
}

_DESCRIPTION = """\
The shop's REST interface. The live chat has a socket too (`/ws`, see ws/PROTOCOL.md); accounts and codes are the same.

* Errors are `application/problem+json`; `code` is the contract, the texts are not.
* A thing that is not yours answers 404, as if it were not there.
* Bodies are JSON, 1 MB at most; unknown fields are refused; times are RFC 3339 in UTC; money is in minor units.
* A bearer token that is no longer good is answered 401, also where none is needed.
* With a cookie, a request that changes something must come from this site; with a bearer token there is no such check.
"""


@dataclass(frozen=True, slots=True)
class Api:
    """What `describe` knows of a handler."""

    summary: str
    who: str
    body: type[BaseModel] | None = None
    file: bool = False
    query: type[BaseModel] | None = None
    key: Key | None = None
    returns: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def describe(
    *,
    summary: str,
    who: str = "all",
    body: type[BaseModel] | None = None,
    file: bool = False,
    query: type[BaseModel] | None = None,
    key: Key | None = None,
    returns: Mapping[int, type[BaseModel] | None] | None = None,
    errors: Iterable[str] = (),
    tags: Iterable[str] = (),
) -> Callable[[HandlerT], HandlerT]:
    """Describe a handler, for the document and for the tests that ask every route as everybody.

    who: one of `WHO`, or ``staff:<right>``.
    file: takes a multipart form with one file, in a field of that name.
    key: whether it may or must come with an Idempotency-Key.
    errors: codes beyond those that follow from body, query, path and ``who``.
    """
    if who not in WHO and not re.fullmatch(r"staff:[a-z_.]+", who):
        raise ValueError(f"Who is {who!r}?")
    if unknown := set(errors) - set(REFUSALS):
        raise ValueError(f"No such codes: {unknown}")

    def mark(handler: HandlerT) -> HandlerT:
        handler.__api__ = Api(  # type: ignore[attr-defined]
            summary, who, body, file, query, key, returns or {200: None}, tuple(errors), tuple(tags)
        )
        return handler

    return mark


@dataclass(frozen=True, slots=True)
class Route:
    """A handler that has a description, where it hangs."""

    method: str
    path: str
    handler: Callable[..., Any]
    api: Api = field(compare=False)  # it belongs to the handler


def list_routes(router: web.UrlDispatcher) -> tuple[Route, ...]:
    """Return the described routes, by path and method. HEAD comes with GET and is not listed.

    Raises:
        LookupError: a route under /api or /health has no `describe`.
    """
    found = []
    for one in router.routes():
        path, api = one.resource.canonical if one.resource else "", getattr(one.handler, "__api__", None)
        if api and one.method in _METHODS:
            found.append(Route(one.method, path, one.handler, api))
        elif path.startswith(("/api/", "/health/")) and one.method != hdrs.METH_HEAD:
            raise LookupError(f"{one.method} {path} has no @describe")
    return tuple(sorted(found, key=lambda route: (route.path, _METHODS.index(route.method))))


def make_document(routes: Iterable[Route], title: str = "Current Target Sale") -> Schema:
    """Make the OpenAPI document of ``routes``."""
    routes = tuple(routes)
    names, schemas = _schemas(routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names)
    used = {tag for route in routes for tag in route.api.tags}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": dict(_SECURITY),
            "responses": {code: _refusal(error) for code, error in REFUSALS.items()},
        },
    }


def _schemas(routes: Iterable[Route]) -> tuple[_Names, Schema]:
    """Return the name of each model in each mode, and the schemas under those names."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for route in routes:
        if route.api.body:
            wanted[route.api.body, "validation"] = None
        for model in route.api.returns.values():
            if model:
                wanted[model, "serialization"] = None
    references, definitions = models_json_schema(list(wanted), ref_template=REF)
    names = {(cast(type[BaseModel], model), mode): found["$ref"] for (model, mode), found in references.items()}
    schemas = {name: _without_titles(schema) for name, schema in definitions["$defs"].items()}
    return names, dict(sorted(schemas.items()))


def _without_titles(schema: Schema) -> Schema:
    """Drop the titles that pydantic makes from field names: they say nothing and double the document."""
    for part in schema.get("properties", {}).values():
        part.pop("title", None)
    return schema


def _operation(route: Route, names: _Names) -> Schema:
    api, documentation = route.api, inspect.getdoc(route.handler) or ""
    operation: Schema = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",  # users_get_me
        "summary": api.summary,
        "description": f"{documentation}\n\n**Who:** {_who(api.who)}".strip(),
        "tags": list(api.tags),
        "x-who": api.who,
        "security": _security(api.who),
    }
    if parameters := [*_path_parameters(route.path), *_query_parameters(api.query), *_header_parameters(api)]:
        operation["parameters"] = parameters
    if api.body:
        content = {JSON: {"schema": {"$ref": names[api.body, "validation"]}}}
        required = any(one.is_required() for one in api.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": content}
    if api.file:
        form = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    operation["responses"] = _responses(route, names)
    return operation


def _who(who: str) -> str:
    return WHO.get(who) or f"Staff with the right `{who.removeprefix('staff:')}`."


def _security(who: str) -> list[dict[str, list[str]]]:
    schemes = {
        "all": (),
        "customer": ("shopCookie", "bearer"),
        "user": ("shopCookie", "bearer"),
        **dict.fromkeys(("account", "person", "author", "members", "orders"), ("shopCookie", "staffCookie", "bearer")),
    }
    return [{scheme: []} for scheme in schemes.get(who, ("staffCookie", "bearer"))]


def _path_parameters(path: str) -> list[Schema]:
    parameters = []
    for name in re.findall(r"\{(\w+)\}", path):
        schema = dict(_PATH[name])
        description = schema.pop("description")
        parameters.append({"name": name, "in": "path", "required": True, "description": description, "schema": schema})
    return parameters


def _query_parameters(model: type[BaseModel] | None) -> list[Schema]:
    if model is None:
        return []
    schema = model.model_json_schema(mode="validation")
    if "$defs" in schema:
        raise TypeError(f"{model.__name__} is a query: it holds plain values and lists of them")
    parameters = []
    for name, found in _without_titles(schema)["properties"].items():
        if found.get("type") == "object":  # every name that begins like that: OpenAPI has no word for it
            [values] = found.get("patternProperties", {"": found.get("additionalProperties")}).values()
            name, found = f"{name}.<key>", {**values, "description": found["description"]}
        parameter: Schema = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if description := found.pop("description", ""):
            parameter["description"] = description
        parameters.append({**parameter, "schema": _without_null(found)})
    return parameters


def _header_parameters(api: Api) -> list[Schema]:
    parameters = []
    if api.key:
        parameters.append(_header("Idempotency-Key", api.key == "required", {"pattern": "^[!-~]{1,128}$"}, _KEY))
    if "stale" in api.errors:
        # Authors may change their own comment without it, staff may not.
        is_required = "if_match_required" in api.errors and api.who != "author"
        parameters.append(_header("If-Match", is_required, {}, _IF_MATCH))
    return parameters


def _header(name: str, is_required: bool, schema: Schema, description: str) -> Schema:
    schema = {"type": "string", **schema}
    return {"name": name, "in": "header", "required": is_required, "description": description, "schema": schema}


_KEY = "One's own name for this request: sent again with it, it is done once and answered the same, for 24 hours."
_IF_MATCH = "The ETag that was seen. Who has seen an older one is answered `stale`."


def _without_null(schema: Schema) -> Schema:
    """In a query a value is there or not; null cannot be sent."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    return {**options[0], **rest}


def _responses(route: Route, names: _Names) -> Schema:
    responses: Schema = {}
    for status, model in route.api.returns.items():
        response: Schema = {"description": _RETURNED.get(status, "Done.")}
        if model:
            response["content"] = {JSON: {"schema": {"$ref": names[model, "serialization"]}}}
        responses[str(status)] = response
    by_status: dict[int, list[str]] = {}
    for code in _codes(route):
        by_status.setdefault(STATUS[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        if len(codes) == 1:
            responses[str(status)] = {"$ref": f"#/components/responses/{codes[0]}"}
        else:  # several codes with one status: conflict and closed
            responses[str(status)] = _problem(" ".join(f"`{code}`: {REFUSALS[code].default}" for code in codes))
    return responses


_RETURNED = {
    200: "Done.",
    201: "Added.",
    202: "Taken; it will be done.",
    204: "Done; there is nothing to say.",
    304: "What you have is still right.",
}


def _codes(route: Route) -> list[str]:
    """The codes that follow from what the route takes and from who may call it, and those that it names."""
    api = route.api
    codes = dict.fromkeys(api.errors)
    if api.body or api.file:
        codes |= dict.fromkeys(("bad_request", "too_large", "unsupported_media_type", "invalid"))
    if api.query:
        codes |= dict.fromkeys(("invalid",))
    if api.key:
        codes |= dict.fromkeys(("bad_request", "conflict"))
    if "{" in route.path:
        codes |= dict.fromkeys(("not_found",))
    if api.who != "all":
        codes |= dict.fromkeys(("unauthorized", "forbidden"))
    if route.method != hdrs.METH_GET:  # from another site, or nothing can be kept
        codes |= dict.fromkeys(("forbidden", "busy"))
    return list(codes)


def _refusal(error: type[ServiceError]) -> Schema:
    return _problem(f"`{error.code}`: {error.default}")


def _problem(description: str) -> Schema:
    return {"description": description, "content": {PROBLEM: {"schema": {"$ref": REF.format(model="Problem")}}}}
