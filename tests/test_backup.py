"""Backup of an open shop, and its way back: of one moment, whole or not at all, and the shop goes on elsewhere."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.backups import MANIFEST, PART
from db.backup import Damaged, copy_databases, file_name
from db.urls import NAMES
from tests.conftest import PASSWORD, Person, Shop
from tests.faults.server_process import ServerProcess
from tests.terminal import Terminal, permissions, read_by_others
from tests.visitors import visiting


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_the_three_copies_are_of_one_moment(tmp_path: Path) -> None:
    """One writer goes through the files again and again: at no moment is an earlier file behind a later one."""
    source = tmp_path / "data"
    source.mkdir()
    paths = [source / file_name(name) for name in NAMES]
    for path in paths:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE Turn (number INTEGER NOT NULL)")
            connection.execute("INSERT INTO Turn VALUES (0)")
            connection.commit()
    enough = threading.Event()

    def write() -> None:
        connections = [sqlite3.connect(path, isolation_level=None, timeout=30) for path in paths]
        for turn in count(1):
            for connection in connections:
                connection.execute("UPDATE Turn SET number = ?", (turn,))
            if enough.is_set():
                break
        for connection in connections:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = []
        for number in range(20):
            target = tmp_path / str(number)
            target.mkdir()
            copy_databases(source, target)
            copies.append([_turn(target / path.name) for path in paths])
    finally:
        enough.set()
        writer.join()

    assert copies[0] != copies[-1], "nobody was writing meanwhile"
    for first, second, third in copies:
        assert first >= second >= third >= first - 1


def _turn(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT number FROM Turn").fetchone()[0])


async def test_a_busy_shop_is_backed_up_and_goes_on_elsewhere(terminal: Terminal) -> None:
    server = ServerProcess(terminal.data)
    await server.add_owner()
    (terminal.data / "images").mkdir()
    (terminal.data / "images" / f"{'a' * 32}.webp").write_bytes(b"a picture")
    acknowledged: list[tuple[int, str]] = []
    async with server, visiting(server.url) as shop:
        owner = await shop.sign_in("owner", audience="staff")
        guests = [await shop.guest() for _ in range(4)]
        busy = asyncio.Event()
        talks = [asyncio.create_task(_talk(guest, number, acknowledged, busy)) for number, guest in enumerate(guests)]
        await busy.wait()
        before = list(acknowledged)
        said = await terminal.run("backup", str(terminal.folder / "backups"))
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        assert said.status == 0, said
        async with guests[0].socket() as socket:
            old_epoch = socket.welcome["epoch"]
    [backup] = (terminal.folder / "backups").iterdir()
    assert permissions(backup) == 0o700

    elsewhere = Terminal(terminal.folder / "elsewhere")
    elsewhere.folder.mkdir()
    said = await elsewhere.run("restore", str(backup))
    assert said.status == 0 and "signs in again" in said.out, said

    async with ServerProcess(elsewhere.data) as restored, visiting(restored.url) as shop:
        texts = {}
        for guest in guests:
            guest.base_url, guest.http = shop.url, shop.http
            [chat] = (await guest.call("GET", "/api/v1/chats", status=200))["items"]
            texts[chat["id"]] = await _texts(guest, chat["id"])
        kept = {text for chat in texts.values() for text in chat}
        assert {text for _, text in before} <= kept  # all that was said before the backup began
        assert (await _status(owner, shop)) == 401  # who was signed in signs in again
        await shop.sign_in("owner", audience="staff")
        async with guests[0].socket(epoch=old_epoch, chats={}) as socket:
            assert socket.welcome["epoch"] != old_epoch
            sent = await socket.command("chat.open", client_id="after", text="Снова здесь")
            assert sent["seq"] > len(texts[sent["chat"]])
        async with shop.http.get(f"{shop.url}/images/{'a' * 32}.webp") as response:
            assert await response.read() == b"a picture"


async def _talk(guest: Person, number: int, acknowledged: list[tuple[int, str]], busy: asyncio.Event) -> None:
    for turn in count():
        text = f"{number}: {turn}"
        await guest.call("POST", "/api/v1/chats", json={"client_id": f"c{turn}", "text": text})
        acknowledged.append((number, text))
        if len(acknowledged) == 20:
            busy.set()


async def _texts(guest: Person, chat: int) -> list[str]:
    entries: list[dict[str, Any]] = []
    while True:
        after = entries[-1]["seq"] if entries else 0
        page = await guest.call("GET", f"/api/v1/chats/{chat}/messages?limit=100&after={after}", status=200)
        if not page["items"]:
            return [entry["data"]["text"] for entry in entries if entry["kind"] == "message"]
        entries += page["items"]


async def _status(person: Person, shop: Shop) -> int:
    person.base_url, person.http = shop.url, shop.http
    async with person.request("GET", "/api/v1/staff/me") as response:
        return int(response.status)


async def _make_backup(terminal: Terminal) -> Path:
    await terminal.add_owner()
    said = await terminal.run("backup", str(terminal.folder / "backups"))
    assert said.status == 0, said
    [backup] = (terminal.folder / "backups").iterdir()
    return backup


@pytest.mark.slow
async def test_a_shop_is_replaced_only_when_told_and_nothing_is_deleted(terminal: Terminal) -> None:
    backup = await _make_backup(terminal)
    said = await terminal.run(
        "create-owner", "--username", "boris", "--email", "b@example.org", "--password-stdin", typed=PASSWORD
    )
    assert said.status == 0, said
    before = {path.name for path in terminal.data.iterdir() if path.suffix == ".db"}

    assert "--replace" in await terminal.refusal("restore", str(backup))
    said = await terminal.run("restore", str(backup), "--replace")

    assert said.status == 0, said
    [aside] = terminal.data.glob("before-restore-*")
    assert before <= {path.name for path in aside.iterdir()} and str(aside) in said.out
    assert _staff(aside) == {"anna", "boris"} and _staff(terminal.data) == {"anna"}
    assert not read_by_others(terminal.data)


def _staff(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "USERS.db")) as connection:
        return {row[0] for row in connection.execute('SELECT username FROM "ServicePerson"')}


@pytest.mark.slow
async def test_a_backup_that_is_not_whole_is_refused_and_changes_nothing(terminal: Terminal) -> None:
    backup = await _make_backup(terminal)
    database = backup / "MESSANGER.db"
    content = database.read_bytes()
    before = sorted(path.name for path in terminal.data.iterdir())

    database.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "MESSANGER.db is missing or is not what it was" in await terminal.refusal(
        "restore", str(backup), "--replace"
    )
    database.unlink()
    assert "MESSANGER.db is missing" in await terminal.refusal("restore", str(backup), "--replace")
    (backup / MANIFEST).unlink()
    assert "is no backup" in await terminal.refusal("restore", str(backup), "--replace")
    assert "is no backup" in await terminal.refusal("restore", str(terminal.folder / "nothing"), "--replace")
    database.write_bytes(content)
    (backup / MANIFEST).write_text(json.dumps({"version": 99, "files": {}}))
    assert "another version" in await terminal.refusal("restore", str(backup), "--replace")

    assert sorted(path.name for path in terminal.data.iterdir()) == before


@pytest.mark.slow
async def test_nothing_is_restored_under_a_server_that_runs(terminal: Terminal) -> None:
    backup = await _make_backup(terminal)

    async with ServerProcess(terminal.data):
        assert "already works in" in await terminal.refusal("restore", str(backup), "--replace")


@pytest.mark.slow
async def test_a_restore_that_was_broken_off_is_run_again_before_the_shop_opens(terminal: Terminal) -> None:
    backup = await _make_backup(terminal)
    (terminal.data / PART).mkdir()  # as a power cut leaves it
    (terminal.data / "USERS.db").rename(terminal.data / PART / "USERS.db")

    said = await terminal.refusal("serve", CTS_SECRET="x" * 40)
    assert "broken off" in said
    said_again = await terminal.run("restore", str(backup))
    assert said_again.status == 0, said_again

    assert _staff(terminal.data) == {"anna"}
    async with ServerProcess(terminal.data):
        pass


@pytest.mark.slow
async def test_a_folder_without_a_shop_has_nothing_to_back_up(terminal: Terminal) -> None:
    assert "There is no shop" in await terminal.refusal("backup", str(terminal.folder))
    assert not terminal.data.exists()
    await terminal.add_owner()
    assert "would be lost with it" in await terminal.refusal("backup", str(terminal.data / "backups"))
    assert "is elsewhere" in await terminal.refusal(
        "backup", str(terminal.folder), CTS_USERS_URL="postgresql+asyncpg://nowhere/none"
    )


def test_a_damaged_database_is_never_called_a_backup(tmp_path: Path) -> None:
    source, target = tmp_path / "data", tmp_path / "copy"
    source.mkdir()
    target.mkdir()
    for name in NAMES:
        with closing(sqlite3.connect(source / file_name(name))) as connection:
            connection.execute("CREATE TABLE Thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
            connection.executemany("INSERT INTO Thing (name) VALUES (?)", [(f"{n:05}" * 20,) for n in range(500)])
            connection.commit()
    path = source / file_name("users")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(content)

    with pytest.raises(Damaged, match="USERS"):
        copy_databases(source, target)
