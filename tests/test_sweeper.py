"""The net under the hub, alone: finds what was committed and not published, and only that."""

import asyncio
from dataclasses import dataclass, field

import pytest

from tests.peers import Wire, eventually
from ws.hub import Hub
from ws.protocol import LogKey
from ws.sweeper import PAGE, Change, Sweeper

CHAT, NOTES = (12, "chat"), (12, "notes")


@dataclass
class World:
    """A database in memory, somebody who follows chat 12 up to entry 10, and the sweeper between them."""

    hub: Hub = field(default_factory=Hub)
    wire: Wire = field(default_factory=Wire)
    rev: int = 0
    rows: dict[int, Change] = field(default_factory=dict)
    fanned: list[tuple[LogKey, int, int]] = field(default_factory=list)
    shown: list[object] = field(default_factory=list)
    looks: int = 0
    fails: bool = False

    def __post_init__(self) -> None:
        self.hub.add(self.wire.connection)
        for key in (CHAT, NOTES):
            self.hub.follow(self.wire.connection, key)
        self.hub.joined(CHAT, 10)
        self.hub.joined(NOTES, 0)
        self.sweeper = Sweeper(self.hub, self.changes, self.fan_out, self.shown.append, rev=0)

    def commit(self, chat: int, head: int, notes: int = 0) -> None:
        """A write has been committed, by whomever."""
        self.rev += 1
        heads = {(chat, "chat"): head, (chat, "notes"): notes}
        self.rows[chat] = Change(self.rev, heads, f"row {chat} at {self.rev}")

    def publish(self, key: LogKey, seq: int) -> None:
        self.hub.publish_log(key, seq, b"%d " % seq)

    async def changes(self, rev: int) -> list[Change]:
        self.looks += 1
        if self.fails:
            raise OSError("the database is not there")
        return sorted((row for row in self.rows.values() if row.rev > rev), key=lambda row: row.rev)[:PAGE]

    async def fan_out(self, key: LogKey, after: int, to: int) -> None:
        self.fanned.append((key, after, to))
        for seq in range(after + 1, to + 1):
            self.publish(key, seq)


@pytest.fixture
def world() -> World:
    return World()


async def test_what_nobody_published_is_published_at_the_second_look(world: World) -> None:
    world.commit(12, head=13)

    await world.sweeper.sweep()
    assert world.fanned == []  # it may have been committed just now and be about to be published

    await world.sweeper.sweep()
    assert world.fanned == [(CHAT, 10, 13)]
    assert world.wire.sent == b"11 12 13 "
    assert world.sweeper.caught == 3

    await world.sweeper.sweep()
    assert len(world.fanned) == 1


async def test_what_was_published_between_two_looks_is_not_published_again(world: World) -> None:
    world.commit(12, head=11)
    await world.sweeper.sweep()

    world.publish(CHAT, 11)
    await world.sweeper.sweep()

    assert world.fanned == [] and world.sweeper.caught == 0
    assert world.wire.sent == b"11 "


async def test_of_a_part_that_was_published_only_the_rest_is(world: World) -> None:
    world.commit(12, head=13)
    await world.sweeper.sweep()

    world.publish(CHAT, 11)
    await world.sweeper.sweep()

    assert world.fanned == [(CHAT, 11, 13)]
    assert world.wire.sent == b"11 12 13 "


async def test_what_is_committed_at_the_second_look_waits_for_the_third(world: World) -> None:
    world.commit(12, head=11)
    await world.sweeper.sweep()
    world.commit(12, head=12)
    await world.sweeper.sweep()
    assert world.fanned == [(CHAT, 10, 11)]

    await world.sweeper.sweep()

    assert world.fanned == [(CHAT, 10, 11), (CHAT, 11, 12)]


async def test_notes_are_looked_after_like_the_chat(world: World) -> None:
    world.commit(12, head=10, notes=2)

    await world.sweeper.sweep()
    await world.sweeper.sweep()

    assert world.fanned == [(NOTES, 0, 2)]


async def test_a_chat_that_nobody_follows_is_left_alone(world: World) -> None:
    world.commit(99, head=5)

    await world.sweeper.sweep()
    await world.sweeper.sweep()

    assert world.fanned == [] and world.shown == ["row 99 at 1"]


async def test_a_log_whose_follower_has_not_been_brought_up_to_date_is_left_to_the_resume(world: World) -> None:
    world.hub.follow(world.wire.connection, (13, "chat"))
    world.commit(13, head=5)

    await world.sweeper.sweep()
    await world.sweeper.sweep()
    assert world.fanned == []

    world.hub.joined((13, "chat"), 5)
    await world.sweeper.sweep()
    assert world.fanned == []
    world.commit(13, head=6)
    await world.sweeper.sweep()
    await world.sweeper.sweep()
    assert world.fanned == [((13, "chat"), 5, 6)]


async def test_what_a_resume_read_too_early_is_published_after_it(world: World) -> None:
    """Joined, but not yet read when another process committed: from where on is known only afterwards."""
    world.hub.follow(world.wire.connection, (13, "chat"))
    world.commit(13, head=6)
    await world.sweeper.sweep()
    await world.sweeper.sweep()

    world.hub.joined((13, "chat"), 5)
    await world.sweeper.sweep()

    assert world.fanned == [((13, "chat"), 5, 6)]


async def test_what_could_not_be_published_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.commit(12, head=11)
    await world.sweeper.sweep()

    async def fail(key: LogKey, after: int, to: int) -> None:
        raise OSError("the database is not there")

    with monkeypatch.context() as patch:
        patch.setattr(world.sweeper, "_fan_out", fail)
        await world.sweeper.sweep()  # one log that fails does not hold up the others

    await world.sweeper.sweep()
    assert world.fanned == [(CHAT, 10, 11)]


async def test_who_leaves_between_two_looks_is_not_sent_anything(world: World) -> None:
    world.commit(12, head=11)
    await world.sweeper.sweep()

    world.hub.remove(world.wire.connection)
    await world.sweeper.sweep()

    assert world.fanned == []


async def test_every_changed_row_is_shown_once_in_the_order_of_commits(world: World) -> None:
    for chat in (12, 7, 30):
        world.commit(chat, head=10)
    await world.sweeper.sweep()
    world.commit(7, head=10)
    await world.sweeper.sweep()

    assert world.shown == ["row 12 at 1", "row 7 at 2", "row 30 at 3", "row 7 at 4"]


async def test_more_changes_than_one_page_are_seen_in_one_look(world: World) -> None:
    for chat in range(100, 100 + 2 * PAGE + 1):
        world.commit(chat, head=1)

    await world.sweeper.sweep()

    assert len(world.shown) == 2 * PAGE + 1
    assert world.looks == 3


async def test_heads_are_told_to_the_hub_for_the_heartbeat(world: World) -> None:
    world.commit(12, head=25)
    await world.sweeper.sweep()

    assert world.hub.heads[CHAT] == 25


async def test_a_look_that_fails_is_followed_by_another(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.fails = True

    async def sleep(seconds: float) -> None:
        assert seconds == 1
        world.fails = world.looks == 0
        await asyncio.sleep(0)

    world.commit(12, head=11)
    running = asyncio.create_task(world.sweeper.run(1, sleep))
    try:
        await eventually(lambda: world.fanned)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert "sweeping failed" in caplog.text
    assert world.fanned == [(CHAT, 10, 11)]


async def test_what_the_sweeper_catches_is_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.commit(12, head=12)
    await world.sweeper.sweep()
    await world.sweeper.sweep()

    assert "chat 12 chat, entries 11 to 12 were not published" in caplog.text
