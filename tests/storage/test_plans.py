"""What SQLite does to answer: no statement over chats reads a table from end to end, however long the shop lives."""

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text
from sqlalchemy.orm import Session

from app.errors import NotFound
from db.database import Database, Databases, Done
from db.engine import make_write_engine
from db.models.messanger import MergedCustomer, UserChat
from db.outbox import _list_pending
from db.queries import chats as queries
from db.queries.chats import Entry, Mark
from tests.storage.conftest import Urls

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = (1, "chat")
ENTRY = Entry(1, "chat", 10**6, "message", "new", "customer", 5, NOW, None, False, None, None, {"text": "Привет"}, "00")
BIG = (
    "UserChat",
    "Message",
    "MessageRevision",
    "ChatMember",
    "MergedCustomer",
    "target",
    "other",
)  # two aliases of Message
# Indexes that hold only the open chats are as short as the shop's queue.
OPEN_INDEXES = ("uq_UserChat_open", "ix_UserChat_waiting", "ix_UserChat_recent", "ix_UserChat_desk")
CHATS, OPEN_CHATS = 20_000, 200

Call = Callable[[Connection], object]

# One call for each function of the module; a new one needs a line here.
CALLS: dict[str, list[Call]] = {
    "next_rev": [lambda c: queries.next_rev(c, 1)],
    "last_rev": [queries.last_rev],
    "get_meta": [lambda c: queries.get_meta(c, "epoch")],
    "set_meta": [lambda c: queries.set_meta(c, "probe", "")],
    "ensure_counter": [queries.ensure_counter],
    "get_chats": [lambda c: queries.get_chats(c, [1, 2, 3])],
    "get_chat": [lambda c: queries.get_chat(c, 1)],
    "get_open_chat": [lambda c: queries.get_open_chat(c, 5)],
    "list_chats_of": [lambda c: queries.list_chats_of(c, 5, None, 50), lambda c: queries.list_chats_of(c, 5, 9, 50)],
    "list_inbox": [
        lambda c, which=which, sort=sort, after=after: queries.list_inbox(c, which, sort, 7, after, 50)  # type: ignore[misc]
        for which in ("all", "queue", "mine", "closed")
        for sort in ("waiting", "recent")
        for after in (None, 1, 2, 3)
    ],
    "count_inbox": [lambda c: queries.count_inbox(c, 7)],
    "list_changed": [lambda c: queries.list_changed(c, 10**6, 500)],
    "list_after": [lambda c: queries.list_after(c, KEY, 5, 200)],
    "list_before": [lambda c: queries.list_before(c, KEY, 5, 100)],
    "get_entry": [lambda c: queries.get_entry(c, KEY, 1)],
    "list_staff_entries_after": [lambda c: queries.list_staff_entries_after(c, 1, CHATS - 20, 8, 20)],
    "list_by_client_id": [lambda c: queries.list_by_client_id(c, "customer", 5, ["a", "5:a"])],
    "look_up": [lambda c: queries.look_up(c, [("customer", 5, "a"), ("staff", 7, None)])],
    "list_marks": [lambda c: queries.list_marks(c, [1, 2, 3])],
    "list_reads": [lambda c: queries.list_reads(c, "staff", 7, [1, 2, 3])],
    "list_guests_of": [lambda c: queries.list_guests_of(c, 50)],
    "add_chat": [lambda c: queries.add_chat(c, new_chat())],
    "add_entries": [lambda c: queries.add_entries(c, [ENTRY])],
    "update_chats": [lambda c: queries.update_chats(c, [queries.get_chat(c, 1) or pytest.fail()])],
    "change_entry": [lambda c: queries.change_entry(c, KEY, 1, data=None)],
    "keep_revision": [lambda c: (queries.add_entries(c, [ENTRY]), queries.keep_revision(c, ENTRY, NOW, 5))],
    "raise_marks": [lambda c: queries.raise_marks(c, [Mark(1, "chat", "staff", 7, 1, 1)])],
    "list_desk": [queries.list_desk],
    "set_desk_state": [lambda c: queries.set_desk_state(c, 7, "online")],
    "add_load": [lambda c: queries.add_load(c, 7, 1)],
    "add_merge": [lambda c: queries.add_merge(c, 5, 50, NOW)],
    "move_entries": [lambda c: queries.move_entries(c, 5, 50)],
    "move_marks": [lambda c: queries.move_marks(c, 5, 50)],
}


def new_chat(user_id: int = 1_000_000) -> dict[str, Any]:
    times = {"creation_time": NOW, "last_entry_time": NOW}
    return {"user_id": user_id, "status": "queued", "subject": "", "rev": -user_id, **times}


@pytest.fixture
def connection(sqlite_urls: Urls) -> Iterator[Connection]:
    """The writer's kind of connection, in a transaction that is undone; a chat with an entry is there."""
    engine = make_write_engine(sqlite_urls["messanger"])
    with engine.connect() as connection, connection.begin() as transaction:
        chat_id = queries.add_chat(connection, new_chat(5))
        assert chat_id == 1
        yield connection
        transaction.rollback()
    engine.dispose()


def plans(connection: Connection, call: Call) -> dict[str, list[str]]:
    """Every statement that the call makes, and how SQLite goes about it."""
    driver: Any = connection.connection.dbapi_connection
    return {
        statement: [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        for statement, parameters in statements_of(connection, call)
    }


def statements_of(connection: Connection, call: Call) -> list[tuple[str, Any]]:
    """What the call makes the driver execute; it is undone. SQLite tells with the values written out."""
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.append((statement, parameters))

    driver: Any = connection.connection.dbapi_connection
    with connection.begin_nested() as savepoint:
        if connection.dialect.name == "sqlite":
            driver.set_trace_callback(lambda statement: statements.append((statement, ())))
            call(connection)
            driver.set_trace_callback(None)
        else:
            event.listen(connection, "before_cursor_execute", note)
            call(connection)
            event.remove(connection, "before_cursor_execute", note)
        savepoint.rollback()
    return statements


def test_every_query_is_looked_at() -> None:
    functions = inspect.getmembers(queries, inspect.isfunction)
    own = {name for name, made in functions if made.__module__ == queries.__name__ and not name.startswith("_")}
    assert own == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_query_reads_no_big_table_from_end_to_end(name: str, connection: Connection) -> None:
    for call in CALLS[name]:
        for statement, plan in plans(connection, call).items():
            assert not scans(plan), f"{scans(plan)}\n{statement}"


def scans(plan: list[str]) -> list[str]:
    """The steps that go through a big table, or through an index that holds all of it.

    Walking along an index in its own order is no such step: the LIMIT ends it.
    """
    is_sorted = any("TEMP B-TREE" in step for step in plan)
    found = [step for step in plan if step.startswith(tuple(f"SCAN {table}" for table in BIG))]
    allowed = (*OPEN_INDEXES, *(() if is_sorted else ("ix_UserChat_closed",)))
    return [step for step in found if not step.endswith(allowed)]


def fill_shop(session: Session) -> Done[None]:
    """Twenty thousand chats, most of one member of staff and all but the last closed; one of them with a long log."""
    connection = session.connection()
    chats = []
    for number in range(1, CHATS + 1):
        status = "closed" if number <= CHATS - OPEN_CHATS else "active" if number % 5 else "queued"
        last = NOW + timedelta(seconds=number)
        waits = status != "closed" and number % 2
        chats.append(
            {
                "user_id": number, "service_person_id": 7 if number % 5 else None, "creation_time": NOW, "rev": number,
                "status": status, "last_seq": 1, "last_entry_time": last, "waiting_since": last if waits else None,
            }
        )  # fmt: skip
    connection.execute(insert(UserChat), chats)
    sender = [("customer", 50), ("staff", 7)]
    entries = (
        replace(ENTRY, seq=seq, client_id=f"c{seq}", sender_kind=sender[seq % 2][0], sender_id=sender[seq % 2][1])
        for seq in range(1, CHATS + 1)
    )
    queries.add_entries(connection, entries)
    merges = [{"guest_id": CHATS + n, "user_id": 2 * CHATS + n, "merged_time": NOW} for n in range(CHATS)]
    connection.execute(insert(MergedCustomer), merges)
    queries.raise_marks(connection, (Mark(chat, "chat", "staff", 7, 1, 1) for chat in range(1, CHATS + 1)))
    return Done(None)


@pytest.fixture
async def old_shop(sqlite_databases: Databases) -> Databases:
    await sqlite_databases.messanger.write(fill_shop)
    return sqlite_databases


@pytest.fixture
async def sqlite_databases(sqlite_urls: Urls) -> Any:
    databases = await Databases.open(sqlite_urls)
    yield databases
    await databases.close()


def steps_of(connection: Connection, call: Call) -> int:
    """How many thousand instructions SQLite's machine takes for the call."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    driver: Any = connection.connection.dbapi_connection
    driver.set_progress_handler(tick, 1000)
    call(connection)
    driver.set_progress_handler(None, 0)
    return count


async def test_inbox_costs_what_is_open_not_what_was_ever_closed(old_shop: Databases) -> None:
    calls = {
        f"{which} {sort} {after}": (
            lambda c, which=which, sort=sort, after=after: queries.list_inbox(c, which, sort, 7, after, 50)  # type: ignore[misc]
        )
        for which in ("all", "queue", "mine", "closed")
        for sort in ("waiting", "recent")
        for after in (None, CHATS - 50, CHATS - 51)
    }
    calls["count"] = lambda c: queries.count_inbox(c, 7)
    costs = await old_shop.messanger.read(
        lambda connection: {name: steps_of(connection, call) for name, call in calls.items()}, hot=True
    )

    dear = {name: cost for name, cost in costs.items() if cost > OPEN_CHATS // 10}
    assert not dear, f"thousands of instructions: {dear}"


async def test_relay_looks_only_at_what_is_pending(sqlite_databases: Databases) -> None:
    def work(session: Session) -> Done[None]:
        session.execute(
            text(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO "Outbox" (event_id, kind, key, payload, created, done_at)
                SELECT i, '', '', '{}', '2026-01-01', '2026-01-01' FROM n
                """
            )
        )
        return Done(None)

    await sqlite_databases.users.write(work)
    pending = lambda connection: steps_of(connection, lambda connection: _list_pending(connection, 0))  # noqa: E731
    assert await sqlite_databases.users.read(pending, hot=True) <= 1


@pytest.mark.postgres
async def test_postgres_has_an_index_for_every_query(postgres_urls: Urls) -> None:
    """Small tables it would rather read whole; told not to, it touches no more rows than it must."""
    database = await Database("messanger", postgres_urls["messanger"]).open()
    await database.write(fill_shop)
    await database.write(lambda session: Done(session.execute(text("ANALYZE")) and None))
    dear: dict[str, tuple[int, str]] = {}

    def measure(session: Session) -> Done[None]:
        connection = session.connection()
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        for name, calls in CALLS.items():
            for call in calls:
                statements = statements_of(connection, call)
                with connection.begin_nested() as savepoint:
                    for statement, parameters in statements:
                        rows = rows_touched(connection, statement, parameters)
                        if rows > 10 * OPEN_CHATS:
                            dear[name] = rows, statement
                        connection.exec_driver_sql(statement, parameters)  # the next one may need it
                    savepoint.rollback()
        raise NotFound

    with pytest.raises(NotFound):
        await database.write(measure)
    await database.close()

    assert not dear, "\n".join(f"{name} {rows}\n{statement}" for name, (rows, statement) in dear.items())


def rows_touched(connection: Connection, statement: str, parameters: Any) -> int:
    """How many rows PostgreSQL looks at, and with how many it does something else."""
    with connection.begin_nested() as savepoint:
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
        savepoint.rollback()
    plan = explained if isinstance(explained, list) else json.loads(explained)
    return rows_of(plan[0]["Plan"])


def rows_of(node: dict[str, Any]) -> int:
    counts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")
    own = sum(node.get(name, 0) for name in counts) * node["Actual Loops"]
    return int(own) + sum(rows_of(child) for child in node.get("Plans", ()))
