"""Promotions: prices that follow the clock to the microsecond, and a job that brings the lists after them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from app.keys import BOUNDARIES
from app.services.pricing import discounted, reprice
from app.services.store_events import ProductChanged
from db.database import Done
from db.models.products import Product
from tests.market import HOUR, NOW, TICK, Market, StillClock, open_market, stamp


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(tmp_path / "data") as market:
        yield market


# The clock


async def test_a_promotion_counts_from_its_start_up_to_its_end(market: Market) -> None:
    article = await market.make_product(price=100_00)
    await market.promote(begins=HOUR, lasts=HOUR)
    start, end = NOW + HOUR, NOW + 2 * HOUR

    shown = {}
    for moment in (NOW, start - TICK, start, end - TICK, end):
        market.clock.time = moment
        product = await market.product(article)
        [item] = (await market.visitor.call("GET", "/api/v1/products", status=200))["items"]
        assert item["price"] == product["price"]
        shown[moment] = product["price"]["amount"]

    assert list(shown.values()) == [100_00, 100_00, 90_00, 90_00, 100_00]


async def test_a_reduced_product_says_what_reduced_it_and_until_when(market: Market) -> None:
    article = await market.make_product(price=100_00)
    promotion = await market.promote(name="Весна")

    product = await market.product(article)

    assert product["old_price"]["amount"] == 100_00
    assert product["promotion"] == {"id": promotion["id"], "name": "Весна", "ends_at": promotion["ends_at"]}
    assert product["valid_until"] == promotion["ends_at"]


async def test_a_planned_promotion_ends_the_present_price(market: Market) -> None:
    article = await market.make_product()
    promotion = await market.promote(begins=HOUR)

    product = await market.product(article)

    assert (product["promotion"], product["valid_until"]) == (None, promotion["starts_at"])


@pytest.mark.parametrize("path", ["/api/v1/products", "/api/v1/products/1001"])
async def test_no_304_with_a_price_that_is_over(market: Market, path: str) -> None:
    await market.make_product()
    await market.promote(begins=HOUR, lasts=HOUR)
    statuses, known = [], {}
    for moment in (NOW, NOW + HOUR - TICK, NOW + HOUR, NOW + 2 * HOUR - TICK, NOW + 2 * HOUR):
        market.clock.time = moment
        async with market.visitor.request("GET", path, headers=known) as response:
            statuses.append(response.status)
            known = {"If-None-Match": response.headers["ETag"]}

    assert statuses == [200, 304, 200, 304, 200]


async def test_a_change_is_shown_at_once(market: Market) -> None:
    article = await market.make_product(price=100_00)
    path = f"/api/v1/promotions/{(await market.promote())['id']}"

    assert await market.price(article) == 90_00
    await market.change(path, {"value": 2500})
    assert await market.price(article) == 75_00
    await market.change(path, {"kind": "fixed", "value": 30_00})
    assert await market.price(article) == 70_00
    await market.change(path, {"ends_at": stamp(NOW)})
    assert await market.price(article) == 100_00
    await market.change(path, {"ends_at": stamp(NOW + TICK)})
    assert await market.price(article) == 70_00
    await market.change(path, method="DELETE", status=204)
    assert await market.price(article) == 100_00


# Which one counts


@pytest.mark.parametrize(
    ("scope", "targets"),
    [
        ("products", [1001]),
        ("categories", ["boots"]),
        ("groups", ["summer"]),
        ("tags", ["new", "nobody-has-this"]),
    ],
)
async def test_a_promotion_touches_what_is_in_its_scope(market: Market, scope: str, targets: list[Any]) -> None:
    await market.make_product()
    await market.make_product(category="boots")
    await market.make_product(category="sandals", group="summer")
    await market.make_product(tags=["warm", "new"])
    await market.promote(scope=scope, targets=targets)

    await market.catch_up()

    touched = {"products": 1001, "categories": 1002, "groups": 1003, "tags": 1004}[scope]
    for article in (1001, 1002, 1003, 1004):
        expected = 90_00 if article == touched else 100_00
        assert (await market.price(article), (await market.row(article)).effective_minor) == (expected, expected)


async def test_the_best_single_reduction_counts(market: Market) -> None:
    article = await market.make_product(price=100_00, discount_bp=1500)
    await market.promote(value=1000)
    assert await market.price(article) == 85_00
    assert (await market.product(article))["promotion"] is None  # its own discount is better

    await market.promote(value=2000, name="better")
    await market.promote(kind="fixed", value=19_99, name="almost")
    product = await market.product(article)
    assert (product["price"]["amount"], product["promotion"]["name"]) == (80_00, "better")


async def test_a_fixed_reduction_never_goes_below_nothing(market: Market) -> None:
    article = await market.make_product(price=5_00)
    await market.promote(kind="fixed", value=10_00)

    assert await market.price(article) == 0


async def test_among_equal_reductions_the_higher_priority_is_named(market: Market) -> None:
    article = await market.make_product(price=100_00)
    for name, priority in (("older", 0), ("important", 5), ("younger", 0)):
        await market.promote(name=name, priority=priority, kind="fixed", value=10_00)

    assert (await market.product(article))["promotion"]["name"] == "important"


# The job


async def test_rows_log_and_watchers_follow_a_boundary_by_themselves(market: Market) -> None:
    """With the job running: nobody asks for anything, and the clock passes the start."""
    article = await market.make_product(price=100_00)
    await market.promote(begins=HOUR, lasts=HOUR)
    heard: asyncio.Queue[Any] = asyncio.Queue()
    market.products.publish = lambda events: [heard.put_nowait(event) for event in events] and None
    await market.shop.app[BOUNDARIES].start()
    planned = await asyncio.wait_for(heard.get(), 5)  # it has a valid_until now
    market.clock.time = NOW + HOUR

    event = await asyncio.wait_for(heard.get(), 2)

    row = await market.row(article)
    assert event == ProductChanged(article, row.rev) and planned.rev == row.rev - 1
    assert (row.effective_minor, row.promotion["name"], row.valid_until) == (90_00, "Распродажа", NOW + 2 * HOUR)
    assert await market.log(article) == [(NOW, 100_00), (NOW + HOUR, 90_00)]


async def test_a_late_job_logs_each_price_as_of_its_own_time(market: Market) -> None:
    article = await market.make_product(price=100_00)
    await market.promote(begins=HOUR, lasts=2 * HOUR, value=1000)
    await market.promote(begins=2 * HOUR, lasts=2 * HOUR, value=3000)
    await market.catch_up()

    market.clock.time = NOW + 5 * HOUR
    await market.catch_up()

    prices = [100_00, 90_00, 70_00, 100_00]  # the first ends while the better one runs: that changes nothing
    assert await market.log(article) == [
        (NOW + hours * HOUR, price) for hours, price in zip((0, 1, 2, 4), prices, strict=True)
    ]


async def test_the_next_start_finds_what_the_job_has_missed(tmp_path: Path) -> None:
    clock = StillClock()
    async with open_market(tmp_path, clock) as market:
        going = await market.make_product(price=100_00)
        coming = await market.make_product(price=100_00, category="boots")
        gone = await market.promote(scope="products", targets=[going])
        await market.catch_up()
        await market.change(f"/api/v1/promotions/{gone['id']}", method="DELETE", status=204)
        await market.promote(begins=HOUR, lasts=9 * HOUR, scope="categories", targets=["boots"])
    clock.time = NOW + 2 * HOUR  # nobody has told the rows of either

    async with open_market(tmp_path, clock) as market:
        await market.catch_up()

        assert [(await market.row(article)).effective_minor for article in (going, coming)] == [100_00, 90_00]
        assert [await market.price(article) for article in (going, coming)] == [100_00, 90_00]


async def test_nothing_is_written_when_nothing_has_changed(market: Market) -> None:
    article = await market.make_product()
    await market.promote()
    await market.catch_up()
    before = await market.row(article)

    market.clock.time += TICK
    await market.catch_up()

    assert await market.row(article) == before


@pytest.mark.parametrize("seed", range(6))
async def test_prices_are_what_brute_force_makes_of_them(market: Market, seed: int) -> None:
    """Promotions come, change and go, products move and change, the clock goes on: reads are right, then rows are."""
    random = Random(seed)
    tags = ["new", "warm", "sale"]
    for category, group in (("hats", "winter"), ("boots", "winter"), ("sandals", "summer")):
        for _ in range(3):
            await market.make_product(
                price=random.randrange(500_00), discount_bp=random.choice((0, 0, 1500)), category=category, group=group,
                tags=random.sample(tags, random.randrange(3)),
            )  # fmt: skip
    targets: dict[str, list[Any]] = {
        "all": [], "products": list(range(1001, 1010)), "categories": ["hats", "boots", "sandals"],
        "groups": ["winter", "summer"], "tags": tags,
    }  # fmt: skip
    running: list[int] = []
    for _ in range(40):
        match random.choice(["promote", "promote", "edit", "remove", "move", "tag", "price", "clock", "clock"]):
            case "promote":
                scope = random.choice(list(targets))
                made = await market.promote(
                    begins=random.randrange(-3, 4) * HOUR, lasts=random.randrange(4, 8) * HOUR, scope=scope,
                    targets=random.sample(targets[scope], min(2, len(targets[scope]))),
                    priority=random.randrange(3), **random.choice([
                        {"kind": "percent", "value": random.randrange(1, 60) * 100},
                        {"kind": "fixed", "value": random.randrange(1, 100_00)},
                    ]),
                )  # fmt: skip
                running.append(made["id"])
            case "edit" if running:
                path = f"/api/v1/promotions/{random.choice(running)}"
                await market.change(path, {"kind": "percent", "value": random.randrange(1, 10_000)})
            case "remove" if running:
                path = f"/api/v1/promotions/{running.pop(random.randrange(len(running)))}"
                await market.change(path, method="DELETE", status=204)
            case "move":
                await move(market, random.randrange(1001, 1010), random.choice(targets["categories"]))
            case "tag":
                await retag(market, random.randrange(1001, 1010), random.sample(tags, random.randrange(3)))
            case "price":
                form = {"price": {"amount": random.randrange(500_00)}, "discount": random.choice([0, 12.5])}
                await market.change(f"/api/v1/products/{random.randrange(1001, 1010)}/price", form, method="PUT")
            case "clock":
                market.clock.time += random.choice([TICK, HOUR, 3 * HOUR])
                market.owner = await market.shop.sign_in("owner", audience="staff")  # nobody stays that long
        if random.random() < 0.5:
            expected = await brute_force(market)
            assert {article: await market.price(article) for article in expected} == expected
        if random.random() < 0.3:
            await market.catch_up()
            expected = await brute_force(market)
            assert {article: (await market.row(article)).effective_minor for article in expected} == expected
            assert {article: (await market.log(article))[-1][1] for article in expected} == expected


async def move(market: Market, article: int, category: str) -> None:
    category_id, group_id = market.categories[category]
    await market.products.write(
        lambda session: Done(
            session.execute(
                update(Product).where(Product.article == article).values(category_id=category_id, group_id=group_id)
            )
            and None
        )
    )
    await settle(market, article)


async def retag(market: Market, article: int, tags: list[str]) -> None:
    await market.products.write(
        lambda session: Done(
            session.execute(update(Product).where(Product.article == article).values(tags=tags)) and None
        )
    )
    await settle(market, article)


async def settle(market: Market, article: int) -> None:
    """What an editing service does after such a write."""
    product_id = (await market.row(article)).id
    await market.products.write(lambda session: Done(None, reprice(session, [product_id], market.clock.time)))


async def brute_force(market: Market) -> dict[int, int]:
    """What each product costs, by the words of the rule and nothing else."""
    promotions = (await market.owner.call("GET", "/api/v1/promotions?period=all&limit=100", status=200))["items"]
    prices = {}
    for article in range(1001, 1010):
        product = await market.product(article)
        row = await market.row(article)
        offers = [discounted(row.price_minor, row.discount_bp)]
        for one in promotions:
            starts_at, ends_at = (datetime.fromisoformat(one[name]) for name in ("starts_at", "ends_at"))
            touched = {
                "all": True, "products": article in one["targets"],
                "categories": product["category"]["slug"] in one["targets"],
                "groups": product["group"]["slug"] in one["targets"],
                "tags": bool(set(product["tags"]) & set(one["targets"])),
            }[one["scope"]]  # fmt: skip
            if touched and starts_at <= market.clock.time < ends_at:
                if one["kind"] == "percent":
                    offers.append(discounted(row.price_minor, one["value"]))
                else:
                    offers.append(max(0, row.price_minor - one["value"]))
        prices[article] = min(offers)
    return prices


# What may be said


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"value": 10_001}, "/value"),
        ({"value": 0}, "/value"),
        ({"value": 12.5}, "/value"),
        ({"kind": "fixed", "value": 10**12 + 1}, "/value"),
        ({"kind": "gift"}, "/kind"),
        ({"name": "  "}, "/name"),
        ({"ends_at": stamp(NOW - HOUR)}, "/ends_at"),
        ({"starts_at": stamp(NOW + 2 * HOUR), "ends_at": stamp(NOW + 2 * HOUR)}, "/ends_at"),
        ({"ends_at": "2026-03-02T00:00:00"}, "/ends_at"),
        ({"ends_at": "9999-12-31T23:59:59-12:00"}, "/ends_at"),
        ({"ends_at": "4102444800"}, "/ends_at"),
        ({"ends_at": 4102444800}, "/ends_at"),
        ({"targets": [1001]}, "/targets"),
        ({"scope": "products"}, "/targets"),
        ({"scope": "products", "targets": [1001, 1002]}, "/targets/1"),
        ({"scope": "products", "targets": ["hats"]}, "/targets/0"),
        ({"scope": "categories", "targets": ["hats", "nothing"]}, "/targets/1"),
        ({"scope": "groups", "targets": [1001]}, "/targets/0"),
        ({"scope": "products", "targets": [1] * 1001}, "/targets"),
        ({"priority": 101}, "/priority"),
        ({"id": 5}, "/id"),
    ],
)
async def test_a_promotion_that_makes_no_sense_is_invalid(market: Market, wrong: dict[str, Any], pointer: str) -> None:
    await market.make_product()
    form = {
        "name": "Весна", "kind": "percent", "value": 1000, "scope": "all",
        "starts_at": stamp(NOW), "ends_at": stamp(NOW + HOUR), **wrong,
    }  # fmt: skip

    problem = await market.owner.call("POST", "/api/v1/promotions", json=form, status=422)

    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert (await market.owner.call("GET", "/api/v1/promotions?period=all", status=200))["items"] == []


async def test_a_change_must_make_sense_as_a_whole(market: Market) -> None:
    path = f"/api/v1/promotions/{(await market.promote(kind='fixed', value=20_000))['id']}"

    for wrong, pointer in (
        ({"kind": "percent"}, "/value"),
        ({"scope": "tags"}, "/targets"),
        ({"ends_at": stamp(NOW - 2 * HOUR)}, "/ends_at"),
        ({"name": None}, "/name"),
    ):
        problem = await market.change(path, wrong, status=422)
        assert problem["errors"][0]["pointer"] == pointer
    cleared = await market.change(path, {"priority": None, "description": None})
    assert (cleared["priority"], cleared["description"], cleared["version"]) == (0, "", 1)  # as they were


async def test_whoever_changes_a_promotion_has_seen_it(market: Market) -> None:
    path = f"/api/v1/promotions/{(await market.promote())['id']}"
    await market.change(path, {"value": 2000})

    for method in ("PATCH", "DELETE"):
        options = {"json": {"value": 1}} if method == "PATCH" else {}
        await market.owner.call(method, path, status=428, **options)
        problem = await market.owner.call(method, path, headers={"If-Match": '"1"'}, status=412, **options)
        assert (problem["code"], problem["version"]) == ("stale", 2)
        await market.owner.call(method, path + "9", headers={"If-Match": '"1"'}, status=404, **options)


async def test_a_key_makes_one_promotion(market: Market) -> None:
    form = {
        "name": "Весна", "kind": "percent", "value": 1000, "scope": "all",
        "starts_at": stamp(NOW), "ends_at": stamp(NOW + HOUR),
    }  # fmt: skip
    key = {"Idempotency-Key": "spring"}
    first = await market.owner.call("POST", "/api/v1/promotions", json=form, headers=key, status=201)

    async with market.owner.request("POST", "/api/v1/promotions", json=form, headers=key) as response:
        assert (response.status, response.headers["Idempotent-Replay"]) == (201, "true")
        assert await response.json() == first
    other = {**form, "value": 2000}
    await market.owner.call("POST", "/api/v1/promotions", json=other, headers=key, status=409)


async def test_everybody_sees_what_runs_and_only_staff_the_rest(market: Market) -> None:
    ids = {
        "active": (await market.promote())["id"],
        "planned": (await market.promote(begins=HOUR))["id"],
        "ended": (await market.promote(begins=-HOUR, lasts=HOUR + TICK))["id"],
    }
    market.clock.time += TICK

    for period, promotion_id in ids.items():
        listed = await market.owner.call("GET", f"/api/v1/promotions?period={period}", status=200)
        assert [item["id"] for item in listed["items"]] == [promotion_id]
        expected = 200 if period == "active" else 404
        await market.visitor.call("GET", f"/api/v1/promotions/{promotion_id}", status=expected)
        await market.owner.call("GET", f"/api/v1/promotions/{promotion_id}", status=200)
        expected = 200 if period == "active" else 403
        await market.visitor.call("GET", f"/api/v1/promotions?period={period}", status=expected)
    listed = await market.visitor.call("GET", "/api/v1/promotions", status=200)
    assert [item["id"] for item in listed["items"]] == [ids["active"]]


async def test_pages_show_each_promotion_once_newest_first(market: Market) -> None:
    ids = [(await market.promote())["id"] for _ in range(5)]

    found, query = [], "?limit=2"
    while True:
        page = await market.visitor.call("GET", "/api/v1/promotions" + query, status=200)
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=2&cursor={page['next']}"
        await market.owner.call("GET", f"/api/v1/promotions{query}&period=all", status=400)

    assert found == ids[::-1]


async def test_the_work_history_has_each_deed(market: Market) -> None:
    path = f"/api/v1/promotions/{(await market.promote(value=1000))['id']}"
    await market.change(path, {"value": 2000})
    await market.change(path, {"value": 2000})  # changes nothing
    await market.change(path, method="DELETE", status=204)

    made, edited, removed = await market.deeds()

    assert (made["kind"], made["before"], made["after"]["value"]) == ("price_promotion", None, 1000)
    assert edited == {"kind": "edit_promotion", "before": {"value": 1000}, "after": {"value": 2000}}
    assert (removed["kind"], removed["before"]["value"], removed["after"]) == ("remove_promotion", 2000, None)
