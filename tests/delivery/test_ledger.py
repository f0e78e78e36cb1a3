"""The ledger: what was acknowledged, what is on disk and what every reader saw are the same, whatever breaks."""

import asyncio
import os
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.client import Client
from tests.conftest import open_shop
from tests.delivery.conftest import read_log
from tests.faults.server_process import SECRET, ServerProcess

CUSTOMERS = 50
STAFF = 5
KILLS = 5
# How long they talk. `make soak` says longer; then there are more kills too.
TALK_S = float(os.environ.get("CTS_SOAK_S") or 15)
SETTLE_S = 60


class Talk:
    """Everybody in the shop, writing and being torn off at random."""

    def __init__(self, seed: int, customers: list[Client], staff: list[Client]) -> None:
        self.random = random.Random(seed)
        self.customers, self.staff = customers, staff
        self.is_over = False
        self.changed: set[str] = set()
        self.cuts = 0

    @property
    def everybody(self) -> list[Client]:
        return [*self.customers, *self.staff]

    @property
    def acknowledged(self) -> int:
        return sum(len(client.outbox.acknowledged) for client in self.everybody)

    async def customer(self, client: Client, name: str) -> None:
        """Write numbered messages; now and then change one of them."""
        count = 0
        while not self.is_over:
            count += 1
            client.send(None, f"{name} {count}")
            await asyncio.sleep(self.random.uniform(0.02, 0.5))
            if self.random.random() < 0.1:
                self.change_one(client)

    async def answer(self, client: Client, name: str) -> None:
        """Write numbered replies into the chats that the inbox shows; not so many that the outbox never empties."""
        counts: dict[int, int] = defaultdict(int)
        while not self.is_over:
            await asyncio.sleep(self.random.uniform(0.02, 0.2))
            if client.watched and len(client.outbox.rows) < 20:
                chat = self.random.choice(sorted(client.watched))
                counts[chat] += 1
                client.send(chat, f"{name} {counts[chat]}")

    def change_one(self, client: Client) -> None:
        """Edit or delete an own message that is known to be kept."""
        kept = [
            (client_id, reply["chat"], reply["seq"])
            for client_id, reply in client.outbox.acknowledged.items()
            if client_id not in self.changed and not client_id.startswith("change-")
        ]
        if not kept:
            return
        client_id, chat, seq = self.random.choice(kept)
        self.changed.add(client_id)
        if self.random.random() < 0.5:
            client.change("message.edit", chat, f"change-{client.new_id()}", target=seq, text="Исправлено")
        else:
            client.change("message.delete", chat, f"change-{client.new_id()}", target=seq)
        client.say()

    async def cut(self) -> None:
        """Tear somebody's connection, often."""
        while not self.is_over:
            await asyncio.sleep(self.random.uniform(0.01, 0.15))
            self.random.choice(self.everybody).cut()
            self.cuts += 1


@asynccontextmanager
async def make_talk(server: ServerProcess, seed: int, staff_tokens: list[str]) -> AsyncIterator[Talk]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def guest(index: int) -> Client:
            async with http.post(f"{server.url}/api/v1/session/guest", json={"token": True}) as answer:
                return Client(http, server.url, (await answer.json())["token"], seed=seed + index)

        customers = [await guest(index) for index in range(CUSTOMERS)]
        staff = [
            Client(http, server.url, token, audience="staff", watch_all=True, seed=seed + 1000 + index)
            for index, token in enumerate(staff_tokens)
        ]
        for client in [*customers, *staff]:
            client.start()
        try:
            yield Talk(seed, customers, staff)
        finally:
            for client in [*customers, *staff]:
                await client.stop()


async def hire(data: Path, count: int) -> list[str]:
    """Tokens of new members of staff."""
    async with open_shop(data, secret=SECRET) as shop:
        return [str((await shop.staff()).token) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.timeout(TALK_S * 3 + SETTLE_S + 120)
async def test_acknowledged_is_stored_is_seen_once_and_in_order_whatever_breaks(tmp_path: Path, seed: int):
    tokens = await hire(tmp_path / "data", STAFF)
    server = ServerProcess(tmp_path / "data")
    async with server, make_talk(server, seed, tokens) as talk:
        await talk_and_kill(server, talk)
        await settle(talk)
        assert await server.stop() == 0
        check(talk, read_log(server.data))


async def talk_and_kill(server: ServerProcess, talk: Talk) -> None:
    writers = [talk.customer(client, f"Покупатель-{index}") for index, client in enumerate(talk.customers)]
    writers += [talk.answer(client, f"Менеджер-{index}") for index, client in enumerate(talk.staff)]
    tasks = [asyncio.create_task(coroutine) for coroutine in (*writers, talk.cut())]
    end, kills = time.monotonic() + TALK_S, 0
    while kills < KILLS or time.monotonic() < end:
        before = talk.acknowledged
        await talk.staff[0].until(lambda before=before: talk.acknowledged > before + CUSTOMERS, timeout_s=SETTLE_S)
        await asyncio.sleep(talk.random.uniform(0, TALK_S / KILLS / 2))
        await server.kill()
        kills += 1
        await server.start()
    talk.is_over = True
    await asyncio.gather(*tasks)


async def settle(talk: Talk) -> None:
    """Wait until nothing is on its way and everybody has everything, from the first entry on."""
    deadline = time.monotonic() + SETTLE_S

    async def wait(client: Client, condition: Any) -> None:
        await client.until(condition, timeout_s=max(0.1, deadline - time.monotonic()))

    for client in talk.everybody:
        await wait(client, lambda client=client: client.is_quiet)
    heads = {chat: copy.log().applied for client in talk.customers for chat, copy in client.replica.chats.items()}
    for client in talk.everybody:
        wanted = heads.keys() if client in talk.staff else client.replica.chats.keys()
        for chat in wanted:
            # A log is followed live, so nothing but time is needed to get the others' last words.
            await wait(client, lambda c=client, n=chat: c.replica.chat(n).log().applied >= heads[n])
            while client.replica.history(chat):
                before = client.replica.chat(chat).log().oldest
                client.say(client.load_history(chat))
                await wait(client, lambda c=client, n=chat, b=before: c.replica.chat(n).log().oldest < b)


def check(talk: Talk, stored: dict[int, list[dict[str, Any]]]) -> None:
    by_client_id = {entry["client_id"]: entry for log in stored.values() for entry in log if entry["client_id"]}
    for log in stored.values():
        assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1)), "holes"
    entries = sum(1 for log in stored.values() for entry in log if entry["client_id"])
    assert entries == len(by_client_id), "something is there twice"

    written = [client_id for client in talk.everybody for client_id in client.outbox.written]
    assert all(not client.outbox.failed for client in talk.everybody), "something was refused"
    assert by_client_id.keys() == set(written), "what was written is not what is stored"
    for client in talk.everybody:
        for client_id, reply in client.outbox.acknowledged.items():
            entry = by_client_id[client_id]
            assert (entry["chat_id"], entry["seq"]) == (reply["chat"], reply["seq"]), "acknowledged is not stored"
        places = defaultdict(list)
        for client_id in client.outbox.written:
            places[by_client_id[client_id]["chat_id"]].append(by_client_id[client_id]["seq"])
        assert all(seqs == sorted(seqs) for seqs in places.values()), "a sender's own order is lost"

    assert len(stored) == CUSTOMERS
    for client in talk.staff:
        assert client.replica.chats.keys() == stored.keys(), "a member of staff does not know of a chat"
    for client in talk.everybody:
        for chat, copy in client.replica.chats.items():
            assert seen(copy.log().entries) == [shape(entry) for entry in stored[chat]], "a reader saw something else"
    twice = sum(reply.get("duplicate", False) for one in talk.everybody for reply in one.outbox.acknowledged.values())
    assert talk.cuts > CUSTOMERS and twice, "nothing broke, so nothing was shown"
    print(f"{entries} writes in {len(stored)} chats, {twice} of them sent again, {talk.cuts} cuts")


def shape(entry: dict[str, Any]) -> tuple[Any, ...]:
    return (
        entry["seq"], entry["kind"], entry["sender_kind"], entry["client_id"], entry["target_seq"],
        entry["text"] if entry["kind"] == "message" and entry["deleted_time"] is None else None,
    )  # fmt: skip


def seen(entries: dict[int, dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            seq, entry["kind"], entry["sender"]["kind"], entry["client_id"], entry["target"],
            entry["data"]["text"] if entry["kind"] == "message" and not entry["deleted"] else None,
        )
        for seq, entry in sorted(entries.items())
    ]  # fmt: skip
