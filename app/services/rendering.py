"""Rows of MESSANGER put into the shapes that cross the wire; the same for live events, batches and REST."""

from collections.abc import Iterable
from typing import Any

from app.services.names import Kind, NameBook
from db.queries.chats import Chat, Entry, Mark
from ws.protocol import frame

EVENT_TYPES = {
    "message": "message.created",
    "edit": "message.edited",
    "delete": "message.deleted",
    "opened": "chat.opened",
    "assigned": "chat.assigned",
    "closed": "chat.closed",
    "reopened": "chat.reopened",
    "order": "chat.order",
}
"""What an entry of each kind is called when it happens."""


class Renderer:
    """Shapes that need people's names. Await `load_names` for what is to be rendered, then render without waiting."""

    def __init__(self, names: NameBook) -> None:
        self._names = names

    async def load_names(self, *, entries: Iterable[Entry] = (), chats: Iterable[Chat] = ()) -> None:
        people: set[tuple[Kind, int]] = set()
        for entry in entries:
            if entry.sender_id is not None and entry.sender_kind in ("customer", "staff"):
                people.add((entry.sender_kind, entry.sender_id))  # type: ignore[arg-type]
            if entry.kind == "assigned" and entry.data and entry.data["to"] is not None:
                people.add(("staff", entry.data["to"]))
        for chat in chats:
            people.add(("customer", chat.user_id))
            if chat.service_person_id is not None:
                people.add(("staff", chat.service_person_id))
        await self._names.load(people)

    def message(self, entry: Entry) -> dict[str, Any]:
        """`MessageOut`."""
        sender = self._sender(entry)
        return {
            "chat": entry.chat, "log": entry.log, "seq": entry.seq, "kind": entry.kind, "client_id": entry.client_id,
            "sender": sender, "creation_time": entry.creation_time, "edit_time": entry.edit_time,
            "deleted": entry.deleted, "target": entry.target, "reply_to": entry.reply_to,
            "data": entry.data if entry.kind in ("message", "edit", "delete") else self._system(entry, sender),
        }  # fmt: skip

    def event(self, entry: Entry) -> dict[str, Any]:
        """The log event that tells of ``entry``."""
        return {
            "type": EVENT_TYPES.get(entry.kind, f"chat.{entry.kind}"),  # one it does not know still moves a cursor
            "chat": entry.chat,
            "log": entry.log,
            "seq": entry.seq,
            "data": self.message(entry),
        }

    def chat(self, chat: Chat, *, for_staff: bool) -> dict[str, Any]:
        """`ChatOut`."""
        shape = {
            "id": chat.id, "status": chat.status, "subject": chat.subject, "customer": self._customer(chat),
            "assignee": self._staff(chat.service_person_id), "state_version": chat.state_version, "rev": chat.rev,
            "last_seq": chat.last_seq, "priority": chat.priority, "labels": chat.labels,
            "creation_time": chat.creation_time, "closed_time": chat.closed_time, "continued_in": chat.continued_in,
        }  # fmt: skip
        if for_staff:
            shape["last_note_seq"] = chat.last_note_seq
        return shape

    def inbox_row(self, chat: Chat) -> dict[str, Any]:
        """`InboxRow`."""
        return {
            "chat": chat.id, "rev": chat.rev, "status": chat.status, "subject": chat.subject,
            "customer": self._customer(chat), "assignee": self._staff(chat.service_person_id),
            "preview": chat.preview, "last_seq": chat.last_seq, "last_customer_seq": chat.last_customer_seq,
            "last_staff_seq": chat.last_staff_seq, "last_entry_time": chat.last_entry_time,
            "waiting_since": chat.waiting_since, "state_version": chat.state_version, "priority": chat.priority,
            "labels": chat.labels,
        }  # fmt: skip

    def members(self, marks: Iterable[Mark], log: str) -> list[dict[str, Any]]:
        return [
            {"kind": mark.kind, "id": mark.person_id, "read_seq": mark.read_seq, "delivered_seq": mark.delivered_seq}
            for mark in marks
            if mark.log == log
        ]

    def _sender(self, entry: Entry) -> dict[str, Any]:
        kind, person = entry.sender_kind, entry.sender_id
        name = self._names.get(kind, person) if person is not None and kind in ("customer", "staff") else None  # type: ignore[arg-type]
        return {"kind": kind, "id": person, "name": name or ""}

    def _system(self, entry: Entry, sender: dict[str, Any]) -> dict[str, Any]:
        """A code and its parameters, which the reader's page puts into words."""
        data = {**(entry.data or {}), "by": sender}
        if entry.kind == "assigned":
            data["to"] = self._staff(data["to"])
        return data

    def _customer(self, chat: Chat) -> dict[str, Any]:
        name = self._names.get("customer", chat.user_id) or ""
        return {"kind": "user" if name else "guest", "id": chat.user_id, "name": name}

    def _staff(self, staff_id: int | None) -> dict[str, Any] | None:
        return None if staff_id is None else {"id": staff_id, "name": self._names.get("staff", staff_id) or ""}


def receipt_key(mark: Mark) -> str:
    log = "" if mark.log == "chat" else f"/{mark.log}"
    return f"receipt/{mark.chat}{log}/{mark.kind}/{mark.person_id}"


def receipt_frame(mark: Mark) -> bytes:
    """Marks only rise, so their sum is a version."""
    member = {"kind": mark.kind, "id": mark.person_id}
    return frame(
        {
            "type": "receipt",
            "key": receipt_key(mark),
            "version": mark.read_seq + mark.delivered_seq,
            "data": {
                "chat": mark.chat, "log": mark.log, "member": member,
                "read_seq": mark.read_seq, "delivered_seq": mark.delivered_seq,
            },
        }
    )  # fmt: skip
