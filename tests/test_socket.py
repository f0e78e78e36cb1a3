"""One client's socket without a network: pings, goodbyes, and when it is cut."""

import asyncio

import pytest

from tests.delivery.frames import CLOSE, PING, PONG, TEXT, client_frame, split_frames
from tests.peers import Loop, Transport
from ws import socket as sockets
from ws.connection import Pump
from ws.frames import BadFrame
from ws.outbox import SOFT_LIMIT
from ws.socket import Socket

HEARTBEAT_S = 25.0


class Client:
    """What is at both ends of a socket. It listens, too."""

    def __init__(self) -> None:
        self.loop, self.transport = Loop(), Transport()
        pump = Pump(self.loop, 30, lambda connection: None)  # type: ignore[arg-type]
        self.socket = Socket("k-1", self.transport, pump, self, 1000)
        self.heard: list[bytes] = []
        self.errors: list[int] = []
        self.told: list[str] = []

    def read(self, socket: Socket) -> None:
        try:
            while (text := socket.next_message()) is not None:
                self.heard.append(text)
        except BadFrame as error:
            self.errors.append(error.code)

    def closing(self, socket: Socket) -> None:
        self.told.append("closing")

    def lost(self, socket: Socket) -> None:
        self.told.append("lost")

    def say(self, opcode: int, payload: bytes = b"") -> None:
        self.socket.data_received(client_frame(opcode, payload))

    @property
    def was_told(self) -> list[tuple[int, bytes]]:
        return split_frames(self.transport.sent)[0]

    def wait(self, seconds: float) -> None:
        self.loop.run(seconds)
        self.socket.check_alive(self.loop.time(), HEARTBEAT_S)


def test_who_answers_a_ping_stays_and_who_does_not_is_cut() -> None:
    client = Client()
    client.wait(24)
    assert client.was_told == []
    client.wait(1)
    assert client.was_told == [(PING, b"")]
    client.wait(10)
    client.say(PONG)
    client.wait(20)
    assert client.was_told == [(PING, b"")]  # it was heard since

    client.wait(5)
    client.wait(12)
    assert len(client.was_told) == 2 and not client.transport.aborted
    client.wait(0.5)

    assert client.transport.aborted


def test_a_ping_is_answered_unless_answers_pile_up() -> None:
    client = Client()
    client.say(PING, b"there?")
    assert client.was_told == [(PONG, b"there?")]

    client.transport.unsent = SOFT_LIMIT
    client.say(PING, b"and now?")

    assert len(client.was_told) == 1


async def test_a_close_says_everything_first_and_hears_nothing_more() -> None:
    client = Client()
    client.socket.connection.send(b"\x81\x04last")
    client.socket.close(4403, "signed out")
    client.socket.close(4100)  # the first counts
    client.say(TEXT, b"one more thing")

    assert client.was_told == [(TEXT, b"last"), (CLOSE, b"\x11\x33signed out")]
    assert (client.heard, client.told) == ([], ["closing"])
    client.say(CLOSE, b"\x11\x33")
    assert client.transport.closing and not client.transport.aborted
    assert (client.socket.close_code, client.told) == (4403, ["closing"])


async def test_who_does_not_say_goodbye_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sockets.CLOSE_S == 2
    monkeypatch.setattr(sockets, "CLOSE_S", 0)
    client = Client()
    client.socket.close(1012)

    await asyncio.sleep(0.01)

    assert client.transport.aborted


async def test_a_clients_goodbye_is_answered() -> None:
    client = Client()
    client.say(CLOSE, b"\x03\xe8bye")

    assert client.was_told == [(CLOSE, b"\x03\xe8")]
    assert client.transport.closing and client.socket.close_code == 1000


@pytest.mark.parametrize(("payload", "code"), [(b"\x03", 1002), (b"\x03\xe8\xff", 1007)])
def test_a_goodbye_that_breaks_the_rules_is_refused(payload: bytes, code: int) -> None:
    client = Client()
    client.say(CLOSE, payload)

    assert client.errors == [code]


def test_what_arrives_while_it_is_busy_waits() -> None:
    client = Client()
    client.socket.set_busy(True)
    client.say(TEXT, b"a")
    assert client.heard == [] and not client.transport.is_reading

    client.socket.set_busy(False)
    client.read(client.socket)

    assert client.heard == [b"a"] and client.transport.is_reading
