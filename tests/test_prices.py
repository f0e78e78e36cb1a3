"""Prices of products: set by staff who have seen them, kept in a log, shown with the lowest of thirty days."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, event

from db.database import Done
from db.queries import prices as queries
from tests.market import HOUR, NOW, Market, open_market

DAY = timedelta(days=1)


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(tmp_path / "data") as market:
        yield market


async def set_price(market: Market, article: int, amount: int, *, status: int = 200, **form: Any) -> Any:
    path = f"/api/v1/products/{article}/price"
    return await market.change(path, {"price": {"amount": amount}, **form}, method="PUT", status=status)


async def history(market: Market, article: int, query: str = "") -> dict[str, Any]:
    path = f"/api/v1/products/{article}/price-history{query}"
    return dict(await market.visitor.call("GET", path, status=200))


# Setting


async def test_a_price_is_shown_logged_and_written_down(market: Market) -> None:
    article = await market.make_product(price=100_00, discount_bp=1000)
    market.clock.time += HOUR

    product = await set_price(market, article, 120_00, reason="Новая партия")

    assert product == await market.product(article)
    assert (product["price"]["amount"], product["old_price"]["amount"]) == (108_00, 120_00)  # the discount stays
    assert (product["version"], (await market.row(article)).effective_minor) == (2, 108_00)
    assert await market.log(article) == [(NOW, 90_00), (NOW + HOUR, 108_00)]
    assert await market.deeds() == [
        {
            "kind": "price_up",
            "before": {"price_minor": 100_00, "discount_bp": 1000},
            "after": {"price_minor": 120_00, "discount_bp": 1000, "reason": "Новая партия"},
        }
    ]


async def test_a_discount_is_a_price_drop(market: Market) -> None:
    article = await market.make_product(price=100_00)

    product = await set_price(market, article, 100_00, discount=12.34)

    assert (product["price"]["amount"], product["discount"]) == (87_66, 12.34)
    assert [deed["kind"] for deed in await market.deeds()] == ["price_drop"]


async def test_the_same_price_changes_nothing(market: Market) -> None:
    article = await market.make_product(price=100_00, discount_bp=1000)

    product = await set_price(market, article, 100_00, discount=10)

    assert product["version"] == 1
    assert (await market.deeds(), len(await market.log(article))) == ([], 1)


async def test_a_price_under_a_promotion_goes_on_being_reduced(market: Market) -> None:
    article = await market.make_product(price=100_00)
    await market.promote(value=5000)
    await market.catch_up()

    assert (await set_price(market, article, 80_00))["price"]["amount"] == 40_00
    assert (await market.row(article)).effective_minor == 40_00


async def test_a_boundary_that_nobody_noticed_is_no_deed_of_the_editor(market: Market) -> None:
    """The job is late, and staff change the price meanwhile: the log has the price between."""
    article = await market.make_product(price=100_00)
    await market.promote(begins=HOUR, lasts=9 * HOUR)
    await market.catch_up()
    market.clock.time += 2 * HOUR

    await set_price(market, article, 200_00)

    assert await market.log(article) == [(NOW, 100_00), (NOW + HOUR, 90_00), (NOW + 2 * HOUR, 180_00)]


async def test_whoever_sets_a_price_has_seen_the_product(market: Market) -> None:
    path = f"/api/v1/products/{await market.make_product()}/price"
    await set_price(market, 1001, 50_00)
    form = {"price": {"amount": 1}}

    await market.owner.call("PUT", path, json=form, status=428)
    problem = await market.owner.call("PUT", path, json=form, headers={"If-Match": '"1"'}, status=412)
    assert (problem["code"], problem["version"]) == ("stale", 2)
    await market.owner.call("PUT", "/api/v1/products/9/price", json=form, headers={"If-Match": '"1"'}, status=404)
    assert await market.price(1001) == 50_00


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({}, "/price"),
        ({"price": 100}, "/price"),
        ({"price": {"amount": -1}}, "/price/amount"),
        ({"price": {"amount": 1.5}}, "/price/amount"),
        ({"price": {"amount": 10**12 + 1}}, "/price/amount"),
        ({"price": {"amount": 100, "currency": "USD"}}, "/price/currency"),
        ({"price": {"amount": 100}, "discount": 100.01}, "/discount"),
        ({"price": {"amount": 100}, "discount": 12.345}, "/discount"),
        ({"price": {"amount": 100}, "reason": "a\nb"}, "/reason"),
    ],
)
async def test_a_price_that_makes_no_sense_is_invalid(market: Market, form: dict[str, Any], pointer: str) -> None:
    article = await market.make_product()

    problem = await market.change(f"/api/v1/products/{article}/price", form, method="PUT", status=422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert (await market.product(article))["version"] == 1


# History


async def test_the_history_pages_through_every_price_newest_first(market: Market) -> None:
    article = await market.make_product(price=1)
    for price in range(2, 8):
        market.clock.time += timedelta(seconds=price // 2)
        await set_price(market, article, price)

    found, query = [], "?limit=2"
    while query:
        page = await history(market, article, query)
        found += [item["price"]["amount"] for item in page["items"]]
        query = f"?limit=2&cursor={page['next']}" if page["next"] else ""

    assert found == [7, 6, 5, 4, 3, 2, 1]
    other = await market.make_product()
    cursor = (await history(market, article, "?limit=2"))["next"]
    path = f"/api/v1/products/{other}/price-history?cursor={cursor}"
    assert (await market.visitor.call("GET", path, status=400))["code"] == "bad_request"


async def test_the_history_says_since_when_and_from_what(market: Market) -> None:
    article = await market.make_product(price=100_00)
    await market.promote(begins=HOUR, lasts=HOUR)
    market.clock.time += HOUR
    await market.catch_up()

    newest, oldest = (await history(market, article))["items"]

    assert (newest["since"], newest["price"]["amount"], newest["old_price"]["amount"]) == (
        "2026-03-01T13:00:00Z",
        90_00,
        100_00,
    )
    assert oldest["old_price"] is None


# The lowest price of thirty days


async def test_the_lowest_price_is_of_the_thirty_days_before_the_reduction(market: Market) -> None:
    article = await market.make_product(price=50_00)
    for days, price in ((0, 60_00), (31, 100_00), (10, 90_00), (1, 100_00)):
        market.clock.time += days * DAY
        market.owner = await market.shop.sign_in("owner", audience="staff")
        await set_price(market, article, price)
    assert (await market.product(article))["lowest_price"] is None  # it costs its full price

    await market.promote(begins=HOUR, lasts=20 * DAY)
    for later in (HOUR, 5 * DAY, 14 * DAY):
        market.clock.time += later
        assert (await market.product(article))["lowest_price"]["amount"] == 60_00  # in force when the 30 days began
        await market.catch_up()
    market.clock.time += 20 * DAY
    assert (await market.product(article))["lowest_price"] is None


async def test_reductions_that_grow_are_one(market: Market) -> None:
    article = await market.make_product(price=100_00)
    market.clock.time += 40 * DAY
    market.owner = await market.shop.sign_in("owner", audience="staff")
    await set_price(market, article, 100_00, discount=10)
    await set_price(market, article, 100_00, discount=30)

    assert (await market.product(article))["lowest_price"]["amount"] == 100_00


async def test_a_product_reduced_from_the_first_has_no_lowest_price(market: Market) -> None:
    article = await market.make_product(price=100_00, discount_bp=1000)

    assert (await market.product(article))["lowest_price"] is None


@pytest.mark.parametrize("seed", range(10))
async def test_the_lowest_price_is_what_each_day_says(market: Market, seed: int) -> None:
    """Against going through the days one by one."""
    random = Random(seed)
    article = await market.make_product(price=100)
    product_id = (await market.row(article)).id
    log = [(NOW, 100, 100)]
    for _ in range(random.randrange(1, 12)):
        price = random.randrange(50, 100)
        reduced = random.choice([price, random.randrange(1, price)])
        log.append((log[-1][0] + random.randrange(1, 15) * DAY, price, reduced))
    rows = [(product_id, price, effective, time, None, None) for time, price, effective in log[1:]]
    await market.products.write(lambda session: Done(queries.add_price_log(session, rows)))
    now = log[-1][0] + DAY

    found = await market.products.read(lambda c: queries.get_lowest_price(c, product_id, now), hot=True)

    assert found == lowest_by_days(log, now)


def lowest_by_days(log: list[tuple[datetime, int, int]], now: datetime) -> int:
    def in_force(moment: datetime) -> tuple[int, int]:
        return next((price, effective) for time, price, effective in reversed(log) if time <= moment)

    days = [now - back * DAY for back in range((now - NOW) // DAY + 1)]  # newest first
    reduced = 0
    while in_force(days[reduced])[1] < in_force(days[reduced])[0]:
        reduced += 1
    began = days[reduced - 1] if reduced else now
    return min(in_force(day)[1] for day in days if began - 30 * DAY <= day < began)


# What SQLite does


@pytest.mark.parametrize(
    ("scope", "targets", "step"),
    [
        ("all", [], "SEARCH Product USING INTEGER PRIMARY KEY (rowid>?)"),
        (
            "products",
            [1001, 1002],
            "SEARCH Product USING COVERING INDEX sqlite_autoindex_Product_1 (article=? AND rowid>?)",
        ),
        ("categories", ["hats"], "SEARCH Product USING COVERING INDEX ix_Product_category_newest (category_id=?)"),
        ("groups", ["winter"], "SEARCH Product USING COVERING INDEX ix_Product_group_newest (group_id=?)"),
        ("stale", [], "SEARCH Product USING INTEGER PRIMARY KEY (rowid>?)"),
    ],
)
async def test_repricing_finds_its_products_without_a_look_at_the_others(
    market: Market, scope: str, targets: list[Any], step: str
) -> None:
    await market.make_product()

    plan = await market.products.read(lambda c: explain(c, lambda: queries.list_touched(c, scope, targets, 1, 250)))

    assert plan[0] == step


async def test_the_price_log_is_read_along_its_index(market: Market) -> None:
    await market.make_product(discount_bp=1000)

    def read(c: Connection) -> list[str]:
        return explain(c, lambda: queries.list_price_log(c, 1, None, 25)) + explain(
            c, lambda: (queries.list_price_log(c, 1, (NOW, 5), 25), queries.get_lowest_price(c, 1, NOW))
        )

    plan = await market.products.read(read)

    assert all(step.startswith("SEARCH PriceLog USING INDEX ix_PriceLog_product (product_id=?") for step in plan)


def explain(connection: Connection, call: Any) -> list[str]:
    """How SQLite goes about the statements of the call."""
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    call()
    event.remove(connection, "before_cursor_execute", note)
    return [
        row[3]
        for statement, parameters in statements
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]
