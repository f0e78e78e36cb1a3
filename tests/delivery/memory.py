"""A storage in memory that stands in for MESSANGER, and is the model to compare with: rules in plain Python, no SQL.

`MemoryQueries` answers what `db.queries.chats` answers for reading; `MemoryChats` writes as `ChatService` does.
"""

import asyncio
import random
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from app.actor import Actor
from app.errors import Closed, Conflict, Forbidden, NotFound
from app.services.broadcast import MarksRaised
from app.services.chat_log import ChatChanged, EntryAdded
from app.services.sending import Sent
from db.database import Busy, Done, Pending
from db.queries.chats import Chat, Entry, LogKey, Mark

BEGINNING = datetime(2026, 3, 7, tzinfo=UTC)


class Memory:
    """Chats, logs and marks as rows. What is handed out is never changed later, as rows of a database are not."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.chats: dict[int, Chat] = {}
        self.logs: dict[LogKey, list[Entry]] = {}
        self.marks: dict[tuple[int, str, str, int], Mark] = {}
        self.sent: dict[tuple[str, int, str], tuple[Entry, Any]] = {}
        self.rev = 0
        self._now = now

    @property
    def time(self) -> datetime:
        return BEGINNING + timedelta(seconds=round(self._now(), 3))

    def shown(self, entry: Entry) -> Entry:
        """An entry as it reads now: an edit or a deletion shows its target."""
        if entry.target is None:
            return entry
        target = self.logs[entry.chat, entry.log][entry.target - 1]
        return replace(entry, data=target.data, deleted=target.deleted)

    def open_chat(self, customer: int) -> Chat | None:
        return next((c for c in self.chats.values() if c.user_id == customer and c.status != "closed"), None)


class MemoryQueries:
    """The reading half of `db.queries.chats`, with a Memory for the connection."""

    @staticmethod
    def get_meta(memory: Memory, key: str) -> str:
        return "e-memory"

    @staticmethod
    def last_rev(memory: Memory) -> int:
        return memory.rev

    @staticmethod
    def get_chat(memory: Memory, chat_id: int) -> Chat | None:
        return memory.chats.get(chat_id)

    @staticmethod
    def get_chats(memory: Memory, chat_ids: Collection[int]) -> dict[int, Chat]:
        return {chat_id: memory.chats[chat_id] for chat_id in chat_ids if chat_id in memory.chats}

    @staticmethod
    def list_chats_of(memory: Memory, user_id: int, before: int | None, limit: int) -> list[Chat]:
        mine = [chat for chat in memory.chats.values() if chat.user_id == user_id]
        return sorted(mine, key=lambda chat: -chat.id)[:limit]

    @staticmethod
    def list_changed(memory: Memory, rev: int, limit: int) -> list[Chat]:
        changed = [chat for chat in memory.chats.values() if chat.rev > rev]
        return sorted(changed, key=lambda chat: chat.rev)[:limit]

    @staticmethod
    def list_inbox(memory: Memory, which: str, sort: str, staff_id: int, after: int | None, limit: int) -> list[Chat]:
        return sorted(memory.chats.values(), key=lambda chat: -chat.rev)[:limit]

    @staticmethod
    def count_inbox(memory: Memory, staff_id: int) -> dict[str, int]:
        return {}

    @staticmethod
    def list_after(memory: Memory, key: LogKey, after: int, limit: int) -> list[Entry]:
        return [memory.shown(entry) for entry in memory.logs.get(key, ())[after : after + limit]]

    @staticmethod
    def list_before(memory: Memory, key: LogKey, before: int, limit: int) -> list[Entry]:
        return [memory.shown(entry) for entry in memory.logs.get(key, ())[max(0, before - 1 - limit) : before - 1]]

    @staticmethod
    def list_marks(memory: Memory, chat_ids: Collection[int]) -> list[Mark]:
        return [mark for mark in memory.marks.values() if mark.chat in chat_ids]

    @staticmethod
    def list_reads(memory: Memory, kind: str, person_id: int, chat_ids: Collection[int]) -> dict[int, int]:
        return {}


class MemoryDatabase:
    """Reads that take their time, so that others can write before, between and after; and one writer.

    lose: asked for each batch: whether its events are lost between commit and publish.
    fail: asked for each batch: whether nothing of it can be kept.
    """

    def __init__(self, memory: Memory, random: random.Random) -> None:
        self.memory, self.random = memory, random
        self.publish: Callable[[list[Any]], None] = lambda events: None
        self.lose = self.fail = lambda: False
        self.is_dead = False
        self._queue: list[tuple[Callable[[], Done[Any]], Pending[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, fn: Callable[[Any], Any], *, hot: bool = False) -> Any:
        await self._pause()
        result = fn(self.memory)
        await self._pause()
        return result

    def submit(self, work: Callable[[], Done[Any]]) -> Pending[Any]:
        pending: Pending[Any] = Pending()
        self._queue.append((work, pending))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write())
        return pending

    async def _write(self) -> None:
        while self._queue:
            await asyncio.sleep(self.random.uniform(0.001, 0.02))
            batch, self._queue = self._queue, []
            if self.is_dead:
                return
            has_failed = self.fail()
            outcomes = [Busy() if has_failed else _outcome(work) for work, _ in batch]
            await asyncio.sleep(self.random.choice((0, 0, 0.01, 0.1)))
            if self.is_dead:  # committed, and nobody hears of it
                return
            events = [event for outcome in outcomes if isinstance(outcome, Done) for event in outcome.events]
            if self.lose():  # marks have no net under them: the next ones are higher
                events = [event for event in events if isinstance(event, MarksRaised)]
            self.publish(events)
            for (_, pending), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Done):
                    pending.resolve(outcome.result)
                else:
                    pending.resolve(None, outcome)
        self._task = None

    async def _pause(self) -> None:
        if self.random.random() < 0.4:
            await asyncio.sleep(self.random.expovariate(50))


def _outcome(work: Callable[[], Done[Any]]) -> Done[Any] | Exception:
    try:
        return work()
    except Exception as error:
        return error


class MemoryChats:
    """Writes by the rules of a chat: the first thing looked at is whether the client_id has been there before."""

    def __init__(self, database: MemoryDatabase, renderer: Any) -> None:
        self._database, self._memory, self._renderer = database, database.memory, renderer
        self.marks = SimpleNamespace(raise_to=self._raise_mark)

    def send(self, actor: Actor, chat_id: int, form: Any) -> Pending[Any]:
        def work() -> Done[Any]:
            said = ("send", chat_id, form.text)
            if (sent := self._find(actor, form.client_id, said)) is not None:
                return Done(Sent(sent, duplicate=True))
            chat = self._open(self._access(actor, chat_id))
            events = []
            if actor.is_staff and chat.service_person_id is None:
                events += self._assign(chat, actor)
            events += self._add(chat_id, "message", actor, form.client_id, said, {"text": form.text})
            return Done(Sent(self._last(chat_id)), events)

        return self._database.submit(work)

    def open(self, actor: Actor, form: Any) -> Pending[Any]:
        def work() -> Done[Any]:
            said = ("open", form.text)
            if (sent := self._find(actor, form.client_id, said)) is not None:
                return Done((self._memory.chats[sent.chat], sent, True))
            chat, events = self._memory.open_chat(actor.id or 0), []
            if chat is None:
                chat = self._new_chat(actor.id or 0)
                opened = {"code": "opened", "subject": ""}
                events += self._add(chat.id, "opened", actor, None, None, opened, owner=actor.id)
            events += self._add(chat.id, "message", actor, form.client_id, said, {"text": form.text})
            return Done((self._memory.chats[chat.id], self._last(chat.id), False), events)

        return self._database.submit(work)

    def edit(self, actor: Actor, chat_id: int, target: int, client_id: str, text: str | None) -> Pending[Any]:
        def work() -> Done[Any]:
            said = ("edit", chat_id, target, text)
            if (sent := self._find(actor, client_id, said)) is not None:
                return Done(Sent(sent, duplicate=True))
            self._open(self._access(actor, chat_id))
            log = self._memory.logs[chat_id, "chat"]
            if target > len(log) or log[target - 1].kind != "message":
                raise NotFound
            entry = log[target - 1]
            if (entry.sender_kind, entry.sender_id) != (actor.side, actor.id):
                raise Forbidden
            if entry.deleted:
                raise Conflict("It is deleted.", reason="deleted")
            data = None if text is None else {"text": text}
            log[target - 1] = replace(entry, data=data, deleted=text is None, edit_time=self._memory.time)
            kind = "delete" if text is None else "edit"
            events = self._add(chat_id, kind, actor, client_id, said, None, target=target)
            return Done(Sent(self._last(chat_id)), events)

        return self._database.submit(work)

    def claim(self, actor: Actor, chat_id: int, if_version: int | None, client_id: str | None) -> Pending[Any]:
        def change(chat: Chat) -> list[Any]:
            if chat.service_person_id == actor.id:
                return []
            if chat.service_person_id is not None:
                raise Conflict("Somebody was faster.", reason="version")
            return self._assign(chat, actor, client_id, ("claim", chat_id))

        return self._change(actor, chat_id, client_id, ("claim", chat_id), change)

    def close(
        self, actor: Actor, chat_id: int, reason: str = "", if_version: int | None = None, client_id: str | None = None
    ) -> Pending[Any]:
        said = ("close", chat_id)

        def change(chat: Chat) -> list[Any]:
            self._store(chat, status="closed", closed_time=self._memory.time, state_version=chat.state_version + 1)
            return self._add(chat_id, "closed", actor, client_id, said, {"code": "closed", "reason": reason})

        return self._change(actor, chat_id, client_id, said, change)

    def reopen(self, actor: Actor, chat_id: int, if_version: int | None, client_id: str | None) -> Pending[Any]:
        said = ("reopen", chat_id)

        def change(chat: Chat) -> list[Any]:
            if chat.status != "closed" or self._memory.open_chat(chat.user_id) is not None:
                raise Conflict("It is open.", reason="open")
            status = "queued" if chat.service_person_id is None else "active"
            self._store(chat, status=status, closed_time=None, state_version=chat.state_version + 1)
            return self._add(chat_id, "reopened", actor, client_id, said, {"code": "reopened"})

        return self._change(actor, chat_id, client_id, said, change, may_be_closed=True)

    def _change(
        self, actor: Actor, chat_id: int, client_id: str | None, said: Any, change: Callable[[Chat], list[Any]],
        *, may_be_closed: bool = False,
    ) -> Pending[Any]:  # fmt: skip
        def work() -> Done[Any]:
            sent = self._find(actor, client_id, said)
            chat = self._access(actor, chat_id)
            if sent is not None:
                return Done(chat)
            if not may_be_closed:
                self._open(chat)
            events = change(chat)
            return Done(self._memory.chats[chat_id], events)

        return self._database.submit(work)

    def _raise_mark(self, key: LogKey, kind: str, person_id: int, *, read: int = 0, delivered: int = 0) -> None:
        def work() -> Done[Any]:
            chat, log = key
            head = len(self._memory.logs.get(key, ()))
            old = self._memory.marks.get((*key, kind, person_id)) or Mark(chat, log, kind, person_id, 0, 0)
            read_seq = max(old.read_seq, min(read, head))
            mark = replace(old, read_seq=read_seq, delivered_seq=max(old.delivered_seq, min(delivered, head), read_seq))
            self._memory.marks[(*key, kind, person_id)] = mark
            return Done(None, [MarksRaised([mark])])

        self._database.submit(work)

    # Rows

    def _find(self, actor: Actor, client_id: str | None, said: Any) -> Entry | None:
        sent = self._memory.sent.get((actor.side, actor.id or 0, client_id or ""))
        if sent is not None and sent[1] != said:
            raise Conflict("It said something else.", reason="client_id")
        return None if sent is None else sent[0]

    def _access(self, actor: Actor, chat_id: int) -> Chat:
        chat = self._memory.chats.get(chat_id)
        if chat is None or (actor.is_customer and chat.user_id != actor.id):
            raise NotFound
        return chat

    def _open(self, chat: Chat) -> Chat:
        if chat.status == "closed":
            raise Closed(chat_id=chat.id, continued_in=None)
        return chat

    def _new_chat(self, customer: int) -> Chat:
        chat = Chat(
            id=len(self._memory.chats) + 1, user_id=customer, service_person_id=None, creation_time=self._memory.time,
            status="queued", subject="", priority=0, labels=[], last_seq=0, last_note_seq=0, state_version=1, rev=0,
            last_customer_seq=0, last_staff_seq=0, last_entry_time=self._memory.time, preview="", waiting_since=None,
            first_reply_time=None, snoozed_until=None, closed_time=None, continued_in=None,
        )  # fmt: skip
        self._memory.chats[chat.id] = chat
        return chat

    def _store(self, chat: Chat, **changes: Any) -> None:
        self._memory.chats[chat.id] = replace(self._memory.chats[chat.id], **changes)

    def _assign(self, chat: Chat, actor: Actor, client_id: str | None = None, said: Any = None) -> list[Any]:
        self._store(chat, service_person_id=actor.id, status="active", state_version=chat.state_version + 1)
        return self._add(chat.id, "assigned", actor, client_id, said, {"code": "assigned", "to": actor.id})

    def _add(
        self, chat_id: int, kind: str, actor: Actor, client_id: str | None, said: Any, data: dict[str, Any] | None,
        *, target: int | None = None, owner: int | None = None,
    ) -> list[Any]:  # fmt: skip
        """Append an entry and return what to publish."""
        memory, chat = self._memory, self._memory.chats[chat_id]
        seq = chat.last_seq + 1
        entry = Entry(
            chat_id, "chat", seq, kind, client_id, actor.side, actor.id, memory.time, None, False, target, None, data
        )
        memory.logs.setdefault((chat_id, "chat"), []).append(entry)
        if client_id is not None:
            memory.sent[actor.side, actor.id or 0, client_id] = entry, said
        memory.rev += 1
        self._store(chat, last_seq=seq, rev=memory.rev, last_entry_time=memory.time)
        return [EntryAdded(memory.shown(entry), owner), ChatChanged(memory.chats[chat_id])]

    def _last(self, chat_id: int) -> Entry:
        return self._memory.shown(self._memory.logs[chat_id, "chat"][-1])
