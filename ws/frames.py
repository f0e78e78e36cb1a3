"""WebSocket frames of a client, which may be anybody: masked, perhaps in fragments, perhaps against the rules.

Pure: bytes in, messages out. What an idle client costs here is this object and nothing else.
"""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
PROTOCOL_ERROR, NOT_UTF8, TOO_LARGE = 1002, 1007, 1009


class BadFrame(ValueError):
    """What RFC 6455 forbids or a limit refuses; ``code`` is the close code that says so."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class FrameReader:
    """Takes the stream apart. ``max_bytes``: the largest message, also of several fragments."""

    __slots__ = ("_at", "_data", "_is_broken", "_kind", "_max_bytes", "_partial")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._data, self._at = b"", 0
        self._is_broken = False
        self._kind = 0  # the opcode of the message whose fragments are arriving
        self._partial: bytearray | None = None

    def feed(self, data: bytes) -> None:
        """Take what has arrived; `next` gives what is whole. After a BadFrame nobody knows what it would mean."""
        if not self._is_broken:
            self._data, self._at = self._data[self._at :] + data, 0

    def next(self) -> tuple[int, bytes] | None:
        """The next message or control frame as (opcode, payload), or None until more has arrived. Raises BadFrame."""
        try:
            return self._next_message()
        except BadFrame:
            self._is_broken, self._data, self._at, self._partial = True, b"", 0, None
            raise

    def _next_message(self) -> tuple[int, bytes] | None:
        while (frame := self._next_frame()) is not None:
            is_final, opcode, payload = frame
            if opcode >= CLOSE:  # these may come between fragments
                return opcode, payload
            if (opcode == CONTINUATION) != bool(self._kind):
                raise BadFrame(PROTOCOL_ERROR, "a fragment out of place")
            if is_final and not self._kind:
                return opcode, payload
            if self._partial is None:
                self._kind, self._partial = opcode, bytearray()
            self._partial += payload
            if is_final:
                whole, opcode = bytes(self._partial), self._kind
                self._kind, self._partial = 0, None
                return opcode, whole
        return None

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        data, at = self._data, self._at
        if len(data) - at < 2:
            return None
        is_final, opcode, length, start = bool(data[at] & 0x80), data[at] & 0x0F, data[at + 1] & 0x7F, at + 2
        if data[at] & 0x70 or opcode not in OPCODES or not data[at + 1] & 0x80:
            raise BadFrame(PROTOCOL_ERROR, "a reserved bit or opcode, or no mask")
        if opcode >= CLOSE and (length > 125 or not is_final):
            raise BadFrame(PROTOCOL_ERROR, "a control frame too large or in fragments")
        if length > 125:
            start += 2 if length == 126 else 8
            if len(data) < start:
                return None
            length = int.from_bytes(data[at + 2 : start], "big")
        if opcode < CLOSE and length + len(self._partial or b"") > self._max_bytes:  # before any of it is kept
            raise BadFrame(TOO_LARGE, "a message too large")
        end = start + 4 + length
        if len(data) < end:
            return None
        payload = unmask(data[start : start + 4], data[start + 4 : end])
        self._data, self._at = (data, end) if end < len(data) else (b"", 0)
        return is_final, opcode, payload


def unmask(mask: bytes, payload: bytes) -> bytes:
    """``payload`` with the four bytes of ``mask`` taken off again and again: as one long number, not byte by byte."""
    length = len(payload)
    key = mask * (length // 4) + mask[: length % 4]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(length, "little")


def control_frame(opcode: int, payload: bytes = b"") -> bytes:
    """A ping, pong or close of the server; up to 125 bytes."""
    return bytes((0x80 | opcode, len(payload))) + payload
