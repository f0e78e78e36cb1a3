"""Catching up from the database: whatever was missed, the reader ends with the whole log, once and in order."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.actor import Actor
from app.errors import NotFound
from app.services.chat_log import LogWrite
from db.database import Done
from tests.storage.conftest import Desk, MakeDesk, guest, manager
from ws.protocol import LogKey
from ws.resume import BATCH_ENTRIES, RESET_ENTRIES, RESUME_ENTRIES, Page, Step, plan_resume, plan_step

Events = list[dict[str, Any]]


def read_frame(page: Page) -> dict[str, Any]:
    """The message in a frame of the server."""
    size = page.frame[1]
    message: dict[str, Any] = json.loads(page.frame[2 if size < 126 else 4 if size == 126 else 10 :])
    return message


async def fill(desk: Desk, chat_id: int, count: int, text: str = "Слово", log: str = "chat") -> None:
    """Append so many messages of the guest at once."""

    def work(session: Session) -> Done[None]:
        write = LogWrite(session.connection(), desk.clock.now())
        write.load([chat_id])
        for number in range(count):
            write.add(
                write.chats[chat_id], "message", "customer", 5, log=log, client_id=f"{log}-{number}-{desk.clock.ahead}",
                body_hash="", data={"text": f"{text} {number}"},
            )  # fmt: skip
        return Done(None, write.store())

    await desk.messanger.write(work)
    desk.clock.advance(1)


class Reader:
    """A client's copy of one log, kept by the client's rule: no gap, no double."""

    def __init__(self, desk: Desk, actor: Actor, key: LogKey) -> None:
        self.desk, self.actor, self.key = desk, actor, key
        self.shown: dict[int, Any] = {}  # seq → data of the message, as it is to be seen now
        self.first, self.applied = 1, 0

    def apply(self, events: Events) -> None:
        for event in events:
            if event["seq"] <= self.applied:
                continue
            assert event["seq"] == self.applied + 1, "a gap"
            self.applied = event["seq"]
            self.show(event)

    def show(self, event: dict[str, Any]) -> None:
        message = event["data"]
        self.shown[event["seq"]] = message["data"]
        if message["target"] is not None and message["target"] in self.shown:
            self.shown[message["target"]] = message["data"]

    async def resume(self) -> Step:
        """What hello does for this log; returns what it was."""
        head = (await self.desk.chat(self.key[0])).head(self.key[1])
        step = plan_step(self.key, self.applied or None, head)
        await self.follow(step)
        return step

    async def follow(self, step: Step) -> None:
        frame = read_frame(await self.desk.reader.read_step(self.actor, step))
        data = frame["data"]
        assert (frame["type"], frame["chat"], frame["log"]) == (f"chat.{step.kind}", *self.key)
        assert data["head"] >= step.head and data["to"] == step.after + len(data["events"])
        if step.kind == "reset":
            self.shown, self.first, self.applied = {}, step.after + 1, step.after
        self.apply(data["events"])

    async def sync(self) -> int:
        """Pages until the head; returns how many."""
        pages = 0
        more = True
        while more:
            page = await self.desk.reader.sync(self.actor, self.key, self.applied)
            assert page["events"] or not page["more"]
            self.apply(page["events"])
            pages, more = pages + 1, page["more"]
        return pages

    async def scroll_up(self) -> int:
        """Pages until the beginning; returns how many."""
        pages = 0
        more = self.first > 1
        while more:
            page = await self.desk.reader.history(self.actor, self.key, self.first)
            seqs = [event["seq"] for event in page["events"]]
            assert seqs == list(range(self.first - len(seqs), self.first))
            for event in page["events"]:
                self.shown[event["seq"]] = event["data"]["data"]
            self.first = seqs[0]
            pages, more = pages + 1, page["more"]
        return pages

    async def require_whole(self) -> None:
        """The copy shows what the database has, from the first entry to the last."""
        events = await self.desk.events(await self.desk.log(*self.key))
        assert [event["seq"] for event in events] == sorted(self.shown)
        assert {event["seq"]: event["data"]["data"] for event in events} == self.shown


MakeReader = Callable[..., Awaitable[Reader]]


@pytest.fixture
async def chat(desk: Desk) -> int:
    return await desk.open(guest(), "Здравствуйте!")


@pytest.mark.parametrize(
    ("missed", "kind"), [(0, "batch"), (1, "batch"), (200, "batch"), (201, "reset"), (20_000, "reset")]
)
async def test_reader_has_everything_after_an_absence(desk: Desk, chat: int, missed: int, kind: str) -> None:
    reader = Reader(desk, guest(), (chat, "chat"))
    assert (await reader.resume()).kind == "reset"
    if missed:
        await fill(desk, chat, missed)

    step = await reader.resume()

    assert step.kind == kind
    assert reader.applied == 2 + missed
    pages = await reader.scroll_up()
    assert pages == (0 if kind == "batch" else -(-(2 + missed - RESET_ENTRIES) // 100))
    await reader.require_whole()


async def test_edits_and_deletions_among_what_was_missed_are_seen(desk: Desk, chat: int) -> None:
    """Of entries read before, of entries missed, and twice of the same."""
    reader = Reader(desk, guest(), (chat, "chat"))
    await desk.send(guest(), chat, "a", "Один")
    await desk.send(guest(), chat, "b", "Два")
    await reader.resume()

    await desk.chats.edit(guest(), chat, 3, "e1", "Раз")
    await desk.send(guest(), chat, "c", "Три")
    await desk.chats.edit(guest(), chat, 6, "e2", "Три!")
    await desk.chats.edit(guest(), chat, 3, "e3", "Раз!")
    await desk.chats.edit(guest(), chat, 4, "d", None)
    assert (await reader.resume()).kind == "batch"

    assert [reader.shown[seq] for seq in (3, 4, 6)] == [{"text": "Раз!"}, None, {"text": "Три!"}]
    await reader.require_whole()


async def test_old_pages_show_no_deleted_text(desk: Desk, chat: int) -> None:
    await desk.send(guest(), chat, "a", "Секрет")
    await desk.chats.edit(guest(), chat, 3, "e", "Секрет!")
    await fill(desk, chat, 300)
    await desk.chats.edit(guest(), chat, 3, "d", None)
    reader = Reader(desk, guest(), (chat, "chat"))

    await reader.resume()
    await reader.scroll_up()

    assert "Секрет" not in str(reader.shown)
    await reader.require_whole()


async def test_cursor_above_the_head_is_from_another_history(desk: Desk, chat: int) -> None:
    reader = Reader(desk, guest(), (chat, "chat"))
    reader.applied = 50

    assert (await reader.resume()).kind == "reset"
    await reader.require_whole()


async def test_commits_between_plan_and_page_are_in_the_page_or_still_to_come(make_desk: MakeDesk) -> None:
    """The head was read, then others wrote; what the page does not hold, the live events that were held back do."""
    desk, other = await make_desk(), await make_desk()
    chat = await desk.open(guest(), "Раз")
    reader = Reader(desk, guest(), (chat, "chat"))
    await reader.resume()
    for missed, between in ((1, 1), (199, 5), (200, 5), (201, 60)):
        await fill(desk, chat, missed)
        step = plan_step(reader.key, reader.applied, (await desk.chat(chat)).last_seq)
        other.published.clear()
        await asyncio.gather(*(other.send(guest(), chat, f"{missed}-{n}", "Между") for n in range(between)))

        await reader.follow(step)
        live = [event.entry for event in other.published if hasattr(event, "entry")]
        reader.apply(await desk.events(live))

        assert reader.applied == (await desk.chat(chat)).last_seq
        await reader.scroll_up()
        await reader.require_whole()


async def test_budget_of_one_resume_leaves_the_rest_behind(desk: Desk) -> None:
    """The focused chat comes first; what is behind is fetched page by page."""
    chats = [await desk.open(guest(number)) for number in range(10, 22)]
    for chat in chats:
        await fill(desk, chat, 150)
    cursors: dict[LogKey, int | None] = {(chat, "chat"): 1 for chat in chats}
    heads = {key: 151 for key in cursors}

    steps = plan_resume(cursors, heads, focus=chats[-1])

    assert steps[0].key == (chats[-1], "chat")
    sent = [step for step in steps if step.kind != "behind"]
    assert sum(step.head - step.after for step in sent) <= RESUME_ENTRIES
    assert len(steps) == 12 and len(sent) == 6
    for step in steps:
        reader = Reader(desk, manager(), step.key)
        reader.apply((await desk.reader.history(manager(), step.key, 2))["events"])
        if step.kind == "batch":
            await reader.follow(step)
        else:
            assert await reader.sync() == 1
        await reader.require_whole()


@pytest.mark.parametrize("missed", [60, 200])
async def test_long_texts_are_cut_into_pages(desk: Desk, chat: int, missed: int) -> None:
    await fill(desk, chat, missed, text="Ж" * 3900)
    reader = Reader(desk, guest(), (chat, "chat"))
    reader.apply((await desk.reader.history(guest(), reader.key, 3))["events"])

    page = await desk.reader.read_step(guest(), Step(reader.key, "batch", 2, missed + 2))
    assert page.to < missed + 2 and len(page.frame) < 280 * 1024
    reader.apply(read_frame(page)["data"]["events"])
    assert await reader.sync() >= 1
    await reader.require_whole()

    reset = Reader(desk, guest(), reader.key)
    await reset.follow(plan_step(reader.key, None, missed + 2))
    await reset.sync()
    await reset.scroll_up()
    await reset.require_whole()


async def test_page_tells_who_has_read_how_far(desk: Desk, chat: int) -> None:
    desk.chats.marks.raise_to((chat, "chat"), "staff", 7, read=1, delivered=2)
    desk.chats.marks.raise_to((chat, "notes"), "staff", 7, read=0)
    await desk.chats.marks.flush()

    frame = read_frame(await desk.reader.read_step(guest(), Step((chat, "chat"), "batch", 2, 2)))

    assert frame["data"]["members"] == [{"kind": "staff", "id": 7, "read_seq": 1, "delivered_seq": 2}]


# Who may see what


async def reads(desk: Desk, actor: Actor, key: LogKey) -> list[Any]:
    """Every way to read a log."""
    reader = desk.reader
    calls = (
        reader.read_step(actor, Step(key, "batch", 0, 2)), reader.read_step(actor, Step(key, "reset", 0, 2)),
        reader.sync(actor, key, 0), reader.history(actor, key, 10),
        reader.list_messages(actor, key, after=None, before=None, limit=10),
        reader.list_messages(actor, key, after=0, before=None, limit=10),
    )  # fmt: skip
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_stranger_reads_nothing(desk: Desk, chat: int) -> None:
    assert not any(isinstance(result, Exception) for result in await reads(desk, guest(5), (chat, "chat")))

    for number in (chat, 10**6):
        for actor in (guest(6), Actor("guest", None), Actor()):
            assert all(isinstance(result, NotFound) for result in await reads(desk, actor, (number, "chat")))
    with pytest.raises(NotFound):
        await desk.reader.get(guest(6), chat)
    assert await desk.reader.list_own(guest(6)) == []


async def test_customer_reads_no_notes(desk: Desk, chat: int) -> None:
    await fill(desk, chat, 3, text="Между нами", log="notes")
    assert "Между нами" in str(await reads(desk, manager(), (chat, "notes")))

    assert all(isinstance(result, NotFound) for result in await reads(desk, guest(5), (chat, "notes")))
    assert "Между нами" not in str(await reads(desk, guest(5), (chat, "chat")))


# The inbox


async def pages_of(desk: Desk, which: Any, sort: Any, limit: int) -> list[int]:
    """The chats of all pages, as they come."""
    chats: list[int] = []
    after: int | None = None
    while True:
        page = await desk.reader.list_inbox(manager(), which, sort, after, limit)
        chats += [row["chat"] for row in page["rows"]]
        if not page["more"]:
            return chats
        after = chats[-1]


async def test_inbox_pages_show_every_chat_once_in_order(desk: Desk) -> None:
    """Some waiting, some answered, some of them in the same millisecond, some closed, some mine."""
    chats = []
    for number in range(24):
        chats.append(await desk.open(guest(100 + number), "Вопрос"))
        if number % 3:
            desk.clock.advance(1)
        if number % 4 == 1:
            await desk.send(manager(7), chats[-1], f"a{number}", "Ответ")
        if number % 6 == 5:
            await desk.chats.close(manager(7), chats[-1])
    rows = {chat: await desk.chat(chat) for chat in chats}
    still_open = [chat for chat in chats if rows[chat].status != "closed"]
    recent = sorted(still_open, key=lambda chat: (rows[chat].last_entry_time, chat), reverse=True)
    waiting = sorted(
        (chat for chat in still_open if rows[chat].waiting_since), key=lambda chat: (rows[chat].waiting_since, chat)
    )
    closed = sorted(set(chats) - set(still_open), key=lambda chat: (rows[chat].last_entry_time, chat), reverse=True)
    mine = [chat for chat in recent if rows[chat].service_person_id == 7]

    for limit in (1, 5, 100):
        assert await pages_of(desk, "all", "recent", limit) == recent
        assert await pages_of(desk, "all", "waiting", limit) == waiting + [c for c in recent if c not in waiting]
        assert await pages_of(desk, "closed", "recent", limit) == closed
        assert await pages_of(desk, "mine", "recent", limit) == mine
        assert await pages_of(desk, "queue", "waiting", limit) == [c for c in waiting if c not in mine]
    counts = (await desk.reader.list_inbox(manager(7), "all", "recent", None, 1))["counts"]
    assert (counts["all"], counts["mine"]) == (len(still_open), len(mine))


async def test_inbox_sync_gives_every_row_that_changed_and_no_other(desk: Desk) -> None:
    chats = [await desk.open(guest(100 + number), "Вопрос") for number in range(10)]
    listed = await desk.reader.list_inbox(manager(), "all", "waiting", None, 100)
    assert (await desk.reader.sync_inbox(manager(), listed["cursor"]) or {})["rows"] == []

    await desk.send(guest(103), chats[3], "a")
    await desk.chats.close(manager(), chats[5])
    desk.chats.marks.raise_to((chats[3], "chat"), "staff", 7, read=2)
    await desk.chats.marks.flush()
    synced = await desk.reader.sync_inbox(manager(7), listed["cursor"])

    assert synced is not None
    assert [(row["chat"], row["status"]) for row in synced["rows"]] == [(chats[3], "queued"), (chats[5], "closed")]
    assert synced["reads"] == {str(chats[3]): 2}
    assert (await desk.reader.sync_inbox(manager(), synced["cursor"]) or {})["rows"] == []


async def test_inbox_cursor_that_is_far_behind_or_ahead_lists_afresh(desk: Desk) -> None:
    def work(session: Session) -> Done[None]:
        for number in range(2001):
            write = LogWrite(session.connection(), desk.clock.now())
            write.change(write.open(1000 + number, ""))
            write.store()
        return Done(None)

    await desk.messanger.write(work)
    cursor = (await desk.reader.list_inbox(manager(), "all", "recent", None, 1))["cursor"]

    assert await desk.reader.sync_inbox(manager(), 0) is None
    assert await desk.reader.sync_inbox(manager(), cursor + 1) is None
    assert len((await desk.reader.sync_inbox(manager(), cursor - 2000) or {})["rows"]) == 2000


def test_budget_is_less_than_a_reset_of_everything() -> None:
    """A resume of two hundred chats that all need a reset is cut short, not sent whole."""
    cursors: dict[LogKey, int | None] = {(chat, "chat"): None for chat in range(1, 201)}

    steps = plan_resume(cursors, {key: 10_000 for key in cursors}, focus=None)

    kinds = [step.kind for step in steps]
    assert kinds.count("reset") == RESUME_ENTRIES // RESET_ENTRIES
    assert kinds.count("behind") == 200 - RESUME_ENTRIES // RESET_ENTRIES
    assert BATCH_ENTRIES < RESUME_ENTRIES
