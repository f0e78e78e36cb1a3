"""WebSocket frames (RFC 6455 §5.2): those of a client put together, those of a server taken apart."""

import os

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def split_frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The frames that have arrived whole as (opcode, payload), and the bytes that are left."""
    frames, at = [], 0
    while len(data) - at >= 2:
        opcode, length, start = data[at] & 0x0F, data[at + 1], at + 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
        if start > len(data) or len(data) < start + length:
            break
        at = start + length
        frames.append((opcode, data[start:at]))
    return frames, data[at:]


def client_frame(opcode: int, payload: bytes, *, is_final: bool = True) -> bytes:
    """A masked frame."""
    mask, length = os.urandom(4), len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([0x80 * is_final | opcode]) + size + mask + masked
