"""Sending the same thing again: on any connection, at any time, as whoever one has become, it is there once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.keys import DATABASES
from db.queries import chats as queries
from db.queries.chats import Entry
from tests.conftest import PASSWORD, Person, Shop, Socket, open_shop

CUTS = ("before the send", "after the commit", "after the acknowledgement")
OPERATIONS = ("send", "edit", "delete", "open", "close")
TEXT = "Есть ли размер M? 🙂"


@dataclass
class Place:
    """A shop that may be started again, and somebody who follows everything."""

    data: Path
    shop: Shop
    count: int = 0

    async def restart(self) -> None:
        """Stop the server and start it in the same folder."""
        await self.closing()
        await self.opening()

    async def opening(self) -> None:
        self.context = open_shop(self.data)
        self.shop = await self.context.__aenter__()

    async def closing(self) -> None:
        await self.context.__aexit__(None, None, None)

    def name(self) -> str:
        self.count += 1
        return f"buyer{self.count}"

    async def entries(self, chat: int) -> list[Entry]:
        messanger = self.shop.app[DATABASES].messanger
        return await messanger.read(lambda connection: queries.list_after(connection, (chat, "chat"), 0, 1000))


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    place = Place(tmp_path_factory.mktemp("shop"), None)  # type: ignore[arg-type]
    await place.opening()
    yield place
    await place.closing()


@dataclass
class Attempt:
    """One write of one customer, that can be sent as often as needed, always in the same words."""

    place: Place
    person: Person
    type: str
    data: dict[str, Any]
    chat: int | None
    kind: str = "message"
    cut: str = ""
    stored: list[Entry] = field(default_factory=list)
    answer: dict[str, Any] | None = None

    @classmethod
    async def make(cls, place: Place, operation: str) -> "Attempt":
        person = await place.shop.guest()
        if operation == "open":
            return cls(place, person, "chat.open", {"client_id": "retried", "text": TEXT}, None)
        async with person.socket() as socket:
            opened = await socket.command("chat.open", client_id="first", text="Здравствуйте!")
        chat, seq = opened["chat"], opened["seq"]
        data: dict[str, Any] = {"chat": chat, "client_id": "retried"}
        if operation == "send":
            return cls(place, person, "message.send", {**data, "text": TEXT}, chat)
        if operation == "edit":
            return cls(place, person, "message.edit", {**data, "target": seq, "text": TEXT}, chat, "edit")
        if operation == "delete":
            return cls(place, person, "message.delete", {**data, "target": seq}, chat, "delete")
        return cls(place, person, "chat.close", {**data, "reason": "solved"}, chat, "closed")

    async def until_cut(self, cut: str) -> None:
        """Send it on a connection that is torn at a chosen moment."""
        self.cut = cut
        async with self.person.socket() as socket, self.person.socket() as other:
            if cut == "before the send":
                tear(socket)
                return
            command = await socket.post(self.type, **self.data)
            if cut == "after the commit":  # seen by another tab, so it is on disk; the answer is never read
                seen = await other.wait_for(lambda frame: frame.get("data", {}).get("client_id") == "retried")
                self.chat = seen["chat"]
            else:
                reply = await socket.reply(command)
                assert reply["ok"], reply
                self.answer = reply["data"]
                if "seq" in self.answer:
                    self.chat = self.answer["chat"]
            tear(socket)
        assert self.chat is not None
        self.stored = self.mine(await self.place.entries(self.chat))
        assert len(self.stored) == 1

    async def again(self, person: Person | None = None) -> dict[str, Any]:
        """Send it once more; the whole reply."""
        async with (person or self.person).socket() as socket:
            return await socket.reply(await socket.post(self.type, **self.data))

    def mine(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if (entry.client_id or "").endswith("retried") and entry.kind == self.kind]

    async def require_once(self, reply: dict[str, Any]) -> None:
        """It is in the log once, and the answer is the one that was given, or would have been."""
        assert reply["ok"], reply
        data = reply["data"]
        chat = data["chat"]["id"] if self.type == "chat.close" else data["chat"]
        entries = self.mine(await self.place.entries(chat))
        assert len(entries) == 1
        if self.type != "chat.close":
            assert data["seq"] == entries[0].seq
            assert data["duplicate"] is (self.cut != "before the send")
            assert data["creation_time"] == entries[0].creation_time.isoformat().replace("+00:00", "Z")
        else:
            assert data["chat"]["status"] == "closed"
        if self.stored:
            assert (chat, entries[0].seq, entries[0].creation_time) == (
                self.chat, self.stored[0].seq, self.stored[0].creation_time,
            )  # fmt: skip
        if self.answer is not None and self.type != "chat.close":
            assert {**data, "duplicate": False}.keys() == self.answer.keys()
            same = ("chat", "seq", "creation_time")
            assert [data[key] for key in same] == [self.answer[key] for key in same]


def tear(socket: Socket) -> None:
    """Cut the connection as a network does."""
    connection = socket.raw._response.connection
    assert connection is not None and connection.transport is not None
    connection.transport.abort()


matrix = pytest.mark.parametrize("cut", CUTS)
everything = pytest.mark.parametrize("operation", OPERATIONS)


@matrix
@everything
async def test_retried_on_another_connection_it_is_there_once(place: Place, operation: str, cut: str):
    attempt = await Attempt.make(place, operation)
    await attempt.until_cut(cut)

    await attempt.require_once(await attempt.again())
    attempt.cut = "retried"
    await attempt.require_once(await attempt.again())


@matrix
async def test_retried_after_a_restart_of_the_server_it_is_there_once(place: Place, cut: str):
    attempts = [await Attempt.make(place, operation) for operation in OPERATIONS]
    for attempt in attempts:
        await attempt.until_cut(cut)

    await place.restart()

    for attempt in attempts:
        attempt.person.base_url, attempt.person.http = place.shop.url, place.shop.http
        await attempt.require_once(await attempt.again())


@matrix
@everything
async def test_retried_after_registering_it_is_there_once(place: Place, operation: str, cut: str):
    attempt = await Attempt.make(place, operation)
    await attempt.until_cut(cut)

    name = place.name()
    form = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    registered = await attempt.person.call("POST", "/api/v1/users", json=form, status=201)
    attempt.person.token = registered["token"]

    await attempt.require_once(await attempt.again())


@matrix
@everything
async def test_retried_after_signing_in_to_an_account_with_a_chat_of_its_own_it_is_there_once(
    place: Place, operation: str, cut: str
):
    account = await place.shop.user(place.name())
    # The account has used the same client_ids, for something else.
    async with account.socket() as socket:
        own = await socket.command("chat.open", client_id="first", text="Моё")
        if cut != "before the send":  # else the retry would be the first to use it after the account did
            await socket.command("message.send", chat=own["chat"], client_id="retried", text="Моё")
    attempt = await Attempt.make(place, operation)
    await attempt.until_cut(cut)

    login = {"login": account.me["name"], "password": PASSWORD, "token": True}
    signed_in = await attempt.person.call("POST", "/api/v1/session", json=login, status=200)
    attempt.person.token = signed_in["token"]

    await attempt.require_once(await attempt.again())
    later = [entry for entry in await place.entries(own["chat"]) if entry.seq > own["seq"] + 1]
    assert [entry.kind for entry in later] in ([], ["closed"])  # nothing came to the old chat


@matrix
@everything
async def test_retried_after_the_chat_was_closed_it_keeps_its_answer(place: Place, operation: str, cut: str):
    attempt = await Attempt.make(place, operation)
    await attempt.until_cut(cut)

    if attempt.chat is not None and not (operation == "close" and attempt.stored):
        async with attempt.person.socket() as socket:
            await socket.command("chat.close", chat=attempt.chat, client_id="closing")
    reply = await attempt.again()

    if cut == "before the send" and operation != "open":  # it was never kept, and now it is too late
        assert reply["error"]["code"] == "closed"
        assert attempt.mine(await place.entries(attempt.chat or 0)) == []
    else:
        await attempt.require_once(reply)


@pytest.mark.parametrize("operation", ("send", "edit", "delete", "open", "close"))
async def test_the_same_client_id_with_other_words_is_a_conflict(place: Place, operation: str):
    attempt = await Attempt.make(place, operation)
    await attempt.until_cut("after the acknowledgement")

    changes: dict[str, dict[str, Any]] = {
        "send": {"text": "Другое"}, "edit": {"text": "Другое"}, "delete": {"target": 1}, "open": {"text": "Другое"},
        "close": {"reason": "other"},
    }  # fmt: skip
    attempt.data |= changes[operation]
    reply = await attempt.again()

    assert reply["error"]["code"] == "conflict" and reply["error"]["reason"] == "client_id"
    assert attempt.mine(await place.entries(attempt.chat or 0)) == attempt.stored


async def test_a_client_id_cannot_change_what_it_does(place: Place):
    """An edit under the id of a send: what it once wrote stays."""
    attempt = await Attempt.make(place, "send")
    await attempt.until_cut("after the acknowledgement")

    attempt.type = "message.edit"
    attempt.data |= {"target": attempt.stored[0].seq}
    reply = await attempt.again()

    assert reply["error"]["reason"] == "client_id"


@asynccontextmanager
async def both_tabs(person: Person) -> AsyncIterator[tuple[Socket, Socket]]:
    async with person.socket() as first, person.socket() as second:
        yield first, second


async def test_two_tabs_that_send_the_same_row_at_once_write_it_once(place: Place):
    attempt = await Attempt.make(place, "send")

    async with both_tabs(attempt.person) as tabs:
        commands = [await tab.post(attempt.type, **attempt.data) for tab in tabs]
        replies = [await tab.reply(command) for tab, command in zip(tabs, commands, strict=True)]

    assert sorted(reply["data"]["duplicate"] for reply in replies) == [False, True]
    assert len({(reply["data"]["seq"], reply["data"]["creation_time"]) for reply in replies}) == 1


async def test_two_tabs_that_open_at_once_get_the_same_chat(place: Place):
    person = await place.shop.guest()

    async with both_tabs(person) as tabs:
        commands = [
            await tab.post("chat.open", client_id=f"from-{index}", text=f"Вкладка {index}")
            for index, tab in enumerate(tabs)
        ]
        replies = [await tab.reply(command) for tab, command in zip(tabs, commands, strict=True)]

    chats = {reply["data"]["chat"] for reply in replies}
    assert len(chats) == 1
    entries = await place.entries(chats.pop())
    assert [entry.kind for entry in entries] == ["opened", "message", "message"]
    assert [entry.seq for entry in entries] == [1, 2, 3]
