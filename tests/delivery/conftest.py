"""What the tests of the delivery promises share: a seed that can be repeated, and what is on disk."""

import asyncio
import json
import os
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.cli import new_loop
from tests.conftest import Person
from tests.delivery.people import Tab

MakeTab = Callable[[Person], Tab]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """On the loop that `serve` runs on; the other tests stay on asyncio's own, where people without uvloop are."""
    return {"serve": new_loop}


@pytest.fixture
def seed() -> int:
    """The seed of everything random in a test; shown when it fails. CTS_SEED=… repeats it."""
    number = int(os.environ.get("CTS_SEED") or random.SystemRandom().randrange(10**9))
    print(f"repeat with CTS_SEED={number}")
    return number


@pytest.fixture
async def make_tab() -> AsyncIterator[MakeTab]:
    """Makes tabs of people; what is still open is closed in the end."""
    tabs: list[Tab] = []

    def make(person: Person) -> Tab:
        tabs.append(Tab(person))
        return tabs[-1]

    yield make
    for tab in tabs:
        if tab.is_connected:
            await tab.disconnect()


def read_log(data: Path) -> dict[int, list[dict[str, Any]]]:
    """All entries on disk by chat, in the order of seq, read past the application with plain sqlite3."""
    columns = ("chat_id", "seq", "kind", "sender_kind", "sender_id", "client_id", "target_seq", "data", "deleted_time")
    logs: dict[int, list[dict[str, Any]]] = {}
    with closing(sqlite3.connect(f"file:{data / 'MESSANGER.db'}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for row in database.execute(
            f"SELECT {', '.join(columns)} FROM Message WHERE log = 'chat' ORDER BY chat_id, seq"
        ):
            entry = dict(zip(columns, row, strict=True))
            entry["text"] = json.loads(entry["data"])["text"] if entry["kind"] == "message" and entry["data"] else None
            logs.setdefault(entry["chat_id"], []).append(entry)
    return logs
