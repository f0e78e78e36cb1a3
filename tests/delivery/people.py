"""What the tests of catching up share: cores on a test's socket, logs filled in bulk, and the log to compare with."""

from typing import Any

from sqlalchemy.orm import Session

from app.keys import DATABASES
from app.services.chat_log import LogWrite
from app.services.rendering import EVENT_TYPES
from db.database import Done
from db.queries import chats as queries
from db.queries.chats import Entry
from tests.client import Copy, Core, Frame
from tests.conftest import Person, Shop, Socket


class Tab:
    """A core on a socket that a test opens and closes by hand. It moves only while something is waited for."""

    def __init__(self, person: Person) -> None:
        self.person, self.core = person, Core(lambda: 0.0)
        self.arrived: list[Frame] = []
        self._socket: Socket | None = None
        self._context: Any = None

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    async def connect(self, **more: Any) -> None:
        """Connect and read until ``resumed``; `arrived` has the frames."""
        self._context = self.person.socket(hello=False)
        self._socket = await self._context.__aenter__()
        self.arrived = []
        await self.say(self.core.connected(**more))
        await self.until(lambda: self.core.ready)

    async def disconnect(self) -> None:
        await self._context.__aexit__(None, None, None)
        self._socket = None
        self.core.disconnected()

    async def say(self, frames: list[Frame]) -> None:
        assert self._socket is not None
        for frame in frames:
            await self._socket.raw.send_json(frame)

    async def step(self) -> None:
        """Take one frame."""
        assert self._socket is not None
        frame = await self._socket.receive()
        self.arrived.append(frame)
        await self.say(self.core.receive(frame))

    async def until(self, condition: Any) -> None:
        while not condition():
            await self.step()

    async def until_applied(self, chat: int, head: int, log: str = "chat") -> None:
        await self.until(lambda: self.core.replica.chat(chat).log(log).applied >= head and self.core.is_quiet)

    async def load_everything(self, chat: int) -> None:
        """Page back to the first entry."""
        while question := self.core.load_history(chat):
            await self.say(question)
            await self.until(lambda: self.core.is_quiet)

    def types(self, chat: int | None = None) -> list[str]:
        """What came of one chat, or of none: the types of the frames that are no replies."""
        return [frame["type"] for frame in self.arrived if "type" in frame and frame.get("chat") in (chat, None)]

    def copy(self, chat: int) -> Copy:
        return self.core.replica.chat(chat)


async def read_entries(shop: Shop, chat: int, log: str = "chat") -> list[Entry]:
    """The whole log as the database has it."""
    messanger = shop.app[DATABASES].messanger
    return await messanger.read(lambda connection: queries.list_after(connection, (chat, log), 0, 100_000))


def shape(entry: Entry) -> tuple[Any, ...]:
    text = None if entry.deleted or entry.kind not in ("message", "edit") else (entry.data or {}).get("text")
    return entry.seq, EVENT_TYPES[entry.kind], entry.client_id, entry.target, text


def seen(copy: Copy, log: str = "chat") -> list[tuple[Any, ...]]:
    """A replica's entries in the shape of `shape`. An edit reads as its target does now, as it does on disk."""
    entries = copy.log(log).entries
    shapes = []
    for seq, entry in sorted(entries.items()):
        shown = entries.get(entry["target"], entry) if entry["kind"] in ("edit", "delete") else entry
        is_text = entry["kind"] in ("message", "edit") and not shown["deleted"]
        text = shown["data"]["text"] if is_text else None
        shapes.append((seq, EVENT_TYPES[entry["kind"]], entry["client_id"], entry["target"], text))
    return shapes


async def require_equal(shop: Shop, tab: Tab, chat: int, log: str = "chat") -> None:
    """The replica has the log, from the first entry to the last."""
    await tab.load_everything(chat)
    stored = await read_entries(shop, chat, log)
    await tab.until_applied(chat, stored[-1].seq if stored else 0, log)
    assert seen(tab.copy(chat), log) == [shape(entry) for entry in stored]


async def fill(shop: Shop, chat_id: int, customer: int, count: int, *, log: str = "chat", text: str = "№") -> None:
    """Append ``count`` entries in one transaction past the services, every tenth an edit or a deletion.

    Nobody is told: who is connected must learn of it from the database.
    """
    key = (chat_id, log)

    def work(session: Session) -> Done[None]:
        write = LogWrite(session.connection(), shop.clock.now())
        write.load([chat_id])
        chat = write.chats[chat_id]
        targets: dict[int, str] = {}
        for index in range(count):
            seq = chat.head(log) + 1
            client_id = f"fill-{chat_id}-{log}-{seq}"
            if index % 10 == 9:
                kind = "edit" if index % 20 == 9 else "delete"
                target = seq - (156 if index > 156 else 5)
                targets[target] = kind
                write.add(chat, kind, "customer", customer, log=log, client_id=client_id, target=target)
            else:
                data = {"text": f"{text} {seq}"}
                write.add(chat, "message", "customer", customer, log=log, client_id=client_id, data=data)
        write.store()
        for target, kind in targets.items():
            changed: dict[str, Any] = {"data": None, "deleted_time": write.now}
            if kind == "edit":
                changed = {"data": {"text": f"исправлено {target}"}, "edit_time": write.now}
            queries.change_entry(write.connection, key, target, **changed)
        return Done(None)

    await shop.app[DATABASES].messanger.write(work)
