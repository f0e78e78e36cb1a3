"""Effects that cross databases: applied once, in order per key, whoever dies in between. On both engines."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, make_url, select, update
from sqlalchemy.orm import Session

from app.errors import NotFound
from db.database import Busy, Database, Databases, Done
from db.models.messanger import AppliedEvent, Meta
from db.models.users import Outbox
from db.outbox import Effect, Relay, add_effect
from tests.storage.conftest import OpenDatabases, Urls

Apply = Callable[[Session, dict[str, Any]], Done[Any]]


class Target:
    """Notes in MESSANGER what has been applied; refuses the words in ``refused``."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.refused: dict[str, Exception] = {}
        self.applied: list[str] = []  # by work, whether it was kept or not

    def apply(self, session: Session, payload: dict[str, Any]) -> Done[str]:
        word = payload["word"]
        self.applied.append(word)
        count = session.execute(select(func.count()).select_from(Meta)).scalar_one()
        session.execute(insert(Meta).values(key=f"{count:04} {word}", value=""))
        if word in self.refused:
            raise self.refused[word]
        return Done(None, [word])

    async def kept(self) -> list[str]:
        """What stands in MESSANGER, in the order in which it was applied."""
        words = select(Meta.key).where(Meta.key != "epoch").order_by(Meta.key)
        keys = await self.databases.messanger.read(lambda connection: list(connection.execute(words).scalars()))
        return [key.partition(" ")[2] for key in keys]

    def relay(self) -> Relay:
        return Relay(self.databases, {"note": Effect("messanger", self.apply)})


@pytest.fixture
def target(databases: Databases) -> Target:
    return Target(databases)


async def leave(databases: Databases, *words: str, key: Callable[[str], str] = str, kind: str = "note") -> None:
    """One write in USERS that leaves these effects."""

    def work(session: Session) -> Done[None]:
        for word in words:
            add_effect(session, kind=kind, key=key(word), payload={"word": word})
        return Done(None)

    await databases.users.write(work)


async def pending(databases: Databases) -> list[str]:
    waiting = select(Outbox.payload).where(Outbox.done_at.is_(None)).order_by(Outbox.position)
    return await databases.users.read(lambda c: [row["word"] for row in c.execute(waiting).scalars()])


async def test_effects_of_one_key_are_applied_in_order(databases: Databases, target: Target) -> None:
    words = [f"{number:03}" for number in range(250)]  # more than a page
    await leave(databases, *words, key=lambda word: "one")

    assert await target.relay().drain("users")

    assert await target.kept() == words
    assert await pending(databases) == []


async def test_effect_of_a_write_that_failed_is_not_there(databases: Databases, target: Target) -> None:
    def work(session: Session) -> Done[None]:
        add_effect(session, kind="note", key="a", payload={"word": "a"})
        raise NotFound

    with pytest.raises(NotFound):
        await databases.users.write(work)

    assert await target.relay().drain("users")
    assert target.applied == []


@pytest.mark.parametrize("error", [NotFound(), RuntimeError("a bug"), Busy()])
async def test_failing_effect_holds_up_only_its_key(
    error: Exception, databases: Databases, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    target.refused["a2"] = error
    await leave(databases, "a1", "b1", "a2", "c1", "a3", "b2", key=lambda word: word[0])

    relay = target.relay()
    assert not await relay.drain("users")
    assert sorted(await target.kept()) == ["a1", "b1", "b2", "c1"]
    assert await pending(databases) == ["a2", "a3"]

    target.refused.clear()
    assert await relay.drain("users")
    assert (await target.kept())[-2:] == ["a2", "a3"]


async def test_held_up_key_waits_across_pages(
    databases: Databases, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    target.refused["a000"] = RuntimeError("a bug")
    words = [f"{'ab'[number % 2]}{number:03}" for number in range(450)]
    await leave(databases, *words, key=lambda word: word[0])

    assert not await target.relay().drain("users")

    assert target.applied.count("a000") == 1
    assert await target.kept() == [word for word in words if word[0] == "b"]


async def test_effect_nobody_knows_stays(
    databases: Databases, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    """An older server beside a newer one must not lose it."""
    await leave(databases, "a", kind="from the future")

    assert not await target.relay().drain("users")

    assert await pending(databases) == ["a"]
    assert caplog.messages == ["no effect of kind from the future is known; users keeps it"]


async def test_effect_is_applied_once_when_the_relay_dies_before_it_is_noted(
    databases: Databases, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[Any] = []
    databases.messanger.publish = published.extend
    await leave(databases, "a", "b", key=lambda word: "one")

    def die(session: Session, positions: list[int]) -> Done[None]:
        raise Busy

    with monkeypatch.context() as broken:
        broken.setattr("db.outbox._mark_done", die)
        assert not await target.relay().drain("users")
    assert await target.kept() == ["a", "b"]
    assert await pending(databases) == ["a", "b"]

    assert await target.relay().drain("users")  # a new process
    assert await target.kept() == published == ["a", "b"]
    assert target.applied == ["a", "b"]
    assert await pending(databases) == []


async def test_whoever_asks_while_effects_are_relayed_finds_own_ones_done(databases: Databases, target: Target) -> None:
    """They share drains, and one that is given up goes on."""
    relay = target.relay()

    async def leave_and_drain(word: str) -> None:
        await leave(databases, word)
        assert await relay.drain("users")
        assert word in await target.kept()

    await asyncio.gather(*(leave_and_drain(f"{number:02}") for number in range(30)))
    await leave(databases, "last")
    impatient = asyncio.create_task(relay.drain("users"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await relay.drain("users")

    assert len(target.applied) == len(await target.kept()) == 31
    await relay.stop()


async def test_two_relays_apply_an_effect_once(open_again: OpenDatabases) -> None:
    """An old process that has not quite stopped, and the new one."""
    targets = [Target(await open_again()), Target(await open_again())]
    words = [f"{number:02}" for number in range(50)]
    await leave(targets[0].databases, *words)

    relays = [target.relay() for target in targets]
    for relay in relays:
        relay.start()
    for relay in relays:
        assert await relay.drain("users")
    for relay in relays:
        await relay.stop()

    assert sorted(await targets[0].kept()) == words
    assert sorted(targets[0].applied + targets[1].applied) == words


async def test_target_that_cannot_be_written_gets_its_effects_later(
    sqlite_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine.BUSY_TIMEOUT_MS", 20)
    databases = await Databases.open(sqlite_urls)
    target = Target(databases)
    relay = target.relay()
    await leave(databases, "a")
    other = sqlite3.connect(make_url(sqlite_urls["messanger"]).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert not await relay.drain("users")
    assert await pending(databases) == ["a"]

    other.execute("ROLLBACK")
    other.close()
    assert await relay.drain("users")
    assert await target.kept() == ["a"]
    await databases.close()


async def test_what_was_done_long_ago_is_deleted(databases: Databases, target: Target) -> None:
    """More than one chunk of it; what waits, or is younger, stays."""
    await leave(databases, *(f"{number:04}" for number in range(700)), key=lambda word: word[-1])
    relay = target.relay()
    assert await relay.drain("users")
    await leave(databases, "waits")
    days = {"done_at": 8, "applied": 31}

    def grow_old(column: Any) -> Callable[[Session], Done[None]]:
        time = datetime.now(UTC) - timedelta(days=days[column.key])
        young = select(column.class_.event_id).where(column.is_not(None)).limit(100)
        is_old = (column.is_not(None), column.class_.event_id.not_in(young))
        return lambda session: Done(
            session.execute(update(column.class_).where(*is_old).values({column: time})) and None
        )

    await databases.users.write(grow_old(Outbox.done_at))
    await databases.messanger.write(grow_old(AppliedEvent.applied))
    await relay.purge()

    assert await count(databases.users, Outbox) == 100 + 1
    assert await count(databases.messanger, AppliedEvent) == 100
    assert await pending(databases) == ["waits"]


async def count(database: Database, model: Any) -> int:
    rows = select(func.count()).select_from(model)
    return await database.read(lambda connection: connection.execute(rows).scalar_one())


async def test_thousand_effects_are_applied_once_each(databases: Databases, target: Target) -> None:
    words = [f"{number:03}" for number in range(1000)]
    await leave(databases, *words, key=lambda word: word[-1])

    assert await target.relay().drain("users")

    kept = await target.kept()
    assert sorted(kept) == words
    for digit in "0123456789":
        of_key = [word for word in kept if word[-1] == digit]
        assert of_key == sorted(of_key)
    assert await count(databases.messanger, AppliedEvent) == 1000
