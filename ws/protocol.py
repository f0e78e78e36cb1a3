"""What crosses the socket: frames, the envelope, close codes. `ws/PROTOCOL.md` says what it means."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pydantic_core import from_json, to_json

SUBPROTOCOL = "cts.v1"
PROTOCOL = 1

# One log of one chat: (chat id, "chat" or "notes").
LogKey = tuple[int, str]
# {"12": {"chat": 41, "notes": 7}}: how every map of cursors and heads crosses the wire.
CursorMap = dict[str, dict[str, int]]

MAX_ID = 2**53 - 1  # the largest integer that a browser keeps exactly


class CloseCode(IntEnum):
    """Why the server closes. The range tells the client what to do: 41xx try again, 42xx start afresh, 44xx stop."""

    NORMAL = 1000
    GOING_AWAY = 1001
    RESTART = 1012
    INTERNAL = 4100
    OVERLOADED = 4101
    TOO_SLOW = 4108
    REPLACED = 4110
    EPOCH_CHANGED = 4200
    IDENTITY_CHANGED = 4201
    MALFORMED = 4400
    NOT_AUTHENTICATED = 4401
    REVOKED = 4403
    VERSION = 4406
    ABUSE = 4429


class Malformed(ValueError):
    """A frame that is no command at all; the connection is closed with 4400."""


@dataclass(frozen=True, slots=True)
class Command:
    """A frame from the client. ``id`` is None when it wants no reply."""

    id: int | None
    type: str
    data: Any


def parse_command(raw: bytes) -> Command:
    """Read the envelope ``{id?, type, data?}``; what ``data`` must look like is the command's business.

    Raises:
        Malformed: no JSON (NaN, lone surrogates and deep nesting included), no object, or no proper id and type.
    """
    try:
        frame = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed("not JSON") from error
    if type(frame) is not dict:
        raise Malformed("not an object")
    command_id, kind = frame.get("id"), frame.get("type")
    if type(kind) is not str or not kind:
        raise Malformed("type is missing")
    if command_id is not None and (type(command_id) is not int or not 0 <= command_id <= MAX_ID):
        raise Malformed("id is not a number that counts up")
    return Command(command_id, kind, frame.get("data", {}))


def frame(message: dict[str, Any]) -> bytes:
    """``message`` as a whole WebSocket frame, ready for the transport: encoded once, however many it goes to."""
    return text_frame(to_json(message))


def text_frame(payload: bytes) -> bytes:
    """An unmasked, unfragmented text frame (RFC 6455 §5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x81" + length.to_bytes(1, "big") + payload
    if length < 65536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


def reply_frame(command_id: int, data: Any) -> bytes:
    return frame({"reply_to": command_id, "ok": True, "data": data})


def error_frame(command_id: int, code: str, message: str, extra: dict[str, Any]) -> bytes:
    return frame({"reply_to": command_id, "ok": False, "error": {"code": code, "message": message, **extra}})


def behind_frame(key: LogKey, head: int) -> bytes:
    """Takes the place of a log's dropped events: fetch them with ``chat.sync`` at your own speed."""
    return frame({"type": "chat.behind", "chat": key[0], "log": key[1], "data": {"head": head}})


def cursor_map(heads: dict[LogKey, int]) -> CursorMap:
    """``{(12, "chat"): 41}`` as ``{"12": {"chat": 41}}``."""
    shaped: CursorMap = {}
    for (chat, log), seq in heads.items():
        shaped.setdefault(str(chat), {})[log] = seq
    return shaped
