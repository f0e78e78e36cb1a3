"""A client in Python that keeps the client's rules of ws/PROTOCOL.md.

`Replica` and `Outbox` are pure, and `Core` puts them together: frames in, frames out, no socket and no clock of its
own, so that it can be driven in virtual time. `Client` is a core on a real socket that comes back by itself.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Frame = dict[str, Any]

RESUME_CHATS = 1000  # a resume with more is refused


# The copy of what the server told


@dataclass
class Log:
    """One log of one chat. ``entries`` has everything from ``oldest`` to ``applied``."""

    applied: int = 0
    head: int = 0
    oldest: int = 1
    entries: dict[int, Frame] = field(default_factory=dict)
    held: dict[int, Frame] = field(default_factory=dict)
    syncing: bool = False
    again: bool = False  # chat.behind came during a sync, whose reply may be too early to end the silence


@dataclass
class Copy:
    """One chat: its row, its logs, and how far everybody has read."""

    id: int
    state: Frame | None = None
    rev: int = -1
    logs: dict[str, Log] = field(default_factory=dict)
    members: dict[str, tuple[int, int]] = field(default_factory=dict)  # "staff/7" → (read, delivered)

    def log(self, name: str = "chat") -> Log:
        return self.logs.setdefault(name, Log())

    def cursors(self) -> dict[str, int | None]:
        cursors: dict[str, int | None] = {"chat": None}
        return cursors | {name: log.applied or None for name, log in self.logs.items()}

    def texts(self) -> list[str | None]:
        """The messages as they read now; None for a deleted one."""
        entries = [entry for _, entry in sorted(self.log().entries.items())]
        return [None if entry["deleted"] else entry["data"]["text"] for entry in entries if entry["kind"] == "message"]


class Replica:
    """Takes any frame of the server, and the replies to what it asked.

    Both return effects in order: ("command", type, data) asks the server, and the reply goes to `answer`;
    ("stored", client_id) says that a message of ours is in the log.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.me: Frame | None = None
        self.chats: dict[int, Copy] = {}
        self.inbox: dict[int, Frame] = {}
        self.inbox_cursor: int | None = None
        self.resets = 0
        self.syncs: list[Frame] = []  # the chat.sync questions that were asked

    def chat(self, chat_id: int) -> Copy:
        return self.chats.setdefault(chat_id, Copy(chat_id))

    def hello(self, welcome: Frame, fresh: bool = False) -> None:
        if fresh or self.epoch not in (None, welcome["epoch"]):
            self.clear()
        self.epoch, self.me = welcome["epoch"], welcome["me"]

    def clear(self) -> None:
        self.epoch, self.inbox_cursor = None, None
        self.chats.clear()
        self.inbox.clear()

    def disconnected(self) -> None:
        """Replies to questions under way will not come."""
        for chat in self.chats.values():
            for log in chat.logs.values():
                log.syncing = log.again = False

    def resume(self, only: Iterable[int] | None = None) -> Frame | None:
        """The cursors for hello; None before the first connection."""
        if self.epoch is None:
            return None
        wanted = self.chats if only is None else [chat for chat in only if chat in self.chats]
        chats = {str(chat): self.chats[chat].cursors() for chat in wanted}
        resume: Frame = {"epoch": self.epoch, "chats": chats}
        return resume if self.inbox_cursor is None else resume | {"inbox": self.inbox_cursor}

    def frame(self, frame: Frame) -> list[tuple[Any, ...]]:
        if "seq" in frame:
            return self._event(frame)
        data, log = frame.get("data", {}), frame.get("log", "chat")
        match frame["type"]:
            case "chat.batch":
                return self._batch(frame["chat"], log, data)
            case "chat.reset":
                self._reset(frame["chat"], log, data)
                return self._batch(frame["chat"], log, data)
            case "chat.behind":
                return self._behind(frame["chat"], log, data["head"])
            case "heartbeat":
                return self._heads(frame["heads"])
            case "receipt":
                if data["log"] == "chat" and data["chat"] in self.chats:
                    self._member(self.chats[data["chat"]], {**data["member"], **data})
            case "inbox":  # moves no cursor: a lower row that was not published may be found after a higher one
                self._rows(data["rows"])
            case "inbox.batch":
                self.inbox_page(data)
            case "inbox.behind":
                return [("command", "inbox.sync", {"cursor": self.inbox_cursor})]
            case "inbox.reset":
                self.inbox_cursor = None
                self.inbox.clear()
                return [("command", "inbox.list", {"filter": "all", "sort": "recent", "limit": 100})]
        return []

    def answer(self, kind: str, asked: Frame, data: Frame | None) -> list[tuple[Any, ...]]:
        """The reply to a command of an effect; None when it was refused for good."""
        if kind in ("inbox.list", "inbox.sync"):
            if data and not data.get("reset"):
                self.inbox_page(data, is_first=kind == "inbox.list")
            return []
        if kind == "chat.history":
            self._older(asked, data or {"events": []})
            return []
        if kind != "chat.sync":
            return []
        log = self.chat(asked["chat"]).log(asked["log"])
        again = log.again
        log.syncing = log.again = False
        if data is None:
            return []
        effects = self._take(asked["chat"], asked["log"], data["events"])
        log.head = max(log.head, data["head"])
        self._surroundings(asked["chat"], asked["log"], data)
        # A reply that has brought nothing ends it, or the two would ask and answer for ever. What counts is the cursor
        # that was asked for: a reset may have moved ours while the reply was on its way.
        if again or ((log.applied < log.head or data["more"]) and log.applied > asked["after"]):
            effects += self._sync(asked["chat"], asked["log"])
        return effects

    def history(self, chat_id: int) -> tuple[Any, ...] | None:
        """The question for the entries below what is loaded; None when there are none."""
        oldest = self.chat(chat_id).log().oldest
        return ("command", "chat.history", {"chat": chat_id, "log": "chat", "before": oldest}) if oldest > 1 else None

    def inbox_page(self, data: Frame, *, is_first: bool = False) -> None:
        """Rows with a cursor. A first page has not all up to its cursor, so it gives one only where there is none."""
        self._rows(data["rows"])
        if not is_first or self.inbox_cursor is None:
            self.inbox_cursor = max(self.inbox_cursor or 0, data["cursor"])

    def set_state(self, state: Frame) -> None:
        """A chat as some reply shows it; a picture older than another one, or than the entries we have, is ignored."""
        chat = self.chat(state["id"])
        if state["rev"] >= chat.rev and state["last_seq"] >= chat.log().applied:
            chat.state, chat.rev = {**(chat.state or {}), **state}, state["rev"]

    def _event(self, frame: Frame) -> list[tuple[Any, ...]]:
        log = self.chat(frame["chat"]).log(frame["log"])
        log.head = max(log.head, frame["seq"])
        if frame["seq"] <= log.applied:
            return []
        if frame["seq"] > log.applied + 1:
            log.held[frame["seq"]] = frame
            return self._sync(frame["chat"], frame["log"])
        return self._take(frame["chat"], frame["log"], [frame])

    def _take(self, chat_id: int, name: str, events: list[Frame]) -> list[tuple[Any, ...]]:
        chat = self.chat(chat_id)
        log, effects = chat.log(name), []
        for event in events:
            if event["seq"] > log.applied:
                log.held[event["seq"]] = event
        while log.applied + 1 in log.held:
            effects += self._apply(chat, log, log.held.pop(log.applied + 1))
        log.held = {seq: event for seq, event in log.held.items() if seq > log.applied}
        return effects

    def _apply(self, chat: Copy, log: Log, event: Frame) -> list[tuple[Any, ...]]:
        entry = event["data"]
        log.applied = event["seq"]
        log.head = max(log.head, log.applied)
        log.entries[event["seq"]] = dict(entry)
        self._change_target(log, entry)
        self._life_cycle(chat, event)
        return [("stored", entry["client_id"])] if entry["client_id"] and self._is_mine(entry["sender"]) else []

    def _change_target(self, log: Log, entry: Frame) -> None:
        """Edits and deletions carry their target's present body, so the order of applying them cannot matter."""
        target = log.entries.get(entry["target"] or 0)
        if target is None:
            return
        deleted = target["deleted"] or entry["deleted"] or entry["kind"] == "delete"
        target.update(deleted=deleted, data=None if deleted else entry["data"])

    def _life_cycle(self, chat: Copy, event: Frame) -> None:
        data = event["data"]["data"]
        if event["type"] == "chat.opened" and chat.state is None:
            chat.state = {"id": chat.id, "status": "queued", "assignee": None, "customer": event["data"]["sender"]}
        if chat.state is None:
            return
        assignee = chat.state["assignee"]
        match event["type"]:
            case "chat.closed":
                chat.state |= {"status": "closed"}
            case "chat.reopened":
                chat.state |= {"status": "active" if assignee else "queued"}
            case "chat.assigned":
                chat.state |= {"assignee": data["to"], "status": "active" if data["to"] else "queued"}

    def _is_mine(self, sender: Frame) -> bool:
        if self.me is None or self.me["kind"] == "staff":
            return sender["kind"] == "staff" and self.me is not None and sender["id"] == self.me["id"]
        return bool(sender["kind"] == "customer")

    def _batch(self, chat_id: int, name: str, data: Frame) -> list[tuple[Any, ...]]:
        chat = self.chat(chat_id)
        log = chat.log(name)
        log.head = max(log.head, data["head"])
        effects = self._take(chat_id, name, data["events"])
        self._surroundings(chat_id, name, data)
        return effects + (self._sync(chat_id, name) if log.held else [])

    def _surroundings(self, chat_id: int, name: str, data: Frame) -> None:
        """What comes with entries; after them, as the row is as new as the head."""
        self.set_state(data["state"])
        for member in data["members"] if name == "chat" else ():
            self._member(self.chat(chat_id), member)

    def _reset(self, chat_id: int, name: str, data: Frame) -> None:
        log = self.chat(chat_id).log(name)
        if data["from"] > log.applied + 1 or log.applied == 0 or data["head"] < log.applied:
            self.resets += 1
            log.entries.clear()
            log.oldest = max(1, data["from"])
            log.applied = log.oldest - 1

    def _behind(self, chat_id: int, name: str, head: int) -> list[tuple[Any, ...]]:
        log = self.chat(chat_id).log(name)
        log.head = max(log.head, head)
        log.again = log.syncing
        return self._sync(chat_id, name)

    def _heads(self, heads: Frame) -> list[tuple[Any, ...]]:
        effects: list[tuple[Any, ...]] = []
        for chat, logs in heads.items():
            for name, head in logs.items() if int(chat) in self.chats else ():
                log = self.chat(int(chat)).log(name)
                log.head = max(log.head, head)
                effects += self._sync(int(chat), name) if log.applied < head else []
        return effects

    def _sync(self, chat_id: int, name: str) -> list[tuple[Any, ...]]:
        log = self.chat(chat_id).log(name)
        if log.syncing:
            return []
        log.syncing = True
        self.syncs.append({"chat": chat_id, "log": name, "after": log.applied})
        return [("command", "chat.sync", self.syncs[-1])]

    def _older(self, asked: Frame, data: Frame) -> None:
        log = self.chat(asked["chat"]).log(asked["log"])
        if asked["before"] != log.oldest:
            return
        newer = [entry for _, entry in sorted(log.entries.items())]
        log.entries |= {event["seq"]: dict(event["data"]) for event in data["events"]}
        log.oldest = min(log.entries, default=1)
        for entry in newer:  # it may have been edited while the page was on its way
            self._change_target(log, entry)

    def _member(self, chat: Copy, member: Frame) -> None:
        key = f"{'staff' if member['kind'] == 'staff' else 'customer'}/{member['id']}"
        read, delivered = chat.members.get(key, (0, 0))
        chat.members[key] = max(read, member["read_seq"]), max(delivered, member["delivered_seq"])

    def _rows(self, rows: list[Frame]) -> None:
        for row in rows:
            if row["rev"] > self.inbox.get(row["chat"], {"rev": -1})["rev"]:
                self.inbox[row["chat"]] = row
                if row["chat"] in self.chats and self.chats[row["chat"]].state is not None:
                    shared = ("status", "subject", "customer", "assignee", "state_version", "rev", "last_seq")
                    self.set_state({"id": row["chat"], **{name: row[name] for name in shared}})


# What was written and is not yet known to be kept


@dataclass
class Row:
    """A write on its way. ``type`` and ``data`` stay as they are from the first attempt on."""

    client_id: str
    type: str
    data: Frame
    tried: bool = False
    sender: object = None  # the core that waits for the reply
    retry_at: float = 0.0

    @property
    def chat(self) -> int | None:
        return self.data.get("chat")


class Outbox:
    """The rows of one browser, whose tabs (cores) share it. A lane has one unacknowledged row at a time.

    A customer has one lane, a member of staff one per chat.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.written: list[str] = []
        self.acknowledged: dict[str, Frame] = {}
        self.failed: dict[str, Frame] = {}
        self.open_chat: int | None = None

    def add(self, row: Row) -> str:
        self.rows.append(row)
        self.written.append(row.client_id)
        return row.client_id

    def take(self, sender: object, now: float, is_staff: bool) -> list[Row]:
        """The rows that ``sender`` shall send now."""
        taken, lanes = [], set()
        for row in self.rows:
            lane = row.chat if is_staff else 0
            if lane not in lanes:
                lanes.add(lane)
                if row.sender is None and row.retry_at <= now:
                    self._address(row)
                    row.sender, row.tried = sender, True
                    taken.append(row)
        return taken

    def due(self) -> float | None:
        """When a row that was told to wait may be tried again."""
        return min((row.retry_at for row in self.rows if row.sender is None and row.retry_at), default=None)

    def stored(self, client_id: str) -> None:
        self.rows = [row for row in self.rows if row.client_id != client_id]

    def replied(self, row: Row, reply: Frame) -> None:
        self.acknowledged[row.client_id] = reply
        if row.type == "chat.open":
            self.open_chat = reply["chat"]
        self.stored(row.client_id)

    def refused(self, row: Row, error: Frame, now: float, is_staff: bool) -> None:
        row.sender = None
        if "retry_after_ms" in error:
            row.retry_at = now + error["retry_after_ms"] / 1000
        elif error["code"] == "closed" and row.type == "message.send" and not is_staff:
            self.open_chat, row.tried = None, False  # the writer says: then in a new chat
            row.type, row.data = "chat.open", {"client_id": row.client_id, "text": row.data["text"]}
        else:
            self.failed[row.client_id] = error
            self.stored(row.client_id)

    def lost(self, sender: object) -> None:
        """The connection of ``sender`` went: the fate of what it sent is unknown, so it will be sent again."""
        for row in self.rows:
            if row.sender is sender:
                row.sender = None

    def _address(self, row: Row) -> None:
        """A message without a chat goes to the open one, if we know it by now."""
        if row.type == "chat.open" and not row.tried and self.open_chat is not None and "subject" not in row.data:
            row.type, row.data = "message.send", {"chat": self.open_chat, **row.data}


# Both together


class Core:
    """A client without a socket. Methods return the frames to send.

    watch_all: staff follow every chat that their inbox shows.
    """

    def __init__(self, now: Callable[[], float], outbox: Outbox | None = None, *, watch_all: bool = False) -> None:
        self.replica, self.outbox = Replica(), outbox or Outbox()
        self.ready = False
        self.watched: set[int] = set()
        self.trace: list[Frame] | None = None  # what the replica was given, if somebody wants to know
        self.behind = 0
        self.wait_s: float | None = None  # how long a server that leaves asks us to wait
        self.was_told_to_wait = False  # by server.draining
        self._now, self._watch_all = now, watch_all
        self._asked: dict[int, tuple[str, Frame, Row | None]] = {}
        self._later: list[tuple[float, str, Frame]] = []
        self._count = 0
        self._fresh = False
        self._names = 0

    @property
    def is_staff(self) -> bool:
        return self.replica.me is not None and self.replica.me["kind"] == "staff"

    @property
    def is_quiet(self) -> bool:
        """Nothing is on its way."""
        return self.ready and not self.outbox.rows and not self._asked and not self._later

    @property
    def unanswered(self) -> list[Any]:
        """What is on its way, for whoever wonders why it is not quiet."""
        return [self.ready, *self.outbox.rows, *self._asked.values(), *self._later]

    # The connection

    def connected(self, *, fresh: bool = False, **more: Any) -> list[Frame]:
        """The socket stands: hello. ``fresh``: as somebody else, so without cursors."""
        self._count, self._fresh, self.wait_s = 0, fresh, None
        resume = None if fresh else self.replica.resume(self.watched if self.is_staff else None)
        data = {"protocol": 1, "client": "test", **({} if resume is None else {"resume": resume}), **more}
        return self._ask("hello", data)

    def disconnected(self) -> None:
        self.ready = False
        self._note(do="disconnected")
        self._asked.clear()
        self._later.clear()
        self.replica.disconnected()
        self.outbox.lost(self)

    def receive(self, frame: Frame) -> list[Frame]:
        if "reply_to" in frame:
            return self._answered(frame)
        self._note(do="frame", frame=frame)
        sending = self._run(self.replica.frame(frame))
        match frame["type"]:
            case "resumed":
                self.ready = True
                if self._watch_all:
                    sending += self._ask("inbox.list", {"filter": "all", "sort": "recent", "limit": 100})
            case "server.draining":
                self.was_told_to_wait = True
                self.wait_s = frame["data"]["after_ms"] / 1000
            case "chat.behind":
                self.behind += 1
        return sending + self._watch_new() + self.flush()

    def flush(self) -> list[Frame]:
        """What may be sent by now."""
        if not self.ready:
            return []
        now, sending = self._now(), []
        due, self._later = [one for one in self._later if one[0] <= now], [one for one in self._later if one[0] > now]
        for _, kind, data in due:
            sending += self._ask(kind, data)
        for row in self.outbox.take(self, now, self.is_staff):
            sending += self._ask(row.type, row.data, row)
        return sending

    def due(self) -> float | None:
        """When `flush` has something to do that it has not now."""
        times = [time for time, _, _ in self._later] + [time for time in [self.outbox.due()] if time is not None]
        return min(times, default=None)

    # What the person does

    def write(self, chat: int | None, text: str, client_id: str) -> None:
        """Write a message; a customer may leave the chat open."""
        data: Frame = {"client_id": client_id, "text": text}
        kind = "chat.open" if chat is None else "message.send"
        self.outbox.add(Row(client_id, kind, data if chat is None else {"chat": chat, **data}))

    def change(self, kind: str, chat: int, client_id: str, **data: Any) -> None:
        """Edit, delete, claim or close: anything else with a client_id."""
        self.outbox.add(Row(client_id, kind, {"chat": chat, "client_id": client_id, **data}))

    def watch(self, chat: int) -> list[Frame]:
        self.watched.add(chat)
        self._note(do="watch", chat=chat)
        cursors = {name: seq for name, seq in self.replica.chat(chat).cursors().items() if seq is not None}
        return self._ask("chat.watch", {"chat": chat, "after": cursors})

    def ask(self, kind: str, **data: Any) -> list[Frame]:
        return self._ask(kind, data)

    def tell(self, kind: str, **data: Any) -> list[Frame]:
        """A command that wants no reply."""
        return [{"type": kind, "data": data}]

    def load_history(self, chat: int) -> list[Frame]:
        question = self.replica.history(chat)
        return self._ask(*question[1:]) if question else []

    # Within

    def _ask(self, kind: str, data: Frame, row: Row | None = None) -> list[Frame]:
        self._count += 1
        self._asked[self._count] = kind, data, row
        return [{"id": self._count, "type": kind, "data": data}]

    def _answered(self, frame: Frame) -> list[Frame]:
        kind, asked, row = self._asked.pop(frame["reply_to"])
        error, data = frame.get("error"), frame.get("data")
        if kind == "hello":
            if error is None:
                self._note(do="hello", welcome=data, fresh=self._fresh)
                self.replica.hello(data, self._fresh)
            known = self.is_staff and data and asked.get("resume", {}).get("epoch") == data["epoch"]
            return [] if known else [one for chat in sorted(self.watched) for one in self.watch(chat)]
        sending = []
        if row is not None:
            if error is None:
                self.outbox.replied(row, data)
                if "seq" in data:  # the event comes before the answer, so what we have not got by now we ask for
                    heads = {"type": "heartbeat", "heads": {str(data["chat"]): {"chat": data["seq"]}}}
                    self._note(do="frame", frame=heads)
                    sending = self._run(self.replica.frame(heads))
            else:
                self.outbox.refused(row, error, self._now(), self.is_staff)
        if error is None and isinstance(data.get("state"), dict):
            self._note(do="state", state=data["state"])
            self.replica.set_state(data["state"])
        if error is None and isinstance(data.get("me"), dict):
            self._note(do="me", me=data["me"])
            self.replica.me = data["me"]
        if row is None and error is not None and "retry_after_ms" in error:
            self._later.append((self._now() + error["retry_after_ms"] / 1000, kind, asked))
            return []
        self._note(do="answer", asked={"type": kind, "data": asked}, data=data, error=error)
        return sending + self._run(self.replica.answer(kind, asked, data)) + self._watch_new() + self.flush()

    def _note(self, **step: Any) -> None:
        if self.trace is not None:
            self.trace.append(json.loads(json.dumps(step)))

    def _run(self, effects: list[tuple[Any, ...]]) -> list[Frame]:
        sending = []
        for effect in effects:
            if effect[0] == "stored":
                self.outbox.stored(effect[1])
            else:
                sending += self._ask(effect[1], effect[2])
        return sending

    def _watch_new(self) -> list[Frame]:
        if not self._watch_all or not self.ready:
            return []
        return [one for chat in sorted(self.replica.inbox.keys() - self.watched) for one in self.watch(chat)]


# On a real socket

STOP_CODES = range(4400, 4500)
FRESH_CODES = range(4200, 4300)


class Client(Core):
    """A person's tab: connects, comes back after every loss, and goes on. `start` it, `stop` it.

    first_s, longest_s: the back-off, which is shorter than a browser's so that tests do not wait for it.
    """

    def __init__(
        self, http: aiohttp.ClientSession, url: str, token: str, *, audience: str = "shop", watch_all: bool = False,
        outbox: Outbox | None = None, seed: int = 0, first_s: float = 0.05, longest_s: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__(asyncio.get_running_loop().time, outbox, watch_all=watch_all)
        self.url, self.token = url, token
        self.codes: list[int | None] = []
        self.random = random.Random(seed)
        self._http, self._audience = http, audience
        self._first_s, self._longest_s = first_s, longest_s
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._unsent: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def say(self, frames: Iterable[Frame] = ()) -> None:
        """Send these frames and whatever else may go now."""
        for frame in (*frames, *self.flush()):
            self._unsent.put_nowait(frame)
        if self.due() is not None:
            self._unsent.put_nowait(None)  # the writer must learn until when to wait

    def send(self, chat: int | None, text: str) -> str:
        """Write a message and send it as soon as possible; returns its client_id."""
        client_id = self.new_id()
        self.write(chat, text, client_id)
        self.say()
        return client_id

    def new_id(self) -> str:
        return f"{self.random.getrandbits(96):024x}"

    def cut(self) -> None:
        """Tear the connection, as a network does: nobody is told."""
        connection = None if self._socket is None else self._socket._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait until ``condition()`` holds; it is looked at after every frame."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def _live(self) -> None:
        attempt, fresh = 0, False
        while True:
            code = None
            try:
                code = await self._connect(fresh)
                attempt = 0
            except (aiohttp.ClientError, OSError, TimeoutError):
                attempt += 1
            self.codes.append(code)
            self.disconnected()
            self._changed.set()
            if code in STOP_CODES:
                return
            fresh = code in FRESH_CODES
            wait_s = self.random.uniform(0, min(self._longest_s, self._first_s * 2**attempt))
            await asyncio.sleep(0 if fresh else wait_s if self.wait_s is None else self.wait_s)

    async def _connect(self, fresh: bool) -> int | None:
        """One connection from hello to its end; returns the close code."""
        query = "?as=staff" if self._audience == "staff" else ""
        headers = {"Authorization": f"Bearer {self.token}"}
        connecting = self._http.ws_connect(
            f"{self.url}/ws{query}", protocols=("cts.v1",), headers=headers, max_msg_size=0
        )
        async with asyncio.timeout(10):
            self._socket = socket = await connecting
        self._unsent = asyncio.Queue()
        self.say(self.connected(fresh=fresh))
        writing = asyncio.create_task(self._write(socket))
        try:
            async for message in socket:
                self.say(self.receive(json.loads(message.data)))
                self._changed.set()
            return socket.close_code
        finally:
            self._socket = None
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await socket.close()

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while True:
                due, now = self.due(), self._now()
                try:
                    async with asyncio.timeout(None if due is None else max(0.0, due - now)):
                        frame = await self._unsent.get()
                except TimeoutError:
                    self.say()
                    continue
                if frame is not None:
                    await socket.send_str(json.dumps(frame))
