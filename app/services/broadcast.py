"""From the writer to the hub: what a commit has changed, told to whoever follows it."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from app.services.chat_log import ChatChanged, EntryAdded
from app.services.rendering import Renderer, receipt_frame, receipt_key
from db.database import Database
from db.queries import chats as queries
from db.queries.chats import Chat, Mark
from ws.hub import Hub, log_topic
from ws.protocol import LogKey, frame
from ws.resume import leave_behind
from ws.sweeper import PAGE, Change

logger = logging.getLogger(__name__)

INBOX = "inbox"
STAFF = "staff"
INBOX_EVERY_S = 0.25
REMEMBERED_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class MarksRaised:
    """Somebody has read, or been shown, more."""

    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class DeskChanged:
    """A member of staff came or went."""

    staff_id: int
    name: str
    state: str
    version: int


class Broadcaster:
    """Given to MESSANGER's writer as ``publish``, and to the sweeper for what that missed."""

    def __init__(self, hub: Hub, messanger: Database, renderer: Renderer) -> None:
        self.inbox = InboxFeed(hub, renderer)
        self._hub, self._messanger, self._renderer = hub, messanger, renderer

    def publish(self, events: list[Any]) -> None:
        """In commit order, at once, without waiting: names were remembered when the writer was asked to write."""
        for event in events:
            try:
                self._publish_one(event)
            except Exception:  # one that cannot be told must not keep the others back
                logger.exception("an event could not be published")

    def _publish_one(self, event: object) -> None:
        if isinstance(event, EntryAdded):
            self._publish_entry(event)
        elif isinstance(event, ChatChanged):
            self.show_row(event.chat)
        elif isinstance(event, MarksRaised):
            for mark in event.marks:
                self._hub.publish_state(log_topic((mark.chat, mark.log)), receipt_key(mark), receipt_frame(mark))
        elif isinstance(event, DeskChanged):
            self._hub.publish_state(STAFF, f"staff/{event.staff_id}", staff_frame(event))

    def show_row(self, chat: Chat) -> None:
        """A chat's row as it is after a commit. The sweeper shows it too, if nothing else of the commit was told.

        The customer's connections follow all own chats, also one that has just become theirs: by a merge, or by an
        opening that was not published. They are told to fetch what it has so far.
        """
        self.inbox.offer(chat)
        key = (chat.id, "chat")
        for connection in self._hub.of_person(f"customer/{chat.user_id}"):
            if key not in connection.follows:
                self._hub.follow(connection, key)
                leave_behind(connection, key, chat.last_seq)
                self._hub.joined(key, chat.last_seq)

    async def list_changes(self, rev: int) -> list[Change]:
        """For the sweeper: rows after ``rev``."""
        chats = await self._messanger.read(lambda connection: queries.list_changed(connection, rev, PAGE))
        return [
            Change(chat.rev, {(chat.id, "chat"): chat.last_seq, (chat.id, "notes"): chat.last_note_seq}, chat)
            for chat in chats
        ]

    async def fan_out(self, key: LogKey, after: int, to: int) -> None:
        """For the sweeper: publish what nobody did."""
        while after < to:
            entries = await self._messanger.read(
                lambda connection, a=after: queries.list_after(connection, key, a, min(200, to - a))  # type: ignore[misc]
            )
            if not entries:
                return
            await self._renderer.load_names(entries=entries)
            for entry in entries:
                self._publish_entry(EntryAdded(entry))
            after = entries[-1].seq

    def _publish_entry(self, event: EntryAdded) -> None:
        entry = event.entry
        key = (entry.chat, entry.log)
        if event.owner is not None:  # a new chat: whose it is hears of it from the first entry on
            for connection in self._hub.of_person(f"customer/{event.owner}"):
                self._hub.follow(connection, key)
        if self._hub.is_followed(key):
            self._hub.publish_log(key, entry.seq, frame(self._renderer.event(entry)))


class InboxFeed:
    """Changed rows of the inbox, at most four frames a second however much is said, encoded once for everybody."""

    def __init__(self, hub: Hub, renderer: Renderer) -> None:
        self._hub, self._renderer = hub, renderer
        self._rows: dict[int, Chat] = {}
        self._shown: OrderedDict[int, int] = OrderedDict()  # chat → rev: what the sweeper need not tell again
        self._task: asyncio.Task[None] | None = None

    def offer(self, chat: Chat) -> None:
        """Show this row, unless a newer one has been shown."""
        if self._shown.get(chat.id, 0) >= chat.rev or not self._hub.has_listeners(INBOX):
            return
        self._shown[chat.id] = chat.rev
        self._shown.move_to_end(chat.id)
        if len(self._shown) > REMEMBERED_ROWS:
            self._shown.popitem(last=False)
        self._rows[chat.id] = chat
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._show())

    async def _show(self) -> None:
        """At once, then again after a pause while there is more."""
        try:
            while self._rows:
                rows, self._rows = self._rows, {}
                try:
                    await self._renderer.load_names(chats=rows.values())
                    self._publish(list(rows.values()))
                except Exception:
                    logger.exception("showing the inbox failed and will be tried again")
                    self._rows = rows | self._rows
                await asyncio.sleep(INBOX_EVERY_S)
        finally:
            self._task = None

    def _publish(self, chats: list[Chat]) -> None:
        version = max(chat.rev for chat in chats)
        rows = [self._renderer.inbox_row(chat) for chat in chats]
        # Whoever has not even taken the last frame asks for what changed, instead of being sent frame after frame.
        behind = frame({"type": "inbox.behind", "key": INBOX, "version": version, "data": {}})
        shown = frame({"type": "inbox", "key": INBOX, "version": version, "data": {"rows": rows}})
        self._hub.publish_state(INBOX, INBOX, shown, if_waiting=behind)


def staff_frame(event: DeskChanged) -> bytes:
    key = f"staff/{event.staff_id}"
    data = {"id": event.staff_id, "name": event.name, "state": event.state}
    return frame({"type": "staff.updated", "key": key, "version": event.version, "data": data})
