"""Pictures that people send, before and while something shows them.

A picture lies with the others under ``<data>/images`` and is read from there by its name, which is all the right that
it takes: names are made with the shop's secret, so that nobody can guess one, nor find out from a picture of their own
whether somebody has sent the same. The sender alone is told the name; whoever moderates is told it by the comment, and
everybody by the comment's approval. A name once told cannot be untold: a picture that was hidden or withdrawn is shown
nowhere any more, and its file goes when nothing uses it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Conflict
from app.images import ImageStore, thumbnail
from app.limits import Throttle, address_key
from app.schemas.base import image_url
from app.schemas.comments import PhotoOut, UploadedFile, UploadOut
from app.services.once import Keyed, Once, once
from db.database import Database, Done
from db.outbox import add_effect
from db.queries import uploads as queries
from ws.limits import Rate

logger = logging.getLogger(__name__)

EFFECT = "use_uploads"
UPLOADS_PER_10_MINUTES = 60
MOST_UNUSED = 20
USABLE = timedelta(hours=24)
KEPT = timedelta(hours=25)
"""Longer than it may be used, so that nothing goes while somebody is about to use it."""
NOBODY = 0
SWEEP_S = 3600.0
SWEPT_AT_ONCE = 100


class UploadService:
    """Takes in pictures, says who may use which, and removes what nobody uses.

    settle: applies the effects that wait in the outbox of PRODUCTS; False when some could not be.
    """

    def __init__(
        self, messanger: Database, images: ImageStore, clock: Clock, settle: Callable[[], Awaitable[bool]]
    ) -> None:
        self._messanger, self._images, self._clock, self._settle = messanger, images, clock, settle
        rate = Rate.per_minutes(UPLOADS_PER_10_MINUTES, 10)
        self._by_person, self._by_address = Throttle(rate, clock), Throttle(rate, clock)
        self._task: asyncio.Task[None] | None = None

    def count(self, actor: Actor, address: str) -> None:
        """Count an upload before anything of it is read. Raises RateLimited."""
        self._by_address.check(address_key(address))
        self._by_person.check(actor.session if actor.id is None else f"{actor.side}/{actor.id}")

    async def take(self, content: bytes) -> str:
        """Check and keep a picture; returns its file name. Raises TooLarge, Invalid: see `ImageStore.add`."""
        return await self._images.add(content)

    async def add(self, actor: Actor, file: UploadedFile, keyed: Keyed | None = None) -> Once[UploadOut]:
        """Make a kept picture somebody's upload, which may be used within `USABLE`.

        Raises:
            Conflict: too many of theirs wait to be used (``reason`` too_many_uploads).
        """
        owner, now = _owner(actor), self._clock.now()
        row = {"owner_kind": owner[0], "owner_id": owner[1], "creation_time": now, **file.model_dump()}

        def work(session: Session) -> Done[UploadOut]:
            if queries.count_unused(session.connection(), *owner, MOST_UNUSED) >= MOST_UNUSED:
                raise Conflict("Use the pictures that you have sent, or wait a day.", reason="too_many_uploads")
            upload_id = queries.add_upload(session, row)
            return Done(UploadOut(id=upload_id, creation_time=now, **photo_out(file.name).model_dump()))

        def leave(session: Session) -> Done[None]:
            queries.add_upload(session, {**row, "owner_id": NOBODY})
            return Done(None)

        try:
            return await self._messanger.write(once(keyed, UploadOut, now, work))
        except Conflict:
            await self._messanger.write(leave)  # the file is there: so that it goes like any other that is not used
            raise

    async def find(self, actor: Actor, ids: Collection[str]) -> Mapping[str, str]:
        """File names, by id, of those of ``ids`` that the actor may use."""
        if not ids:
            return {}
        owner, since = _owner(actor), self._clock.now() - USABLE
        return await self._messanger.read(
            lambda connection: queries.list_uploads(connection, *owner, ids, since), hot=True
        )

    # Removing what nobody uses

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="uploads")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> int:
        """Remove uploads that nothing uses and that are older than `KEPT`, with their files; returns how many."""
        before, removed = self._clock.now() - KEPT, 0
        # What was used within its time is noted now at the latest: only then is the rest unused.
        while await self._settle() and (gone := await self._sweep_some(before)):
            removed += gone
        return removed

    async def _sweep_some(self, before: datetime) -> int:
        def read(connection: Connection) -> tuple[list[str], set[str]]:
            rows = queries.list_expired(connection, before, SWEPT_AT_ONCE)
            ids, names = [row.id for row in rows], {row.name for row in rows}
            return ids, names - queries.list_shared(connection, names, ids)

        def work(session: Session) -> Done[None]:
            queries.delete_unused(session, ids)
            return Done(None)

        ids, names = await self._messanger.read(read)
        for name in names:
            await self._images.remove(name, before)
        if ids:  # the files first: a crash between leaves rows, which the next sweep finds
            await self._messanger.write(work, background=True)
        return len(ids)

    async def _run(self) -> None:
        while True:
            try:
                if removed := await self.sweep():
                    logger.info("%s unused uploads removed", removed)
            except Exception:
                logger.exception("removing unused uploads failed")
            await self._clock.sleep(SWEEP_S)


def photo_out(name: str) -> PhotoOut:
    """Where a picture and its small version are."""
    return PhotoOut(image=image_url(name), thumbnail=image_url(thumbnail(name, 320)))


def keep_uses(session: Session, used_in: str, names: Collection[str], ids: Collection[str], now: datetime) -> None:
    """Leave the effect that notes which pictures ``used_in`` shows, in the transaction that has it show them."""
    payload = {"used_in": used_in, "names": list(names), "ids": list(ids), "time": now.isoformat()}
    add_effect(session, kind=EFFECT, key=used_in, payload=payload)


def apply_uses(session: Session, payload: dict[str, Any]) -> Done[None]:
    """The effect in MESSANGER."""
    now = datetime.fromisoformat(payload["time"])
    queries.set_uses(session, payload["used_in"], payload["names"], payload["ids"], now)
    return Done(None)


def move_uploads(session: Session, guest_id: int, user_id: int) -> None:
    """What a guest has sent and not used yet goes on with the user whom the guest has become."""
    queries.move_uploads(session, guest_id, user_id)


def _owner(actor: Actor) -> tuple[str, int]:
    return actor.side, actor.id or 0
