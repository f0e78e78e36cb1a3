"""Everything about one chat: open, follow, write, read, and who has it."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from app.actor import Actor
from app.commands.connect import STAFF_LOGS, Cursor, SocketForm, catch_up, follow, introduce, me_of
from app.commands.registry import Call, Parts, command
from app.errors import NotFound, TooLarge
from app.schemas.base import ClientId, Count, Id
from app.schemas.chats import ChatIn, Log, MessageIn, MessageText, Reason
from app.services.chat_reader import Chat
from app.services.sending import Sent
from ws.endpoint import SENT
from ws.hub import log_topic
from ws.protocol import LogKey, cursor_map, frame

TYPING_TTL_MS = 6000
TYPING_EVERY_S = 2.5  # clients send at most one per 3 s; a little grace for their timers


class ChatForm(SocketForm):
    chat: Id


class WatchForm(ChatForm):
    after: Cursor = Cursor()


class LogForm(ChatForm):
    log: Log = "chat"

    @property
    def key(self) -> LogKey:
        return self.chat, self.log


class SyncForm(LogForm):
    after: Count


class HistoryForm(LogForm):
    before: Id


class MarkForm(LogForm):
    seq: Count


class OpenForm(ChatIn, SocketForm):
    pass


class SendForm(MessageIn, SocketForm):
    chat: Id


class DeleteForm(ChatForm):
    target: Id
    client_id: ClientId


class EditForm(DeleteForm):
    text: MessageText


class TypingForm(ChatForm):
    on: bool


class StateForm(ChatForm):
    if_version: Count | None = None
    client_id: ClientId | None = None


class AssignForm(StateForm):
    to: Id | None


class CloseForm(StateForm):
    reason: Reason = ""


@command("chat.open", OpenForm, who="customer")
def open_chat(parts: Parts, call: Call, form: OpenForm) -> Any:
    """Where nobody has to be looked up first, the write stands in the writer's queue when this returns."""
    if call.actor.id is None or form.customer is not None:
        return look_up_and_open(parts, call.actor, form)
    return show_opened(parts, call.actor, parts.chats.open(call.actor, form))


@command("chat.watch", WatchForm, who="staff:chats.answer")
async def watch_chat(parts: Parts, call: Call, form: WatchForm) -> dict[str, Any]:
    connection = call.connection
    is_new = (form.chat, "chat") not in connection.follows
    if is_new and len(connection.follows) >= len(STAFF_LOGS) * parts.settings.limits.watched_chats:
        raise TooLarge("No more chats can be watched on one connection.")
    await parts.reader.get(call.actor, form.chat)
    connection.outbox.hold()
    try:
        follow(parts.hub, connection, form.chat, STAFF_LOGS)
        chat = await parts.reader.get(call.actor, form.chat)
        reached = await catch_up(parts, call, [chat], {form.chat: form.after.model_dump()}, STAFF_LOGS, form.chat)
    finally:
        connection.release()
    return {"chats": cursor_map(reached)}


@command("chat.unwatch", ChatForm, who="staff:chats.answer")
async def unwatch_chat(parts: Parts, call: Call, form: ChatForm) -> None:
    """Not at once, but in its turn: after a watch that was asked for before."""
    for log in STAFF_LOGS:
        parts.hub.unfollow(call.connection, (form.chat, log))


@command("chat.sync", SyncForm, who="members")
async def sync_chat(parts: Parts, call: Call, form: SyncForm) -> Any:
    """A page of what comes after ``after``. Once it reaches the head, a log that fell behind is live again."""
    outbox = call.connection.outbox
    for _ in range(2):  # an empty page that is not the end would lead nowhere: what came meanwhile is in the second
        page = await parts.reader.sync(call.actor, form.key, form.after)
        is_live = outbox.catch_up(form.key, page["to"])
        if is_live or page["events"]:
            break
    if not is_live:
        page |= {"head": max(page["head"], outbox.behind[form.key]), "more": True}
    call.reply(page)  # in the same turn: what is published from here on follows this page
    return SENT


@command("chat.history", HistoryForm, who="members")
async def show_history(parts: Parts, call: Call, form: HistoryForm) -> dict[str, Any]:
    return await parts.reader.history(call.actor, form.key, form.before)


@command("message.send", SendForm, who="members")
def send_message(parts: Parts, call: Call, form: SendForm) -> Any:
    return parts.chats.send(call.known, form.chat, form).map(show_sent)


@command("message.edit", EditForm, who="members")
def edit_message(parts: Parts, call: Call, form: EditForm) -> Any:
    return parts.chats.edit(call.known, form.chat, form.target, form.client_id, form.text).map(show_sent)


@command("message.delete", DeleteForm, who="members")
def delete_message(parts: Parts, call: Call, form: DeleteForm) -> Any:
    return parts.chats.edit(call.known, form.chat, form.target, form.client_id, None).map(show_sent)


@command("chat.read", MarkForm, who="members")
def mark_read(parts: Parts, call: Call, form: MarkForm) -> None:
    require_followed(call, form.key)
    parts.chats.marks.raise_to(form.key, call.actor.side, call.person, read=form.seq)


@command("chat.delivered", MarkForm, who="members")
def mark_delivered(parts: Parts, call: Call, form: MarkForm) -> None:
    require_followed(call, form.key)
    parts.chats.marks.raise_to(form.key, call.actor.side, call.person, delivered=form.seq)


@command("typing", TypingForm, who="members")
def show_typing(parts: Parts, call: Call, form: TypingForm) -> None:
    """Shown to the others in the chat for ``ttl_ms``, unless the next one comes. More than one in 3 s is dropped."""
    key = (form.chat, "chat")
    require_followed(call, key)
    connection, actor = call.connection, call.actor
    now, typed = asyncio.get_running_loop().time(), connection.state
    if form.on:
        if now - typed.get(form.chat, float("-inf")) < TYPING_EVERY_S:
            return
        typed[form.chat] = now
    elif typed.pop(form.chat, None) is None:
        return
    sender = {"kind": actor.side, "id": actor.id, "name": actor.name}
    event = {"type": "typing", "chat": form.chat, "ttl_ms": TYPING_TTL_MS, "data": {"sender": sender, "on": form.on}}
    parts.hub.publish_ephemeral(log_topic(key), frame(event), but=connection)


@command("chat.claim", StateForm, who="staff:chats.answer")
def claim_chat(parts: Parts, call: Call, form: StateForm) -> Any:
    return show_chat(parts, call.actor, parts.chats.claim(call.actor, form.chat, form.if_version, form.client_id))


@command("chat.assign", AssignForm, who="staff:chats.answer")
async def assign_chat(parts: Parts, call: Call, form: AssignForm) -> dict[str, Any]:
    """Looks the colleague up first, and may be overtaken by later commands."""
    if form.to is not None:
        await parts.staff.require_colleague(form.to)
    pending = parts.chats.assign(call.actor, form.chat, form.to, form.if_version, form.client_id)
    return await show_chat(parts, call.actor, pending)


@command("chat.close", CloseForm, who="members")
def close_chat(parts: Parts, call: Call, form: CloseForm) -> Any:
    pending = parts.chats.close(call.known, form.chat, form.reason, form.if_version, form.client_id)
    return show_chat(parts, call.actor, pending)


@command("chat.reopen", StateForm, who="staff:chats.answer")
def reopen_chat(parts: Parts, call: Call, form: StateForm) -> Any:
    return show_chat(parts, call.actor, parts.chats.reopen(call.actor, form.chat, form.if_version, form.client_id))


async def look_up_and_open(parts: Parts, actor: Actor, form: OpenForm) -> dict[str, Any]:
    """Open a chat for a guest who has no id yet, or for a customer whom staff name."""
    if actor.id is None:
        actor = await parts.users.ensure_guest(actor)
        introduce(parts.hub, actor)
    if form.customer is not None and actor.is_staff:  # customers are refused, whether there is such a one or not
        await parts.users.require(form.customer)
    return await show_opened(parts, actor, parts.chats.open(actor, form))


async def show_opened(parts: Parts, actor: Actor, pending: Awaitable[tuple[Chat, Any, bool]]) -> dict[str, Any]:
    chat, entry, duplicate = await pending
    return {
        "chat": chat.id,
        "seq": entry.seq if entry is not None else chat.last_seq,
        "creation_time": entry.creation_time if entry is not None else chat.creation_time,
        "duplicate": duplicate,
        "state": await parts.reader.chat_out(actor, chat),
        "me": me_of(actor),
    }


async def show_chat(parts: Parts, actor: Actor, pending: Awaitable[Chat]) -> dict[str, Any]:
    """The reply to a change of state. The write has been queued already, in reading order; only the wait is here."""
    chat = await pending
    return {"chat": await parts.reader.chat_out(actor, chat)}


def show_sent(sent: Sent) -> dict[str, Any]:
    entry = sent.entry
    return {
        "chat": entry.chat,
        "seq": entry.seq,
        "creation_time": entry.creation_time,
        "duplicate": sent.duplicate,
    }


def require_followed(call: Call, key: LogKey) -> None:
    """What a connection does not follow is not there for marks and typing; customers follow all their own chats."""
    if key not in call.connection.follows:
        raise NotFound
