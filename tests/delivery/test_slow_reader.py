"""A client that does not read: it costs a bounded amount of memory, harms nobody, and has everything once it reads."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.actor import Actor
from app.keys import CHATS, HUB, READER
from app.schemas.chats import MessageIn
from tests.client import Core
from tests.conftest import Person, Shop, open_shop
from tests.delivery.conftest import MakeTab
from tests.delivery.frozen import FrozenSocket
from tests.delivery.people import Tab, read_entries, require_equal, seen, shape
from ws.connection import Connection
from ws.outbox import HARD_LIMIT, SOFT_LIMIT

LONG = "Ж" * 3000  # 6 KB on the wire
FRAME = 8 * 1024  # an upper bound of what a message of LONG takes
SEND_BUFFER = 16 * 1024


@asynccontextmanager
async def frozen_sockets(shop: Shop, people: list[Person]) -> AsyncIterator[list[FrozenSocket]]:
    """Connected, and from then on reading nothing; the server's kernel keeps little for them."""
    frozen = [FrozenSocket(person, Core(lambda: 0.0)) for person in people]
    known = set(shop.app[HUB].connections)
    try:
        for one in frozen:
            await one.connect()
        for key in shop.app[HUB].connections.keys() - known:
            raw = transport_of(shop.app[HUB].connections[key]).get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        yield frozen
    finally:
        for one in frozen:
            one.close()


def transport_of(connection: Connection) -> Any:
    return connection._transport


async def watch(one: FrozenSocket, chat: int) -> None:
    await one.say(one.core.watch(chat))
    await one.until(lambda: one.core.is_quiet)


async def send(shop: Shop, chat: int, sender: Actor, number: int, text: str = LONG) -> None:
    await shop.app[CHATS].send(sender, chat, MessageIn(client_id=f"flood-{number}", text=f"{number} {text}"))


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def start_chat(shop: Shop) -> tuple[Person, int, Actor]:
    guest = await shop.guest()
    async with guest.socket() as opening:
        opened = await opening.command("chat.open", client_id="opening", text="Здравствуйте!")
    return guest, opened["chat"], Actor("guest", opened["me"]["id"])


async def test_sockets_that_never_read_cost_bounded_memory_and_the_others_get_everything(shop: Shop, make_tab: MakeTab):
    guest, chat, sender = await start_chat(shop)
    staff = [await shop.staff() for _ in range(4)]
    healthy = [make_tab(guest), make_tab(staff[0])]
    for tab in healthy:
        await tab.connect()
    await healthy[1].say(healthy[1].core.watch(chat))
    await healthy[1].until(lambda: healthy[1].core.is_quiet)
    people = [person for person in staff for _ in range(10)]

    async with frozen_sockets(shop, people) as frozen:
        for one in frozen:
            await watch(one, chat)
        slow = [c for c in shop.app[HUB].connections.values() if c.actor.is_staff][-len(frozen) :]
        before = resident_bytes()
        largest = 0
        for number in range(400):  # 2.4 MB for each of the forty
            await send(shop, chat, sender, number)
            largest = max(largest, *(c.outbox.size + c.unsent for c in slow))
            for tab in healthy:
                await tab.until_applied(chat, 3 + number)

        assert largest > HARD_LIMIT / 2, "they were read after all"
        assert largest <= HARD_LIMIT + SOFT_LIMIT + 2 * FRAME
        assert all(c.outbox.behind for c in slow), "nobody fell behind"
        assert resident_bytes() - before < len(frozen) * (HARD_LIMIT + SOFT_LIMIT) + 32 * 2**20
        for tab in healthy:
            assert tab.core.behind == 0
            await require_equal(shop, tab, chat)

        await wake(shop, frozen[0], chat, sender)


async def wake(shop: Shop, one: FrozenSocket, chat: int, sender: Actor) -> None:
    """Reading again, it is told that it is behind, fetches, and is live while the others go on writing."""

    async def write_on() -> None:
        for number in range(1000, 1100):
            await send(shop, chat, sender, number, "коротко")

    writing = asyncio.create_task(write_on())
    await one.until(lambda: one.core.behind > 0)
    await writing
    await one.until(lambda: one.core.is_quiet and one.core.replica.chat(chat).log().applied == 502)
    await send(shop, chat, sender, 2000, "живьём")
    await one.until(lambda: one.core.replica.chat(chat).log().applied == 503)

    assert seen(one.core.replica.chat(chat)) == [shape(entry) for entry in await read_entries(shop, chat)]
    assert one.arrived[-1]["type"] == "message.created"  # not by another sync


async def test_what_is_published_during_the_last_sync_is_not_lost(
    shop: Shop, make_tab: MakeTab, monkeypatch: pytest.MonkeyPatch
):
    """The reply that reaches the head and the switch back to live are one turn of the loop."""
    guest, chat, sender = await start_chat(shop)
    tab = make_tab(guest)
    await tab.connect()
    (connection,) = [c for c in shop.app[HUB].connections.values() if c.actor.id == sender.id]
    original = shop.app[READER].sync
    numbers = iter(range(100))

    async def sync(*arguments: Any) -> Any:
        page = await original(*arguments)
        if (number := next(numbers)) < 10:  # after the page was read, before it is sent
            await send(shop, chat, sender, number)
        return page

    monkeypatch.setattr(shop.app[READER], "sync", sync)
    connection.outbox.behind[chat, "chat"] = 2
    await tab.say(tab.core.receive({"type": "chat.behind", "chat": chat, "log": "chat", "data": {"head": 2}}))

    await tab.until_applied(chat, 12)

    await require_equal(shop, tab, chat)
    assert not connection.outbox.behind
    await send(shop, chat, sender, 50)
    await tab.until_applied(chat, 13)


async def test_a_socket_that_takes_nothing_for_too_long_is_cut(tmp_path: Path):
    async with open_shop(tmp_path / "data", stuck_s=0.3) as shop:
        guest, chat, sender = await start_chat(shop)
        tab = Tab(guest)
        await tab.connect()
        async with frozen_sockets(shop, [guest]) as (frozen,):
            (connection,) = [
                c for c in shop.app[HUB].connections.values() if transport_of(c).get_extra_info("peername")
                == frozen._raw.getsockname()
            ]  # fmt: skip
            for number in range(60):  # more than the kernel and the transport take
                await send(shop, chat, sender, number)

            await tab.until_applied(chat, 62)
            async with asyncio.timeout(10):
                while connection.key in shop.app[HUB].connections:
                    await send(shop, chat, sender, 1000 + tab.copy(chat).log().applied, "дальше")
                    await tab.step()

            await frozen.until_closed()
            await require_equal(shop, tab, chat)  # nobody else noticed
        await tab.disconnect()


async def test_a_client_that_asks_for_more_than_it_reads_is_not_answered_without_end(shop: Shop):
    """Forty syncs of 200 KB each, none of them read: what waits is what may be in flight, not what was asked."""
    guest, chat, sender = await start_chat(shop)
    for number in range(40):
        await send(shop, chat, sender, number)
    async with frozen_sockets(shop, [guest]) as (frozen,):
        (connection,) = [c for c in shop.app[HUB].connections.values() if c.actor.id == sender.id]
        questions = [one for _ in range(40) for one in frozen.core.ask("chat.sync", chat=chat, log="chat", after=0)]
        await frozen.say(questions)
        async with asyncio.timeout(10):
            while not connection.is_lagging:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0)

        assert connection.outbox.size <= 8 * 44 * FRAME

        await frozen.until(lambda: frozen.core.is_quiet)  # and in the end each has its answer
        assert sum("reply_to" in frame for frame in frozen.arrived) == 1 + 40
