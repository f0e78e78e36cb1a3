"""Frames from a client: however they are cut into pieces, and whatever they claim."""

import pytest

from tests.delivery.frames import CLOSE, PING, TEXT, client_frame
from ws.frames import BINARY, CONTINUATION, PROTOCOL_ERROR, TOO_LARGE, BadFrame, FrameReader, unmask

STREAM = (
    client_frame(TEXT, b"first")
    + client_frame(TEXT, b"in ", is_final=False)
    + client_frame(PING, b"between")
    + client_frame(CONTINUATION, b"", is_final=False)
    + client_frame(CONTINUATION, b"pieces")
    + client_frame(BINARY, bytes(range(256)))
    + client_frame(TEXT, b"")
    + client_frame(CLOSE, b"\x03\xe8bye")
)
MESSAGES = [
    (TEXT, b"first"), (PING, b"between"), (TEXT, b"in pieces"), (BINARY, bytes(range(256))), (TEXT, b""),
    (CLOSE, b"\x03\xe8bye"),
]  # fmt: skip


def read(reader: FrameReader, data: bytes) -> list[tuple[int, bytes]]:
    reader.feed(data)
    return list(iter(reader.next, None))


def refusal(data: bytes, max_bytes: int = 1000) -> int:
    with pytest.raises(BadFrame) as refused:
        read(FrameReader(max_bytes), data)
    return refused.value.code


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_however_the_stream_is_cut_the_messages_are_the_same(size: int) -> None:
    reader = FrameReader(1000)
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]

    assert [message for piece in pieces for message in read(reader, piece)] == MESSAGES


def test_what_has_been_read_is_not_kept() -> None:
    reader = FrameReader(1000)
    read(reader, STREAM)

    assert (reader._data, reader._partial) == (b"", None)


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 125, 126, 65535, 65536])
def test_a_mask_comes_off_whatever_the_length(length: int) -> None:
    payload, mask = bytes(index % 251 for index in range(length)), b"\x80\x01\xff\x00"

    assert unmask(mask, unmask(mask, payload)) == payload
    assert unmask(mask, payload) == bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def test_a_message_may_be_as_large_as_the_limit_in_one_frame_or_in_several() -> None:
    assert read(FrameReader(300), client_frame(TEXT, b"x" * 300)) == [(TEXT, b"x" * 300)]
    parts = client_frame(TEXT, b"x" * 150, is_final=False) + client_frame(CONTINUATION, b"x" * 150)
    assert read(FrameReader(300), parts) == [(TEXT, b"x" * 300)]
    assert refusal(client_frame(TEXT, b"x" * 301), 300) == TOO_LARGE
    assert refusal(parts, 299) == TOO_LARGE


def test_a_claim_to_be_too_large_is_refused_before_any_of_it_has_come() -> None:
    assert refusal(b"\x81\xff" + (2**63).to_bytes(8, "big")) == TOO_LARGE


def test_after_a_broken_frame_nothing_is_read_or_kept() -> None:
    reader = FrameReader(1000)
    with pytest.raises(BadFrame):
        read(reader, b"\x83\x80")

    assert read(reader, STREAM) == []
    assert reader._data == b""


@pytest.mark.parametrize("data", [
    b"\x83\x80", b"\x8b\x80", b"\xc1\x80", b"\xa1\x80", b"\x91\x80", b"\x81\x01a", b"\x09\x80",
    b"\x89\xfe\x00\x7e", client_frame(CONTINUATION, b"a"), client_frame(CONTINUATION, b"a", is_final=False),
    client_frame(TEXT, b"a", is_final=False) + client_frame(TEXT, b"b"),
    client_frame(TEXT, b"", is_final=False) + client_frame(BINARY, b"b", is_final=False),
], ids=["opcode 3", "opcode 11", "rsv1", "rsv2", "rsv3", "no mask", "a ping in fragments", "a long ping",
        "a last fragment of nothing", "a fragment of nothing", "a message between fragments",
        "a beginning between fragments"])  # fmt: skip
def test_what_the_rules_forbid_is_a_protocol_error(data: bytes) -> None:
    assert refusal(data) == PROTOCOL_ERROR
