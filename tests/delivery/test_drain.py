"""SIGTERM under load: what was acknowledged is there, everybody is told to come back, and comes back."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.client import Client
from tests.delivery.conftest import read_log
from tests.faults.server_process import ServerProcess

CLIENTS = 20


async def new_client(http: aiohttp.ClientSession, server: ServerProcess, seed: int) -> Client:
    async with http.post(f"{server.url}/api/v1/session/guest", json={"token": True}) as answer:
        return Client(http, server.url, (await answer.json())["token"], seed=seed)


@pytest.mark.slow
async def test_a_stop_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, seed: int):
    server = ServerProcess(tmp_path / "data")
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with server, aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        clients = [await new_client(http, server, seed + index) for index in range(CLIENTS)]
        for client in clients:
            client.start()
        writing = [asyncio.create_task(write(client)) for client in clients]
        for client in clients:
            await client.until(lambda client=client: len(client.outbox.acknowledged) >= 10)

        assert await server.stop() == 0

        acknowledged = {
            client_id: (reply["chat"], reply["seq"])
            for client in clients
            for client_id, reply in client.outbox.acknowledged.items()
        }
        stored = {
            entry["client_id"]: (chat, entry["seq"]) for chat, log in read_log(server.data).items() for entry in log
        }
        assert acknowledged.items() <= stored.items()
        assert acknowledged
        for client in clients:
            await client.until(lambda client=client: 1012 in client.codes)
            assert client.was_told_to_wait, "closed without server.draining"

        await server.start()
        await asyncio.gather(*writing)
        for client in clients:
            await client.until(lambda client=client: client.is_quiet, timeout_s=20)
            assert not client.outbox.failed
        stored_twice = [entry["client_id"] for log in read_log(server.data).values() for entry in log]
        assert len(stored_twice) == len(set(stored_twice) - {None}) + CLIENTS  # each chat's own opening entry
        for client in clients:
            assert set(client.outbox.written) <= set(stored_twice)
            await client.stop()


async def write(client: Client) -> None:
    """Two hundred messages as fast as the outbox takes them."""
    for number in range(200):
        client.send(None, f"{number}")
        await client.until(lambda: len(client.outbox.rows) < 5, timeout_s=60)
