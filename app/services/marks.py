"""Read and delivered marks: merged in memory, written a few times a second, told when they are on disk."""

import asyncio
import logging
from dataclasses import replace

from sqlalchemy.orm import Session

from app.services.broadcast import MarksRaised
from db.database import Busy, Database, Done
from db.queries import chats as queries
from db.queries.chats import LogKey, Mark

logger = logging.getLogger(__name__)

FLUSH_S = 0.2
Member = tuple[int, str, str, int]


class Marks:
    """`raise_to` is called as often as clients like; the database sees one statement per flush. Maximum wins."""

    def __init__(self, messanger: Database) -> None:
        self._messanger = messanger
        self._raised: dict[Member, Mark] = {}
        self._task: asyncio.Task[None] | None = None

    def raise_to(self, key: LogKey, kind: str, person_id: int, *, read: int = 0, delivered: int = 0) -> None:
        """Note how far somebody is. What is read has been delivered; above the log's head counts as the head."""
        member = (*key, kind, person_id)
        mark = self._raised.get(member) or Mark(*key, kind, person_id, 0, 0)
        read = max(mark.read_seq, read)
        self._raised[member] = replace(mark, read_seq=read, delivered_seq=max(mark.delivered_seq, delivered, read))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._flush_soon())

    async def flush(self) -> None:
        """Write what has been noted. What could not be written is noted again."""
        raised, self._raised = self._raised, {}
        if not raised:
            return

        def work(session: Session) -> Done[None]:
            connection = session.connection()
            queries.next_rev(connection, 0)  # takes no rev, but the lock that every write takes first
            return Done(None, [MarksRaised(queries.raise_marks(connection, raised.values()))])

        try:
            await self._messanger.write(work)
        except Busy:
            for mark in raised.values():
                self.raise_to(
                    (mark.chat, mark.log), mark.kind, mark.person_id, read=mark.read_seq, delivered=mark.delivered_seq
                )

    async def stop(self) -> None:
        """Write what has been noted, and nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def _flush_soon(self) -> None:
        try:
            while self._raised:
                await asyncio.sleep(FLUSH_S)
                await self.flush()
        except Exception:
            logger.exception("marks could not be written; the next ones are at least as high")
        finally:
            self._task = None
