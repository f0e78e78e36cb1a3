"""Cursors of lists that are paged by key: sealed, so that one of another list, filter or shop is refused."""

import base64
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

from pydantic_core import from_json, to_json

from app.errors import BadRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEAL_BYTES = 8

Position = tuple[int, int]
"""Where a page ended, for most lists: the sort key and the id of its last row."""


class Cursors:
    """Writes and reads cursors. ``place`` names the list with its filter and order: anything that tells them apart.

    A position is any tuple of plain JSON values.
    """

    def __init__(self, secret: str) -> None:
        self._key = blake2b(secret.encode()).digest()

    def seal(self, place: str, position: tuple[Any, ...]) -> str:
        """The cursor that goes on after ``position``."""
        body = to_json(position)
        return base64.urlsafe_b64encode(self._sign(place, body) + body).decode()

    def open(self, place: str, cursor: str) -> tuple[Any, ...]:
        """Where the page before ended. Raises BadRequest: the cursor is damaged, or of another list."""
        try:
            packed = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except ValueError:
            raise BadRequest("This cursor is damaged.") from None
        sign, body = packed[:_SEAL_BYTES], packed[_SEAL_BYTES:]
        if not compare_digest(sign, self._sign(place, body)):
            raise BadRequest("This cursor belongs to another list.")
        return tuple(from_json(body))

    def _sign(self, place: str, body: bytes) -> bytes:
        return blake2b(repr(place).encode() + body, digest_size=_SEAL_BYTES, key=self._key).digest()


def to_micros(time: datetime) -> int:
    """A time as a sort key."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
