"""What waits for one socket: the order, what is dropped first, and that memory is bounded by what is followed."""

import json
import random
from typing import Any

import pytest

from ws.outbox import HARD_LIMIT, SOFT_LIMIT, Outbox
from ws.protocol import behind_frame, text_frame

CHAT, NOTES, OTHER = (12, "chat"), (12, "notes"), (13, "chat")
ALL = 10**9


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def test_frames_leave_in_the_order_they_came_in_one_piece(outbox: Outbox) -> None:
    outbox.push(b"reply ")
    outbox.push_log((b"log ", CHAT, 1))
    outbox.push_state("receipt", b"state ")
    outbox.push_ephemeral(b"typing")

    assert outbox.take(ALL) == b"reply log state typing"
    assert outbox.is_empty and outbox.size == 0


def test_only_whole_frames_are_taken_as_many_as_fit(outbox: Outbox) -> None:
    for frame in (b"aaaa", b"bbbb", b"cccc"):
        outbox.push(frame)

    assert outbox.take(9) == b"aaaabbbb"
    assert outbox.size == 4


def test_a_frame_larger_than_the_room_still_goes(outbox: Outbox) -> None:
    outbox.push(b"a" * 100)
    outbox.push(b"b")

    assert outbox.take(10) == b"a" * 100
    assert outbox.take(10) == b"b"


# Holding


def test_what_happens_during_a_hold_follows_what_is_pushed_meanwhile(outbox: Outbox) -> None:
    outbox.hold()
    outbox.push_log((b"live ", CHAT, 3))
    outbox.push_state("receipt", b"state ")
    outbox.push(b"batch ")

    assert outbox.take(ALL) == b"batch "
    assert outbox.is_empty

    outbox.release()
    assert outbox.take(ALL) == b"live state "
    assert outbox.size == 0


def test_holds_nest(outbox: Outbox) -> None:
    outbox.hold()
    outbox.hold()
    outbox.push_log((b"live", CHAT, 1))
    outbox.release()
    assert outbox.is_empty

    outbox.release()
    assert outbox.take(ALL) == b"live"


def test_ephemeral_events_do_not_wait_for_the_end_of_a_hold(outbox: Outbox) -> None:
    outbox.hold()
    outbox.push_ephemeral(b"typing")
    outbox.release()

    assert outbox.is_empty


# State


def test_a_newer_state_takes_the_place_of_the_one_that_waits(outbox: Outbox) -> None:
    outbox.push_state("receipt/1", b"old")
    outbox.push(b"|")
    outbox.push_state("receipt/1", b"newer")
    outbox.push_state("receipt/2", b"|other")

    assert outbox.size == len(b"newer||other")
    assert outbox.take(ALL) == b"newer||other"


def test_a_state_that_was_taken_is_not_replaced(outbox: Outbox) -> None:
    outbox.push_state("receipt", b"first")
    outbox.take(ALL)
    outbox.push_state("receipt", b"second")

    assert outbox.take(ALL) == b"second"


def test_a_state_that_was_taken_one_by_one_is_not_replaced(outbox: Outbox) -> None:
    outbox.push_state("receipt", b"first")
    outbox.push(b"more")
    assert outbox.take(5) == b"first"

    outbox.push_state("receipt", b"second")

    assert outbox.take(ALL) == b"moresecond"


def test_where_one_state_does_not_replace_another_a_hint_does(outbox: Outbox) -> None:
    outbox.push_state("inbox", b"rows 1", b"behind 1")
    outbox.push_state("inbox", b"rows 2", b"behind 2")
    outbox.push_state("inbox", b"rows 3", b"behind 3")

    assert outbox.take(ALL) == b"behind 3"


# Under pressure


def test_ephemeral_events_are_the_first_to_go(outbox: Outbox) -> None:
    outbox.push_ephemeral(b"typing", unsent=SOFT_LIMIT)
    outbox.push_ephemeral(b"typing", unsent=SOFT_LIMIT + 1)

    assert outbox.take(ALL) == b"typing"


def test_log_events_stay_until_the_hard_limit_and_then_give_way_to_one_hint_per_log(outbox: Outbox) -> None:
    event = b"x" * 1024
    outbox.push(b"reply")
    outbox.push_state("receipt", b"state")
    for seq in range(1, 101):
        outbox.push_log((event, CHAT, seq))
    outbox.push_log((event, OTHER, 7))
    assert outbox.behind == {}

    outbox.push_log((event, NOTES, 3), unsent=HARD_LIMIT)

    assert outbox.behind == {CHAT: 100, OTHER: 7, NOTES: 3}
    hints = {behind_frame(CHAT, 100), behind_frame(OTHER, 7), behind_frame(NOTES, 3)}
    taken = outbox.take(ALL)
    assert taken.startswith(b"replystate")
    assert all(hint in taken for hint in hints) and len(taken) == 10 + sum(map(len, hints))


def test_what_is_held_is_dropped_too(outbox: Outbox) -> None:
    outbox.hold()
    outbox.push_log((b"x" * (HARD_LIMIT + 1), CHAT, 5))
    outbox.push_log((b"y", CHAT, 6))
    outbox.release()

    assert outbox.take(ALL) == behind_frame(CHAT, 6)
    assert outbox.size == 0


def test_a_log_that_fell_behind_stays_silent_until_a_page_reaches_its_head(outbox: Outbox) -> None:
    outbox.push_log((b"x", CHAT, 5), unsent=HARD_LIMIT + 1)
    outbox.take(ALL)
    outbox.push_log((b"lost", CHAT, 6))
    assert outbox.is_empty

    assert not outbox.catch_up(CHAT, 5)
    outbox.push_log((b"lost", CHAT, 7))
    assert outbox.catch_up(CHAT, 7)
    outbox.push_log((b"live", CHAT, 8))

    assert outbox.take(ALL) == b"live"


def test_another_log_goes_on_while_one_is_behind(outbox: Outbox) -> None:
    outbox.push_log((b"x", CHAT, 5), unsent=HARD_LIMIT + 1)
    outbox.take(ALL)

    outbox.push_log((b"live", OTHER, 1))

    assert outbox.take(ALL) == b"live"


def test_catching_up_with_a_log_that_is_not_behind_changes_nothing(outbox: Outbox) -> None:
    assert outbox.catch_up(CHAT, 0)


def test_memory_is_bounded_by_the_logs_that_are_followed_not_by_traffic(outbox: Outbox) -> None:
    event = b"x" * 2000
    most = 0
    for seq in range(1, 5000):
        for chat in range(10):
            outbox.push_log((event, (chat, "chat"), seq))
        outbox.push_state("inbox", event)
        outbox.push_ephemeral(event)
        most = max(most, outbox.size)

    assert most < HARD_LIMIT + 10 * len(event)
    assert outbox.size < SOFT_LIMIT + 2 * len(event)  # all but the hints and the newest state could go
    assert outbox.behind == {(chat, "chat"): 4999 for chat in range(10)}


@pytest.mark.parametrize("seed", range(50))
def test_every_log_event_is_given_in_order_or_hinted_at(seed: int) -> None:
    """Random pushes, holds and takes, against what a client may rely on."""
    chance = random.Random(seed)
    outbox, heads = Outbox(), {CHAT: 0, NOTES: 0, OTHER: 0}
    applied, hinted = dict.fromkeys(heads, 0), set()

    def read(taken: bytes) -> None:
        for event in frames_of(taken):
            key = (event["chat"], event["log"])
            assert key not in hinted, "a log that is behind is silent"
            if event["type"] == "chat.behind":
                assert event["data"]["head"] > applied[key]
                hinted.add(key)
            else:
                assert event["seq"] == applied[key] + 1, "a hole without a hint"
                applied[key] = event["seq"]

    for _ in range(400):
        choice = chance.random()
        if choice < 0.75:
            key = chance.choice(list(heads))
            heads[key] += 1
            shape = {"type": "e", "chat": key[0], "log": key[1], "seq": heads[key], "pad": "x" * 4000}
            event = text_frame(json.dumps(shape).encode())
            outbox.push_log((event, key, heads[key]), chance.choice((0, 0, SOFT_LIMIT)))
        elif choice < 0.80:
            outbox.hold()
            outbox.release()
        else:
            read(outbox.take(chance.choice((1, 5000, 50_000))))
        for key, head in list(outbox.behind.items()):
            if chance.random() < 0.05 and outbox.is_empty:  # the client asks for what it misses, and is given all
                assert head == heads[key] and outbox.catch_up(key, head)
                hinted.remove(key)
                applied[key] = head
    read(outbox.take(ALL))

    for key, head in heads.items():
        assert head == (outbox.behind[key] if key in hinted else applied[key])


def frames_of(taken: bytes) -> list[dict[str, Any]]:
    """The JSON of joined, unmasked text frames."""
    found = []
    while taken:
        length, start = taken[1], 2
        if length == 126:
            length, start = int.from_bytes(taken[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(taken[2:10], "big"), 10
        found.append(json.loads(taken[start : start + length]))
        taken = taken[start + length :]
    return found
