"""The shop in figures: from the rollups and the history, by days of the shop's time zone, as JSON and as CSV."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.cells import money_cell, safe_cell
from app.keys import DATABASES
from db.database import Done
from db.models.products import OrdersDay, SalesDay
from db.queries import products as product_queries
from tests.conftest import Person, Shop

ROWS = [  # day, product, quantity, revenue
    (date(2026, 1, 31), 0, 2, 20_000),
    (date(2026, 2, 1), 0, 1, 10_000),
    (date(2026, 2, 1), 1, 5, 25_050),
    (date(2026, 2, 9), 1, 0, 0),  # all of it was cancelled
]
DAYS = [(date(2026, 1, 31), 1, 0, 20_000), (date(2026, 2, 1), 3, 1, 35_050), (date(2026, 2, 9), 1, 1, 0)]


@pytest.fixture
async def owner(shop: Shop) -> Person:
    await shop.app[DATABASES].products.write(lambda session: Done(fill(session)))
    return await shop.owner()


def fill(session: Session) -> None:
    group = product_queries.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
    row = {"slug": "hats", "name": "Шапки", "group_id": group, "position": 1}
    category = product_queries.add_categories(session, [row])["hats"]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    shape = {
        "category_id": category, "group_id": group, "price_minor": 10_000, "effective_minor": 10_000,
        "discount_bp": 0, "creation_time": now, "edit_time": now, "status": "published",
    }  # fmt: skip
    names = ("Шапка", "=HYPERLINK(1)", "Шарф")
    products = [{**shape, "article": 100 + n, "name": name, "remains": (3, 50, 0)[n]} for n, name in enumerate(names)]
    product_queries.add_products(session, products)
    session.execute(
        insert(SalesDay),
        [{"day": day, "product_id": 1 + n, "quantity": q, "revenue_minor": sum} for day, n, q, sum in ROWS],
    )
    session.execute(
        insert(OrdersDay),
        [{"day": day, "placed": p, "cancelled": c, "revenue_minor": sum} for day, p, c, sum in DAYS],
    )


async def get(person: Person, path: str, status: int = 200, **query: str) -> Any:
    params = {name.rstrip("_"): value for name, value in query.items()}
    return await person.call("GET", f"/api/v1/stats/{path}", params=params, status=status)


async def table(person: Person, path: str) -> list[list[str]]:
    async with person.request("GET", f"/api/v1/stats/{path}", headers={"Accept": "text/csv"}) as response:
        body = await response.read()
        assert body.startswith(b"\xef\xbb\xbf")
        assert "attachment" in response.headers["Content-Disposition"]
        return list(csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))


async def test_a_period_is_summed_up(owner: Person) -> None:
    found = await get(owner, "summary", from_="2026-01-31", to="2026-02-09")

    assert (found["orders"], found["cancelled"], found["quantity"]) == (3, 2, 8)
    assert found["revenue"]["amount"] == 55_050
    assert found["average_order"]["amount"] == 18_350
    assert [(low["article"], low["remains"]) for low in found["low_stock"]] == [(102, 0), (100, 3)]
    assert (found["from"], found["to"]) == ("2026-01-31", "2026-02-09")


async def test_a_shop_without_orders_has_zeros_and_no_average(shop: Shop) -> None:
    found = await get(await shop.owner(), "summary")

    assert (found["orders"], found["revenue"]["amount"], found["average_order"]) == (0, 0, None)
    assert found["low_stock"] == []
    assert len((await get(await shop.owner("other"), "sales"))["items"]) == 30


async def test_new_users_are_counted_by_the_shops_own_days(shop: Shop) -> None:
    owner = await shop.owner()
    noon = datetime(2031, 5, 5, 20, 59, tzinfo=UTC)  # a minute before midnight in Moscow
    shop.clock.ahead = noon - datetime.now(UTC)
    await (await shop.visitor()).call(
        "POST",
        "/api/v1/users",
        json={"username": "late", "email": "late@example.org", "password": "correct horse battery", "token": True},
        status=201,
    )
    owner = await shop.sign_in("owner", audience="staff")

    assert (await get(owner, "summary", from_="2031-05-05", to="2031-05-05"))["new_users"] == 1
    assert (await get(owner, "summary", from_="2031-05-06", to="2031-05-06"))["new_users"] == 0


async def test_steps_without_orders_are_there_with_zeros(owner: Person) -> None:
    days = (await get(owner, "sales", from_="2026-01-31", to="2026-02-02"))["items"]
    assert [(day["day"], day["orders"], day["cancelled"], day["quantity"]) for day in days] == [
        ("2026-01-31", 1, 0, 2),
        ("2026-02-01", 2, 1, 6),
        ("2026-02-02", 0, 0, 0),
    ]

    weeks = (await get(owner, "sales", from_="2026-01-31", to="2026-02-09", step="week"))["items"]
    assert [(week["day"], week["revenue"]["amount"]) for week in weeks] == [
        ("2026-01-31", 55_050),  # from the Saturday on: the period begins in the middle of its first week
        ("2026-02-02", 0),
        ("2026-02-09", 0),
    ]
    months = (await get(owner, "sales", from_="2026-01-31", to="2026-02-09", step="month"))["items"]
    assert [(month["day"], month["quantity"]) for month in months] == [("2026-01-31", 2), ("2026-02-01", 6)]


async def test_the_best_come_first_by_revenue_or_by_pieces(owner: Person) -> None:
    period = {"from_": "2026-01-01", "to": "2026-03-01"}
    by_revenue = (await get(owner, "products", **period))["items"]
    by_pieces = (await get(owner, "products", sort="quantity", limit="1", **period))["items"]

    assert [(item["article"], item["revenue"]["amount"]) for item in by_revenue] == [(100, 30_000), (101, 25_050)]
    assert [(item["article"], item["quantity"]) for item in by_pieces] == [(101, 5)]


async def test_tables_open_in_a_spreadsheet_and_cannot_calculate(owner: Person) -> None:
    period = "?from=2026-01-01&to=2026-03-01"

    assert await table(owner, f"products{period}") == [
        ["article", "name", "quantity", "revenue"],
        ["100", "Шапка", "3", "300,00"],
        ["101", "'=HYPERLINK(1)", "5", "250,50"],
    ]
    sales = await table(owner, f"sales{period}&step=month")
    assert sales[:3] == [
        ["day", "orders", "cancelled", "quantity", "revenue"],
        ["2026-01-01", "1", "0", "2", "200,00"],
        ["2026-02-01", "2", "2", "6", "350,50"],
    ]


async def test_what_staff_did_is_counted_by_kind(shop: Shop, owner: Person) -> None:
    manager = await shop.staff("boris", allows=("customers.block",))
    anna = await shop.user("anna")
    for blocked in (True, False, True):
        await manager.call("PATCH", f"/api/v1/users/{anna.me['id']}", json={"blocked": blocked}, status=200)

    items = (await get(owner, "staff"))["items"]
    [boris] = [item for item in items if item["name"] == "boris"]
    assert (boris["total"], boris["kinds"]) == (3, {"block_user": 2, "unblock_user": 1})
    assert ["boris", "block_user", "2"] in await table(owner, "staff")


@pytest.mark.parametrize(
    "query",
    [
        {"from_": "2026-02-02", "to": "2026-02-01"},
        {"from_": "2000-01-01", "to": "2026-01-01"},
        {"to": "soon"},
        {"to": "0"},
    ],
)
async def test_a_period_that_cannot_be_is_refused(owner: Person, query: dict[str, str]) -> None:
    assert (await get(owner, "sales", status=422, **query))["errors"][0]["pointer"] == "/to"


@pytest.mark.parametrize("cell", ["=1+1", "+7 900", "-5", "@SUM", "\t=1", "\r=1"])
def test_a_cell_never_calculates(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"
    assert safe_cell("Шапка = тепло") == "Шапка = тепло" and safe_cell(-5) == -5


def test_money_is_written_as_a_russian_spreadsheet_reads_it() -> None:
    assert [money_cell(minor) for minor in (129_990, 5, 0, -150)] == ["1299,90", "0,05", "0,00", "-1,50"]
