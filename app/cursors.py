"""Cursors of lists that are paged by key: sealed, so that one of another list, filter or shop is refused."""

import base64
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct
from struct import error as StructError

from app.errors import BadRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POSITION = Struct(">qq8s")  # sort key, id, seal

Position = tuple[int, int]
"""Where a page ended: the sort key and the id of its last row."""


class Cursors:
    """Writes and reads cursors. ``place`` names the list with its filter and order: anything that tells them apart."""

    def __init__(self, secret: str) -> None:
        self._key = blake2b(secret.encode()).digest()

    def seal(self, place: str, position: Position) -> str:
        """The cursor that goes on after ``position``."""
        return base64.urlsafe_b64encode(_POSITION.pack(*position, self._sign(place, position))).decode()

    def open(self, place: str, cursor: str) -> Position:
        """Where the page before ended. Raises BadRequest: the cursor is damaged, or of another list."""
        try:
            key, last_id, sign = _POSITION.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
        except (ValueError, StructError):
            raise BadRequest("This cursor is damaged.") from None
        if not compare_digest(sign, self._sign(place, (key, last_id))):
            raise BadRequest("This cursor belongs to another list.")
        return key, last_id

    def _sign(self, place: str, position: Position) -> bytes:
        return blake2b(repr((place, position)).encode(), digest_size=8, key=self._key).digest()


def to_micros(time: datetime) -> int:
    """A time as a sort key."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
