"""What SQLite does when staff keep the catalogue: no statement goes through all products or all moves of stock."""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from db.engine import make_write_engine
from db.models.products import ProductCategory, ProductGroup
from db.queries import catalogue, product_editing, products, stock
from tests.storage.conftest import Urls
from tests.storage.test_plans import plans

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BIG = ("Product", "StockMove")

Call = Callable[[Connection], object]


def within(work: Callable[[Session], object]) -> Call:
    """A call of a function that wants a session."""

    def call(connection: Connection) -> None:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            work(session)
            session.commit()

    return call


def move_to_second(session: Session) -> None:
    target = catalogue.access_place(session, ProductCategory, "boots")
    assert target is not None
    catalogue.move_products(session, 1, target)


# One call for each function of the modules; a new one needs a line here.
CALLS: dict[ModuleType, dict[str, list[Call]]] = {
    catalogue: {
        "list_groups": [catalogue.list_groups],
        "get_group": [lambda c: catalogue.get_group(c, "winter")],
        "list_categories": [catalogue.list_categories, lambda c: catalogue.list_categories(c, 1)],
        "get_category": [lambda c: catalogue.get_category(c, "hats")],
        "access_place": [
            within(lambda session: catalogue.access_place(session, ProductGroup, "winter")),
            within(lambda session: catalogue.access_place(session, ProductCategory, "hats")),
        ],
        "list_slugs": [within(lambda session: catalogue.list_slugs(session, ProductCategory, "hats"))],
        "count_products": [
            within(lambda session: catalogue.count_products(session, 1, is_archived=True)),
            within(lambda session: catalogue.count_products(session, 1, is_archived=False)),
        ],
        "has_archived_categories": [within(lambda session: catalogue.has_archived_categories(session, 1))],
        "has_place_promotions": [within(lambda session: catalogue.has_place_promotions(session, NOW))],
        "list_product_ids": [within(lambda session: catalogue.list_product_ids(session, 1))],
        "move_products": [within(move_to_second)],
        "touch_products": [
            within(lambda session: catalogue.touch_products(session, ProductGroup, 1)),
            within(lambda session: catalogue.touch_products(session, ProductCategory, 1)),
        ],
    },
    product_editing: {
        "next_article": [product_editing.next_article],
        "has_article": [lambda c: product_editing.has_article(c, 1001)],
        "access_product": [within(lambda session: product_editing.access_product(session, 1001))],
    },
    stock: {
        "move_stock": [within(lambda session: stock.move_stock(session, 1, 5, "receipt", NOW))],
        "list_moves": [lambda c: stock.list_moves(c, 1, None, 25), lambda c: stock.list_moves(c, 1, 99, 25)],
    },
}


@pytest.fixture
def connection(sqlite_urls: Urls) -> Iterator[Connection]:
    """The writer's kind of connection; two categories and a product are there."""
    engine = make_write_engine(sqlite_urls["products"])
    with engine.connect() as connection, connection.begin() as transaction:
        within(fill)(connection)
        yield connection
        transaction.rollback()
    engine.dispose()


def fill(session: Session) -> None:
    group = products.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
    rows = [{"slug": slug, "name": slug, "group_id": group, "position": 1} for slug in ("hats", "boots")]
    category = products.add_categories(session, rows)["hats"]
    times = {"creation_time": NOW, "edit_time": NOW}
    product = {"article": 1001, "name": "Шапка", "price_minor": 1, "effective_minor": 1, "discount_bp": 0, **times}
    products.add_products(session, [{**product, "category_id": category, "group_id": group}])


@pytest.mark.parametrize("module", CALLS, ids=lambda module: module.__name__)
def test_every_query_is_looked_at(module: ModuleType) -> None:
    functions = inspect.getmembers(module, inspect.isfunction)
    own = {name for name, made in functions if made.__module__ == module.__name__ and not name.startswith("_")}
    assert own == set(CALLS[module])


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, calls in CALLS.items() for name in calls])
def test_no_query_reads_a_big_table_from_end_to_end(connection: Connection, module: ModuleType, name: str) -> None:
    for call in CALLS[module][name]:
        for statement, plan in plans(connection, call).items():
            found = [step for step in plan if step.startswith(tuple(f"SCAN {table}" for table in BIG))]
            found = [step for step in found if not step.startswith(("SCAN ProductGroup", "SCAN ProductCategory"))]
            assert not found, f"{found}\n{statement}"
