"""What SQLite does for comments: a page of two hundred thousand on one product costs what a page of two costs."""

import inspect
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from app.main import urls_of
from db.engine import make_write_engine
from db.queries import comments, uploads
from tests.conftest import make_settings
from tests.storage.conftest import Urls
from tests.storage.test_plans import plans, steps_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COMMENTS, PENDING = 200_000, 50
MIDDLE = COMMENTS // 2
STEPS = 10
"""Thousands of instructions; to look at each comment takes thousands of those."""

FILL = {
    "products": f"""
        INSERT INTO "ProductGroup" (id, name, slug, description, position) VALUES (1, 'Зима', 'winter', '', 1);
        INSERT INTO "ProductCategory" (id, group_id, name, slug, description, position)
            VALUES (1, 1, 'Шапки', 'hats', '', 1);
        INSERT INTO "Product" (id, article, name, status, category_id, group_id, price_minor, discount_bp,
                effective_minor, tags, specifications, country_origin, description, images, sold, remains,
                r1, r2, r3, r4, r5, creation_time, edit_time, version, rev)
            VALUES (1, 1001, 'Шапка', 'published', 1, 1, 1, 0, 1, '[]', '{{}}', '', '', '[]', 0, 0,
                0, 0, 0, 0, {COMMENTS}, '2026-01-01', '2026-01-01', 1, 1);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {COMMENTS})
            INSERT INTO "Comment" (id, product_id, user_id, data_text, images, rating, status, creation_time,
                edit_time, version, useful)
            SELECT i, 1, i, 'Тёплая', '[]', 1 + i % 5, iif(i <= {PENDING}, 'pending', 'approved'),
                datetime('2025-01-01', i || ' seconds'), '2026-01-01', 1, i % 100 FROM n;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
            INSERT INTO "Order" (id, number, user_id, status, contact_name, contact_phone, delivery_method,
                delivery_address, delivery_note, payment_method, payment_status, total_minor, sold_on, creation_time,
                edit_time, version)
            SELECT i, i, i, 'delivered', '', '', 'pickup', '', '', 'transfer', 'paid', 1, '2026-01-01', '2026-01-01',
                '2026-01-01', 1 FROM n;
        INSERT INTO "OrderLine" (order_id, product_id, article, name, price_minor, quantity, source)
            SELECT id, 1, 1001, '', 1, 1, 'shop' FROM "Order";
    """,
    "messanger": """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
            INSERT INTO "Upload" (id, owner_kind, owner_id, name, size, creation_time, used_time, used_in)
            SELECT printf('%032x', i), 'customer', i % 1000, i, 1, '2026-01-01', iif(i % 500, '2026-01-01', NULL),
                iif(i % 500, 'comment/' || i, NULL) FROM n;
    """,
}

Call = Callable[[Connection], object]


def with_session(work: Callable[[Session], object]) -> Call:
    def call(connection: Connection) -> None:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            work(session)
            session.flush()

    return call


# One call for each function of the modules; a new one needs a line here.
PRODUCTS: dict[str, list[Call]] = {
    "get_rated": [lambda c: comments.get_rated(c, 1001)],
    "get_comment": [lambda c: comments.get_comment(c, MIDDLE)],
    "get_comment_of": [lambda c: comments.get_comment_of(c, 1, MIDDLE)],
    "list_approved": [
        lambda c, sort=sort, after=after: comments.list_approved(c, 1, sort, after, 25)  # type: ignore[misc]
        for sort, key in (("new", NOW - timedelta(days=364)), ("useful", 50), ("rating", 3))
        for after in (None, (key, MIDDLE))
    ],
    "list_by_status": [
        lambda c, status=status, after=after: comments.list_by_status(c, status, after, 25)  # type: ignore[misc]
        for status in ("pending", "approved", "hidden")
        for after in (None, (NOW - timedelta(days=364), MIDDLE))
    ],
    "list_votes": [lambda c: comments.list_votes(c, 5, range(1, 25))],
    "has_ordered": [lambda c: comments.has_ordered(c, 1, 10_000), lambda c: comments.has_ordered(c, 2, 10_000)],
    "access_comment": [with_session(lambda session: comments.access_comment(session, MIDDLE))],
    "add_comment": [
        with_session(
            lambda session: comments.add_comment(
                session,
                {"product_id": 1, "user_id": 10**6, "rating": 5, "creation_time": NOW, "edit_time": NOW},
            )
        )
    ],
    "delete_comment": [with_session(lambda session: comments.delete_comment(session, MIDDLE))],
    "change_rating": [with_session(lambda session: comments.change_rating(session, 1, 5, 3))],
    "set_vote": [
        with_session(lambda session, is_useful=is_useful: comments.set_vote(session, MIDDLE, 5, is_useful))  # type: ignore[misc]
        for is_useful in (True, False)
    ],
}
MESSANGER: dict[str, list[Call]] = {
    "count_unused": [lambda c: uploads.count_unused(c, "customer", 500, 20)],
    "add_upload": [
        with_session(
            lambda session: uploads.add_upload(
                session, {"owner_kind": "staff", "owner_id": 1, "name": "x", "size": 1, "creation_time": NOW}
            )
        )
    ],
    "list_uploads": [lambda c: uploads.list_uploads(c, "customer", 7, [f"{7:032x}"], NOW)],
    "list_expired": [lambda c: uploads.list_expired(c, NOW + timedelta(days=1), 20)],
    "list_shared": [lambda c: uploads.list_shared(c, ["1", "2"], [f"{1:032x}"])],
    "delete_unused": [with_session(lambda session: uploads.delete_unused(session, [f"{500:032x}", f"{7:032x}"]))],
    "move_uploads": [with_session(lambda session: uploads.move_uploads(session, 0, 5))],
    "set_uses": [with_session(lambda session: uploads.set_uses(session, "comment/7", ["500"], [f"{500:032x}"], NOW))],
}
ALL = {("products", name): calls for name, calls in PRODUCTS.items()}
ALL |= {("messanger", name): calls for name, calls in MESSANGER.items()}


@pytest.fixture(scope="module")
def engines(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    """An old shop, filled once; each test undoes what it does."""
    folder = tmp_path_factory.mktemp("old") / "data"
    shutil.copytree(sqlite_template, folder)
    urls: Urls = urls_of(make_settings(folder))
    made = {name: make_write_engine(urls[name]) for name in FILL}
    for name, engine in made.items():
        with engine.connect() as connection, connection.begin():
            for statement in FILL[name].split(";\n"):
                if statement.strip():
                    connection.execute(text(statement))
    yield made
    for engine in made.values():
        engine.dispose()


@pytest.mark.parametrize(("module", "calls"), [(comments, PRODUCTS), (uploads, MESSANGER)])
def test_every_query_is_looked_at(module: ModuleType, calls: dict[str, list[Call]]) -> None:
    functions = inspect.getmembers(module, inspect.isfunction)
    own = {name for name, made in functions if made.__module__ == module.__name__ and not name.startswith("_")}
    assert own == set(calls)


@pytest.mark.parametrize(("base", "name"), ALL)
def test_nothing_reads_or_sorts_more_than_it_shows(engines: dict[str, Engine], base: str, name: str) -> None:
    with engines[base].connect() as connection, connection.begin() as transaction:
        for call in ALL[base, name]:
            call(connection)  # compiled and cached, so that only SQLite's own work is counted
            assert steps_of(connection, call) <= STEPS, name
            for statement, plan in plans(connection, call).items():
                tables = [step for step in plan if step.startswith(("SCAN Comment", "SCAN Order", "SCAN Upload"))]
                assert not tables, f"{tables}\n{statement}"
        transaction.rollback()
