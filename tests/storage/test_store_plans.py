"""What SQLite does for those who watch the store: each look costs what is watched, not what there is."""

import inspect
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from db.engine import make_write_engine
from db.queries import store
from tests.storage.conftest import Urls
from tests.storage.test_plans import plans

Call = Callable[[Connection], object]

# One call for each function of the module, and in which database; a new one needs a line here.
CALLS: dict[str, tuple[str, list[Call]]] = {
    "list_products": ("products", [lambda c: store.list_products(c, [1, 2])]),
    "list_revs": ("products", [lambda c: store.list_revs(c, [1, 2])]),
    "list_cart_versions": ("users", [lambda c: store.list_cart_versions(c, [1, 2])]),
    "list_orders": ("products", [lambda c: store.list_orders(c, [1, 2])]),
    "list_newest_orders": (
        "products", [lambda c: store.list_newest_orders(c, None, 200), lambda c: store.list_newest_orders(c, 5, 50)],
    ),
}  # fmt: skip
WALKED = "SCAN Order"
"""The newest of all orders are walked by their key, up to the limit."""


def test_every_query_is_looked_at() -> None:
    assert {
        name for name, made in inspect.getmembers(store, inspect.isfunction) if made.__module__ == store.__name__
    } == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_no_query_reads_a_table_from_end_to_end(sqlite_urls: Urls, name: str) -> None:
    database, calls = CALLS[name]
    engine = make_write_engine(sqlite_urls[database])
    with engine.connect() as connection:
        for call in calls:
            for statement, plan in plans(connection, call).items():
                bad = [step for step in plan if step.startswith(("SCAN", "USE TEMP B-TREE")) and step != WALKED]
                assert not bad, f"{bad}\n{statement}"
    engine.dispose()
