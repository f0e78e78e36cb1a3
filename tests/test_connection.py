"""One connection and the pump, in virtual time: joined writes, back-pressure, and the end of who takes nothing."""

import asyncio

import pytest

from tests.peers import Loop, Wire
from ws.connection import LAG_TICK_S
from ws.outbox import HARD_LIMIT, SOFT_LIMIT
from ws.protocol import behind_frame

CHAT = (12, "chat")


def test_everything_said_in_one_turn_of_the_loop_is_one_write() -> None:
    wire = Wire()
    wire.connection.send(b"a")
    wire.connection.send_log((b"b", CHAT, 1))
    wire.connection.send_state("key", b"c")
    wire.connection.send_ephemeral(b"d")
    assert wire.transport.writes == []

    wire.loop.turn()

    assert wire.transport.writes == [b"abcd"]


def test_nothing_is_written_while_there_is_nothing_to_say() -> None:
    wire = Wire()
    wire.connection.outbox.hold()
    wire.connection.send_log((b"live", CHAT, 1))

    wire.loop.run(10)

    assert wire.transport.writes == []
    wire.connection.release()
    wire.loop.turn()
    assert wire.transport.writes == [b"live"]


def test_the_time_of_the_last_write_is_kept_for_the_heartbeat() -> None:
    wire = Wire()
    wire.loop.run(7)
    assert wire.connection.last_write == 0

    wire.connection.send(b"a")
    wire.loop.turn()

    assert wire.connection.last_write == 7


def test_a_transport_holds_no_more_than_the_soft_limit_and_one_frame() -> None:
    wire = Wire(takes_all=False)
    for _ in range(100):
        wire.connection.send(b"x" * 4096)
    wire.loop.run(1)

    assert wire.transport.unsent <= SOFT_LIMIT + 4096
    assert wire.connection.is_lagging
    assert wire.connection.outbox.size == 100 * 4096 - wire.transport.unsent


def test_a_loop_that_writes_when_its_turn_ends_makes_nobody_slow() -> None:
    """uvloop: right after each write the transport seems to hold everything."""
    wire = Wire(takes_all=False)
    wire.loop.on_turn_end = wire.transport.drain
    for _ in range(100):
        wire.connection.send(b"x" * 4096)

    wire.loop.turn()

    assert len(wire.transport.sent) == 100 * 4096
    assert not wire.connection.is_lagging


def test_what_waits_goes_out_as_the_client_takes_it_in_order() -> None:
    wire = Wire(takes_all=False)
    frames = [f"{number:04};".encode() * 1000 for number in range(60)]
    for frame in frames:
        wire.connection.send(frame)

    for _ in range(20):
        wire.loop.run(LAG_TICK_S)
        wire.transport.drain(50_000)

    assert wire.sent == b"".join(frames)
    assert not wire.connection.is_lagging


def test_a_slow_reader_costs_its_neighbour_nothing() -> None:
    loop = Loop()
    slow, quick = Wire(loop, takes_all=False), Wire(loop)
    for seq in range(1, 1001):
        for wire in (slow, quick):
            wire.connection.send_log((b"x" * 1000, CHAT, seq))
        loop.turn()

    assert len(quick.sent) == 1000 * 1000
    assert slow.connection.outbox.behind == {CHAT: 1000}
    assert slow.transport.unsent + slow.connection.outbox.size < HARD_LIMIT + 2 * SOFT_LIMIT


def test_a_slow_reader_is_told_what_it_missed_once_it_reads() -> None:
    wire = Wire(takes_all=False)
    for seq in range(1, 1001):
        wire.connection.send_log((b"x" * 1000, CHAT, seq))
        wire.loop.turn()
    fallen = wire.transport.sent.count(b"x") // 1000

    wire.transport.drain()
    wire.loop.run(LAG_TICK_S)

    assert fallen < 100
    assert b'"type":"chat.behind","chat":12,"log":"chat"' in wire.sent
    assert wire.connection.outbox.catch_up(CHAT, 1000)
    wire.connection.send_log((b"live", CHAT, 1001))
    assert wire.sent.endswith(b"live")


def test_the_limit_counts_what_the_kernel_has_not_taken() -> None:
    wire = Wire(takes_all=False)
    wire.connection.send(b"x" * (HARD_LIMIT + 1))
    wire.connection.send(b"y")
    wire.loop.turn()
    assert wire.connection.outbox.size == 1

    wire.connection.send_log((b"event", CHAT, 4))
    wire.transport.drain()
    wire.loop.run(LAG_TICK_S)

    assert wire.sent.endswith(b"y" + behind_frame(CHAT, 4))


# Cutting off


def test_who_takes_nothing_for_too_long_is_cut_off() -> None:
    wire = Wire(takes_all=False, stuck_s=30)
    wire.connection.send(b"x" * SOFT_LIMIT)
    wire.connection.send(b"y")

    wire.loop.run(29)
    assert not wire.cut

    wire.loop.run(2)
    assert wire.cut and wire.transport.aborted


def test_who_takes_a_little_now_and_then_is_not_cut_off() -> None:
    wire = Wire(takes_all=False, stuck_s=30)
    for _ in range(10):
        wire.connection.send(b"x" * SOFT_LIMIT)

    for _ in range(10):
        wire.loop.run(20)
        wire.transport.drain(1000)

    assert not wire.cut


def test_a_connection_with_nothing_left_to_take_is_never_stuck() -> None:
    wire = Wire(takes_all=False, stuck_s=30)
    wire.connection.send(b"small")

    wire.loop.run(100)

    assert not wire.cut


def test_nothing_is_written_to_a_transport_that_closes() -> None:
    wire = Wire()
    wire.transport.closing = True
    wire.connection.send(b"late")

    assert wire.sent == b""


# Waiting for the client


async def test_waiting_for_a_client_that_took_everything_takes_no_time() -> None:
    await asyncio.wait_for(Wire().connection.drained(), 1)


@pytest.mark.parametrize("end", ["takes", "leaves"])
async def test_waiting_ends_when_the_client_takes_everything_or_is_gone(end: str) -> None:
    wire = Wire(takes_all=False)
    for _ in range(3):
        wire.connection.send(b"x" * SOFT_LIMIT)
    wire.loop.run(LAG_TICK_S)
    waiting = asyncio.ensure_future(wire.connection.drained())
    await asyncio.sleep(0)
    assert not waiting.done()

    if end == "takes":
        for _ in range(3):
            wire.transport.drain()
            wire.loop.run(LAG_TICK_S)
    else:
        wire.pump.forget(wire.connection)

    await asyncio.wait_for(waiting, 1)
