"""Comments over HTTP: of a product, one by one, and the queue of those that wait for a moderator."""

from aiohttp import hdrs, web
from pydantic_core import to_json

from app.auth import get_actor, require_actor, require_staff, require_user
from app.errors import Forbidden
from app.keys import COMMENTS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int, read_key, read_version
from app.responses import json_response, once_response, tagged_response
from app.schemas.comments import (
    CommentIn,
    CommentOut,
    CommentPage,
    CommentPatch,
    CommentQueue,
    CommentsQuery,
    QueueQuery,
    ReplyIn,
)
from app.services.comments import RIGHT, comment_tag

routes = web.RouteTableDef()


@routes.get("/api/v1/products/{article}/comments")
@describe(
    summary="List a product's comments",
    query=CommentsQuery,
    returns={200: CommentPage},
    errors=("bad_request",),
    tags=("comments",),
)
async def list_comments(request: web.Request) -> web.Response:
    """A page of approved comments, with the stars of all of them and the asker's own comment."""
    actor, query = await get_actor(request), parse_query(request, CommentsQuery)
    return json_response(await request.app[COMMENTS].list_of_product(actor, path_int(request, "article"), query))


@routes.post("/api/v1/products/{article}/comments")
@describe(
    summary="Comment on a product",
    who="user",
    body=CommentIn,
    key="optional",
    returns={201: CommentOut},
    errors=("conflict",),
    tags=("comments",),
)
async def add_comment(request: web.Request) -> web.Response:
    """One comment per user and product; it waits for a moderator. 409 names the one there is in ``comment``."""
    actor = await require_user(request)
    article, form = path_int(request, "article"), await parse_body(request, CommentIn)
    done = await request.app[COMMENTS].add(actor, article, form, read_key(request, actor, form))
    return once_response(done, 201)


@routes.get("/api/v1/comments")
@describe(
    summary="Comments to be moderated, oldest first",
    who=f"staff:{RIGHT}",
    query=QueueQuery,
    returns={200: CommentQueue},
    errors=("bad_request",),
    tags=("comments",),
)
async def list_queue(request: web.Request) -> web.Response:
    """A page of comments of one status, those that wait unless another is asked for."""
    actor, query = await require_staff(request, RIGHT), parse_query(request, QueueQuery)
    return json_response(await request.app[COMMENTS].list_queue(actor, query))


@routes.get("/api/v1/comments/{comment_id}")
@describe(summary="Get a comment", returns={200: CommentOut}, tags=("comments",))
async def get_comment(request: web.Request) -> web.Response:
    """404 if it is not approved and neither yours nor yours to moderate."""
    actor = await get_actor(request)
    comment = await request.app[COMMENTS].get(actor, path_int(request, "comment_id"))
    return tagged_response(request, comment_tag(comment), to_json(comment))


@routes.patch("/api/v1/comments/{comment_id}")
@describe(
    summary="Change one's comment, or approve or hide it",
    who="author",
    body=CommentPatch,
    returns={200: CommentOut},
    errors=("stale", "if_match_required"),
    tags=("comments",),
)
async def change_comment(request: web.Request) -> web.Response:
    """What its author changes waits for a moderator again. Staff say by If-Match which version they have read."""
    actor = await require_actor(request)
    if actor.is_staff:
        await require_staff(request, RIGHT)
    else:
        await require_user(request)
    comment_id, form = path_int(request, "comment_id"), await parse_body(request, CommentPatch)
    if form.is_decision != actor.is_staff:
        raise Forbidden("The author changes the text, staff decide whether it is shown.")
    comments = request.app[COMMENTS]
    if actor.is_staff:
        return _answer(await comments.moderate(actor, comment_id, form, read_version(request)))
    return _answer(await comments.edit(actor, comment_id, form, _seen(request)))


@routes.delete("/api/v1/comments/{comment_id}")
@describe(
    summary="Delete one's comment",
    who="user",
    returns={204: None},
    errors=("stale",),
    tags=("comments",),
)
async def delete_comment(request: web.Request) -> web.Response:
    """The stars follow. Staff hide comments instead."""
    actor = await require_user(request)
    await request.app[COMMENTS].delete(actor, path_int(request, "comment_id"), _seen(request))
    return web.Response(status=204)


@routes.put("/api/v1/comments/{comment_id}/reply")
@describe(
    summary="Answer a comment for the shop",
    who=f"staff:{RIGHT}",
    body=ReplyIn,
    returns={200: CommentOut},
    errors=("stale", "if_match_required"),
    tags=("comments",),
)
async def put_reply(request: web.Request) -> web.Response:
    """In place of a former answer. If-Match says which text it answers."""
    actor = await require_staff(request, RIGHT)
    comment_id, form = path_int(request, "comment_id"), await parse_body(request, ReplyIn)
    return _answer(await request.app[COMMENTS].reply(actor, comment_id, form, read_version(request)))


@routes.delete("/api/v1/comments/{comment_id}/reply")
@describe(
    summary="Take the shop's answer away",
    who=f"staff:{RIGHT}",
    returns={200: CommentOut},
    errors=("stale", "if_match_required"),
    tags=("comments",),
)
async def delete_reply(request: web.Request) -> web.Response:
    """The comment stays."""
    actor = await require_staff(request, RIGHT)
    comment_id = path_int(request, "comment_id")
    return _answer(await request.app[COMMENTS].reply(actor, comment_id, None, read_version(request)))


@routes.post("/api/v1/comments/{comment_id}/useful")
@describe(summary="Find a comment useful", who="user", returns={200: CommentOut}, tags=("comments",))
async def add_vote(request: web.Request) -> web.Response:
    """Somebody else's comment, once; again changes nothing."""
    actor = await require_user(request)
    return _answer(await request.app[COMMENTS].vote(actor, path_int(request, "comment_id"), True))


@routes.delete("/api/v1/comments/{comment_id}/useful")
@describe(summary="Find a comment useful no longer", who="user", returns={200: CommentOut}, tags=("comments",))
async def delete_vote(request: web.Request) -> web.Response:
    """Also when it never was."""
    actor = await require_user(request)
    return _answer(await request.app[COMMENTS].vote(actor, path_int(request, "comment_id"), False))


def _answer(comment: CommentOut) -> web.Response:
    return json_response(comment, headers={hdrs.ETAG: f'"{comment_tag(comment)}"'})


def _seen(request: web.Request) -> int | None:
    """The version that an author has seen, if they say so."""
    return read_version(request) if hdrs.IF_MATCH in request.headers else None
