"""Catching up: one plan for the first load, a reconnect and a gap, however long the absence was."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ws.connection import Connection
from ws.hub import Hub
from ws.protocol import LogKey, behind_frame

BATCH_ENTRIES = 200  # a longer gap is answered by a reset with the newest entries
RESET_ENTRIES = 50
RESUME_ENTRIES = 1000
RESUME_BYTES = 512 * 1024
RESUME_CHATS = 200


@dataclass(frozen=True, slots=True)
class Step:
    """What one log is sent: the entries after ``after``, only the newest, or a hint to fetch them."""

    key: LogKey
    kind: Literal["batch", "reset", "behind"]
    after: int
    head: int


@dataclass(frozen=True, slots=True)
class Page:
    """A batch or reset ready to be pushed, and the last seq in it, which may be short of the head."""

    frame: bytes
    to: int


def plan_step(key: LogKey, cursor: int | None, head: int) -> Step:
    """A batch for a gap that it can fill, else a reset. A cursor above the head comes from another history."""
    if cursor is None or cursor > head or head - cursor > BATCH_ENTRIES:
        return Step(key, "reset", max(0, head - RESET_ENTRIES), head)
    return Step(key, "batch", cursor, head)


def plan_resume(cursors: Mapping[LogKey, int | None], heads: Mapping[LogKey, int], focus: int | None) -> list[Step]:
    """What to send for all followed logs, ``focus`` first.

    ``cursors`` holds the client's position in each log it follows (None: it has nothing), in the order of interest;
    a log without a head is not the client's to see, or not there, and is left out. What exceeds the budget of one
    resume becomes `behind`.
    """
    steps: list[Step] = []
    entries = 0
    for key in sorted(cursors, key=lambda key: key[0] != focus):  # stable: the order of interest stays
        if key not in heads:
            continue
        step = plan_step(key, cursors[key], heads[key])
        missed = step.head - step.after
        if entries + missed > RESUME_ENTRIES:
            step, missed = Step(key, "behind", step.after, step.head), 0
        entries += missed
        steps.append(step)
    return steps


async def run_steps(
    connection: Connection, hub: Hub, steps: list[Step], read: Callable[[Step], Awaitable[Page]]
) -> dict[LogKey, int]:
    """Read and push each step; returns how far each log was brought.

    The caller has subscribed the connection and holds its outbox, so that what is committed meanwhile waits behind the
    pages: nothing falls between reading and listening, and what comes twice has the same seq.
    """
    reached: dict[LogKey, int] = {}
    sent = 0
    for step in steps:
        if step.kind == "behind" or sent > RESUME_BYTES:
            leave_behind(connection, step.key, step.head)
            hub.joined(step.key, step.head)
            continue
        if sent:
            await asyncio.sleep(0)  # the pump hands over the last page, and others have their turn
        await connection.drained()
        page = await read(step)
        sent += len(page.frame)
        connection.send(page.frame)
        connection.outbox.catch_up(step.key, page.to)
        hub.joined(step.key, max(page.to, step.head))
        reached[step.key] = page.to
        if page.to < step.head:
            leave_behind(connection, step.key, step.head)
    return reached


def leave_behind(connection: Connection, key: LogKey, head: int) -> None:
    """Tell a follower to fetch a log by ``chat.sync``; until that reaches the head it gets no events of it."""
    connection.outbox.behind[key] = max(head, connection.outbox.behind.get(key, 0))
    connection.send(behind_frame(key, head))
