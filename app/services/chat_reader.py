"""Reading chats: resumes, pages of a log, the inbox. All of it from the database, none of it from memory."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection

from app.actor import Actor
from app.errors import NotFound
from app.services.rendering import Renderer
from db.database import Database
from db.queries import chats as queries
from db.queries.chats import Chat, Entry, InboxFilter, InboxSort, Mark
from ws.protocol import LogKey, frame
from ws.resume import BATCH_ENTRIES, RESET_ENTRIES, RESUME_CHATS, Page, Step

__all__ = ["Chat", "ChatReader"]

SYNC_ENTRIES = 200
SYNC_BYTES = 256 * 1024
HISTORY_ENTRIES = 100
INBOX_ROWS = 100
INBOX_SYNC_ROWS = 2000
# What an entry takes on the wire besides its text.
ENTRY_BYTES = 450


class ChatReader:
    """Every method that takes an actor shows only what the actor may see; the rest is not there."""

    def __init__(self, messanger: Database, renderer: Renderer) -> None:
        self._messanger, self._renderer = messanger, renderer

    async def greet(self, actor: Actor) -> tuple[str, list[Chat]]:
        """The random id of this database's history, which a restore changes, and a customer's own newest chats."""

        def read(connection: Connection) -> tuple[str, list[Chat]]:
            epoch = queries.get_meta(connection, "epoch") or ""
            if actor.id is None or actor.is_staff:
                return epoch, []
            return epoch, queries.list_chats_of(connection, actor.id, None, RESUME_CHATS)

        return await self._messanger.read(read, hot=True)

    async def list_own(self, actor: Actor, before: int | None = None, limit: int = RESUME_CHATS) -> list[Chat]:
        """A customer's chats, newest first."""
        if actor.id is None:
            return []
        person = actor.id
        return await self._messanger.read(lambda c: queries.list_chats_of(c, person, before, limit), hot=True)

    async def list_watchable(self, chat_ids: Iterable[int]) -> list[Chat]:
        """Of these chats those that exist. For staff."""
        ids = list(chat_ids)[:RESUME_CHATS]
        found = await self._messanger.read(lambda connection: queries.get_chats(connection, ids), hot=True)
        return [found[chat_id] for chat_id in ids if chat_id in found]

    async def get(self, actor: Actor, chat_id: int) -> Chat:
        """Raises: NotFound: there is none, or it is another customer's."""
        return await self._messanger.read(lambda connection: _access(connection, actor, chat_id), hot=True)

    async def read_step(self, actor: Actor, step: Step) -> Page:
        """A batch or reset of one log, as a frame."""
        chat_id, log = step.key
        limit = BATCH_ENTRIES if step.kind == "batch" else RESET_ENTRIES
        data = {"from": step.after + 1, **await self._read_after(actor, step.key, step.after, limit)}
        return Page(frame({"type": f"chat.{step.kind}", "chat": chat_id, "log": log, "data": data}), data["to"])

    async def sync(self, actor: Actor, key: LogKey, after: int) -> dict[str, Any]:
        """The next page after ``after``: ``{events, to, head, more}``, and what a batch tells besides."""
        page = await self._read_after(actor, key, after, SYNC_ENTRIES)
        return {**page, "more": page["to"] < page["head"]}

    async def list_messages(
        self, actor: Actor, key: LogKey, *, after: int | None, before: int | None, limit: int
    ) -> dict[str, Any]:
        """`MessagesOut`: after a seq, before one, or the newest."""

        def list_entries(connection: Connection, head: int) -> list[Entry]:
            if after is not None:
                return queries.list_after(connection, key, after, limit)
            return queries.list_before(connection, key, head + 1 if before is None else before, limit)

        chat, entries, _ = await self._read(actor, key, list_entries)
        head = chat.head(key[1])
        more = bool(entries) and (entries[-1].seq < head if after is not None else entries[0].seq > 1)
        return {"items": [self._renderer.message(entry) for entry in entries], "head": head, "more": more}

    async def history(self, actor: Actor, key: LogKey, before: int) -> dict[str, Any]:
        """The page before ``before``: ``{events, more}``."""
        _, entries, _ = await self._read(
            actor, key, lambda c, _: _cut(queries.list_before(c, key, before, HISTORY_ENTRIES), keep_last=True)
        )
        more = bool(entries) and entries[0].seq > 1
        return {"events": [self._renderer.event(entry) for entry in entries], "more": more}

    async def _read_after(self, actor: Actor, key: LogKey, after: int, limit: int) -> dict[str, Any]:
        chat, entries, marks = await self._read(actor, key, lambda c, _: _cut(queries.list_after(c, key, after, limit)))
        last = entries[-1].seq if entries else 0
        return {
            "to": last or after, "head": max(chat.head(key[1]), last),
            "state": self._renderer.chat(chat, for_staff=actor.is_staff),
            "members": self._renderer.members(marks, key[1]),
            "events": [self._renderer.event(entry) for entry in entries],
        }  # fmt: skip

    async def _read(
        self, actor: Actor, key: LogKey, list_entries: Callable[[Connection, int], list[Entry]]
    ) -> tuple[Chat, list[Entry], list[Mark]]:
        """A chat, entries of one of its logs and everybody's marks, all of one moment; their names are loaded.

        list_entries: is given the log's head.
        """

        def read(connection: Connection) -> tuple[Chat, list[Entry], list[Mark]]:
            chat = _access(connection, actor, *key)
            return chat, list_entries(connection, chat.head(key[1])), queries.list_marks(connection, [chat.id])

        chat, entries, marks = await self._messanger.read(read, hot=True)
        await self._renderer.load_names(entries=entries, chats=[chat])
        return chat, entries, marks

    async def list_inbox(
        self, actor: Actor, which: InboxFilter, sort: InboxSort, after: int | None, limit: int
    ) -> dict[str, Any]:
        """A page by display order, with counts and a cursor: the rev from before the page was read."""
        staff_id = actor.id or 0

        def read(connection: Connection) -> tuple[int, list[Chat], dict[str, int], dict[int, int]]:
            rev = queries.last_rev(connection)
            chats = queries.list_inbox(connection, which, sort, staff_id, after, limit)
            counts = queries.count_inbox(connection, staff_id)
            return rev, chats, counts, queries.list_reads(connection, "staff", staff_id, [chat.id for chat in chats])

        rev, chats, counts, reads = await self._messanger.read(read)
        rows = await self.inbox_rows(chats)
        return {"cursor": rev, "more": len(chats) == limit, "rows": rows, "counts": counts, "reads": _by_id(reads)}

    async def list_page(
        self, actor: Actor, which: InboxFilter, sort: InboxSort, after: int | None, limit: int
    ) -> list[Chat]:
        """The chats of one page of the inbox."""
        staff_id = actor.id or 0
        return await self._messanger.read(lambda c: queries.list_inbox(c, which, sort, staff_id, after, limit))

    async def sync_inbox(self, actor: Actor, cursor: int) -> dict[str, Any] | None:
        """Every row changed after ``cursor``, whatever the filter. None if there are too many: list afresh."""
        staff_id = actor.id or 0

        def read(connection: Connection) -> tuple[int, list[Chat], dict[int, int]]:
            rev = queries.last_rev(connection)
            chats = queries.list_changed(connection, cursor, INBOX_SYNC_ROWS + 1)
            return rev, chats, queries.list_reads(connection, "staff", staff_id, [chat.id for chat in chats])

        rev, chats, reads = await self._messanger.read(read)
        if len(chats) > INBOX_SYNC_ROWS or cursor > rev:
            return None
        rows = await self.inbox_rows(chats)
        return {"cursor": rev, "more": False, "rows": rows, "removed": [], "reads": _by_id(reads)}

    async def inbox_rows(self, chats: list[Chat]) -> list[dict[str, Any]]:
        await self._renderer.load_names(chats=chats)
        return [self._renderer.inbox_row(chat) for chat in chats]

    async def chat_out(self, actor: Actor, chat: Chat) -> dict[str, Any]:
        """`ChatOut`, with its names loaded."""
        await self._renderer.load_names(chats=[chat])
        return self._renderer.chat(chat, for_staff=actor.is_staff)

    async def message_out(self, entry: Entry) -> dict[str, Any]:
        """`MessageOut`, with its names loaded."""
        await self._renderer.load_names(entries=[entry])
        return self._renderer.message(entry)

    async def list_desk(self) -> list[tuple[int, str, int]]:
        """(staff_id, state, version) of everybody who has been at the desk."""
        return await self._messanger.read(queries.list_desk, hot=True)


def _access(connection: Connection, actor: Actor, chat_id: int, log: str = "chat") -> Chat:
    chat = queries.get_chat(connection, chat_id)
    may_see = actor.is_staff or (chat is not None and chat.user_id == actor.id and log == "chat")
    if chat is None or not may_see:
        raise NotFound
    return chat


def _cut(entries: list[Entry], keep_last: bool = False) -> list[Entry]:
    """As many as fit into one frame, at least one."""
    ordered = entries[::-1] if keep_last else entries
    size = 0
    for count, entry in enumerate(ordered):
        size += ENTRY_BYTES + len(str((entry.data or {}).get("text", "")).encode())
        if size > SYNC_BYTES and count:
            ordered = ordered[:count]
            break
    return ordered[::-1] if keep_last else ordered


def _by_id(reads: dict[int, int]) -> dict[str, int]:
    return {str(chat): seq for chat, seq in reads.items()}
