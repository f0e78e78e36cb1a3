"""Committed and never published: the process died in between, or somebody else wrote. The sweeper finds it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.keys import DATABASES, HUB
from app.main import SWEEPER
from tests.conftest import Person, Shop, open_shop
from tests.delivery.conftest import MakeTab
from tests.delivery.people import Tab, require_equal
from tests.faults.server_process import ServerProcess

SWEEP_S = 0.2
# What is missing at one look and still at the next is told: two looks, and time to work.
BOUND_S = 2 * SWEEP_S + 1.0


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path / "data", sweep_s=SWEEP_S) as shop:
        yield shop


@contextmanager
def unpublished(shop: Shop, *, by: str) -> Iterator[None]:
    """Commits go on, but nobody is told of them."""
    messanger, publish = shop.app[DATABASES].messanger, shop.app[DATABASES].messanger.publish

    def fail(events: list[Any]) -> None:
        if by == "raising":
            raise RuntimeError("the publisher is out of order")

    messanger.publish = fail
    try:
        yield
    finally:
        messanger.publish = publish


async def meet(shop: Shop, make_tab: MakeTab) -> tuple[Person, Tab, Tab, int]:
    """A guest who writes, the guest's other tab, and staff who watch."""
    guest, staff = await shop.guest(), await shop.staff()
    async with guest.socket() as socket:
        chat = (await socket.command("chat.open", client_id="opening", text="Здравствуйте!"))["chat"]
    other, desk = make_tab(guest), make_tab(staff)
    await other.connect()
    await desk.connect()
    await desk.say(desk.core.watch(chat))
    await desk.until(lambda: desk.core.is_quiet)
    return guest, other, desk, chat


@pytest.mark.parametrize("by", ["dying", "raising"])
async def test_peers_hear_of_it_within_the_sweep(shop: Shop, make_tab: MakeTab, by: str):
    guest, other, desk, chat = await meet(shop, make_tab)

    async with guest.socket() as socket:
        with unpublished(shop, by=by):
            sent = await socket.command("message.send", chat=chat, client_id="lost", text="Никто не услышит?")
        assert sent["seq"] == 3  # acknowledged: it is on disk

        async with asyncio.timeout(BOUND_S):
            for tab in (other, desk):
                await tab.until_applied(chat, 3)

        assert shop.app[SWEEPER].caught == 1
        for tab in (other, desk):
            assert "message.created" in tab.types(chat)  # told, without having asked
            await require_equal(shop, tab, chat)
        await socket.command("message.send", chat=chat, client_id="next", text="Слышно?")
        for tab in (other, desk):
            await tab.until_applied(chat, 4)


async def test_the_next_event_shows_the_hole_before_the_sweeper_does(tmp_path: Path):
    async with open_shop(tmp_path / "data", sweep_s=1000) as shop:
        guest = await shop.guest()
        async with guest.socket() as socket:
            chat = (await socket.command("chat.open", client_id="opening", text="Здравствуйте!"))["chat"]
            tab = Tab(guest)
            await tab.connect()
            with unpublished(shop, by="dying"):
                await socket.command("message.send", chat=chat, client_id="lost", text="Раз")
            await socket.command("message.send", chat=chat, client_id="next", text="Два")

            await tab.until_applied(chat, 4)

            await require_equal(shop, tab, chat)
            await tab.disconnect()


async def test_a_quiet_socket_is_told_the_heads(tmp_path: Path):
    """If even the sweeper's frame were lost: the heartbeat names the heads, and the client asks."""
    async with open_shop(tmp_path / "data", sweep_s=0.05, heartbeat_s=0.3) as shop:
        guest = await shop.guest()
        async with guest.socket() as socket:
            chat = (await socket.command("chat.open", client_id="opening", text="Здравствуйте!"))["chat"]
            tab = Tab(guest)
            await tab.connect()
            broadcaster_fan_out = shop.app[SWEEPER]._fan_out

            async def tell_nobody(*arguments: Any) -> None:
                return None

            shop.app[SWEEPER]._fan_out = tell_nobody
            with unpublished(shop, by="dying"):
                await socket.command("message.send", chat=chat, client_id="lost", text="Раз")

            await tab.until_applied(chat, 3)

            assert "heartbeat" in [frame.get("type") for frame in tab.arrived]
            shop.app[SWEEPER]._fan_out = broadcaster_fan_out
            await tab.disconnect()


async def test_a_sweep_that_fails_is_made_good_by_the_next(
    shop: Shop, make_tab: MakeTab, monkeypatch: pytest.MonkeyPatch
):
    guest, other, _, chat = await meet(shop, make_tab)
    failures = iter([OSError("not now"), OSError("not now either")])
    original = shop.app[SWEEPER]._fan_out

    async def fan_out(*arguments: Any) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        await original(*arguments)

    monkeypatch.setattr(shop.app[SWEEPER], "_fan_out", fan_out)
    async with guest.socket() as socket:
        with unpublished(shop, by="dying"):
            await socket.command("message.send", chat=chat, client_id="lost", text="Раз")

    await other.until_applied(chat, 3)

    assert next(failures, None) is None


async def test_a_watch_that_outlives_its_connection_leaves_nothing_behind(shop: Shop, make_tab: MakeTab):
    """The command is read, then the connection is gone, then the command runs."""
    _, other, desk, chat = await meet(shop, make_tab)
    hub = shop.app[HUB]
    async with (await shop.staff()).socket() as socket:
        (connection,) = [one for one in hub.connections.values() if one.actor.id == 2]
        await socket.post("chat.watch", chat=chat)
        await socket.raw.close()
    async with asyncio.timeout(5):
        while connection.key in hub.connections:
            await asyncio.sleep(0.01)

    hub.follow(connection, (chat, "chat"))  # what the command does now

    async with desk.person.socket() as socket:
        await socket.command("message.send", chat=chat, client_id="after", text="Добрый день")
    await other.until_applied(chat, 4)
    assert not connection.topics
    assert all(connection not in subscribers for subscribers in hub._topics.values())


@pytest.mark.slow
async def test_what_dies_between_commit_and_answer_is_there_after_the_restart(tmp_path: Path):
    """A real process, killed with its answer unread: the retry gets the answer of what is on disk."""
    server = ServerProcess(tmp_path / "data")
    async with server, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        guest = Person(server.url, http, {})
        guest.token = (await guest.call("POST", "/api/v1/session/guest", json={"token": True}, status=201))["token"]
        async with guest.socket() as socket, guest.socket() as other:
            opened = await socket.command("chat.open", client_id="opening", text="Здравствуйте!")
            data = {"chat": opened["chat"], "client_id": "lost", "text": "Раз"}
            await socket.post("message.send", **data)
            await other.event("message.created", seq=3)
            await server.kill()
        await server.start()

        async with guest.socket() as socket:
            sent = await socket.command("message.send", **data)

        assert (sent["seq"], sent["duplicate"]) == (3, True)
