"""hello, ping and presence: who is there, and what they have missed."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from app.actor import Actor
from app.commands.registry import ANSWER, Call, Parts, command
from app.errors import Unauthorized
from app.schemas.base import ApiModel, Count, Line
from app.services.broadcast import INBOX, STAFF
from app.services.chat_reader import Chat
from ws.connection import Connection
from ws.endpoint import SENT, Refused
from ws.hub import Hub
from ws.protocol import PROTOCOL, CloseCode, LogKey, cursor_map, frame
from ws.resume import RESUME_CHATS, plan_resume, run_steps

CUSTOMER_LOGS = ("chat",)
STAFF_LOGS = ("chat", "notes")


class SocketForm(ApiModel):
    """Commands ignore unknown fields: a newer client may speak to an older server."""

    model_config = ConfigDict(extra="ignore")


class Cursor(SocketForm):
    chat: Count | None = None
    notes: Count | None = None


class Resume(SocketForm):
    epoch: Annotated[str, Field(max_length=64)]
    inbox: Count | None = None
    chats: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,15}$")], Cursor] = Field({}, max_length=1000)
    focus: Count | None = None

    def cursors(self) -> dict[int, dict[str, int | None]]:
        """By chat, the newest ids first and no more than one resume takes."""
        ids = sorted((int(chat) for chat in self.chats), reverse=True)
        if self.focus is not None and self.focus in ids:
            ids.insert(0, ids.pop(ids.index(self.focus)))
        return {chat: self.chats[str(chat)].model_dump() for chat in ids[:RESUME_CHATS]}


class HelloForm(SocketForm):
    protocol: int
    client: Annotated[Line, Field(max_length=100)] = ""
    token: Annotated[str, Field(max_length=200)] | None = None
    resume: Resume | None = None


class PingForm(SocketForm):
    n: Count = 0


class PresenceForm(SocketForm):
    state: Literal["online", "busy", "away", "off"]


@command("hello", HelloForm, who="all")
async def hello(parts: Parts, call: Call, form: HelloForm) -> Any:
    """First load, reconnect and reset are one path.

    The order is the proof that nothing is missed: the connection joins the hub with its live events held back, then the
    database is read and sent, then what was held follows.
    """
    connection = call.connection
    if connection.state is not None:
        raise Refused(CloseCode.MALFORMED, "hello came twice")
    if form.protocol != PROTOCOL:
        raise Refused(CloseCode.VERSION, f"protocol {PROTOCOL} is spoken here")
    if form.token is not None:
        connection.actor = await parts.sessions.actor_for_token(form.token)
    if connection.actor is None:  # neither a page of ours, nor a token
        raise Unauthorized
    actor = call.actor
    connection.state = {}
    connection.outbox.hold()
    try:
        parts.hub.identify(connection, person_of(actor), actor.session)
        if actor.session:
            found = await _look_again(parts, actor.session)
            if connection.actor is actor:  # else a first message in another tab has introduced us meanwhile
                connection.actor = found
            actor = call.actor
            parts.hub.identify(connection, person_of(actor), actor.session)
        if actor.id is not None:
            parts.names.remember(actor.side, actor.id, actor.name)
        if actor.is_staff:
            parts.hub.subscribe(connection, STAFF)
        epoch, own = await parts.reader.greet(actor)
        call.reply(await _welcome(parts, connection.key, actor, epoch))
        resume = form.resume if form.resume is not None and form.resume.epoch == epoch else None
        reached = await _bring_up_to_date(parts, call, resume, own)
        connection.send(frame({"type": "resumed", "data": {"chats": cursor_map(reached)}}))
    finally:
        connection.release()
    return SENT


@command("ping", PingForm, who="all")
def ping(parts: Parts, call: Call, form: PingForm) -> dict[str, Any]:
    return {"n": form.n}


@command("presence.set", PresenceForm, who="staff")
def set_presence(parts: Parts, call: Call, form: PresenceForm) -> Any:
    return parts.chats.set_presence(call.actor, form.state).map(lambda version: {"version": version})


def person_of(actor: Actor) -> str | None:
    """Whose connections the hub counts together: a person, or a guest's session until it has an id."""
    if actor.id is not None:
        return f"{actor.side}/{actor.id}"
    return f"session/{actor.session}" if actor.session else None


def introduce(hub: Hub, actor: Actor) -> None:
    """A guest has been given an id, here or over HTTP: from now on the session's sockets hear what is the guest's."""
    for connection in hub.of_session(actor.session):
        connection.actor = actor
        hub.identify(connection, person_of(actor), actor.session)


def me_of(actor: Actor) -> dict[str, Any]:
    me: dict[str, Any] = {"kind": actor.kind, "id": actor.id, "name": actor.name}
    if actor.is_staff:
        me |= {"role": actor.role, "rights": sorted(actor.rights)}
    return me


async def _look_again(parts: Parts, session: str) -> Actor:
    """Who a session is, now that the hub knows of its connection: what changes from here on is told to that.

    Between the upgrade and this the session may have ended, or its guest may have been given an id in another tab.
    """
    record = await parts.sessions.look_up(session)
    if record is None:
        raise Refused(CloseCode.REVOKED, "signed out")
    return record.actor


async def _welcome(parts: Parts, key: str, actor: Actor, epoch: str) -> dict[str, Any]:
    limits = parts.settings.limits
    welcome: dict[str, Any] = {
        "connection": key,
        "epoch": epoch,
        "me": me_of(actor),
        "heartbeat_ms": int(parts.settings.heartbeat_s * 1000),
        "limits": {
            "text": limits.text_chars,
            "frame_bytes": limits.frame_bytes,
            "in_flight": limits.in_flight,
            "watched_chats": limits.watched_chats,
        },
        "durability": "full",
    }
    if actor.is_staff:
        welcome["staff"] = await parts.presence.list_staff()
    return welcome


async def _bring_up_to_date(parts: Parts, call: Call, resume: Resume | None, own: Iterable[Chat]) -> dict[LogKey, int]:
    actor, connection = call.actor, call.connection
    wanted = resume.cursors() if resume is not None else {}
    focus = resume.focus if resume is not None else None
    if actor.is_staff and actor.has(ANSWER):
        there = [chat.id for chat in await parts.reader.list_watchable(wanted)]
        for chat_id in there:
            follow(parts.hub, connection, chat_id, STAFF_LOGS)
        chats = await parts.reader.list_watchable(there)
        reached = await catch_up(parts, call, chats, wanted, STAFF_LOGS, focus)
        if resume is not None and resume.inbox is not None:
            await _catch_up_inbox(parts, call, resume.inbox)
        return reached
    if actor.is_customer and actor.id is not None:
        for chat in own:
            follow(parts.hub, connection, chat.id, CUSTOMER_LOGS)
        # Joined first, read again after: what was opened or written between the two is in the second look.
        chats = await parts.reader.list_own(actor)
        for chat in chats:  # the closed ones too: the sweeper must know from where on they are followed
            follow(parts.hub, connection, chat.id, CUSTOMER_LOGS)
            parts.hub.joined((chat.id, "chat"), chat.last_seq)
        current = next((chat for chat in chats if chat.status != "closed"), chats[0] if chats else None)
        if current is not None:
            wanted.setdefault(current.id, {"chat": None})
        return await catch_up(parts, call, chats, wanted, CUSTOMER_LOGS, focus)
    return {}


def follow(hub: Hub, connection: Connection, chat_id: int, logs: tuple[str, ...]) -> None:
    for log in logs:
        hub.follow(connection, (chat_id, log))


async def catch_up(
    parts: Parts, call: Call, chats: Iterable[Chat], wanted: dict[int, dict[str, int | None]],
    logs: tuple[str, ...], focus: int | None,
) -> dict[LogKey, int]:  # fmt: skip
    """Send what each log is missing. The chats are followed already, and were read after that."""
    heads = {(chat.id, log): chat.head(log) for chat in chats for log in logs}
    cursors = {(chat_id, log): cursor.get(log) for chat_id, cursor in wanted.items() for log in logs}
    steps = plan_resume(cursors, heads, focus)
    return await run_steps(call.connection, parts.hub, steps, lambda step: parts.reader.read_step(call.actor, step))


async def _catch_up_inbox(parts: Parts, call: Call, cursor: int) -> None:
    parts.hub.subscribe(call.connection, INBOX)
    batch = await parts.reader.sync_inbox(call.actor, cursor)
    if batch is None:
        call.connection.send(frame({"type": "inbox.reset", "data": {}}))
    else:
        call.connection.send(frame({"type": "inbox.batch", "data": batch}))
