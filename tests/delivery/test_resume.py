"""Coming back: after a second or a month, with others writing at every moment of it, there is no gap and no double."""

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from app.actor import Actor
from app.keys import CHATS, DATABASES
from app.schemas.chats import ChatIn, MessageIn
from app.services.chat_reader import ChatReader
from tests.conftest import Person, Shop, open_shop
from tests.delivery.conftest import MakeTab
from tests.delivery.people import Tab, fill, read_entries, require_equal, seen, shape
from ws.connection import Connection
from ws.resume import BATCH_ENTRIES, RESET_ENTRIES, RESUME_BYTES, RESUME_ENTRIES


async def open_chat(person: Person) -> tuple[int, int]:
    """A chat of this guest with one message in it: (chat, the guest's id)."""
    async with person.socket() as socket:
        opened = await socket.command("chat.open", client_id="opening", text="Здравствуйте!")
    return int(opened["chat"]), int(opened["me"]["id"])


async def open_chats(shop: Shop, number: int) -> list[tuple[int, int]]:
    """Chats of as many customers, made by the service itself: (chat, customer)."""
    chats = []
    for index in range(number):
        customer = 10_000 + index
        form = ChatIn(client_id="opening", text="Здравствуйте!")
        chat, _, _ = await shop.app[CHATS].open(Actor("guest", customer), form)
        chats.append((chat.id, customer))
    return chats


@pytest.mark.parametrize(
    ("missed", "kind"),
    [
        (0, "chat.batch"),
        (1, "chat.batch"),
        (BATCH_ENTRIES, "chat.batch"),
        (BATCH_ENTRIES + 1, "chat.reset"),
        pytest.param(20_000, "chat.reset", marks=pytest.mark.slow),
    ],
)
async def test_a_customer_who_missed_entries_has_them_all_after_one_hello(
    shop: Shop, make_tab: MakeTab, missed: int, kind: str
):
    guest = await shop.guest()
    chat, customer = await open_chat(guest)
    tab = make_tab(guest)
    await tab.connect()
    await tab.disconnect()
    if missed:
        await fill(shop, chat, customer, missed)

    await tab.connect()

    assert tab.types(chat) == [kind, "resumed"]
    head = 2 + missed
    assert tab.copy(chat).log().applied == head
    shown = tab.copy(chat).log().entries
    assert len(shown) == (head if kind == "chat.batch" else RESET_ENTRIES)
    await require_equal(shop, tab, chat)


@pytest.mark.parametrize("missed", [0, 1, BATCH_ENTRIES, BATCH_ENTRIES + 1])
async def test_staff_who_missed_entries_and_notes_have_them_all_by_hello_and_by_watch(
    shop: Shop, make_tab: MakeTab, missed: int
):
    guest, staff = await shop.guest(), await shop.staff()
    chat, customer = await open_chat(guest)
    resumed, watching = make_tab(staff), make_tab(staff)
    for tab in (resumed, watching):
        await tab.connect()
        await tab.say(tab.core.watch(chat))
        await tab.until(lambda tab=tab: tab.core.is_quiet)
        await tab.disconnect()
    if missed:
        await fill(shop, chat, customer, missed)
        await fill(shop, chat, customer, missed, log="notes")

    await resumed.connect()
    watching.core.watched.clear()  # so that hello names no chat
    await watching.connect()
    await watching.say(watching.core.watch(chat))
    await watching.until(lambda: watching.core.is_quiet)

    for tab in (resumed, watching):
        assert tab.copy(chat).log("chat").applied == 2 + missed
        assert tab.copy(chat).log("notes").applied == missed
        await require_equal(shop, tab, chat)


@pytest.mark.slow
async def test_a_cursor_far_behind_converges_by_sync_alone(shop: Shop, make_tab: MakeTab):
    """What a client does whose resume went over the budget: 20,000 entries, page by page."""
    guest = await shop.guest()
    chat, customer = await open_chat(guest)
    tab = make_tab(guest)
    await tab.connect()
    await fill(shop, chat, customer, 20_000)

    await tab.say(tab.core.receive({"type": "chat.behind", "chat": chat, "log": "chat", "data": {"head": 20_002}}))
    await tab.until_applied(chat, 20_002)

    stored = await read_entries(shop, chat)
    assert seen(tab.copy(chat)) == [shape(entry) for entry in stored]
    assert tab.core.replica.resets == 1  # the first load


async def test_cursors_of_another_epoch_are_worth_nothing(shop: Shop, make_tab: MakeTab):
    guest = await shop.guest()
    chat, customer = await open_chat(guest)
    await fill(shop, chat, customer, 30)
    tab = make_tab(guest)
    await tab.connect()
    await tab.disconnect()
    tab.core.replica.epoch = "e-of-a-backup"
    tab.core.replica.chat(chat).log().applied = 25

    await tab.connect()

    assert tab.types(chat) == ["chat.reset", "resumed"]
    assert tab.core.replica.epoch != "e-of-a-backup"
    await require_equal(shop, tab, chat)


async def test_a_cursor_above_the_head_is_reset(shop: Shop, make_tab: MakeTab):
    guest = await shop.guest()
    chat, _ = await open_chat(guest)
    tab = make_tab(guest)
    await tab.connect()
    await tab.disconnect()
    tab.core.replica.chat(chat).log().applied = 500

    await tab.connect()

    assert tab.types(chat) == ["chat.reset", "resumed"]
    await require_equal(shop, tab, chat)


# With others writing at every moment of it

HOOKS = {
    "hello": ("greet", "list_own", "list_watchable", "read_step", "sync_inbox", "drained"),
    "chat.watch": ("get", "read_step", "drained"),
    "chat.sync": ("sync", "drained"),
}
EACH = [(command, hook) for command, hooks in HOOKS.items() for hook in (*hooks, "all")]


@asynccontextmanager
async def commits_at(
    monkeypatch: pytest.MonkeyPatch, hooks: tuple[str, ...], commit: Callable[[], Awaitable[None]]
) -> Any:
    """Commit something before and after each of these awaits, as if somebody had written just then."""
    with monkeypatch.context() as patch:
        for hook in hooks:
            owner = Connection if hook == "drained" else ChatReader
            patch.setattr(owner, hook, _surrounded(getattr(owner, hook), commit))
        yield


def _surrounded(original: Any, commit: Callable[[], Awaitable[None]]) -> Any:
    async def surrounded(*arguments: Any, **options: Any) -> Any:
        await commit()
        result = await original(*arguments, **options)
        await commit()
        return result

    return surrounded


class Writer:
    """Somebody who writes into a chat just now. ``is_told``: whether it is published, or left to the sweeper."""

    def __init__(self, shop: Shop, chat: int, customer: int, *, is_told: bool) -> None:
        self.count = 0
        self._shop, self._chat, self._actor, self._is_told = shop, chat, Actor("guest", customer), is_told
        self._numbers = count(1)

    async def __call__(self) -> None:
        messanger = self._shop.app[DATABASES].messanger
        publish = messanger.publish
        if not self._is_told:
            messanger.publish = lambda events: None
        try:
            number = next(self._numbers)
            form = MessageIn(client_id=f"meanwhile-{number}", text=f"тем временем {number}")
            await self._shop.app[CHATS].send(self._actor, self._chat, form)
            self.count += 1
        finally:
            messanger.publish = publish


@pytest.mark.parametrize("is_told", [True, False], ids=["published", "found by the sweeper"])
@pytest.mark.parametrize(("command", "hook"), EACH)
async def test_what_is_committed_while_catching_up_is_neither_lost_nor_doubled(
    shop: Shop, make_tab: MakeTab, monkeypatch: pytest.MonkeyPatch, command: str, hook: str, is_told: bool
):
    guest, staff = await shop.guest(), await shop.staff()
    chat, customer = await open_chat(guest)
    is_staffs = command == "chat.watch" or hook in ("list_watchable", "sync_inbox")
    tab = make_tab(staff if is_staffs else guest)
    await tab.connect()
    if is_staffs:
        await tab.say(tab.core.watch(chat))
        await tab.say(tab.core.ask("inbox.list", filter="all", sort="recent", limit=10))
        await tab.until(lambda: tab.core.is_quiet)
    meanwhile = Writer(shop, chat, customer, is_told=is_told)
    hooks = HOOKS[command] if hook == "all" else (hook,)

    if command == "hello":
        await tab.disconnect()
        await fill(shop, chat, customer, 5)
        async with commits_at(monkeypatch, hooks, meanwhile):
            await tab.connect()
    else:
        await fill(shop, chat, customer, 5)
        question = tab.core.watch(chat) if command == "chat.watch" else [sync_of(tab, chat)]
        async with commits_at(monkeypatch, hooks, meanwhile):
            await tab.say(question)
            await tab.until(lambda: not tab.core._asked)

    assert meanwhile.count >= (0 if hook == "drained" and command == "chat.sync" else 2), "the hook was not passed"
    await tab.until_applied(chat, 2 + 5 + meanwhile.count)
    await meanwhile()  # and it goes on live
    await tab.until_applied(chat, 2 + 5 + meanwhile.count)
    await require_equal(shop, tab, chat)


def sync_of(tab: Tab, chat: int) -> Any:
    """The question that a replica asks which was told to be behind."""
    return tab.core.receive({"type": "chat.behind", "chat": chat, "log": "chat", "data": {"head": 7}})[0]


# Over the budget of one resume


async def watch_all(tab: Tab, chats: list[int]) -> None:
    await tab.connect()
    for chat in chats:
        await tab.say(tab.core.watch(chat))
    await tab.until(lambda: tab.core.is_quiet)


async def require_live(shop: Shop, tab: Tab, chats: list[tuple[int, int]]) -> None:
    """Everything is there, nobody is behind any more, and what is written next comes by itself."""
    await tab.until(lambda: tab.core.is_quiet)
    for chat, customer in chats:
        await require_equal(shop, tab, chat)
        await Writer(shop, chat, customer, is_told=True)()
    for chat, _ in chats:
        await tab.until_applied(chat, len(await read_entries(shop, chat)))
        await require_equal(shop, tab, chat)


async def test_more_entries_than_one_resume_takes_are_fetched_by_sync(shop: Shop, make_tab: MakeTab):
    chats, staff = await open_chats(shop, 15), await shop.staff()
    tab = make_tab(staff)
    await watch_all(tab, [chat for chat, _ in chats])
    await tab.disconnect()
    for chat, customer in chats[:12]:  # and three that have missed nothing
        await fill(shop, chat, customer, 100)

    await tab.connect()

    batches = [frame for frame in tab.arrived if frame.get("type") == "chat.batch"]
    behind = [frame for frame in tab.arrived if frame.get("type") == "chat.behind"]
    assert sum(len(frame["data"]["events"]) for frame in batches) == RESUME_ENTRIES
    assert len(behind) == 2
    await require_live(shop, tab, chats)


async def test_more_bytes_than_one_resume_takes_are_fetched_by_sync(shop: Shop, make_tab: MakeTab):
    chats, staff = await open_chats(shop, 4), await shop.staff()
    tab = make_tab(staff)
    await watch_all(tab, [chat for chat, _ in chats])
    await tab.disconnect()
    for chat, customer in chats:
        await fill(shop, chat, customer, 100, text="Ж" * 2000)  # 400 KB each

    await tab.connect()

    batches = [frame for frame in tab.arrived if frame.get("type") == "chat.batch"]
    behind = {frame["chat"] for frame in tab.arrived if frame.get("type") == "chat.behind"}
    sent = sum(len(str(frame).encode()) for frame in batches if frame["data"]["events"])
    assert RESUME_BYTES / 2 < sent < 2 * RESUME_BYTES
    assert behind  # also those whose page was cut short
    await require_live(shop, tab, chats)


@pytest.mark.slow
async def test_a_resume_of_two_hundred_chats_converges(shop: Shop, make_tab: MakeTab):
    chats, staff = await open_chats(shop, 200), await shop.staff()
    tab = make_tab(staff)
    await watch_all(tab, [chat for chat, _ in chats])
    await tab.disconnect()
    for chat, customer in chats:
        await fill(shop, chat, customer, 10)

    await tab.connect()

    kinds = tab.types(None)
    assert kinds[-1] == "resumed"
    types = [frame["type"] for frame in tab.arrived if frame.get("log") == "chat" and "chat" in frame]
    assert types.count("chat.batch") == 100 and types.count("chat.behind") == 100
    await tab.until(lambda: tab.core.is_quiet)
    for chat, _ in chats:
        assert seen(tab.copy(chat)) == [shape(entry) for entry in await read_entries(shop, chat)]


async def test_the_chat_in_focus_comes_first(shop: Shop, make_tab: MakeTab):
    chats, staff = await open_chats(shop, 5), await shop.staff()
    tab = make_tab(staff)
    await watch_all(tab, [chat for chat, _ in chats])
    await tab.disconnect()

    focus = chats[2][0]
    resume = {**(tab.core.replica.resume(tab.core.watched) or {}), "focus": focus}
    await tab.connect(resume=resume)

    assert next(frame["chat"] for frame in tab.arrived if frame.get("type") == "chat.batch") == focus


# What a tab must hear of although it was not there, or was just coming


async def test_a_tab_that_was_just_connecting_when_its_guest_first_wrote_hears_of_it(shop: Shop):
    """It was admitted when the guest had no id, and said hello when there was one."""
    guest = await shop.guest()
    async with guest.socket() as first, guest.socket(hello=False) as second:
        opened = await first.command("chat.open", client_id="opening", text="Здравствуйте!")
        await second.hello()
        assert second.welcome["me"]["id"] == opened["me"]["id"]

        await first.command("message.send", chat=opened["chat"], client_id="next", text="Ещё одно")

        assert (await second.event("message.created", seq=3))["data"]["data"]["text"] == "Ещё одно"


async def test_a_closed_chat_that_is_reopened_reaches_a_tab_that_never_showed_it(shop: Shop, make_tab: MakeTab):
    guest, staff = await shop.guest(), await shop.staff()
    async with guest.socket() as socket:
        old = (await socket.command("chat.open", client_id="1", text="Первый"))["chat"]
        await socket.command("chat.close", chat=old)
        new = (await socket.command("chat.open", client_id="2", text="Второй"))["chat"]
        await socket.command("chat.close", chat=new)
    tab = make_tab(guest)
    await tab.connect()
    assert list(tab.core.replica.chats) == [new]

    async with staff.socket() as desk:
        await desk.command("chat.reopen", chat=old)

    await tab.until_applied(old, 4)
    await require_equal(shop, tab, old)


@pytest.mark.parametrize("what", ["opened", "reopened"])
async def test_what_was_never_published_reaches_the_customer_within_the_sweep(
    tmp_path: Any, make_tab: MakeTab, what: str
):
    async with open_shop(tmp_path / "data", sweep_s=0.05) as shop:
        guest = await shop.guest()
        chat, customer = await open_chat(guest)
        chats, publish = shop.app[CHATS], shop.app[DATABASES].messanger.publish
        await chats.close(Actor("guest", customer), chat)
        if what == "reopened":  # not the one that a first hello shows
            newer, _, _ = await chats.open(Actor("guest", customer), ChatIn(client_id="newer"))
            await chats.close(Actor("guest", customer), newer.id)
        tab = make_tab(guest)
        await tab.connect()

        shop.app[DATABASES].messanger.publish = lambda events: None
        staff = Actor("staff", 1, "Анна", "owner", session="-", audience="staff")
        if what == "opened":
            opened, _, _ = await chats.open(staff, ChatIn(client_id="ours", text="Добрый день", customer=customer))
            chat = opened.id
        else:
            await chats.reopen(staff, chat, None, None)
        shop.app[DATABASES].messanger.publish = publish

        await tab.until_applied(chat, len(await read_entries(shop, chat)))
        await require_equal(shop, tab, chat)
        await tab.disconnect()
