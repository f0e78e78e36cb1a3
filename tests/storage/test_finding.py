"""Finding on both engines: the same products, the changes that triggers note, and how SQLite looks them up."""

import inspect
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.orm import Session

from app.actor import Actor
from app.demo.build import add_catalogue
from app.demo.generator import Catalogue, make_catalogue
from app.schemas.finding import FacetQuery, ProductQuery, SuggestQuery
from app.services.finding import FindingService
from app.services.pricing import PriceBook
from db.database import Databases, Done
from db.engine import make_write_engine
from db.models.products import PriceLog, Product, ProductCategory, ProductChange, ProductGroup, StockMove
from db.queries import finding as queries
from db.queries.products import raise_epoch
from db.queries.stock import move_stock
from db.search.index import SqliteIndex, Term
from db.search.words import fold
from tests.conftest import HandClock
from tests.storage.conftest import Urls
from tests.storage.test_plans import Call, plans, statements_of

VISITOR = Actor("visitor", None)
SEARCHES = {
    "куртка": "куртка", "курток": "куртка", "rehnrf": "куртка", "курткка": "куртка", "теплая шапка": "тепл",
    "евик": "дождевик", "рюк": "рюкзак", "велмора": "velmora", "siverko": "сиверко", "зонт от дождя": "зонт",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return make_catalogue(count=300)


@pytest.fixture
async def finding(databases: Databases, catalogue: Catalogue) -> AsyncIterator[FindingService]:
    """The service on a database with three hundred products, all of them in the index."""
    clock = HandClock()
    await databases.products.write(lambda session: Done(add_catalogue(session, catalogue, (), clock)))
    service = FindingService(databases, PriceBook(databases.products, clock), clock, "secret")
    await service.index_texts()
    yield service


async def change(databases: Databases, statement: Any) -> None:
    def work(session: Session) -> Done[None]:
        session.execute(statement)
        raise_epoch(session)
        return Done(None)

    await databases.products.write(work)


async def test_search_finds_the_same_on_both_engines(finding: FindingService) -> None:
    for query, wanted in SEARCHES.items():
        items = (await finding.list_products(VISITOR, ProductQuery(q=query))).items

        assert items, query
        assert wanted in fold(items[0].name), query


async def test_filters_orders_and_facets_work_on_both_engines(finding: FindingService, catalogue: Catalogue) -> None:
    page = await finding.list_products(VISITOR, ProductQuery(sort="price", limit=100, count="capped", color=["синий"]))
    blue = [goods.row for goods in catalogue.goods if "синий" in goods.row["specifications"]["colors"]]

    assert [item.price.amount for item in page.items] == sorted(row["effective_minor"] for row in blue)[:100]
    assert page.total == len(blue)
    assert (await finding.answer_facets(VISITOR, FacetQuery())).body
    assert [one.slug for one in (await finding.suggest(SuggestQuery(q="зим"))).groups] == ["zima"]


async def test_a_change_is_listed_at_once_and_found_when_indexed(finding: FindingService, databases: Databases) -> None:
    one = Product.article == (await finding.list_products(VISITOR, ProductQuery())).items[0].article

    await change(databases, update(Product).where(one).values(name="Абракадабра", country_origin="Нигде"))
    assert (await finding.list_products(VISITOR, ProductQuery(country=["нигде"]))).items[0].name == "Абракадабра"
    await finding.index_texts()
    assert len((await finding.list_products(VISITOR, ProductQuery(q="абракадабра"))).items) == 1

    product_id = select(Product.id).where(one).scalar_subquery()
    for model in (PriceLog, StockMove):
        await change(databases, delete(model).where(model.product_id == product_id))
    await change(databases, delete(Product).where(one))
    assert (await finding.list_products(VISITOR, ProductQuery(country=["нигде"]))).items == []
    await finding.index_texts()
    assert (await finding.list_products(VISITOR, ProductQuery(q="абракадабра"))).items == []


async def test_triggers_number_every_change_and_tell_texts_from_the_rest(
    finding: FindingService, databases: Databases
) -> None:
    async def look() -> dict[int, tuple[int, int]]:
        rows = await databases.products.read(
            lambda c: c.execute(select(ProductChange.product_id, ProductChange.seq, ProductChange.text_seq)).all()
        )
        return {row.product_id: (row.seq, row.text_seq) for row in rows}

    before = await look()
    assert len(before) == 300 == len({seq for seq, _ in before.values()})

    product_id = await databases.products.read(
        lambda c: c.execute(select(Product.id).where(Product.remains > 1)).scalar()
    )
    await databases.products.write(
        lambda session: Done(move_stock(session, product_id, -1, "order", HandClock().now(), sold=1))
    )
    sold = await look()
    assert sold[product_id] == (max(seq for seq, _ in before.values()) + 1, before[product_id][1])
    assert {key for key in sold if sold[key] != before[key]} == {product_id}

    await change(databases, update(ProductCategory).where(ProductCategory.slug == "aksessuary").values(name="Разное"))
    renamed = await look()
    moved = {key for key in renamed if renamed[key] != sold[key]}
    assert len(moved) == 25
    assert min(renamed[key][1] for key in moved) > max(text_seq for _, text_seq in sold.values())
    assert len({seq for seq, _ in renamed.values()}) == 300


async def test_a_category_that_moves_is_noted_for_each_of_its_products(
    finding: FindingService, databases: Databases
) -> None:
    summer = (await finding.list_products(VISITOR, ProductQuery(group=["leto"], count="capped"))).total or 0
    leto = select(ProductGroup.id).where(ProductGroup.slug == "leto").scalar_subquery()

    await change(databases, update(ProductCategory).where(ProductCategory.slug == "aksessuary").values(group_id=leto))

    assert (await finding.list_products(VISITOR, ProductQuery(group=["leto"], count="capped"))).total == summer + 25


# How SQLite looks things up


def note_indexed(connection: Connection) -> None:
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        queries.set_indexed(session, 5)
        session.commit()


SQLITE_CALLS: dict[str, list[Call]] = {
    "get_state": [queries.get_state],
    "list_changes": [lambda c: queries.list_changes(c, 5, 50)],
    "list_text_changes": [lambda c: queries.list_text_changes(c, 5, 50)],
    "list_products_by_id": [lambda c: queries.list_products_by_id(c, [1, 2, 3])],
    "get_indexed": [queries.get_indexed],
    "set_indexed": [note_indexed],
}
BIG = ("Product", "ProductChange", "ProductCategory", "ProductGroup", "Meta")


@pytest.fixture
def connection(sqlite_urls: Urls, catalogue: Catalogue) -> Iterator[Connection]:
    engine = make_write_engine(sqlite_urls["products"])
    with engine.connect() as connection, connection.begin() as transaction:
        add_catalogue(Session(connection), catalogue, (), HandClock())
        yield connection
        transaction.rollback()
    engine.dispose()


def test_every_statement_of_finding_is_looked_at() -> None:
    functions = inspect.getmembers(queries, inspect.isfunction)
    own = {name for name, made in functions if made.__module__ == queries.__name__ and not name.startswith("_")}
    assert own == set(SQLITE_CALLS)


@pytest.mark.parametrize("name", SQLITE_CALLS)
def test_no_statement_of_finding_reads_a_table_from_end_to_end(name: str, connection: Connection) -> None:
    for call in SQLITE_CALLS[name]:
        for statement, plan in plans(connection, call).items():
            scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] in BIG]
            assert scans == [], statement
            if "changes" in name:  # cut before it is joined; only the page itself is put in order
                counter = "text_seq" if "text" in name else "seq"
                assert f"SEARCH ProductChange USING COVERING INDEX ix_ProductChange_{counter} ({counter}>?)" in plan


def test_the_triggers_of_a_write_read_no_table_from_end_to_end(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    for statement in (
        "SELECT coalesce(max(seq), 0) + 1 FROM ProductChange",
        "SELECT coalesce(max(text_seq), 0) + 1 FROM ProductChange",
        "SELECT id FROM Product WHERE category_id = 1",
        "SELECT id FROM Product WHERE group_id = 1",
    ):
        plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert all(step.startswith("SEARCH") for step in plan), (statement, plan)


def test_search_asks_the_index_of_texts_alone(connection: Connection) -> None:
    words = [[Term("куртка", is_prefix=True), Term("куртк")], [Term("тепл")]]

    call = partial(SqliteIndex().match, words=words)
    # FTS5 makes statements of its own, on its own tables; they are traced too.
    [statement] = [one for one, _ in statements_of(connection, call) if "MATCH" in one]
    plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]

    assert plan[0].startswith("SCAN ProductText VIRTUAL TABLE INDEX") and "M" in plan[0].rpartition(":")[2]
    assert plan[1:] == ["USE TEMP B-TREE FOR ORDER BY"]
