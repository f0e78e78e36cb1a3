"""Chats over HTTP: the same service as the socket. What is posted here is broadcast there."""

from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from app.actor import Actor
from app.auth import require_actor
from app.commands.connect import introduce
from app.commands.registry import ANSWER
from app.errors import Forbidden, NotFound
from app.keys import CHATS, HUB, READER, STAFF, USERS
from app.openapi import describe
from app.requests import parse_body, parse_query, path_int
from app.responses import json_response
from app.schemas.chats import (
    ChatIn,
    ChatOut,
    ChatPatch,
    ChatsOut,
    ChatsQuery,
    MessageIn,
    MessageOut,
    MessagesOut,
    MessagesQuery,
    OpenedOut,
)
from app.services.chat_reader import Chat

routes = web.RouteTableDef()


async def require_member(request: web.Request) -> Actor:
    """A customer, or staff with the right to answer. Whose chat it is the service decides."""
    actor = await require_actor(request)
    if actor.is_staff and not actor.has(ANSWER):
        raise Forbidden
    return actor


async def require_known(request: web.Request) -> Actor:
    """A member who has an id: a guest who has not written anything yet has no chats to be found."""
    actor = await require_member(request)
    if actor.id is None:
        raise NotFound
    return actor


@routes.get("/api/v1/chats")
@describe(
    summary="One's own chats, newest first; for staff the inbox",
    who="members",
    query=ChatsQuery,
    returns={200: ChatsOut},
    tags=("chats",),
)
async def list_chats(request: web.Request) -> web.Response:
    """A customer's chats, or for staff a page of the inbox. ``next`` goes into ``before`` or ``after``."""
    actor = await require_member(request)
    query = parse_query(request, ChatsQuery)
    reader = request.app[READER]
    if actor.is_staff:
        chats = await reader.list_page(actor, query.filter, query.sort, query.after, query.limit)
    else:
        chats = await reader.list_own(actor, query.before, query.limit)
    items = [await reader.chat_out(actor, chat) for chat in chats]
    return json_response({"items": items, "next": chats[-1].id if len(chats) == query.limit else None})


@routes.post("/api/v1/chats")
@describe(
    summary="Open a chat, or find the open one",
    who="members",
    body=ChatIn,
    returns={201: OpenedOut, 200: OpenedOut},
    errors=("conflict", "not_found", "rate_limited", "too_large", "busy"),
    tags=("chats",),
)
async def open_chat(request: web.Request) -> web.Response:
    """201 when this request wrote something, 200 when the chat was open already or the client_id came again."""
    asker = await require_member(request)
    form = await parse_body(request, ChatIn)
    actor = await request.app[USERS].ensure_guest(asker)
    if actor != asker:  # the guest's open sockets hear of the chat from its first entry on
        introduce(request.app[HUB], actor)
    if form.customer is not None and actor.is_staff:
        await request.app[USERS].require(form.customer)
    chat, entry, duplicate = await request.app[CHATS].open(actor, form)
    answer = {
        "chat": chat.id,
        "seq": entry.seq if entry is not None else chat.last_seq,
        "duplicate": duplicate,
        "state": await request.app[READER].chat_out(actor, chat),
    }
    return json_response(answer, status=200 if duplicate or entry is None else 201)


@routes.get("/api/v1/chats/{chat_id}")
@describe(summary="One chat", who="members", returns={200: ChatOut}, errors=("not_found",), tags=("chats",))
async def get_chat(request: web.Request) -> web.Response:
    """A chat without its messages. 404 if it is not yours."""
    actor = await require_known(request)
    chat = await request.app[READER].get(actor, path_int(request, "chat_id"))
    return await _answer(request, actor, chat)


@routes.patch("/api/v1/chats/{chat_id}")
@describe(
    summary="Close, reopen or assign a chat",
    who="members",
    body=ChatPatch,
    returns={200: ChatOut},
    errors=("not_found", "closed", "conflict", "forbidden", "busy"),
    tags=("chats",),
)
async def change_chat(request: web.Request) -> web.Response:
    """Customers may close; staff may also reopen and assign. 409 with the chat as it is when somebody was faster."""
    actor = await require_known(request)
    chat_id = path_int(request, "chat_id")
    form = await parse_body(request, ChatPatch)
    chats = request.app[CHATS]
    keys: dict[str, Any] = {"if_version": form.if_version, "client_id": form.client_id}
    pending: Awaitable[Chat]
    if form.status == "closed":
        pending = chats.close(actor, chat_id, form.reason, **keys)
    elif not actor.is_staff:
        await request.app[READER].get(actor, chat_id)  # somebody else's chat is not forbidden, it is not there
        raise Forbidden
    elif form.status == "open":
        pending = chats.reopen(actor, chat_id, **keys)
    elif form.assignee == "me":
        pending = chats.claim(actor, chat_id, **keys)
    else:
        if form.assignee is not None:
            await request.app[STAFF].require_colleague(form.assignee)
        pending = chats.assign(actor, chat_id, form.assignee, **keys)
    return await _answer(request, actor, await pending)


@routes.get("/api/v1/chats/{chat_id}/messages")
@describe(
    summary="Entries of a chat",
    who="members",
    query=MessagesQuery,
    returns={200: MessagesOut},
    errors=("not_found",),
    tags=("chats",),
)
async def list_messages(request: web.Request) -> web.Response:
    """Entries after a seq, before one, or the newest; oldest first. The log ``notes`` is there for staff only."""
    actor = await require_known(request)
    query = parse_query(request, MessagesQuery)
    if query.log != "chat" and not actor.is_staff:
        raise NotFound
    key = (path_int(request, "chat_id"), query.log)
    page = await request.app[READER].list_messages(
        actor, key, after=query.after, before=query.before, limit=query.limit
    )
    return json_response(page)


@routes.post("/api/v1/chats/{chat_id}/messages")
@describe(
    summary="Send a message",
    who="members",
    body=MessageIn,
    returns={201: MessageOut, 200: MessageOut},
    errors=("not_found", "closed", "conflict", "rate_limited", "too_large", "busy"),
    tags=("chats",),
)
async def post_message(request: web.Request) -> web.Response:
    """201 with the message once it is on disk; 200 with the same answer when the client_id comes again."""
    actor = await require_known(request)
    form = await parse_body(request, MessageIn)
    sent = await request.app[CHATS].send(actor, path_int(request, "chat_id"), form)
    message = await request.app[READER].message_out(sent.entry)
    return json_response(message, status=200 if sent.duplicate else 201)


async def _answer(request: web.Request, actor: Actor, chat: Chat) -> web.Response:
    return json_response(await request.app[READER].chat_out(actor, chat))
