"""The hot path: a run of messages stored by a handful of statements, each answered for itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.actor import Actor
from app.errors import Conflict, ServiceError
from app.services.chat_log import LogWrite, hash_body
from app.services.rendering import Renderer
from db.queries.chats import Chat, Entry
from db.writer import Done


@dataclass(slots=True)
class Send:
    """One message on its way into the log."""

    actor: Actor
    chat_id: int
    client_id: str
    data: dict[str, Any]
    body_hash: str
    reply_to: int | None = None
    seen: int | None = None
    force: bool = False

    @classmethod
    def make(cls, actor: Actor, chat_id: int, client_id: str, data: dict[str, Any], **options: Any) -> "Send":
        body_hash = hash_body(chat_id, "chat", "message", data, reply_to=options.get("reply_to"))
        return cls(actor, chat_id, client_id, data, body_hash, **options)


@dataclass(slots=True)
class Sent:
    """What a send has written, now or when it first came."""

    entry: Entry
    duplicate: bool = False


def send_run(
    now: Callable[[], datetime], renderer: Renderer
) -> Callable[[Connection, list[Send]], list[Done[Sent] | Exception]]:
    """The writer's function for runs of `Send`. ``now`` is asked when the run is written, so times follow the order."""

    def run(connection: Connection, sends: list[Send]) -> list[Done[Sent] | Exception]:
        write = LogWrite(connection, now(), sends)
        outcomes: list[Done[Sent] | Exception] = []
        for send in sends:
            try:
                outcomes.append(Done(_send_one(write, send, renderer)))
            except ServiceError as refusal:
                outcomes.append(refusal)
        events = write.store()
        for index, outcome in enumerate(outcomes):  # with the first that was kept go the events of all, in their order
            if events and isinstance(outcome, Done):
                outcomes[index] = Done(outcome.result, events)
                break
        return outcomes

    return run


def _send_one(write: LogWrite, send: Send, renderer: Renderer) -> Sent:
    sent = write.find_sent(send.actor, send.client_id, send.body_hash)
    if sent is not None:  # before every other check: a retry gets its answer also after the chat was closed
        return Sent(sent, duplicate=True)
    chat = write.access(send.actor, send.chat_id)
    write.require_open(chat)
    person = write.id_of(send.actor)
    if send.actor.is_staff:
        _guard_collision(write, send, chat, person, renderer)
        if chat.service_person_id is None:
            write.assign(chat, person, "staff", person)
    entry = write.add(
        chat, "message", send.actor.side, person,
        client_id=send.client_id, body_hash=send.body_hash, data=send.data, reply_to=send.reply_to,
    )  # fmt: skip
    return Sent(entry)


def _guard_collision(write: LogWrite, send: Send, chat: Chat, person: int, renderer: Renderer) -> None:
    if send.force or send.seen is None or chat.last_staff_seq <= send.seen:
        return
    entries = write.written_by_others(chat.id, send.seen, person)
    if entries:
        raise Conflict(
            "Somebody else has answered meanwhile.",
            reason="moved_on",
            entries=[renderer.event(entry) for entry in entries],
        )
