"""Lists and facets: every filter and order against brute force, cursors, counts, what is kept, who may ask what."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.keys import DATABASES
from app.services.pricing import discounted, reprice
from db.database import Done
from db.models.products import PriceLog, Product, ProductGroup, StockMove
from db.queries import products as queries
from db.queries.stock import move_stock
from db.search.products import price_step
from db.search.words import fold
from tests.conftest import Person, Shop, open_shop

START = datetime(2026, 1, 1, tzinfo=UTC)
COLORS, MATERIALS = ["синий", "красный", "Зелёный", "белый"], ["шерсть", "хлопок", "лён"]
TAGS, COUNTRIES, BRANDS = ["на дачу", "тёплая", "подарок"], ["Россия", "Китай", "Италия"], ["Velmora", "Сиверко"]
PLACES = {"hats": "winter", "boots": "winter", "sandals": "summer", "caps": "summer"}
MANAGER = "11111111-2222-3333-4444-555555555555"

Row = dict[str, Any]


@dataclass
class Catalogue:
    """A running shop with made-up products, and what is known of them: ``rows`` by article."""

    shop: Shop
    visitor: Person
    staff: Person
    random: Random = field(default_factory=lambda: Random(1123))
    rows: dict[int, Row] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    async def write(self, work: Callable[[Any], Any]) -> None:
        """Do it, and say that lists have changed, as every write does."""
        products = self.shop.app[DATABASES].products
        await products.write(lambda session: Done((work(session), queries.raise_epoch(session))))

    async def make_places(self) -> None:
        def work(session: Any) -> None:
            groups = queries.add_groups(
                session, [{"slug": slug, "name": f"Group {slug}", "position": 1} for slug in ("winter", "summer")]
            )
            rows = [
                {"slug": slug, "name": f"Category {slug}", "group_id": groups[group], "position": 1}
                for slug, group in PLACES.items()
            ]
            for slug, category_id in queries.add_categories(session, rows).items():
                self.places[slug] = category_id, groups[PLACES[slug]]

        await self.write(work)

    def make_row(self, **values: Any) -> Row:
        pick = self.random
        category = pick.choice(list(PLACES))
        price, off = pick.randrange(100, 30_000) * 100, pick.choice((0, 0, 1000, 2500))
        return {
            "article": 1000 + len(self.rows),
            "name": f"{pick.choice('АБВГабвгё')}{pick.choice('юлаЁ')} {pick.randrange(30)}",
            "status": pick.choice(["published"] * 9 + ["draft"]),
            "category": category,
            "price_minor": price,
            "discount_bp": off,
            "effective_minor": discounted(price, off),
            "tags": pick.sample(TAGS, pick.randrange(3)),
            "specifications": {
                "colors": pick.sample(COLORS, pick.randrange(1, 3)),
                "materials": [pick.choice(MATERIALS)],
                "brand": pick.choice(BRANDS),
                "sizes": pick.sample(["38", "39", "40"], 2),
            },
            "country_origin": pick.choice(COUNTRIES),
            "sold": pick.randrange(20),
            "remains": pick.choice((0, 3)),
            **{f"r{star}": pick.randrange(2) for star in range(1, 6)},
            "creation_manager_uuid": pick.choice((MANAGER, None)),
            "creation_time": START + timedelta(hours=pick.randrange(50)),
            "edit_time": START,
            **values,
        }

    async def add(self, count: int = 1, **values: Any) -> list[int]:
        """Add products; returns their articles."""
        made = []
        for _ in range(count):
            row = self.make_row(**values)
            self.rows[row["article"]] = row
            made.append(row)

        def work(session: Any) -> None:
            queries.add_products(
                session,
                [
                    {
                        **{key: value for key, value in row.items() if key != "category"},
                        "category_id": self.places[row["category"]][0],
                        "group_id": self.places[row["category"]][1],
                    }
                    for row in made
                ],
            )

        await self.write(work)
        return [row["article"] for row in made]

    async def page(self, path: str = "/api/v1/products", who: Person | None = None, **query: Any) -> dict[str, Any]:
        params = [
            (key.replace("__", "."), str(one).lower() if isinstance(one, bool) else one)
            for key, value in query.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        answer: dict[str, Any] = await (who or self.visitor).call("GET", path, params=params, status=200)
        return answer

    async def walk(self, **query: Any) -> list[int]:
        """The articles on all pages."""
        articles, cursor = [], None
        while True:
            page = await self.page(**query, **({"cursor": cursor} if cursor else {}))
            articles += [item["article"] for item in page["items"]]
            if (cursor := page["next"]) is None:
                return articles

    async def status(self, who: Person | None = None, **query: Any) -> int:
        async with (who or self.visitor).request("GET", "/api/v1/products", params=query) as response:
            return int(response.status)


async def open_catalogue(shop: Shop) -> Catalogue:
    catalogue = Catalogue(shop, await shop.visitor(), await shop.staff(allows=("products.edit",)))
    await catalogue.make_places()
    return catalogue


@pytest.fixture
async def catalogue(shop: Shop) -> Catalogue:
    return await open_catalogue(shop)


@pytest.fixture(scope="module")
async def many(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Catalogue]:
    """Three hundred products, for tests that only read."""
    async with open_shop(tmp_path_factory.mktemp("finding") / "data") as shop:
        catalogue = await open_catalogue(shop)
        await catalogue.add(300)
        yield catalogue


# Brute force: the same questions, asked of the rows one by one


def rating(row: Row) -> float:
    stars = [row[f"r{star}"] for star in range(1, 6)]
    return round(sum(star * times for star, times in enumerate(stars, 1)) / sum(stars), 2) if sum(stars) else 0


def values_of(row: Row, facet: str) -> list[str]:
    """The values of a row in a facet, as filters take them."""
    specs = row["specifications"]
    values = {
        "group": [PLACES[row["category"]]],
        "category": [row["category"]],
        "tag": row["tags"],
        "color": specs["colors"],
        "material": specs["materials"],
        "country": [row["country_origin"]],
        "status": [row["status"]],
        "spec.brand": [specs["brand"]],
        "spec.sizes": specs["sizes"],
        "in_stock": ["true" if row["remains"] else "false"],
        "on_sale": ["true" if row["effective_minor"] < row["price_minor"] else "false"],
        "manager": [row["creation_manager_uuid"] or ""],
    }[facet]
    return [fold(value) for value in values]


def fits(row: Row, query: dict[str, Any], but: str = "") -> bool:
    for name, value in query.items():
        if name in ("sort", "limit", "fields") or name == but or (but == "price" and name.startswith("price_")):
            continue
        if name == "price_min" and row["effective_minor"] < value:
            return False
        if name == "price_max" and row["effective_minor"] > value:
            return False
        if name == "rating_min" and rating(row) < value:
            return False
        if name == "created_after" and row["creation_time"] <= datetime.fromisoformat(value):
            return False
        if name in ("price_min", "price_max", "rating_min", "created_after"):
            continue
        wanted = {fold(str(one)) for one in (value if isinstance(value, list) else [value])}
        if not wanted & set(values_of(row, name.replace("__", "."))):
            return False
    return "status" in query or row["status"] == "published"


KEYS: dict[str, Callable[[Row], Any]] = {
    "price": lambda row: row["effective_minor"],
    "-price": lambda row: row["effective_minor"],
    "-sold": lambda row: row["sold"],
    "-rating": rating,
    "-created": lambda row: row["creation_time"],
    "-discount": lambda row: (row["price_minor"] - row["effective_minor"]) * 10_000 // row["price_minor"],
    "name": lambda row: fold(row["name"]),
}


def expected(catalogue: Catalogue, query: dict[str, Any]) -> list[int]:
    sort = query.get("sort", "-created")
    rows = [row for row in catalogue.rows.values() if fits(row, query)]
    rows.sort(key=lambda row: (KEYS[sort](row), row["article"]), reverse=sort.startswith("-"))  # articles rise with ids
    return [row["article"] for row in rows]


def some_filter(pick: Random) -> dict[str, Any]:
    """Some of the filters with some values each."""
    all_filters: dict[str, Callable[[], Any]] = {
        "group": lambda: [pick.choice(["winter", "summer"])],
        "category": lambda: pick.sample(list(PLACES), pick.randrange(1, 3)),
        "tag": lambda: pick.sample(["на дачу", "ТЕПЛАЯ", "подарок", "никто"], pick.randrange(1, 3)),
        "color": lambda: pick.sample([*COLORS, "зеленый"], pick.randrange(1, 3)),
        "material": lambda: [pick.choice(MATERIALS)],
        "country": lambda: pick.sample(COUNTRIES, 2),
        "spec__brand": lambda: [pick.choice(BRANDS)],
        "spec__sizes": lambda: pick.sample(["38", "40"], 1),
        "price_min": lambda: pick.randrange(0, 2_000_000),
        "price_max": lambda: pick.randrange(1_000_000, 3_000_000),
        "on_sale": lambda: pick.choice((True, False)),
        "in_stock": lambda: pick.choice((True, False)),
        "rating_min": lambda: pick.choice((1, 2.5, 3, 4.5)),
        "created_after": lambda: (START + timedelta(hours=pick.randrange(50))).isoformat(),
    }
    return {name: all_filters[name]() for name in pick.sample(list(all_filters), pick.randrange(0, 4))}


@pytest.mark.parametrize("sort", KEYS)
async def test_every_order_shows_every_product_once(many: Catalogue, sort: str) -> None:
    assert await many.walk(sort=sort, limit=37) == expected(many, {"sort": sort})


@pytest.mark.parametrize("seed", range(60))
async def test_filters_and_orders_together_are_what_brute_force_finds(many: Catalogue, seed: int) -> None:
    pick = Random(seed)
    query = {**some_filter(pick), "sort": pick.choice(list(KEYS)), "limit": pick.choice((3, 24, 100))}

    assert await many.walk(**query) == expected(many, query)
    total = (await many.page(**query, count="capped"))["total"]
    assert total == len(expected(many, query))


@pytest.mark.parametrize("seed", range(60))
async def test_facet_counts_are_what_brute_force_counts(many: Catalogue, seed: int) -> None:
    query = some_filter(Random(seed))

    check_facets(many, query, await many.page("/api/v1/facets", **query, facets=FACETS))


FACETS = "group,category,tag,color,material,country,spec.brand,spec.sizes,in_stock,on_sale,price"


def check_facets(catalogue: Catalogue, query: dict[str, Any], answer: dict[str, Any]) -> None:
    """Each facet's counts ignore its own choice, and only that."""
    rows = list(catalogue.rows.values())
    assert answer["total"] == sum(fits(row, query) for row in rows)
    for facet in FACETS.split(",")[:-1]:
        counts = Counter(
            value for row in rows if fits(row, query, but=facet.replace(".", "__")) for value in values_of(row, facet)
        )
        found = {value["value"]: value["count"] for value in answer["values"][facet] if value["count"]}
        assert found == counts, facet
    prices = [row["effective_minor"] for row in rows if fits(row, query, but="price")]
    price = answer["price"]
    assert price["min"] == ((prices and {"amount": min(prices), "currency": "RUB"}) or None)
    assert price["max"] == ((prices and {"amount": max(prices), "currency": "RUB"}) or None)
    buckets = {bucket["low"]["amount"]: bucket["count"] for bucket in price["buckets"]}
    assert buckets == Counter(map(price_step, prices))


async def test_lists_and_facets_show_a_write_at_once(catalogue: Catalogue) -> None:
    await catalogue.add(40)
    pick = Random(7)
    for turn in range(30):
        article = pick.choice(list(catalogue.rows))
        change = pick.choice(
            [
                {"price_minor": (price := pick.randrange(1000, 9000) * 100), "effective_minor": price},
                {"status": pick.choice(["published", "archived"])},
                {"tags": pick.sample(TAGS, 2)},
                {"country_origin": f"Страна {turn}"},
                {"remains": pick.choice((0, 5))},
                {"r5": pick.randrange(9)},
                {"name": f"Имя {turn}"},
            ]
        )
        catalogue.rows[article] |= change
        one = update(Product).where(Product.article == article)
        await catalogue.write(lambda session, one=one, change=change: session.execute(one.values(**change)))
        if turn % 10 == 5:
            await catalogue.add(3)
        if turn % 10 == 9:
            gone = catalogue.rows.popitem()[0]
            await catalogue.write(lambda session, gone=gone: remove(session, gone))

        query, sort = some_filter(pick), pick.choice(list(KEYS))
        assert await catalogue.walk(**query, sort=sort) == expected(catalogue, {**query, "sort": sort})
        check_facets(catalogue, query, await catalogue.page("/api/v1/facets", **query, facets=FACETS))


def remove(session: Any, article: int) -> None:
    product_id = session.execute(select(Product.id).where(Product.article == article)).scalar_one()
    for model in (PriceLog, StockMove):
        session.execute(delete(model).where(model.product_id == product_id))
    session.execute(delete(Product).where(Product.id == product_id))


@pytest.mark.parametrize("sort", ["price", "-price", "-sold", "name", "-created", "-rating"])
async def test_pages_show_each_product_once_while_others_come(catalogue: Catalogue, sort: str) -> None:
    before = {article for article in await catalogue.add(40, status="published")}
    seen: list[int] = []
    cursor = None
    while True:
        page = await catalogue.page(sort=sort, limit=6, **({"cursor": cursor} if cursor else {}))
        seen += [item["article"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
        if len(catalogue.rows) < 70:
            await catalogue.add(5)

    assert len(seen) == len(set(seen))
    assert before <= set(seen)


async def test_a_bulk_of_products_is_shown_at_once(catalogue: Catalogue) -> None:
    await catalogue.add(10)
    assert (await catalogue.page(count="capped"))["total"] == len(expected(catalogue, {}))

    await catalogue.add(700)

    assert await catalogue.walk(sort="price", limit=100) == expected(catalogue, {"sort": "price"})


async def test_a_category_that_moves_or_is_renamed_takes_its_products_along(catalogue: Catalogue) -> None:
    await catalogue.add(10, category="caps", status="published")
    await catalogue.write(
        lambda session: session.execute(
            update(ProductGroup).where(ProductGroup.slug == "summer").values(name="Жаркое лето")
        )
    )

    facets = (await catalogue.page("/api/v1/facets", facets="group"))["values"]["group"]

    assert facets == [{"value": "summer", "label": "Жаркое лето", "count": 10, "chosen": False}]


# Cursors


async def test_a_cursor_goes_with_its_filter_and_order_alone(many: Catalogue) -> None:
    cursor = (await many.page(sort="price", color="синий", limit=5))["next"]

    assert await many.status(sort="price", color="синий", limit=9, cursor=cursor) == 200
    assert await many.status(sort="price", color="синий", fields="card", count="capped", cursor=cursor) == 200
    for other in (
        {},
        {"sort": "price"},
        {"sort": "-price", "color": "синий"},
        {"sort": "price", "color": "красный"},
        {"sort": "price", "color": "синий", "price_min": 1},
        {"sort": "price", "color": "синий", "q": "а"},
    ):
        assert await many.status(**other, cursor=cursor) == 400, other  # type: ignore[arg-type]


async def test_a_cursor_that_was_changed_is_refused(many: Catalogue) -> None:
    cursor = (await many.page(limit=5))["next"]

    for wrong in (cursor[:-4], cursor[4:], cursor.swapcase(), "A" * len(cursor), cursor + "AAAA"):
        assert await many.status(limit=5, cursor=wrong) == 400


# What is kept


async def test_a_list_answers_304_until_what_lists_show_changes(catalogue: Catalogue) -> None:
    [article, _] = await catalogue.add(2, status="published", remains=5)

    async def ask(path: str, tag: str = "") -> tuple[int, str]:
        headers = {"If-None-Match": tag} if tag else {}
        async with catalogue.visitor.request("GET", path, headers=headers) as response:
            return response.status, response.headers["ETag"]

    product_id = 1
    for path in ("/api/v1/products?sort=price&in_stock=true", "/api/v1/facets?color=синий"):
        _, tag = await ask(path)
        assert (await ask(path, tag))[0] == 304
        await catalogue.shop.app[DATABASES].products.write(
            lambda session: Done(move_stock(session, product_id, -1, "order", START, sold=1))
        )
        assert (await ask(path, tag))[0] == 304  # a sale alone is not shown
        await catalogue.write(
            lambda session: session.execute(update(Product).where(Product.article == article).values(name="Другое"))
        )
        assert (await ask(path, tag))[0] == 200


async def test_a_price_that_runs_out_ends_what_is_kept(catalogue: Catalogue) -> None:
    await catalogue.add(1, status="published", price_minor=1000, discount_bp=0, effective_minor=1000)
    now = catalogue.shop.clock.now()
    form = {"name": "Час", "kind": "percent", "value": 3000, "scope": "all", "starts_at": now.isoformat(),
            "ends_at": (now + timedelta(hours=1)).isoformat()}  # fmt: skip
    owner = await catalogue.shop.owner()
    await owner.call("POST", "/api/v1/promotions", json=form, status=201)

    async def ask(tag: str = "") -> tuple[int, str, Any]:
        headers = {"If-None-Match": tag} if tag else {}
        async with catalogue.visitor.request("GET", "/api/v1/products", headers=headers) as response:
            body = await response.json() if response.status == 200 else None
            return response.status, response.headers["ETag"], body and body["items"][0]["price"]["amount"]

    status, tag, price = await ask()
    assert (status, price) == (200, 700)
    assert (await ask(tag))[0] == 304
    catalogue.shop.clock.advance(3601)

    assert (await ask(tag))[::2] == (200, 1000)


async def test_price_filters_follow_a_new_price(catalogue: Catalogue) -> None:
    [article] = await catalogue.add(1, status="published", price_minor=1000_00, discount_bp=0, effective_minor=1000_00)

    def cut(session: Any) -> None:
        session.execute(update(Product).where(Product.article == article).values(discount_bp=5000))
        reprice(session, [1], catalogue.shop.clock.now())

    assert await catalogue.walk(price_max=500_00) == []
    await catalogue.write(cut)

    assert await catalogue.walk(price_max=500_00, on_sale=True) == [article]


# Shapes


async def test_a_card_is_the_short_form_of_a_product(many: Catalogue) -> None:
    full = (await many.page(limit=5))["items"]
    cards = (await many.page(limit=5, fields="card"))["items"]

    for item, card in zip(full, cards, strict=True):
        assert set(card) == {"article", "name", "price", "old_price", "discount", "image", "rating", "rating_count",
                             "in_stock", "version"}  # fmt: skip
        assert {key: item[key] for key in card if key != "image"} == {k: v for k, v in card.items() if k != "image"}


async def test_facets_come_along_with_a_page(many: Catalogue) -> None:
    page = await many.page(color="синий", facets="color,price", limit=1)
    alone = await many.page("/api/v1/facets", color="синий", facets=["color", "price"])

    assert page["facets"] == {"values": alone["values"], "price": alone["price"]}
    assert [value["value"] for value in alone["values"]["color"] if value["chosen"]] == ["синий"]
    counts = [value["count"] for value in alone["values"]["color"]]
    assert all(more >= fewer for more, fewer in pairwise(counts))


async def test_nothing_found_is_an_empty_page(many: Catalogue) -> None:
    for query in (
        {"color": "никакой"},
        {"price_min": 10, "price_max": 5},
        {"category": "nowhere"},
        {"q": "бсвчгщ"},
        {"spec__nothing": "x"},
        {"created_after": "2199-01-01T00:00:00Z"},
        {"group": "summer", "category": "hats"},
    ):
        page = await many.page(**query, count="capped")
        assert (page["items"], page["next"], page["total"]) == ([], None, 0)


async def test_an_empty_search_field_is_no_search(many: Catalogue) -> None:
    assert [item["article"] for item in (await many.page(q=" "))["items"]] == expected(many, {})[:24]


# Refusals


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("sort=cheap", "/sort"),
        ("sort=price&sort=name", "/sort"),
        ("price_min=-1", "/price_min"),
        ("price_min=1.5", "/price_min"),
        ("price_max=99999999999999999999", "/price_max"),
        ("on_sale=maybe", "/on_sale"),
        ("rating_min=6", "/rating_min"),
        ("rating_min=nan", "/rating_min"),
        ("created_after=yesterday", "/created_after"),
        ("created_after=2026-01-01T00:00:00", "/created_after"),
        ("status=sold", "/status/0"),
        ("group=Зима", "/group/0"),
        ("color=", "/color/0"),
        ("color=%00", "/color/0"),
        ("spec=brand", "/spec"),
        ("spec=1&spec.brand=1", "/spec"),
        ("spec.=x", "/spec/"),
        ("facets=colour", "/facets/0"),
        ("facets=color,spec.", "/facets/1"),
        ("count=all", "/count"),
        ("fields=some", "/fields"),
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("colour=синий", "/colour"),
        ("q=" + "x" * 201, "/q"),
        ("manager=me", "/manager/0"),
        ("&".join(f"tag={n}" for n in range(21)), "/tag"),
    ],
)
async def test_a_value_that_makes_no_sense_is_pointed_at(many: Catalogue, query: str, pointer: str) -> None:
    answer = await many.visitor.call("GET", f"/api/v1/products?{query}", status=422)

    assert answer["code"] == "invalid"
    assert any(error["pointer"].startswith(pointer) for error in answer["errors"]), answer["errors"]


@pytest.mark.parametrize("query", [{"status": "draft"}, {"manager": MANAGER}, {"count": "exact"}])
async def test_what_is_for_staff_is_refused_to_customers(many: Catalogue, query: dict[str, str]) -> None:
    customer = await many.shop.guest()

    for who in (many.visitor, customer):
        assert await many.status(who, **query) == 403
    assert await many.status(many.staff, **query) == 200
    if "count" not in query:
        await customer.call("GET", "/api/v1/facets", params=query, status=403)


async def test_staff_see_what_each_of_them_made_in_any_status(many: Catalogue) -> None:
    query = {"status": ["draft", "published"], "manager": [MANAGER]}

    page = await many.page(who=many.staff, **query, limit=100, count="exact")

    assert [item["article"] for item in page["items"]] == expected(many, query)[:100]
    assert page["total"] == len(expected(many, query))
