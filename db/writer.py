"""The writer: whatever is waiting becomes one transaction, and nobody hears of anything before it is on disk.

One per database and process. A caller submits a function; the writer runs all waiting functions in one transaction,
in the order of submission, commits once, and then, on the event loop and in this order: publishes the events in commit
order, and hands each caller its result. There is no timer: a batch is what arrived while the last one was written.

An error of one function undoes that function alone: its savepoint, or the transaction if it has that for itself. An
error of the database undoes the whole batch: everybody in it gets `Busy`, nothing is published, and the next batch
starts on a fresh connection.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session

from db.engine import is_open, is_replayable, is_unwritable

logger = logging.getLogger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")
Shaped = TypeVar("Shaped")

# Enough to make the commit cheap, few enough that the first of them does not wait long for the last.
BATCH_LENGTH = 256
# PostgreSQL keeps 64 subtransactions per backend at hand; more of them slow every snapshot down.
BATCH_SAVEPOINTS = 32
# Background work waits for a quiet moment, but not longer than this under constant load.
BACKGROUND_PATIENCE_S = 0.5
IDLE_S = 1.0
# In `Connection.info` of a writer with one connection, which all its writes share: a dictionary for what work wants to
# find again in a later batch. It is emptied whenever anything is undone.
KEPT = "kept"


class _RunFailed(Exception):
    """A run that had the transaction for itself failed: its items are done again one by one, each in a savepoint."""


class Busy(Exception):
    """Nothing could be kept: the queue is full or too old, or the database cannot be written. Trying again may work."""


@dataclass(slots=True)  # not frozen, as nothing that each message makes: a frozen one takes ten times as long to make
class Done(Generic[T]):
    """What a unit of work hands back: its result, and what to publish once it is on disk."""

    result: T
    events: Sequence[object] = ()


class Pending(Generic[T]):
    """The outcome of a submitted write, once there is one. Awaitable; belongs to the event loop's thread.

    Callbacks run at once when the outcome is known, not in a later turn of the loop as a Future's would: so an
    acknowledgement and the event that it acknowledges leave in one write to the socket.
    """

    __slots__ = ("_callbacks", "_error", "_result", "_shape", "done")

    def __init__(self) -> None:
        self.done = False
        self._result: T | None = None
        self._error: Exception | None = None
        self._shape: Callable[[Any], Any] | None = None
        self._callbacks: list[Callable[[Pending[T]], object]] = []

    def add_done_callback(self, callback: "Callable[[Pending[T]], object]") -> None:
        if self.done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def result(self) -> T:
        """The result. Raises what the work raised, or Busy."""
        if self._error is not None:
            raise self._error
        return self._result if self._shape is None else self._shape(self._result)  # type: ignore[return-value]

    def map(self, shape: "Callable[[T], Shaped]") -> "Pending[Shaped]":
        """Have ``result`` put into another shape, each time that it is asked for."""
        self._shape = shape
        return self  # type: ignore[return-value]

    def resolve(self, result: T | None, error: Exception | None = None) -> None:
        self.done, self._result, self._error = True, result, error
        for callback in self._callbacks:
            try:
                callback(self)
            except Exception:
                logger.exception("a callback after a write failed")
        self._callbacks.clear()

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done:
            waiter = asyncio.get_running_loop().create_future()
            self.add_done_callback(lambda _: None if waiter.done() else waiter.set_result(None))
            yield from waiter
        return self.result()


RunWork = Callable[[Connection, list[Any]], "list[Done[Any] | Exception]"]


class _Job(Pending[Any]):
    """One submitted write: a function with a session of its own, or an item for a function that takes many."""

    __slots__ = ("item", "outcome", "run", "submitted", "work")

    def __init__(
        self, work: Callable[[Session], Done[Any]] | None = None, run: RunWork | None = None, item: Any = None
    ) -> None:
        super().__init__()
        self.submitted = time.monotonic()
        self.work, self.run, self.item = work, run, item
        self.outcome: Done[Any] | Exception


class Writer:
    """The queue and the batch. `ThreadWriter` drives it on SQLite, `TaskWriter` on PostgreSQL.

    refusals: exceptions by which work says no; like IntegrityError they undo that work alone.
    publish: called on the loop with a batch's events, in commit order, before any caller gets its result.
    """

    def __init__(
        self,
        name: str,
        publish: Callable[[list[Any]], None],
        refusals: tuple[type[Exception], ...] = (),
        queue_length: int = 5000,
        queue_age_s: float = 2.0,
    ) -> None:
        self.name = name
        self.failing = False  # the last batch could not be kept: readiness looks here
        self._publish = publish
        self._refusals: tuple[type[Exception], ...] = (*refusals, IntegrityError)
        self._queue_length, self._queue_age_s = queue_length, queue_age_s
        self._interactive: deque[_Job] = deque()
        self._background: deque[_Job] = deque()
        self._batch_age: float | None = None  # submission time of the oldest interactive job being written
        self._stopping = False

    def submit(self, work: Callable[[Session], Done[T]], *, background: bool = False) -> Pending[T]:
        """Queue ``work(session)``. Jobs of one caller are written in the order of these calls."""
        return self._enqueue(_Job(work=work), background)

    def submit_run(self, run: Callable[[Connection, list[Item]], list[Done[T] | Exception]], item: Item) -> Pending[T]:
        """Queue ``item`` for ``run``, which takes all adjacent items at once and answers each with Done or a refusal.

        The fast path: a few statements for many messages. If ``run`` fails as a whole, each item is run alone.
        """
        return self._enqueue(_Job(run=run, item=item), background=False)

    async def stop(self) -> None:
        """Write what is queued, then let go of the database."""
        raise NotImplementedError

    def _wake(self) -> None:
        raise NotImplementedError

    def _enqueue(self, job: _Job, background: bool) -> Pending[Any]:
        if self._stopping or (not background and self._is_overloaded(job.submitted)):
            job.resolve(None, Busy())
            return job
        (self._background if background else self._interactive).append(job)
        self._wake()
        return job

    def _is_overloaded(self, now: float) -> bool:
        """Background work does not count: an import must not make a customer's message be refused."""
        oldest = self._batch_age
        if oldest is None and self._interactive:
            try:
                oldest = self._interactive[0].submitted
            except IndexError:  # the writer's thread took it just now
                oldest = None
        return len(self._interactive) >= self._queue_length or (oldest is not None and now - oldest > self._queue_age_s)

    def _take(self) -> list[_Job]:
        """The next batch, in order of submission; at most one piece of background work, last."""
        batch: list[_Job] = []
        savepoints = 0
        while self._interactive and len(batch) < BATCH_LENGTH and savepoints < BATCH_SAVEPOINTS:
            job = self._interactive.popleft()
            savepoints += job.run is None
            batch.append(job)
        self._batch_age = batch[0].submitted if batch else None
        if self._background:
            waited = time.monotonic() - self._background[0].submitted
            if not batch or waited > BACKGROUND_PATIENCE_S:
                batch.append(self._background.popleft())
        return batch

    def _write(self, connection: Connection, batch: list[_Job], one_by_one: bool) -> None:
        """Do the batch inside the open transaction. Raises what makes the whole batch void."""
        groups = [(job.run, [job]) for job in batch] if one_by_one else list(_runs(batch))
        for run, jobs in groups:
            if run is None:
                self._do_alone(connection, jobs[0])
            elif one_by_one or len(groups) > 1:
                self._do_run(connection, run, jobs)
            else:
                self._do_only_run(connection, run, jobs)
        _require_open(connection)  # right before COMMIT, which would "succeed" with nothing kept

    def _do_alone(self, connection: Connection, job: _Job) -> None:
        assert job.work is not None
        # A session of its own: a shared one would show rows as they were before another job's Core statements.
        session = Session(bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        try:
            job.outcome = job.work(session)
            session.commit()
        except Exception as error:
            self._set_aside(connection, error)
            session.rollback()
            job.outcome = error
        finally:
            session.close()

    def _do_run(self, connection: Connection, run: RunWork, jobs: list[_Job]) -> None:
        savepoint = connection.begin_nested()
        try:
            outcomes = run(connection, [job.item for job in jobs])
            savepoint.commit()
        except Exception as error:
            self._set_aside(connection, error)
            savepoint.rollback()
            if len(jobs) == 1:
                jobs[0].outcome = error
                return
            for job in jobs:
                self._do_run(connection, run, [job])
            return
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.outcome = outcome

    def _do_only_run(self, connection: Connection, run: RunWork, jobs: list[_Job]) -> None:
        """Without a savepoint, which costs a message that comes alone as much as any of its statements."""
        try:
            outcomes = run(connection, [job.item for job in jobs])
        except Exception as error:
            _forget_kept(connection)
            if is_unwritable(error) or is_replayable(error):
                raise
            raise _RunFailed from error
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.outcome = outcome

    def _set_aside(self, connection: Connection, error: Exception) -> None:
        """Go on with the batch after one job's error, unless it is the database's own trouble."""
        if is_unwritable(error) or is_replayable(error):
            raise error
        _require_open(connection)
        _forget_kept(connection)
        if not isinstance(error, self._refusals):
            logger.error("a write in %s failed", self.name, exc_info=error)

    def _finish(self, batch: list[_Job]) -> None:
        """On the loop: publish, then answer. Everybody is answered, also when publishing fails."""
        if batch and self._batch_age == batch[0].submitted:  # else the thread is writing the next one already
            self._batch_age = None
        events = [event for job in batch if isinstance(job.outcome, Done) for event in job.outcome.events]
        if events:
            try:
                self._publish(events)
            except Exception:
                logger.exception("publishing what %s has committed failed; the sweeper will find it", self.name)
        for job in batch:
            if isinstance(job.outcome, Done):
                job.resolve(job.outcome.result)
            else:
                job.resolve(None, job.outcome)

    def _fail(self, batch: list[_Job], error: BaseException) -> None:
        """The transaction is gone: nobody's work was kept."""
        for job in batch:
            job.outcome = Busy()
        if not self.failing:
            logger.error("%s cannot be written: %s", self.name, error)
        self.failing = True


class ThreadWriter(Writer):
    """Writes SQLite from a thread of its own, with one connection, which nobody else has."""

    def __init__(self, engine: Engine, *, name: str, publish: Callable[[list[Any]], None], **options: Any) -> None:
        super().__init__(name, publish, **options)
        self._engine = engine
        self._connection: Connection | None = None
        self._loop = asyncio.get_running_loop()
        self._bell = threading.Lock()  # held: silent. The thread waits for it, the loop lets it go
        self._bell.acquire()
        self._thread = threading.Thread(target=self._work, name=f"writer-{name}")
        self._thread.start()

    def _wake(self) -> None:
        if self._bell.locked():
            self._bell.release()

    async def stop(self) -> None:
        self._stopping = True
        self._wake()
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # the last batch's results are on their way through the loop

    def _work(self) -> None:
        folded = True
        while True:
            has_work = self._bell.acquire(timeout=-1 if folded else IDLE_S)
            is_last = self._stopping  # before taking: what came before the stop must still be taken
            while batch := self._take():
                self._keep(batch)
                self._loop.call_soon_threadsafe(self._finish, batch)
                folded = False
            if is_last:
                break
            if not has_work:
                self._fold()
                folded = True
        self._disconnect()
        self._engine.dispose()

    def _keep(self, batch: list[_Job]) -> None:
        try:
            try:
                self._commit(batch)
            except _RunFailed:
                self._commit(batch, one_by_one=True)
            self.failing = False
        except Exception as error:  # whatever it was, nothing of this batch is on disk
            self._fail(batch, error)
            self._disconnect()

    def _commit(self, batch: list[_Job], one_by_one: bool = False) -> None:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.info[KEPT] = {}
        with self._connection.begin() as transaction:
            self._write(self._connection, batch, one_by_one)
            transaction.commit()

    def _fold(self) -> None:
        """Move the write-ahead log into the file while nobody waits."""
        if self._connection is not None:
            try:
                driver = self._connection.connection.dbapi_connection
                assert driver is not None
                driver.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
            except Exception as error:
                logger.warning("folding the log of %s failed: %s", self.name, error)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception as error:  # already broken; the next batch opens another
                logger.warning("closing %s failed: %s", self.name, error)


class TaskWriter(Writer):
    """Writes PostgreSQL from a task: the same batches and the same functions, through ``run_sync``."""

    def __init__(self, engine: AsyncEngine, *, name: str, publish: Callable[[list[Any]], None], **options: Any) -> None:
        super().__init__(name, publish, **options)
        self._engine = engine
        self._waiting = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name=f"writer-{name}")

    def _wake(self) -> None:
        self._waiting.set()

    async def stop(self) -> None:
        self._stopping = True
        self._waiting.set()
        await self._task

    async def _work(self) -> None:
        while True:
            batch = self._take()
            if batch:
                await self._keep(batch)
                self._finish(batch)
            elif self._stopping:
                return
            else:
                self._waiting.clear()
                await self._waiting.wait()

    async def _keep(self, batch: list[_Job], one_by_one: bool = False, replay: bool = True) -> None:
        try:
            async with self._engine.connect() as connection, connection.begin() as transaction:
                await connection.run_sync(self._write, batch, one_by_one)
                await transaction.commit()
            self.failing = False
        except _RunFailed:
            await self._keep(batch, True, replay)
        except Exception as error:
            if replay and is_replayable(error):
                await self._keep(batch, one_by_one, replay=False)
            else:
                self._fail(batch, error)


def _runs(batch: list[_Job]) -> Iterator[tuple[RunWork | None, list[_Job]]]:
    """Adjacent items of the same run together, everything else one by one; the order stays."""
    for run, group in groupby(batch, key=lambda job: job.run):
        jobs = list(group)
        if run is None:
            yield from ((None, [job]) for job in jobs)
        else:
            yield run, jobs


def _forget_kept(connection: Connection) -> None:
    connection.info.get(KEPT, {}).clear()


def _require_open(connection: Connection) -> None:
    if not is_open(connection):
        raise OSError("the database rolled the transaction back by itself")
