"""The writer's promises on both engines: what is answered is kept, what is refused leaves no trace, order is order."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from app.errors import NotFound
from db.database import Busy, Database, Done, Pending
from db.models.messanger import Meta
from tests.storage.conftest import OpenDatabases, Urls, in_one_batch

Work = Callable[[Session], Done[str]]


def put(key: str, value: str = "") -> Work:
    """Work that puts a row into the box, and says so in an event."""

    def work(session: Session) -> Done[str]:
        session.execute(insert(Meta).values(key=key, value=value))
        return Done(key, [key])

    return work


def then(work: Work, error: Exception) -> Work:
    """Work that does this, and raises."""

    def failing(session: Session) -> Done[str]:
        work(session)
        raise error

    return failing


def put_all(connection: Connection, keys: list[str]) -> list[Done[str] | Exception]:
    """A run that puts all its items into the box by one statement."""
    connection.execute(insert(Meta), [{"key": key, "value": ""} for key in keys])
    return [Done(key, [key]) for key in keys]


async def box(database: Database) -> dict[str, str]:
    """What is in the box now, without what start-up puts there."""
    rows = await database.read(lambda connection: connection.execute(select(Meta.key, Meta.value)).all())
    return {key: value for key, value in rows if key != "epoch"}


async def outcomes(pendings: list[Pending[Any]]) -> list[Any]:
    """The results, and for a refusal the type of the exception."""
    results = await asyncio.gather(*pendings, return_exceptions=True)
    return [type(result) if isinstance(result, Exception) else result for result in results]


@pytest.fixture
def published(database: Database) -> list[Any]:
    events: list[Any] = []
    database.publish = events.extend
    return events


@pytest.fixture
async def sqlite_database(sqlite_urls: Urls) -> AsyncIterator[Database]:
    database = await Database("messanger", sqlite_urls["messanger"]).open()
    yield database
    await database.close()


# Order


async def test_writes_are_kept_and_told_in_the_order_of_submission(database: Database, published: list[Any]) -> None:
    written: list[str] = []

    def numbered(number: int) -> Work:
        def work(session: Session) -> Done[str]:
            written.append(f"{number:04}")
            return put(f"{number:04}")(session)

        return work

    answered: list[str] = []
    pendings = [database.submit(numbered(number)) for number in range(600)]
    for pending in pendings:
        pending.add_done_callback(lambda pending: answered.append(pending.result()))
    await asyncio.gather(*pendings)

    assert written == published == answered == sorted(await box(database)) == [f"{n:04}" for n in range(600)]


async def test_run_takes_adjacent_items_only(database: Database, published: list[Any]) -> None:
    runs: list[list[str]] = []

    def run(connection: Connection, keys: list[str]) -> list[Done[str] | Exception]:
        runs.append(keys)
        return put_all(connection, keys)

    submits = [
        lambda: database.submit_run(run, "a"), lambda: database.submit_run(run, "b"), lambda: database.submit(put("c")),
        lambda: database.submit_run(run, "d"), lambda: database.submit_run(put_all, "e"),
    ]  # fmt: skip
    results = await outcomes(in_one_batch(database, submits))

    assert runs == [["a", "b"], ["d"]]
    assert results == published == ["a", "b", "c", "d", "e"]


async def test_batch_is_published_before_its_first_answer(database: Database) -> None:
    told: list[tuple[str, str]] = []
    database.publish = lambda events: told.extend(("event", event) for event in events)

    pendings = in_one_batch(database, [lambda key=key: database.submit(put(key)) for key in "abc"])  # type: ignore[misc]
    for pending in pendings:
        pending.add_done_callback(lambda pending: told.append(("answer", pending.result())))
    await asyncio.gather(*pendings)

    assert told == [(kind, key) for kind in ("event", "answer") for key in "abc"]


async def test_what_is_published_is_committed_already(sqlite_database: Database, sqlite_urls: Urls) -> None:
    path = make_url(sqlite_urls["messanger"]).database or ""
    seen: list[Any] = []

    def look(events: list[Any]) -> None:
        other = sqlite3.connect(path)
        seen.extend(other.execute('SELECT key FROM "Meta" WHERE key = ?', events).fetchall())
        other.close()

    sqlite_database.publish = look
    await sqlite_database.write(put("a"))

    assert seen == [("a",)]


# One job's errors


REFUSALS = {
    "a refusal": then(put("b"), NotFound()),
    "a broken constraint": then(put("b"), IntegrityError("", {}, Exception())),
    "an unexpected error": then(put("b"), RuntimeError("a bug")),
    "a row that is there": lambda session: put("a")(put("b")(session) and session),
    "a wrong statement": lambda session: session.execute(text("SELECT nonsense")),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_error_undoes_only_its_own_work(
    name: str, database: Database, published: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "db.writer")
    submits = [
        lambda: database.submit(put("a")), lambda: database.submit(REFUSALS[name]), lambda: database.submit(put("c")),
    ]  # fmt: skip
    results = await outcomes(in_one_batch(database, submits))

    assert results[0] == "a" and results[2] == "c"
    assert issubclass(results[1], (NotFound, IntegrityError, RuntimeError, DBAPIError))
    assert published == sorted(await box(database)) == ["a", "c"]
    assert not database.writer.failing


async def test_only_a_bug_is_logged(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    await outcomes([database.submit(then(put("a"), NotFound()))])
    assert caplog.messages == []

    await outcomes([database.submit(then(put("a"), RuntimeError("a bug")))])
    assert caplog.messages == ["a write in messanger failed"]


async def test_run_that_fails_as_a_whole_is_done_one_by_one(database: Database, published: list[Any]) -> None:
    await database.write(put("b"))
    lengths: list[int] = []

    def run(connection: Connection, keys: list[str]) -> list[Done[str] | Exception]:
        lengths.append(len(keys))
        return put_all(connection, keys)

    pendings = in_one_batch(database, [lambda key=key: database.submit_run(run, key) for key in "abc"])  # type: ignore[misc]

    assert await outcomes(pendings) == ["a", IntegrityError, "c"]
    assert lengths == [3, 1, 1, 1]
    assert published == ["b", "a", "c"]
    assert sorted(await box(database)) == ["a", "b", "c"]


async def test_run_that_is_alone_and_fails_leaves_no_trace(database: Database, published: list[Any]) -> None:
    """It has no savepoint of its own; what it did before it failed is gone all the same."""

    def run(connection: Connection, keys: list[str]) -> list[Done[str] | Exception]:
        outcomes = put_all(connection, keys)
        if "b" in keys:
            raise NotFound
        return outcomes

    assert await outcomes([database.submit_run(run, "b")]) == [NotFound]
    assert published == [] and await box(database) == {}
    assert not database.writer.failing

    pendings = in_one_batch(database, [lambda key=key: database.submit_run(run, key) for key in "abc"])  # type: ignore[misc]
    assert await outcomes(pendings) == ["a", NotFound, "c"]
    assert published == sorted(await box(database)) == ["a", "c"]


async def test_run_answers_each_item_for_itself(database: Database, published: list[Any]) -> None:
    def run(connection: Connection, keys: list[str]) -> list[Done[str] | Exception]:
        put_all(connection, [key for key in keys if key != "b"])
        return [NotFound() if key == "b" else Done(key, [key]) for key in keys]

    pendings = in_one_batch(database, [lambda key=key: database.submit_run(run, key) for key in "abc"])  # type: ignore[misc]

    assert await outcomes(pendings) == ["a", NotFound, "c"]
    assert published == ["a", "c"]


async def test_work_sees_what_earlier_work_of_the_batch_has_changed(database: Database) -> None:
    await database.write(put("a", "old"))
    loaded: list[Meta | None] = []

    def load(session: Session) -> Done[str]:
        loaded.append(session.get(Meta, "a"))
        return Done(loaded[-1].value if loaded[-1] else "")

    def change(session: Session) -> Done[str]:
        session.connection().execute(update(Meta).where(Meta.key == "a").values(value="new"))
        return Done("")

    def change_and_refuse(session: Session) -> Done[str]:
        row = session.get(Meta, "a")
        assert row is not None
        row.value = "refused"
        session.flush()
        raise NotFound

    works = [load, change, change_and_refuse, load]
    results = await outcomes(in_one_batch(database, [lambda work=work: database.submit(work) for work in works]))  # type: ignore[misc]

    assert results == ["old", "", NotFound, "new"]
    assert loaded[0] is not loaded[1]  # each had a session of its own


# The database's errors


def spoil_commit(session: Session) -> Done[str]:
    """Work that goes well, but makes the COMMIT of its batch fail."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql(
            'INSERT INTO "Message" (chat_id, log, seq, kind, sender_kind, creation_time) '
            "VALUES (999, 'chat', 1, 'message', 'system', '2026-01-01 00:00:00')"
        )
    else:
        connection.exec_driver_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
        )
        connection.exec_driver_sql(
            'CREATE CONSTRAINT TRIGGER late AFTER INSERT ON "Meta" DEFERRABLE INITIALLY DEFERRED '
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        connection.exec_driver_sql("INSERT INTO \"Meta\" VALUES ('spoilt', '')")
    return Done("", ["never told"])


def lose_database(session: Session) -> Done[str]:
    """Work in whose middle the database lets the transaction go: the disk is full, or the connection is cut."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.exec_driver_sql("INSERT INTO \"Meta\" VALUES ('large', zeroblob(1000000))")
    else:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    return Done("", ["never told"])


def hide_loss(session: Session) -> Done[str]:
    """The same, by work that catches what it should not."""
    try:
        return lose_database(session)
    except DBAPIError:
        return Done("", ["never told"])


@pytest.mark.parametrize("trouble", [spoil_commit, lose_database, hide_loss])
async def test_batch_that_cannot_be_kept_is_busy_for_all_and_told_to_nobody(
    trouble: Work, database: Database, published: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    works = [put("a"), trouble, put("b")]
    pendings = in_one_batch(database, [lambda work=work: database.submit(work) for work in works])  # type: ignore[misc]

    assert await outcomes(pendings) == [Busy, Busy, Busy]
    assert database.writer.failing
    assert published == []
    assert await box(database) == {}

    assert await database.write(put("c")) == "c"  # on a fresh connection
    assert not database.writer.failing
    assert published == ["c"]
    assert await box(database) == {"c": ""}


async def test_full_disk_in_a_run_keeps_nothing_of_the_batch(database: Database, published: list[Any]) -> None:
    def run(connection: Connection, keys: list[str]) -> list[Done[str] | Exception]:
        put_all(connection, keys)
        hide_loss(Session(bind=connection, join_transaction_mode="rollback_only"))
        return [Done(key, [key]) for key in keys]

    submits = [
        lambda: database.submit(put("a")), lambda: database.submit_run(run, "b"), lambda: database.submit_run(run, "c"),
    ]  # fmt: skip
    results = await outcomes(in_one_batch(database, submits))

    assert results == [Busy, Busy, Busy]
    assert published == [] and await box(database) == {}


async def test_locked_database_is_busy_and_works_again(sqlite_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.BUSY_TIMEOUT_MS", 20)
    database = await Database("messanger", sqlite_urls["messanger"]).open()
    other = sqlite3.connect(make_url(sqlite_urls["messanger"]).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert await outcomes([database.submit(put("a"))]) == [Busy]
    assert await box(database) == {}  # reading goes on

    other.execute("ROLLBACK")
    other.close()
    assert await database.write(put("b")) == "b"
    assert await box(database) == {"b": ""}
    await database.close()


@pytest.mark.postgres
async def test_locked_table_is_busy_and_works_again(postgres_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.BUSY_TIMEOUT_MS", 20)
    database = await Database("messanger", postgres_urls["messanger"]).open()
    other = await asyncpg.connect(postgres_urls["messanger"].replace("+asyncpg", ""))
    lock = other.transaction()
    await lock.start()
    await other.execute('LOCK TABLE "Meta" IN SHARE MODE')

    assert await outcomes([database.submit(put("a"))]) == [Busy]
    assert await outcomes([database.submit_run(put_all, "b")]) == [Busy]
    assert await box(database) == {}  # reading goes on

    await lock.rollback()
    await other.close()
    assert await database.write(put("c")) == "c"
    assert await box(database) == {"c": ""}
    await database.close()


@pytest.mark.postgres
async def test_victim_of_a_deadlock_is_done_again(postgres_urls: Urls) -> None:
    first = await Database("messanger", postgres_urls["messanger"]).open()
    second = await Database("messanger", postgres_urls["messanger"]).open()
    try:
        await first.write(put("a", "0"))
        await first.write(put("b", "0"))
        published: list[Any] = []
        first.publish = second.publish = published.extend
        holds: dict[str, bool] = {}

        def raise_both(one: str, other: str) -> Work:
            """Locks ``one``, waits until the other writer has locked ``other``, then wants that."""

            def work(session: Session) -> Done[str]:
                session.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
                raise_row(session, one)
                holds[one] = True
                while other not in holds:
                    session.execute(text("SELECT 1"))
                raise_row(session, other)
                return Done(one, [one])

            return work

        async with asyncio.timeout(10):
            await asyncio.gather(first.write(raise_both("a", "b")), second.write(raise_both("b", "a")))

        assert await box(first) == {"a": "2", "b": "2"}
        assert sorted(published) == ["a", "b"]
    finally:
        await first.close()
        await second.close()


def raise_row(session: Session, key: str) -> None:
    session.execute(text('UPDATE "Meta" SET value = (value::int + 1)::text WHERE key = :key'), {"key": key})


# The queue


class HandTime(SimpleNamespace):
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hand_time(monkeypatch: pytest.MonkeyPatch) -> HandTime:
    """The writer's time, moved by hand."""
    hand_time = HandTime()
    monkeypatch.setattr("db.writer.time", hand_time)
    return hand_time


async def test_queue_that_is_too_long_is_busy(open_again: OpenDatabases) -> None:
    database = (await open_again(queue_length=3)).messanger

    pendings = in_one_batch(database, [lambda key=key: database.submit(put(key)) for key in "abcd"])  # type: ignore[misc]

    assert pendings[3].done  # at once: nobody waits for a refusal
    assert await outcomes(pendings) == ["a", "b", "c", Busy]
    assert await database.write(put("e")) == "e"


async def test_queue_that_is_too_old_is_busy(open_again: OpenDatabases, hand_time: HandTime) -> None:
    database = (await open_again(queue_age_s=2.0)).messanger

    def late() -> Pending[str]:
        hand_time.now += 2.1
        return database.submit(put("b"))

    pendings = in_one_batch(database, [lambda: database.submit(put("a")), late])

    assert await outcomes(pendings) == ["a", Busy]
    assert await database.write(put("c")) == "c"


async def test_background_work_makes_nobody_busy(open_again: OpenDatabases, hand_time: HandTime) -> None:
    database = (await open_again(queue_age_s=2.0, queue_length=2)).messanger

    def late() -> Pending[str]:
        hand_time.now += 60
        return database.submit(put("z"))

    background = [lambda key=key: database.submit(put(key), background=True) for key in "abcd"]  # type: ignore[misc]

    assert await outcomes(in_one_batch(database, [*background, late])) == ["a", "b", "c", "d", "z"]


async def test_background_work_lets_interactive_work_pass(database: Database, published: list[Any]) -> None:
    submits = [
        lambda: database.submit(put("a"), background=True), lambda: database.submit(put("b"), background=True),
        lambda: database.submit(put("c")), lambda: database.submit(put("d")),
    ]  # fmt: skip
    await outcomes(in_one_batch(database, submits))

    assert published == ["c", "d", "a", "b"]


async def test_background_work_is_not_starved(database: Database, hand_time: HandTime) -> None:
    """Under a load that never lets the queue run empty."""
    count = 0
    background = database.submit(put("background"), background=True)

    def again(pending: Pending[str]) -> None:
        nonlocal count
        count += 1
        hand_time.now += 0.1
        if not background.done:
            assert count < 100
            for _ in range(2):
                database.submit(lambda session: Done("")).add_done_callback(again if _ else lambda _: None)

    again(background)

    assert await background == "background"


async def test_caller_that_went_away_disturbs_nobody(database: Database, published: list[Any]) -> None:
    """What has been submitted is written and told, also when nobody waits for the answer."""
    gone = asyncio.create_task(database.write(put("a")))
    stays = asyncio.create_task(database.write(put("b")))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays == "b"
    assert gone.cancelled()
    assert published == sorted(await box(database)) == ["a", "b"]


async def test_ten_thousand_submissions_are_all_answered(open_again: OpenDatabases) -> None:
    database = (await open_again(queue_length=20_000, queue_age_s=60)).messanger
    keys = [f"{number:05}" for number in range(10_000)]

    pendings = [
        database.submit(put(key)) if number % 10 == 0 else database.submit_run(put_all, key)
        for number, key in enumerate(keys)
    ]

    assert await asyncio.gather(*pendings) == keys
    assert len(await box(database)) == 10_000


async def test_stop_finishes_what_is_queued(urls: Urls) -> None:
    database = await Database("messanger", urls["messanger"]).open()
    pendings = [database.submit(put(f"{number:03}"), background=number % 2 == 0) for number in range(100)]

    await database.close()

    assert all(pending.done for pending in pendings)
    assert await outcomes(pendings) == [f"{number:03}" for number in range(100)]
    assert await outcomes([database.submit(put("late"))]) == [Busy]

    again = await Database("messanger", urls["messanger"]).open()
    assert len(await box(again)) == 100
    await again.close()


async def test_write_that_comes_as_the_writer_stops_is_answered(sqlite_urls: Urls) -> None:
    """The thread finds an empty queue; then comes a write, then the stop; then the thread looks whether to stop."""
    database = await Database("messanger", sqlite_urls["messanger"]).open()
    writer, loop = database.writer, asyncio.get_running_loop()
    take, submitted = writer._take, threading.Event()
    pendings: list[Pending[str]] = []
    stopping: asyncio.Future[asyncio.Task[None]] = loop.create_future()

    async def submit_and_stop() -> None:
        pendings.append(database.submit(put("a")))
        stopping.set_result(asyncio.create_task(database.close()))
        await asyncio.sleep(0)  # the task sets out
        submitted.set()

    def take_late() -> list[Any]:
        batch = take()
        if not batch and not pendings:
            asyncio.run_coroutine_threadsafe(submit_and_stop(), loop)
            assert submitted.wait(5)
        return batch

    writer._take = take_late  # type: ignore[method-assign]
    writer._wake()
    async with asyncio.timeout(5):
        await (await stopping)

    assert await outcomes(pendings) == ["a"]


# Answers


async def test_callbacks_run_with_the_answer_not_a_turn_later(database: Database) -> None:
    called: list[str] = []
    first, second = in_one_batch(database, [lambda: database.submit(put("a")), lambda: database.submit(put("b"))])
    first.add_done_callback(lambda pending: called.append(f"{pending.result()}, {second.done}"))
    await second

    assert called == ["a, False"]
    first.add_done_callback(lambda pending: called.append("late"))
    assert called[-1] == "late"


async def test_failing_callback_disturbs_nobody(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "db.writer")
    called: list[str] = []

    def fail(pending: Pending[str]) -> None:
        raise RuntimeError("a bug")

    first, second = in_one_batch(database, [lambda: database.submit(put("a")), lambda: database.submit(put("b"))])
    first.add_done_callback(fail)
    first.add_done_callback(lambda pending: called.append(pending.result()))

    assert await second == "b" and await first == "a"
    assert called == ["a"]


async def test_failing_publisher_takes_nobody_the_answer(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def fail(events: list[Any]) -> None:
        raise RuntimeError("a bug")

    database.publish = fail

    assert await database.write(put("a")) == "a"
    assert caplog.messages == ["publishing what messanger has committed failed; the sweeper will find it"]


async def test_result_can_be_put_into_another_shape(database: Database) -> None:
    assert await database.submit(put("a")).map(str.upper) == "A"
    with pytest.raises(IntegrityError):
        await database.submit(put("a")).map(str.upper)
    with pytest.raises(ZeroDivisionError):
        await database.submit(put("b")).map(lambda key: 1 // 0)
    assert sorted(await box(database)) == ["a", "b"]


# What the engines are told


async def test_writer_of_sqlite_waits_for_the_disk(sqlite_database: Database) -> None:
    def ask(session: Session) -> Done[dict[str, Any]]:
        names = ("synchronous", "journal_mode", "foreign_keys", "busy_timeout")
        connection = session.connection()
        return Done({name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names})

    assert await sqlite_database.write(ask) == {
        "synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 2000,
    }  # fmt: skip


@pytest.mark.postgres
async def test_writer_of_postgres_waits_for_the_disk(postgres_urls: Urls) -> None:
    """Also where the server was told not to, as the server of these tests is."""
    database = await Database("messanger", postgres_urls["messanger"]).open()
    answer = await database.write(lambda session: Done(session.scalar(text("SHOW synchronous_commit"))))
    await database.close()

    assert answer == "on"


async def test_reading_connections_of_sqlite_cannot_write(sqlite_database: Database) -> None:
    for hot in (True, False):
        with pytest.raises(DBAPIError, match="readonly"):
            await sqlite_database.read(
                lambda connection: connection.execute(insert(Meta).values(key="a", value="")), hot=hot
            )
