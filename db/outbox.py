"""Effects that cross databases: written with their cause, applied once, in order per key.

No transaction crosses two databases, so a write that needs something done in another one leaves a row in its own
outbox, in the same transaction. The relay takes it to the target, where the effect and the row that says "applied"
are one transaction again: done once, also when the relay dies between the two and does it a second time.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, column, delete, insert, select, table, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from db.database import Databases
from db.models.base import Id, JsonText, UtcDateTime
from db.writer import Busy, Done

logger = logging.getLogger(__name__)

# The tables of the same shape in all three databases, so that this module need not know which it is looking at.
OUTBOX = table(
    "Outbox",
    column("position", Id),
    column("event_id"),
    column("kind"),
    column("key"),
    column("payload", JsonText),
    column("created", UtcDateTime),
    column("done_at", UtcDateTime),
)
APPLIED = table("AppliedEvent", column("event_id"), column("applied", UtcDateTime))

_add = insert(OUTBOX)
_waiting = OUTBOX.c.done_at.is_(None)
_pending_of_key = select(OUTBOX.c.position).where(_waiting, OUTBOX.c.key == bindparam("wanted")).limit(1)
_applied = {
    "sqlite": sqlite_insert(APPLIED).on_conflict_do_nothing(),
    "postgresql": postgres_insert(APPLIED).on_conflict_do_nothing(),
}

PAGE = 100
_pending = (
    select(OUTBOX).where(_waiting, OUTBOX.c.position > bindparam("after")).order_by(OUTBOX.c.position).limit(PAGE)
)
POLL_S = 1.0
# What is done can be looked at for a week. What is applied must outlive whatever could still bring it again.
KEEP_DONE = timedelta(days=7)
KEEP_APPLIED = timedelta(days=30)
PURGE_EVERY_S = 3600.0
PURGE_ROWS = 500


@dataclass(frozen=True, slots=True)
class Effect:
    """How one kind of effect is applied: in which database, by which work. ``apply`` runs in that database's writer."""

    target: str
    apply: Callable[[Session, dict[str, Any]], Done[Any]]


def add_effect(session: Session, *, kind: str, key: str, payload: Mapping[str, Any]) -> None:
    """Leave an effect in the outbox of ``session``'s database. Effects of one ``key`` are applied in this order.

    The id is random and no counter: a restored backup must not give an old effect's id to a new one.
    """
    row = {"event_id": secrets.token_hex(16), "kind": kind, "key": key, "payload": dict(payload)}
    session.connection().execute(_add, {**row, "created": datetime.now(UTC)})


def has_pending(connection: Connection, key: str) -> bool:
    """Whether effects of ``key`` have not been noted as applied."""
    return connection.execute(_pending_of_key, {"wanted": key}).first() is not None


class Relay:
    """Takes effects from the three outboxes to their targets. One per installation's server process."""

    def __init__(self, databases: Databases, effects: Mapping[str, Effect]) -> None:
        self._databases, self._effects = databases, effects
        self._locks = {database.name: asyncio.Lock() for database in databases}
        self._following: dict[str, asyncio.Task[bool]] = {}  # drains that have not begun
        self._drains: set[asyncio.Task[bool]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="relay")

    async def stop(self) -> None:
        tasks = [task for task in (self._task, *self._drains) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, source: str) -> bool:
        """Apply what ``source`` has waiting. False if something could not be applied now; it stays and is tried again.

        A service calls this after its commit, so that its answer already shows the effect. All that come while one
        runs share the next; a caller that is tired of waiting stops nothing.
        """
        task = self._following.get(source)
        if task is None:
            task = self._following[source] = asyncio.create_task(self._drain(source), name=f"drain-{source}")
            self._drains.add(task)
            task.add_done_callback(self._drains.discard)
        return await asyncio.shield(task)

    async def _drain(self, source: str) -> bool:
        async with self._locks[source]:  # two relays at once would break the order per key
            del self._following[source]  # before the first look: what is written from now on needs another
            blocked: set[str] = set()
            after = 0
            while True:
                rows = await self._databases[source].read(partial(_list_pending, after=after), hot=True)
                if not rows:
                    break
                after = rows[-1].position
                waiting: dict[str, list[Row[Any]]] = {}
                for row in rows:
                    if row.key not in blocked:  # what comes later for such a key must wait
                        waiting.setdefault(row.key, []).append(row)
                # Keys side by side, so that their writes share commits.
                applied = await asyncio.gather(*(self._relay_in_order(source, rows) for rows in waiting.values()))
                if not await self._mark(source, [row.position for rows in applied for row in rows]):
                    return False
                pairs = zip(waiting.items(), applied, strict=True)
                blocked.update(key for (key, waited), done in pairs if len(done) < len(waited))
                if len(rows) < PAGE:  # what has come since brings a drain of its own
                    break
            return not blocked

    async def purge(self) -> None:
        """Delete what was done long ago, a few rows at a time, so that it holds up nobody's write.

        Only while no effect waits: the note that one has been applied must be there when it comes again.
        """
        now = datetime.now(UTC)
        old = (
            (OUTBOX.c.position, OUTBOX.c.done_at < now - KEEP_DONE),
            (APPLIED.c.event_id, APPLIED.c.applied < now - KEEP_APPLIED),
        )
        for database in self._databases:
            for key, is_old in old:
                while await database.write(partial(_delete_some, key, is_old), background=True) == PURGE_ROWS:
                    pass

    async def _relay_in_order(self, source: str, rows: list[Row[Any]]) -> list[Row[Any]]:
        """The effects of one key; returns those that were applied. The first that fails holds up the others."""
        for count, row in enumerate(rows):
            if not await self._relay(source, row):
                return rows[:count]
        return rows

    async def _relay(self, source: str, row: Row[Any]) -> bool:
        effect = self._effects.get(row.kind)
        if effect is None:
            logger.error("no effect of kind %s is known; %s keeps it", row.kind, source)
            return False
        try:
            await self._databases[effect.target].write(lambda session: _apply_once(session, effect, row))
        except Busy:
            return False
        except Exception:
            logger.exception("effect %s of %s failed and will be tried again", row.kind, source)
            return False
        return True

    async def _mark(self, source: str, positions: list[int]) -> bool:
        """Note what was applied. What could not be noted is applied again, and nothing comes of it."""
        try:
            if positions:
                await self._databases[source].write(lambda session: _mark_done(session, positions))
        except Busy:
            return False
        except Exception:
            logger.exception("what was relayed from %s could not be noted", source)
            return False
        return True

    async def _run(self) -> None:
        """What a crash left behind, and what another process wrote; from time to time, away with what is old."""
        loop = asyncio.get_running_loop()
        purge_time = loop.time()
        while True:
            is_clear = True
            for database in self._databases:
                try:
                    is_clear &= await self.drain(database.name)
                except Exception:
                    is_clear = False
                    logger.exception("relaying from %s failed", database.name)
            if is_clear and loop.time() >= purge_time:
                purge_time = loop.time() + PURGE_EVERY_S
                try:
                    await self.purge()
                except Exception:
                    logger.exception("deleting old effects failed; the next time will do it")
            await asyncio.sleep(POLL_S)


def _list_pending(connection: Connection, after: int) -> list[Row[Any]]:
    return list(connection.execute(_pending, {"after": after}))


def _apply_once(session: Session, effect: Effect, row: Row[Any]) -> Done[Any]:
    connection = session.connection()
    mark = {"event_id": row.event_id, "applied": datetime.now(UTC)}
    if connection.execute(_applied[connection.dialect.name], mark).rowcount == 0:
        return Done(None)
    return effect.apply(session, row.payload)


def _mark_done(session: Session, positions: Sequence[int]) -> Done[None]:
    session.execute(update(OUTBOX).where(OUTBOX.c.position.in_(positions)).values(done_at=datetime.now(UTC)))
    return Done(None)


def _delete_some(key: ColumnElement[Any], is_old: ColumnElement[bool], session: Session) -> Done[int]:
    some = select(key).where(is_old).limit(PURGE_ROWS)
    return Done(session.execute(delete(key.table).where(key.in_(some))).rowcount)  # type: ignore[attr-defined]
