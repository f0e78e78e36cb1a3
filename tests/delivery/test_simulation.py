"""A thousand bad days in virtual time: when all is quiet again, every client's replica equals the model.

The server's own code runs (endpoint, hub, outbox, commands, reader, resume, sweeper); only the storage is a dict, the
network a queue, and the time a number. All limits are small, so that each day passes all of them.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app.services.broadcast
import app.services.chat_reader
import ws.connection
import ws.outbox
import ws.resume
from db.urls import ROOT
from tests.client import Replica
from tests.delivery.memory import MemoryQueries
from tests.delivery.simulation import Tab, World, run_world

QUICK, ALL, RECORDED = 60, 1000, 15
ONLY = os.environ.get("CTS_SEED")
QUIET_S = 300.0

SMALL = [
    (ws.outbox, "SOFT_LIMIT", 2_000), (ws.connection, "SOFT_LIMIT", 2_000), (ws.outbox, "HARD_LIMIT", 5_000),
    (ws.resume, "BATCH_ENTRIES", 8), (ws.resume, "RESET_ENTRIES", 3), (ws.resume, "RESUME_ENTRIES", 12),
    (ws.resume, "RESUME_BYTES", 8_000), (app.services.chat_reader, "BATCH_ENTRIES", 8),
    (app.services.chat_reader, "RESET_ENTRIES", 3), (app.services.chat_reader, "SYNC_ENTRIES", 5),
    (app.services.chat_reader, "HISTORY_ENTRIES", 4), (app.services.chat_reader, "queries", MemoryQueries),
    (app.services.broadcast, "queries", MemoryQueries),
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in SMALL:
            patch.setattr(module, name, value)
        yield


async def live_a_day(world: World) -> dict[str, int]:
    """Two tabs of one customer, another customer, two members of staff, and everything that can go wrong."""
    first, second = world.customer("anna", tabs=2)
    third = world.customer("boris")[0]
    desks = [world.staff(1), world.staff(2)]
    dice = world.random
    database = world.server.database
    database.lose = lambda: dice.random() < 0.1
    database.fail = lambda: dice.random() < 0.03
    for number in range(dice.randint(30, 70)):
        act(world, dice.choice((first, second, third, *desks)), number)
        if dice.random() < 0.03:
            await world.restart(dice.uniform(0.1, 3))
        await asyncio.sleep(dice.choice((0, 0.01, 0.1, 0.5, 2)))
        for tab in world.tabs:
            tab.wake()
    await settle(world)
    return {"entries": sum(map(len, world.memory.logs.values())), "caught": world.server.sweeper.caught}


def act(world: World, tab: Tab, number: int) -> None:
    """One tab does one thing."""
    dice, core = world.random, tab.core
    client_id = f"{tab.name.replace('/', '-')}-{number}"
    chats = sorted(core.replica.chats)
    chat = dice.choice(chats) if chats else None
    match dice.choices(
        ("write", "burst", "edit", "read", "state", "typing", "cut", "slow", "fast"), (8, 2, 3, 3, 2, 1, 4, 3, 2)
    )[0]:
        case "write" if chat is not None or not core.is_staff:
            core.write(chat if core.is_staff else None, f"{number}", client_id)
        case "burst" if chat is not None or not core.is_staff:
            for index in range(15):
                text = f"{number}.{index} {'ж' * 150}"
                core.write(chat if core.is_staff else None, text, f"{client_id}-{index}")
        case "edit" if chat is not None:
            mine = [
                seq for seq, entry in core.replica.chat(chat).log().entries.items()
                if entry["kind"] == "message" and not entry["deleted"]
                and (entry["sender"]["kind"], entry["sender"]["id"]) == (tab.actor.side, tab.actor.id)
            ]  # fmt: skip
            if mine:
                target = dice.choice(mine)
                if dice.random() < 0.6:
                    core.change("message.edit", chat, client_id, target=target, text=f"исправлено {number}")
                else:
                    core.change("message.delete", chat, client_id, target=target)
        case "read" if chat is not None and core.ready:
            applied = core.replica.chat(chat).log().applied
            tab.say(core.tell(dice.choice(("chat.read", "chat.delivered")), chat=chat, log="chat", seq=applied))
        case "state" if chat is not None:
            kinds = ("chat.claim", "chat.close", "chat.reopen") if core.is_staff else ("chat.close",)
            core.change(dice.choice(kinds), chat, client_id)
        case "typing" if chat is not None and core.ready:
            tab.say(core.tell("typing", chat=chat, on=True))
        case "cut":
            if dice.random() < 0.5 and not core.is_staff:
                core.write(None, f"{number}", client_id)
                tab.say()
                world.loop.call_later(dice.uniform(0, 0.5), tab.cut)  # perhaps between the commit and the answer
            else:
                tab.cut()
        case "slow":
            tab.set_speed(dice.choice((0, 300, 3000)))
        case "fast":
            tab.set_speed(None)
    tab.say()


async def settle(world: World) -> None:
    """The weather clears up; wait until nothing is on its way, and compare."""
    database = world.server.database
    database.lose = database.fail = lambda: False
    for tab in world.tabs:
        tab.set_speed(None)
    try:
        await world.until(lambda: all(tab.core.is_quiet for tab in world.tabs) and not differences(world), QUIET_S)
    except TimeoutError:
        waiting = [f"{tab.name} waits for {tab.core.unanswered}" for tab in world.tabs if not tab.core.is_quiet]
        raise AssertionError("\n".join(differences(world) + waiting)) from None
    for tab in world.tabs:
        for chat in tab.core.replica.chats:
            while question := tab.core.load_history(chat):
                tab.say(question)
                await world.until(lambda tab=tab: tab.core.is_quiet, QUIET_S)
    assert not differences(world, whole=True)
    for core in {tab.core.outbox: tab.core for tab in world.tabs}.values():
        written, sent = core.outbox.written, world.memory.sent
        stored = [client_id for _, _, client_id in sent if client_id in set(written)]
        allowed = {"conflict", "closed", "not_found", "forbidden"}
        assert {error["code"] for error in core.outbox.failed.values()} <= allowed
        messages = [sent_id for sent_id in written if sent_id in stored]
        assert stored == messages or core.is_staff, "a sender's own order is lost"


def differences(world: World, *, whole: bool = False) -> list[str]:
    """Where a replica differs from the model. ``whole``: from the first entry on."""
    found = []
    for tab in world.tabs:
        replica = tab.core.replica
        mine = [chat for chat in world.memory.chats.values() if tab.actor.is_staff or chat.user_id == tab.actor.id]
        for chat in mine:
            if chat.id not in replica.chats:
                if tab.actor.is_staff or chat.status != "closed":  # old closed ones are shown when they are asked for
                    found.append(f"{tab.name} does not know of {chat.id}")
                continue
            copy, log = replica.chat(chat.id), world.memory.logs[chat.id, "chat"]
            if copy.log().applied != len(log):
                found.append(f"{tab.name} has {chat.id} to {copy.log().applied} of {len(log)}")
                continue
            oldest = 1 if whole else copy.log().oldest
            entries = [shown(entry) for entry in log[oldest - 1 :]]
            if [told(seq, entry) for seq, entry in sorted(copy.log().entries.items())] != entries:
                found.append(f"{tab.name} has other entries of {chat.id}")
            state = copy.state or {}
            if (state.get("status"), (state.get("assignee") or {}).get("id")) != (chat.status, chat.service_person_id):
                found.append(f"{tab.name} sees {state.get('status')} {state.get('assignee')} of {chat}")
            marks = {
                f"{mark.kind}/{mark.person_id}": (mark.read_seq, mark.delivered_seq)
                for mark in world.memory.marks.values() if mark.chat == chat.id
            }  # fmt: skip

            if copy.members != marks:
                found.append(f"{tab.name} has marks {copy.members} of {chat.id}: {marks}")
        if tab.actor.is_staff:
            rows = {chat.id: chat.rev for chat in world.memory.chats.values()}
            if {chat: row["rev"] for chat, row in replica.inbox.items()} != rows:
                found.append(f"{tab.name} has another inbox")
    return found


def shown(entry: Any) -> tuple[Any, ...]:
    text = entry.data["text"] if entry.kind == "message" and not entry.deleted else None
    return entry.seq, entry.kind, entry.client_id, entry.sender_kind, entry.sender_id, entry.target, text


def told(seq: int, entry: dict[str, Any]) -> tuple[Any, ...]:
    text = entry["data"]["text"] if entry["kind"] == "message" and not entry["deleted"] else None
    sender = entry["sender"]
    return seq, entry["kind"], entry["client_id"], sender["kind"], sender["id"], entry["target"], text


def run_seeds(seeds: range) -> None:
    for seed in [int(ONLY)] if ONLY else seeds:
        try:
            run_world(seed, live_a_day)
        except BaseException:
            print(f"repeat with CTS_SEED={seed}")
            raise


def test_after_a_bad_day_every_replica_equals_the_model():
    run_seeds(range(QUICK))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_after_a_thousand_bad_days_every_replica_equals_the_model():
    run_seeds(range(QUICK, ALL))


# The browser's replica, given the same


async def record_a_day(world: World) -> list[tuple[Any, Any]]:
    """A bad day; what each client's replica was given, and what became of it."""
    world.is_recording = True
    await live_a_day(world)
    return [(tab.core.trace, picture(tab.core.replica)) for tab in world.tabs]


def picture(replica: Replica) -> dict[str, Any]:
    """A replica in the shape of replay.mjs."""
    chats = []
    for chat in replica.chats.values():
        state, log = chat.state or {}, chat.log()
        chats.append({
            "id": chat.id, "applied": log.applied, "oldest": log.oldest, "status": state.get("status"),
            "assignee": (state.get("assignee") or {}).get("id"),
            "entries": [
                [
                    seq, entry["kind"], entry["client_id"],
                    entry["data"]["text"] if entry["kind"] == "message" and not entry["deleted"] else None,
                ]
                for seq, entry in sorted(log.entries.items())
            ],
            "members": {key: list(marks) for key, marks in chat.members.items()},
        })  # fmt: skip
    inbox = sorted([chat, row["rev"]] for chat, row in replica.inbox.items())
    return {"chats": chats, "inbox": inbox, "asked": replica.syncs}


def test_the_browsers_replica_makes_the_same_of_the_same(tmp_path: Path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    seeds = [int(ONLY)] if ONLY else range(RECORDED)
    recorded = [(seed, *one) for seed in seeds for one in run_world(seed, record_a_day)]
    traces = tmp_path / "traces.json"
    traces.write_text(json.dumps([trace for _, trace, _ in recorded]))

    script = [node, str(ROOT / "tests/delivery/replay.mjs"), str(ROOT / "static/js/replica.js"), str(traces)]
    run = subprocess.run(script, capture_output=True, text=True, timeout=50)

    assert run.returncode == 0, run.stderr
    for (seed, _, made), browsers in zip(recorded, json.loads(run.stdout), strict=True):
        assert browsers == made, f"repeat with CTS_SEED={seed}"
