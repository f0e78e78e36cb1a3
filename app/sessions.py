"""Server-side sessions: a random token outside, its hash in USERS, and a cache so that knowing somebody costs no query.

A session can be ended anywhere: in this process, in another one, by `run.py` on the command line. Each such change
takes the next number of a counter, and every process looks once a second for numbers it has not seen.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Unauthorized
from app.session_changes import Begun, Changes, actor_of, former_actor, hash_token, lifetime
from db.database import Busy, Database, Done, Pending
from db.queries import sessions as queries

logger = logging.getLogger(__name__)

T = TypeVar("T")

POLL_S = 1.0
# That somebody is there is noted this often, and written down by the minute: idle times are counted in hours and days.
SEEN_EVERY_S = 300.0
FLUSH_S = 60.0
FLUSH_LENGTH = 200
PURGE_S = 3600.0
# How long a password given once more counts for what asks for it.
CONFIRMED = timedelta(minutes=10)
# What ended stays this long, to answer questions about it.
KEEP_ENDED = timedelta(days=7)
# The answer with the new cookie should reach the browser before its sockets are told to reconnect; if none leaves, they
# are told after this.
ANNOUNCE_S = 1.0
MOST_SESSIONS = 50_000
# Greater than every hash, which is written in hexadecimal digits.
AFTER_ALL = "g"


@dataclass(slots=True)
class Record:
    """A known session. Until ``fresh_until`` (monotonic) it is taken as it is, without a look at the date."""

    actor: Actor
    data: Mapping[str, Any]
    creation_time: datetime
    expiry_time: datetime
    fresh_until: float = 0.0


RevokedCallback = Callable[[str], object]
ReplacedCallback = Callable[[str, Actor, Actor], object]


class SessionStore:
    """All sessions: `get` knows them, `write` changes them, `start` follows what others change.

    Callbacks run on the loop and take hashes of tokens, as `Actor.session` has them. They may come twice for one.
    """

    def __init__(self, users: Database, clock: Clock, most: int = MOST_SESSIONS) -> None:
        self._users, self._clock, self._most = users, clock, most
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._generation = 0  # rises with every change, so that a read from before it is not kept
        self._seen: dict[str, tuple[datetime, datetime]] = {}
        self._revoked: list[RevokedCallback] = []
        self._replaced: list[ReplacedCallback] = []
        self._unannounced: dict[str, tuple[Actor, Actor, float]] = {}
        self._in_flight: set[Pending[Any]] = set()
        self._own_revs: set[int] = set()
        self._loading: dict[str, asyncio.Task[Record | None]] = {}
        self._cursor = (0, "")
        self._expired_until = clock.now()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._records)

    def on_revoked(self, callback: RevokedCallback) -> None:
        """Have ``callback(token_hash)`` called when a session ends: its sockets must close."""
        self._revoked.append(callback)

    def on_replaced(self, callback: ReplacedCallback) -> None:
        """Have ``callback(token_hash, from_actor, to_actor)`` called when a guest or user went on as somebody else."""
        self._replaced.append(callback)

    async def start(self) -> None:
        """Begin to follow what other processes change."""
        self._cursor = (await self._users.read(queries.get_rev, hot=True), AFTER_ALL)
        self._expired_until = self._clock.now()
        self._task = asyncio.create_task(self._run(), name="sessions")

    async def stop(self) -> None:
        """Stop following, and write down who was seen."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        try:
            await self.flush()
        except Busy:
            logger.warning("when %d sessions were last seen could not be written down", len(self._seen))

    # Knowing somebody

    def find(self, token_hash: str) -> Record | None:
        """The session if it is known here and alive. No query."""
        record = self._records.get(token_hash)
        if record is None:
            return None
        if self._clock.monotonic() >= record.fresh_until and not self._see(token_hash, record):
            self._end(token_hash)
            return None
        self._records.move_to_end(token_hash)
        return record

    async def get(self, token: str) -> Record | None:
        """The session behind a token, or None if there is none, or it is over."""
        return await self.look_up(hash_token(token))

    async def look_up(self, token_hash: str) -> Record | None:
        """The session of this hash, or None if there is none, or it is over."""
        return self.find(token_hash) or await self._load(token_hash)

    async def actor_for_token(self, token: str) -> Actor | None:
        """Who a bearer token belongs to."""
        record = await self.get(token)
        return record.actor if record else None

    def touch(self, token_hash: str) -> None:
        """Note that somebody is active on a socket, where no request says so. What was forgotten is read again."""
        if self.find(token_hash) is None and token_hash not in self._loading:
            task = self._loading[token_hash] = asyncio.create_task(self._load(token_hash), name="session")
            task.add_done_callback(lambda done: self._loading.pop(token_hash))

    # Changing

    async def write(self, work: Callable[[Session, Changes], T]) -> T:
        """Run ``work(session, changes)`` as one write in USERS. The changes take effect also if the caller has gone."""
        kept: list[Changes] = []
        now = self._clock.now()

        def run(session: Session) -> Done[T]:
            kept[:] = [Changes(session, now)]  # first of all: it takes the lock that orders changes
            return Done(work(session, kept[0]), events=kept[0].events)

        def apply(pending: Pending[T]) -> None:
            self._in_flight.discard(pending)
            try:
                pending.result()
            except Exception:
                return  # nothing was kept; the caller gets the reason
            self._apply(kept[0])

        pending = self._users.submit(run)
        self._in_flight.add(pending)
        pending.add_done_callback(apply)
        return await pending

    async def begin_guest(self, data: Mapping[str, Any] | None = None, replace: str = "") -> Begun:
        """Begin a guest's session. There is no row for the guest yet."""

        def work(session: Session, changes: Changes) -> Begun:
            begun = changes.begin("shop", data=data)
            changes.replace(replace, begun)
            return begun

        return await self.write(work)

    async def confirm(self, token_hash: str) -> datetime:
        """Note that the session's holder has just given the password; returns until when that counts."""
        until = self._clock.now() + CONFIRMED

        def work(session: Session, changes: Changes) -> None:
            row = changes.get(token_hash)
            if row is None:
                raise Unauthorized
            changes.keep_data(token_hash, {**row.data, "confirmed_until": until.isoformat()})

        await self.write(work)
        return until

    async def is_confirmed(self, token_hash: str) -> bool:
        """Whether the session's holder has given the password within the last minutes."""
        record = await self.look_up(token_hash)
        until = record.data.get("confirmed_until") if record else None
        return until is not None and datetime.fromisoformat(until) > self._clock.now()

    async def end(self, token_hash: str) -> None:
        """End one session. It does not matter if it is over already."""
        if token_hash:
            await self.write(lambda session, changes: changes.end(token_hash))

    def announce(self, token_hash: str) -> None:
        """Tell the sockets of a replaced session who they are now; to be called once the new cookie has left."""
        waiting = self._unannounced.pop(token_hash, None)
        if waiting:
            before, after, _ = waiting
            self._tell_replaced(token_hash, before, after)

    # Following

    async def poll(self) -> None:
        """Take over what has changed or run out since the last look. Called once a second."""
        while rows := await self._users.read(
            lambda connection: queries.list_changes(connection, self._cursor), hot=True
        ):
            for pending in list(self._in_flight):  # a change of our own may be on disk and not yet be applied
                await _settle(pending)
            for row in rows:
                if row.rev not in self._own_revs:
                    await self._follow(row)
                self._cursor = (row.rev, row.token_hash)
            if len(rows) < queries.CHANGES_AT_ONCE:
                break
        self._own_revs = {rev for rev in self._own_revs if rev > self._cursor[0]}
        await self._end_expired()
        now = self._clock.monotonic()
        for token_hash in [key for key, (_, _, due) in self._unannounced.items() if due <= now]:
            self.announce(token_hash)

    async def _run(self) -> None:
        flushed = purged = self._clock.monotonic()
        while True:
            await self._clock.sleep(POLL_S)
            try:
                await self.poll()
                now = self._clock.monotonic()
                if now - flushed >= FLUSH_S:
                    flushed = now
                    await self.flush()
                if now - purged >= PURGE_S:
                    purged = now
                    await self.purge()
            except Exception:  # a database that cannot be read now may be readable in a second
                logger.exception("following the sessions failed")

    async def _follow(self, row: queries.AnyRow) -> None:
        """Take over one change that another process made."""
        if row.revoked_time is None:
            self._forget(row.token_hash)
            return
        following = None
        if row.replaced_by:
            following = await self._users.read(lambda c: queries.get_session(c, row.replaced_by), hot=True)
        after = actor_of(following) if following else None
        if after:
            self._forget(row.token_hash)
            self._tell_replaced(row.token_hash, former_actor(row), after)
        else:
            self._end(row.token_hash)

    async def _end_expired(self) -> None:
        after, until = self._expired_until, self._clock.now()
        hashes = await self._users.read(lambda connection: queries.list_expired(connection, after, until), hot=True)
        for token_hash in hashes:
            _, expiry_time = self._seen.get(token_hash, (until, until))
            if expiry_time <= until:  # else it was seen since, and that is not written yet
                self._end(token_hash)
        self._expired_until = until

    async def flush(self) -> None:
        """Write down who was seen, in pieces small enough for others to come between. Called once a minute."""
        while self._seen:
            part = dict(islice(self._seen.items(), FLUSH_LENGTH))
            await self._users.write(partial(_touch, seen=part), background=True)
            for token_hash, times in part.items():
                if self._seen.get(token_hash) == times:  # not seen again while that was written
                    del self._seen[token_hash]

    async def purge(self) -> None:
        """Forget what ended long ago. Called once an hour."""
        before = self._clock.now() - KEEP_ENDED
        while await self._users.write(lambda session: Done(queries.purge(session, before)), background=True):
            pass

    # Within

    def _see(self, token_hash: str, record: Record) -> bool:
        """Prolong a session that is in use; false if it is over."""
        now = self._clock.now()
        if now >= record.expiry_time:
            return False
        if record.actor.kind != "guest":
            record.expiry_time = now + lifetime(record.actor.kind)
        self._seen[token_hash] = now, record.expiry_time
        left_s = (record.expiry_time - now).total_seconds()
        record.fresh_until = self._clock.monotonic() + min(SEEN_EVERY_S, left_s)
        return True

    async def _load(self, token_hash: str) -> Record | None:
        generation = self._generation
        row = await self._users.read(lambda connection: queries.get_session(connection, token_hash), hot=True)
        actor = actor_of(row) if row and row.revoked_time is None and row.expiry_time > self._clock.now() else None
        if row is None or actor is None:
            return None
        # seen in this minute but not yet written: the database's time is the older one
        expiry_time = max(row.expiry_time, self._seen.get(token_hash, (row.expiry_time, row.expiry_time))[1])
        record = Record(actor, row.data, row.creation_time, expiry_time)
        if generation != self._generation:  # something ended while we read, perhaps this: true a moment ago, not kept
            return record
        self._records[token_hash] = record
        if len(self._records) > self._most:
            self._records.popitem(last=False)
        return self.find(token_hash)

    def _apply(self, changes: Changes) -> None:
        self._own_revs.add(changes.rev)
        for token_hash in changes.stale:
            self._forget(token_hash)
        due = self._clock.monotonic() + ANNOUNCE_S
        for token_hash, (before, after) in changes.replaced.items():
            self._forget(token_hash)
            self._unannounced[token_hash] = before, after, due
        for token_hash in changes.ended:
            self._end(token_hash)

    def _forget(self, token_hash: str) -> None:
        self._generation += 1
        self._records.pop(token_hash, None)

    def _end(self, token_hash: str) -> None:
        self._forget(token_hash)
        self._seen.pop(token_hash, None)
        for callback in self._revoked:
            _call(callback, token_hash)

    def _tell_replaced(self, token_hash: str, before: Actor, after: Actor) -> None:
        for callback in self._replaced:
            _call(callback, token_hash, before, after)


def _touch(session: Session, seen: Mapping[str, tuple[datetime, datetime]]) -> Done[None]:
    queries.touch(session, seen)
    return Done(None)


def _call(callback: Callable[..., object], *arguments: object) -> None:
    try:
        callback(*arguments)
    except Exception:
        logger.exception("a callback about a session failed")


async def _settle(pending: Pending[Any]) -> None:
    try:
        await pending
    except Exception:  # its caller hears of it
        return
