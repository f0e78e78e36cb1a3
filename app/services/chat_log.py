"""One write to the chats: the rules of the logs, and all its rows stored by a few statements at the end.

Everything that changes a chat goes through `LogWrite`, whether it is one claim or a run of two hundred messages. It
runs in the writer's thread inside the batch's transaction.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic_core import to_json
from sqlalchemy import Connection

from app.actor import Actor
from app.errors import Closed, Conflict, NotFound
from db.queries import chats as queries
from db.queries.chats import Chat, Entry
from db.writer import KEPT

PREVIEW_CHARS = 120
Key = tuple[str, int, str]  # side, person, client_id
# Chats kept between the batches, beyond which all are forgotten and read again as they are needed.
MOST_KEPT = 20_000
TALK = frozenset({"message", "edit", "delete", "order"})  # entries that leave status, desk and owner as they are
OPEN_CHAT = 0  # stands for the chat in the hash of an opening, which does not know it yet


@dataclass(slots=True)
class EntryAdded:
    """Published for each entry, in commit order. ``owner`` is set when the chat itself is new: its customer."""

    entry: Entry
    owner: int | None = None


@dataclass(slots=True)
class ChatChanged:
    """The chat's row as it is after the commit."""

    chat: Chat


def hash_body(
    chat: int,
    log: str,
    kind: str,
    data: dict[str, Any] | None,
    *,
    target: int | None = None,
    reply_to: int | None = None,
) -> str:
    """What must be the same when a client_id comes again. Not ``seen`` and ``force``: they are about the screen."""
    body = to_json([chat, log, kind, target, data, reply_to])
    return hashlib.blake2b(body, digest_size=16).hexdigest()


class Ask(Protocol):
    """What a write is about: who, under which client_id, in which chat."""

    @property
    def actor(self) -> Actor: ...
    @property
    def client_id(self) -> str | None: ...
    @property
    def chat_id(self) -> int | None: ...


class LogWrite:
    """One transaction on chats. Make it first of all in the write: taking the revs is the lock that orders commits.

    asks: what it is about; only those chats can be accessed.
    writes: at most how many chats it will change; one for each ask unless said.
    """

    def __init__(self, connection: Connection, now: datetime, asks: Sequence[Ask] = (), writes: int = 0) -> None:
        self.connection, self.now = connection, now
        self.chats: dict[int, Chat] = {}
        count = writes or max(len(asks), 1)
        self._rev = queries.next_rev(connection, count)
        self._last_rev = self._rev + count - 1
        # What the writer keeps while it has this connection, and drops when it undoes anything. Whoever else has
        # changed a chat has taken revs for it, and then it is out of date.
        self._kept: dict[str, Any] = connection.info.get(KEPT, {})
        if self._kept.get("rev") != self._rev - 1:
            self._kept |= {"rev": None, "chats": {}}
        self._people: dict[tuple[str, int], int] = {}  # (side, id) → the id after a merge
        self._sent: set[Key] = set()
        self._new: dict[Key, Entry] = {}
        self._entries: list[Entry] = []
        self._owners: dict[int, int] = {}  # of chats that are new
        self._changed: dict[int, Chat] = {}
        self._only_talk = True
        self._load: dict[int, int] = {}  # staff_id → chats more on that desk
        if asks:
            self._look_up(asks)

    def _look_up(self, asks: Sequence[Ask]) -> None:
        """At once everything that the checks of all these writes need."""
        asked = [(ask.actor.side, ask.actor.id or 0, ask.client_id) for ask in asks]
        for side, given_id, person_id, client_id in queries.look_up(self.connection, asked):
            self._people[side, given_id] = person_id
            if client_id is not None:
                self._sent.add((side, person_id, client_id))
        self.load(ask.chat_id for ask in asks if ask.chat_id is not None)

    def id_of(self, actor: Actor) -> int:
        """The id that writes: a send queued before a merge lands in the account."""
        assert actor.id is not None
        return self._people.get((actor.side, actor.id), actor.id)

    def load(self, chat_ids: Iterable[int]) -> None:
        kept: dict[int, Chat] = self._kept["chats"]
        wanted = set(chat_ids) - self.chats.keys()
        # Copies: what is kept has been published, and changes only when the write that changes it is stored.
        self.chats.update((chat_id, kept[chat_id].copy()) for chat_id in wanted & kept.keys())
        if missing := wanted - kept.keys():
            self.chats.update(queries.get_chats(self.connection, missing))

    def access(self, actor: Actor, chat_id: int) -> Chat:
        """The one door: somebody else's chat is as absent as one that never was."""
        chat = self.chats.get(chat_id)
        if chat is None or (actor.is_customer and chat.user_id != self.id_of(actor)):
            raise NotFound
        return chat

    def find_sent(self, actor: Actor, client_id: str | None, body_hash: str) -> Entry | None:
        """What this client_id has written already. It comes before every other check.

        Raises:
            Conflict: it has written something else.
        """
        if client_id is None:
            return None
        key = (actor.side, self.id_of(actor), client_id)
        if key not in self._sent and key not in self._new:
            return None
        found = [self._new[key]] if key in self._new else self._read_sent(key)
        for entry in found:
            if entry.body_hash == body_hash:
                return entry
        raise Conflict("This client_id has sent something else.", reason="client_id")

    def _read_sent(self, key: Key) -> list[Entry]:
        """The entry, and those that a merge has put beside it: a guest's clashing client_id has its id first."""
        side, person, client_id = key
        guests = queries.list_guests_of(self.connection, person) if side == "customer" else []
        names = [client_id, *(f"{guest}:{client_id}" for guest in guests)]
        return queries.list_by_client_id(self.connection, side, person, names)

    def require_open(self, chat: Chat) -> None:
        if chat.status == "closed":
            raise Closed(chat_id=chat.id, continued_in=chat.continued_in)

    def open(self, user_id: int, subject: str, assignee: int | None = None) -> Chat:
        """A new chat of a customer who has no open one; the unique index guards what this trusts.

        Its rev is the negative of one of ours until `store`: the revs are unique, also between two rows of one update.
        """
        values: dict[str, Any] = {
            "user_id": user_id, "service_person_id": assignee, "creation_time": self.now, "subject": subject,
            "status": "queued" if assignee is None else "active", "rev": -self._rev, "last_entry_time": self.now,
        }  # fmt: skip
        chat_id = queries.add_chat(self.connection, values)
        self.load([chat_id])
        self._owners[chat_id] = user_id
        if assignee is not None:
            self._add_load(assignee, 1)
        return self.chats[chat_id]

    def add(
        self, chat: Chat, kind: str, sender_kind: str, sender_id: int | None, *, log: str = "chat",
        client_id: str | None = None, body_hash: str | None = None, data: dict[str, Any] | None = None,
        target: int | None = None, reply_to: int | None = None,
    ) -> Entry:  # fmt: skip
        """Append an entry: its seq is the next one of its log, and the chat's row follows."""
        seq = chat.head(log) + 1
        entry = Entry(
            chat.id, log, seq, kind, client_id, sender_kind, sender_id, self.now, None, kind == "delete",
            target, reply_to, data, body_hash,
        )  # fmt: skip
        self._entries.append(entry)
        if client_id is not None and sender_id is not None:
            self._new[sender_kind, sender_id, client_id] = entry
        if log == "chat":
            chat.last_seq = seq
            chat.last_entry_time = self.now
            if kind == "message":
                self._count_message(chat, entry)
        else:
            chat.last_note_seq = seq
        self.change(chat, only_talk=kind in TALK)
        return entry

    def change(self, chat: Chat, *, only_talk: bool = False) -> None:
        """Have the chat's row stored; ``only_talk`` when nothing but messages has changed it."""
        self._changed[chat.id] = chat
        self._only_talk &= only_talk

    def assign(self, chat: Chat, to: int | None, sender_kind: str, sender_id: int | None, **keys: Any) -> Entry:
        """Put the chat on somebody's desk, or back into the queue."""
        if chat.service_person_id is not None:
            self._add_load(chat.service_person_id, -1)
        if to is not None:
            self._add_load(to, 1)
        chat.service_person_id, chat.status = to, "queued" if to is None else "active"
        chat.state_version += 1
        return self.add(chat, "assigned", sender_kind, sender_id, data={"code": "assigned", "to": to}, **keys)

    def close(self, chat: Chat, reason: str, sender_kind: str, sender_id: int | None, **keys: Any) -> Entry:
        if chat.service_person_id is not None:
            self._add_load(chat.service_person_id, -1)
        chat.status, chat.closed_time, chat.waiting_since, chat.snoozed_until = "closed", self.now, None, None
        chat.state_version += 1
        data: dict[str, Any] = {"code": "closed", "reason": reason}
        if chat.continued_in is not None:
            data["continued_in"] = chat.continued_in
        return self.add(chat, "closed", sender_kind, sender_id, data=data, **keys)

    def reopen(self, actor: Actor, chat: Chat, **keys: Any) -> Entry:
        """Open a closed chat again; the caller has seen that its customer has no other open one."""
        if chat.service_person_id is not None:
            self._add_load(chat.service_person_id, 1)
        chat.status = "queued" if chat.service_person_id is None else "active"
        chat.closed_time = None
        chat.state_version += 1
        return self.add(chat, "reopened", actor.side, actor.id, data={"code": "reopened"}, **keys)

    def store(self) -> list[EntryAdded | ChatChanged]:
        """Write everything, and return what to publish."""
        if self._changed:
            for offset, chat in enumerate(self._changed.values()):
                chat.rev = self._rev + offset
            queries.update_chats(self.connection, self._changed.values(), only_talk=self._only_talk)
        if self._entries:
            queries.add_entries(self.connection, self._entries)
        for staff_id, count in sorted(self._load.items()):
            if count:
                queries.add_load(self.connection, staff_id, count)
        self._keep()
        added = [EntryAdded(entry, self._owners.get(entry.chat)) for entry in self._entries]
        return [*added, *(ChatChanged(chat) for chat in self._changed.values())]

    def written_by_others(self, chat_id: int, seq: int, staff_id: int) -> list[Entry]:
        """What other staff have written above ``seq``, in this transaction too."""
        stored = queries.list_staff_entries_after(self.connection, chat_id, seq, staff_id, limit=20)
        new = [
            entry for entry in self._entries
            if entry.chat == chat_id and entry.kind == "message" and entry.sender_kind == "staff"
            and entry.sender_id != staff_id and entry.seq > seq
        ]  # fmt: skip
        return stored + new

    def _keep(self) -> None:
        kept: dict[int, Chat] = self._kept["chats"]
        if len(kept) > MOST_KEPT:
            kept.clear()
        kept.update(self._changed)
        self._kept["rev"] = self._last_rev

    def _count_message(self, chat: Chat, entry: Entry) -> None:
        chat.preview = preview_of(entry.data)
        if entry.sender_kind == "customer":
            chat.last_customer_seq = entry.seq
            chat.waiting_since = chat.waiting_since or self.now
        elif entry.sender_kind == "staff":
            chat.last_staff_seq = entry.seq
            chat.waiting_since = None
            chat.first_reply_time = chat.first_reply_time or self.now

    def _add_load(self, staff_id: int, count: int) -> None:
        self._load[staff_id] = self._load.get(staff_id, 0) + count


def preview_of(data: dict[str, Any] | None) -> str:
    return " ".join(str((data or {}).get("text", "")).split())[:PREVIEW_CHARS]
