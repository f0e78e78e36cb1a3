"""The hot path: a run of messages stored by a handful of statements, each answered for itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.actor import Actor
from app.errors import Conflict, ServiceError
from app.services.chat_log import LogWrite, hash_body, match_sent
from app.services.rendering import Renderer
from db.queries import chats as queries
from db.queries.chats import Chat, Entry
from db.writer import Done


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Sent:
    """What a send has written, now or when it first came."""

    entry: Entry
    duplicate: bool = False


Key = tuple[str, int, str]


def send_run(
    now: Callable[[], datetime], renderer: Renderer
) -> Callable[[Connection, list[Send]], list[Done[Sent] | Exception]]:
    """The writer's function for runs of `Send`. ``now`` is asked when the run is written, so times follow the order."""

    def run(connection: Connection, sends: list[Send]) -> list[Done[Sent] | Exception]:
        write = LogWrite(connection, now(), writes=len(sends))
        write.know(send.actor for send in sends)
        candidates = [write.candidates(send.actor, send.client_id) for send in sends]
        known: dict[Key, Entry] = {}
        for entry in queries.find_by_client_id(connection, {key for keys in candidates for key in keys}):
            known[entry.sender_kind, entry.sender_id or 0, entry.client_id or ""] = entry
        write.load(send.chat_id for send in sends)

        results: list[Sent | ServiceError] = []
        for send, keys in zip(sends, candidates, strict=True):
            try:
                results.append(_send_one(write, send, keys, known, renderer))
            except ServiceError as refusal:
                results.append(refusal)

        events = write.store()
        outcomes: list[Done[Sent] | Exception] = [
            Done(result) if isinstance(result, Sent) else result for result in results
        ]
        if events:  # they go with any one that was kept; the writer publishes a batch's events in order, then answers
            first = next(index for index, result in enumerate(results) if isinstance(result, Sent))
            outcomes[first] = Done(outcomes[first].result, events)  # type: ignore[union-attr]
        return outcomes

    return run


def _send_one(write: LogWrite, send: Send, keys: list[Key], known: dict[Key, Entry], renderer: Renderer) -> Sent:
    sent = match_sent((known[key] for key in keys if key in known), keys, send.body_hash)
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
    known[send.actor.side, person, send.client_id] = entry
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
