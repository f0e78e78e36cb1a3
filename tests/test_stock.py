"""Stock by hand: more, fewer, as many as were counted; what is not there cannot go; the ledger is the stock."""

import asyncio
from itertools import count
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.keys import DATABASES
from db.database import Done
from db.models.products import Product, StockMove
from db.queries.stock import move_stock
from tests.conftest import Person, Shop
from tests.keeping import API, deeds, epoch, make_place, make_product

PATH = f"{API}/products/4711/stock"
KEYS = count()


@pytest.fixture
async def owner(shop: Shop) -> Person:
    owner = await shop.owner()
    await make_place(owner)
    await make_product(owner, article=4711, remains=5, publish=True)
    return owner


@pytest.fixture
async def keeper(shop: Shop, owner: Person) -> Person:
    """Someone who may move stock, and nothing else."""
    return await shop.staff(allows=("stock",))


async def move(person: Person, status: int = 201, key: str = "", **form: Any) -> Any:
    headers = {"Idempotency-Key": key or f"key-{next(KEYS)}"}
    return await person.call("POST", PATH, json={"reason": "receipt", **form}, headers=headers, status=status)


async def ledger(person: Person, **query: Any) -> Any:
    return await person.call("GET", PATH, params=query, status=200)


async def test_pieces_come_and_go_and_the_ledger_says_so(shop: Shop, keeper: Person) -> None:
    await move(keeper, delta=10, note="Накладная 17")
    moved = await move(keeper, delta=-3, reason="correction")

    book = await ledger(keeper)

    assert (moved["remains"], book["remains"]) == (12, 12)
    assert book["items"][0] == moved["move"]
    lines = [(line["delta"], line["remains"], line["reason"], line["note"]) for line in book["items"]]
    assert lines == [(-3, 12, "correction", ""), (10, 15, "receipt", "Накладная 17"), (5, 5, "opening", "")]
    assert book["items"][1]["service_person_id"] == keeper.me["id"]
    product = await (await shop.visitor()).call("GET", f"{API}/products/4711", status=200)
    assert (product["remains"], product["version"], product["rev"]) == (12, 1, 3)  # no edit: nobody's form is stale


async def test_a_count_sets_what_is_there_and_is_noted_also_if_it_agrees(keeper: Person) -> None:
    first, second = await move(keeper, set=3, reason="correction"), await move(keeper, set=3, reason="correction")

    assert (first["remains"], first["move"]["delta"]) == (3, -2)
    assert (second["remains"], second["move"]["delta"]) == (3, 0)


async def test_what_is_not_there_cannot_go(shop: Shop, keeper: Person) -> None:
    before, known, told = await ledger(keeper), await epoch(shop), await deeds(shop)

    problem = await move(keeper, delta=-6, status=409)

    assert (problem["code"], problem["lines"]) == ("out_of_stock", [{"article": 4711, "remains": 5}])
    assert (await ledger(keeper), await epoch(shop), await deeds(shop)) == (before, known, told)
    assert (await move(keeper, delta=-5))["remains"] == 0


async def test_of_ten_who_take_the_last_five_five_do(keeper: Person) -> None:
    async def take() -> int:
        options: dict[str, Any] = {"headers": {"Idempotency-Key": f"key-{next(KEYS)}"}}
        form = {"delta": -1, "reason": "correction"}
        async with keeper.request("POST", PATH, json=form, **options) as response:
            return int(response.status)

    assert sorted(await asyncio.gather(*(take() for _ in range(10)))) == [201] * 5 + [409] * 5
    assert (await ledger(keeper))["remains"] == 0


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({"delta": 1.5}, "/delta"),
        ({"delta": "3"}, "/delta"),
        ({"delta": 10**9 + 1}, "/delta"),
        ({"delta": 10**400}, "/delta"),
        ({"delta": -(10**9) - 1}, "/delta"),
        ({"set": -1}, "/set"),
        ({"set": 10**9 + 1}, "/set"),
        ({"delta": 1, "set": 1}, ""),
        ({"delta": 0}, ""),
        ({}, ""),
        ({"delta": 1, "reason": "order"}, "/reason"),
        ({"delta": 1, "reason": "opening"}, "/reason"),
        ({"delta": 1, "note": "а" * 201}, "/note"),
        ({"delta": 1, "remains": 1}, "/remains"),
    ],
)
async def test_a_move_that_makes_no_sense_is_invalid(keeper: Person, form: dict[str, Any], pointer: str) -> None:
    before = await ledger(keeper)

    problem = await move(keeper, status=422, **form)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await ledger(keeper) == before


async def test_a_move_has_a_key_and_is_made_once(keeper: Person) -> None:
    form = {"delta": 10, "reason": "receipt"}
    assert (await keeper.call("POST", PATH, json=form, status=400))["reason"] == "idempotency_key"

    first = await move(keeper, key="k1", delta=10)
    async with keeper.request("POST", PATH, json=form, headers={"Idempotency-Key": "k1"}) as response:
        assert (response.status, response.headers["Idempotent-Replay"]) == (201, "true")
        assert await response.json() == first
    assert (await move(keeper, key="k1", delta=11, status=409))["reason"] == "key_reused"

    assert (await ledger(keeper))["remains"] == 15


async def test_a_refused_move_leaves_its_key_to_the_next_try(keeper: Person) -> None:
    await move(keeper, key="k1", delta=-6, status=409)
    await move(keeper, delta=1)

    assert (await move(keeper, key="k1", delta=-6))["remains"] == 0


async def test_the_key_of_one_product_is_free_for_another(owner: Person, keeper: Person) -> None:
    await make_product(owner, article=4712)
    await move(keeper, key="k1", delta=1)

    options: dict[str, Any] = {"json": {"delta": 1, "reason": "receipt"}, "headers": {"Idempotency-Key": "k1"}}
    other = await keeper.call("POST", f"{API}/products/4712/stock", status=201, **options)

    assert (other["article"], other["remains"]) == (4712, 1)


async def test_lists_are_read_anew_when_it_sells_out_and_not_before(shop: Shop, keeper: Person) -> None:
    epochs = [await epoch(shop)]
    for delta in (-1, -4, 2):
        await move(keeper, delta=delta)
        epochs.append(await epoch(shop))

    assert epochs[0] == epochs[1] < epochs[2] < epochs[3]


async def test_the_ledger_has_pages_that_meet(keeper: Person) -> None:
    for _ in range(6):
        await move(keeper, delta=1)
    whole = [line["id"] for line in (await ledger(keeper))["items"]]

    walked, before = [], None
    while True:
        page = await ledger(keeper, limit=3, **({"before": before} if before else {}))
        walked += [line["id"] for line in page["items"]]
        await move(keeper, delta=1)  # comes above, and moves nothing
        if (before := page["next"]) is None:
            break

    assert walked == whole and len(whole) == 7


async def test_a_product_that_nobody_has_is_not_found(keeper: Person) -> None:
    options: dict[str, Any] = {"json": {"delta": 1, "reason": "receipt"}, "headers": {"Idempotency-Key": "k"}}
    await keeper.call("POST", f"{API}/products/5/stock", status=404, **options)
    await keeper.call("GET", f"{API}/products/5/stock", status=404)


async def test_only_the_right_moves_stock_and_all_staff_read_it(shop: Shop, owner: Person) -> None:
    other = await shop.staff(allows=("products.edit", "prices"))

    await move(other, delta=1, status=403)

    assert (await ledger(other))["remains"] == 5


async def test_the_work_history_tells_what_was_before_and_after(shop: Shop, keeper: Person) -> None:
    await move(keeper, delta=10, note="Накладная 17")

    told = (await deeds(shop))[-1]

    assert (told["kind"], told["object_kind"], told["object_id"]) == ("move_stock", "product", 4711)
    assert (told["by"], told["before"]) == (keeper.me["id"], {"remains": 5})
    assert told["after"] == {"remains": 15, "reason": "receipt", "note": "Накладная 17"}


# The ledger is the stock, whatever happened


@pytest.mark.parametrize("seed", range(5))
async def test_the_sum_of_the_ledger_is_the_stock(shop: Shop, owner: Person, seed: int) -> None:
    random, expected = Random(seed), 5
    for _ in range(40):
        kind, number = random.choice(["delta", "delta", "set", "sale"]), random.randint(-9, 9)
        if kind == "sale":
            expected += await _sell(shop, 4711, abs(number))
            continue
        wanted = number if kind == "set" else expected + number
        form = {kind: number, "reason": "correction"}
        headers = {"Idempotency-Key": f"key-{next(KEYS)}"}
        async with owner.request("POST", PATH, json=form, headers=headers) as response:
            is_legal = wanted >= 0 and (kind, number) != ("delta", 0)
            assert (response.status == 201) == is_legal, await response.text()
        expected = wanted if is_legal else expected

        assert await _account(shop, 4711) == (expected, expected, expected)


async def _sell(shop: Shop, article: int, number: int) -> int:
    """Sell so many, as an order does, if they are there; returns by how much the stock changed."""

    def work(session: Session) -> Done[int]:
        product_id = session.execute(select(Product.id).where(Product.article == article)).scalar_one()
        moved = move_stock(session, product_id, -number, "order", shop.clock.now(), sold=number, order_id=1)
        return Done(0 if moved is None else -number)

    return await shop.app[DATABASES].products.write(work)


async def _account(shop: Shop, article: int) -> tuple[int, int, int]:
    """What is left, the sum of the ledger, and what its last line says is left."""

    def read(connection: Any) -> tuple[int, int, int]:
        product = connection.execute(select(Product.id, Product.remains).where(Product.article == article)).one()
        mine = StockMove.product_id == product.id
        total = connection.execute(select(func.coalesce(func.sum(StockMove.delta), 0)).where(mine)).scalar_one()
        last = select(StockMove.remains).where(mine).order_by(StockMove.id.desc()).limit(1)
        return product.remains, total, connection.execute(last).scalar_one_or_none() or 0

    return await shop.app[DATABASES].products.read(read)
