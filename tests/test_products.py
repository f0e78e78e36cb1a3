"""The catalogue: pages, filters, who sees what, prices, ETags, pictures."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.actor import VISITOR
from app.clock import Clock
from app.keys import DATABASES, PRICES, STAFF
from app.main import create_app
from app.schemas.finding import ProductQuery
from app.schemas.staff import StaffIn
from app.services.finding import FindingService
from app.services.pricing import discounted
from db.database import Database, Done
from db.models.products import Product, ProductCategory, ProductGroup
from db.queries import products as queries
from tests.conftest import make_settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "korova-na-lugu"


class StillClock(Clock):
    """Shows NOW until a test sets it."""

    time = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Catalogue:
    """The running application, with what puts things into it and asks it."""

    client: TestClient[Any, Any]
    clock: StillClock
    data: Path
    made: int = 0
    categories: dict[str, tuple[int, int]] = field(default_factory=dict)  # slug → id, group's id

    @property
    def products(self) -> Database:
        return self.client.app[DATABASES].products  # type: ignore[union-attr]

    async def write(self, work: Any) -> Any:
        return await self.products.write(lambda session: Done(work(session)))

    async def make_category(self, group: str, category: str) -> None:
        def work(session: Any) -> tuple[int, int]:
            known = session.execute(select(ProductGroup.id).where(ProductGroup.slug == group)).scalar_one_or_none()
            group_id = known or queries.add_groups(session, [{"slug": group, "name": group, "position": 1}])[group]
            row = {"slug": category, "name": category, "group_id": group_id, "position": 1}
            return queries.add_categories(session, [row])[category], group_id

        self.categories[category] = await self.write(work)

    async def make_product(self, category: str = "hats", **values: Any) -> int:
        """Add a product, a minute younger than the one before; returns its article."""
        if category not in self.categories:
            await self.make_category("winter", category)
        self.made += 1
        category_id, group_id = self.categories[category]
        price, discount = values.pop("price_minor", 100_00), values.pop("discount_bp", 0)
        row = {
            "article": 1000 + self.made,
            "name": f"Шапка {self.made}",
            "status": "published",
            "category_id": category_id,
            "group_id": group_id,
            "price_minor": price,
            "discount_bp": discount,
            "effective_minor": discounted(price, discount),
            "creation_time": NOW + timedelta(minutes=self.made),
            "edit_time": NOW,
            **values,
        }
        await self.write(lambda session: queries.add_products(session, [row]))
        return int(row["article"])

    async def get(self, path: str = "/products", headers: dict[str, str] | None = None, **query: Any) -> ClientResponse:
        return await self.client.get(f"/api/v1{path}", params=query, headers=headers)

    async def page(self, headers: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
        response = await self.get(headers=headers, **query)
        assert response.status == 200, await response.text()
        return dict(await response.json())

    async def walk(self, **query: Any) -> list[int]:
        """The articles on all pages."""
        page = await self.page(**query)
        articles = [item["article"] for item in page["items"]]
        while page["next"]:
            page = await self.page(**query, cursor=page["next"])
            articles += [item["article"] for item in page["items"]]
        return articles

    async def staff_headers(self) -> dict[str, str]:
        form = StaffIn(username="vera", email="vera@example.com", password=PASSWORD)
        await self.client.app[STAFF].create_owner(form)  # type: ignore[union-attr]
        body = {"login": "vera", "password": PASSWORD, "token": True}
        answer = await self.client.post("/api/v1/session", json=body, headers={"CTS-Audience": "staff"})
        token = (await answer.json())["token"]
        return {"Authorization": f"Bearer {token}", "CTS-Audience": "staff"}


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    clock = StillClock()
    async with TestClient(TestServer(create_app(make_settings(tmp_path), clock))) as client:
        yield Catalogue(client, clock, tmp_path)


async def test_pages_show_every_product_once_newest_first(catalogue: Catalogue) -> None:
    articles = [await catalogue.make_product(creation_time=NOW + timedelta(minutes=i // 3)) for i in range(10)]

    assert await catalogue.walk(limit=3) == articles[::-1]  # three share a time; the younger id comes first
    assert (await catalogue.page(limit=10))["next"] is None


async def test_a_product_added_while_paging_moves_nothing(catalogue: Catalogue) -> None:
    articles = [await catalogue.make_product() for _ in range(6)]
    first = await catalogue.page(limit=3)

    await catalogue.make_product()
    second = await catalogue.page(limit=3, cursor=first["next"])

    assert [item["article"] for item in first["items"] + second["items"]] == articles[::-1]


async def test_lists_are_narrowed_to_a_group_and_a_category(catalogue: Catalogue) -> None:
    await catalogue.make_category("winter", "boots")
    await catalogue.make_category("summer", "sandals")
    hat, boot, sandal = [await catalogue.make_product(category) for category in ("hats", "boots", "sandals")]

    assert await catalogue.walk(group="winter", limit=1) == [boot, hat]
    assert await catalogue.walk(category="sandals") == [sandal]
    assert await catalogue.walk(group="winter", category="hats") == [hat]
    assert await catalogue.walk(group="summer", category="hats") == []
    assert await catalogue.walk(group="nobody-has-this") == []


async def test_a_cursor_of_another_list_is_refused(catalogue: Catalogue) -> None:
    for _ in range(3):
        await catalogue.make_product()
    cursor = (await catalogue.page(limit=1, group="winter"))["next"]

    assert (
        await catalogue.get(limit=2, group="winter", cursor=cursor)
    ).status == 200  # a longer page goes on all the same
    for query in ({}, {"group": "summer"}, {"group": "winter", "category": "hats"}):
        assert (await catalogue.get(cursor=cursor, **query)).status == 400


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "AAAA", "A" * 32, "f" * 200])
async def test_a_made_up_cursor_is_refused(catalogue: Catalogue, cursor: str) -> None:
    response = await catalogue.get(cursor=cursor)

    assert response.status == 400
    assert (await response.json())["code"] == "bad_request"


async def test_a_cursor_of_another_shop_is_refused(catalogue: Catalogue) -> None:
    for _ in range(2):
        await catalogue.make_product()
    cursor = (await catalogue.page(limit=1))["next"]
    other = FindingService(
        catalogue.client.app[DATABASES],
        catalogue.client.app[PRICES],
        catalogue.clock,
        "another secret",  # type: ignore[index]
    )
    page = await other.list_products(VISITOR, ProductQuery(limit=1))
    response = await catalogue.get(limit=1, cursor=page.next)

    assert response.status == 400
    assert (await catalogue.get(limit=1, cursor=cursor)).status == 200


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"limit": "many"}, {"group": "Зима"}, {"status": "sold"}, {"page": 2}]
)
async def test_a_query_that_makes_no_sense_is_invalid(catalogue: Catalogue, query: dict[str, Any]) -> None:
    assert (await catalogue.get(**query)).status == 422


async def test_only_staff_see_what_is_not_published(catalogue: Catalogue) -> None:
    published, draft = await catalogue.make_product(), await catalogue.make_product(status="draft")
    staff = await catalogue.staff_headers()

    assert await catalogue.walk() == [published]
    assert (await catalogue.get(f"/products/{draft}")).status == 404
    assert (await catalogue.get(status="draft")).status == 403

    assert (await (await catalogue.get(f"/products/{draft}", headers=staff)).json())["status"] == "draft"
    assert [item["article"] for item in (await catalogue.page(headers=staff, status="draft"))["items"]] == [draft]


@pytest.mark.parametrize("article", ["1", "0", "-5", "x", "99999999999999999999", "1.0"])
async def test_an_article_that_nobody_has_is_not_found(catalogue: Catalogue, article: str) -> None:
    assert (await catalogue.get(f"/products/{article}")).status == 404


async def test_a_product_says_what_the_shop_shows(catalogue: Catalogue) -> None:
    article = await catalogue.make_product(
        price_minor=359_990, discount_bp=1250, remains=3, r5=2, r4=1, images=["a.svg"], tags=["тёплая"],
        specifications={"colors": ["синий"]},
    )  # fmt: skip

    product = await (await catalogue.get(f"/products/{article}")).json()

    assert product["price"] == {"amount": 314_991, "currency": "RUB"}
    assert product["old_price"] == {"amount": 359_990, "currency": "RUB"}
    assert product["discount"] == 12.5
    assert (product["rating"], product["rating_count"]) == (4.67, 3)
    assert (product["in_stock"], product["remains"]) == (True, 3)
    assert product["group"] == {"slug": "winter", "name": "winter"}
    assert product["category"]["slug"] == "hats"
    assert product["images"] == ["/images/a.svg"]
    assert product == (await catalogue.page())["items"][0]


async def test_a_product_without_discount_stars_or_stock(catalogue: Catalogue) -> None:
    product = await (await catalogue.get(f"/products/{await catalogue.make_product(remains=0)}")).json()

    assert (product["old_price"], product["rating"], product["rating_count"]) == (None, None, 0)
    assert product["in_stock"] is False


@pytest.mark.parametrize(("price", "discount"), [(price, bp) for price in (0, 1, 3, 50, 99_90, 359_990, 10**12)
                                                 for bp in (0, 1, 50, 333, 1250, 5000, 9999, 10_000)])  # fmt: skip
def test_prices_are_rounded_half_up(price: int, discount: int) -> None:
    exact = Decimal(price) * (10_000 - discount) / 10_000

    assert discounted(price, discount) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


async def test_a_list_answers_304_until_the_catalogue_changes(catalogue: Catalogue) -> None:
    await catalogue.make_product()
    tag = (await catalogue.get()).headers["ETag"]
    known = {"If-None-Match": tag}

    assert (await catalogue.get(headers=known)).status == 304
    assert (await catalogue.get(headers=known, limit=5)).status == 200  # another page
    await catalogue.make_product()
    changed = await catalogue.get(headers=known)
    assert changed.status == 200
    assert len((await changed.json())["items"]) == 2


async def test_a_product_answers_304_until_it_changes(catalogue: Catalogue) -> None:
    article = await catalogue.make_product()
    response = await catalogue.get(f"/products/{article}")
    known = {"If-None-Match": response.headers["ETag"]}

    assert (await catalogue.get(f"/products/{article}", headers=known)).status == 304
    await catalogue.write(lambda session: session.execute(update(Product).values(rev=Product.rev + 1, remains=7)))
    assert (await catalogue.get(f"/products/{article}", headers=known)).status == 200


async def test_groups_hold_their_categories_in_display_order(catalogue: Catalogue) -> None:
    for group, category in (("winter", "hats"), ("winter", "boots"), ("summer", "sandals")):
        await catalogue.make_category(group, category)
    await catalogue.write(
        lambda session: session.execute(
            update(ProductCategory).where(ProductCategory.slug == "boots").values(position=0)
        )
    )

    groups = (await (await catalogue.get("/groups")).json())["items"]
    answer = await catalogue.get("/categories")
    categories = (await answer.json())["items"]

    assert [(group["slug"], [each["slug"] for each in group["categories"]]) for group in groups] == [
        ("winter", ["boots", "hats"]),
        ("summer", ["sandals"]),
    ]
    assert [each["slug"] for each in categories] == ["boots", "hats", "sandals"]
    assert (await catalogue.get("/categories", headers={"If-None-Match": answer.headers["ETag"]})).status == 304


async def test_archived_groups_and_categories_are_not_listed(catalogue: Catalogue) -> None:
    for group, category in (("winter", "hats"), ("winter", "boots"), ("summer", "sandals")):
        await catalogue.make_category(group, category)
    await catalogue.write(
        lambda session: (
            session.execute(update(ProductCategory).where(ProductCategory.slug == "hats").values(archived=True)),
            session.execute(update(ProductGroup).where(ProductGroup.slug == "summer").values(archived=True)),
        )
    )

    [group] = (await (await catalogue.get("/groups")).json())["items"]

    assert [each["slug"] for each in group["categories"]] == ["boots"]
    assert [each["slug"] for each in (await (await catalogue.get("/categories")).json())["items"]] == ["boots"]


async def test_a_category_that_moves_takes_its_products_along(catalogue: Catalogue) -> None:
    await catalogue.make_category("summer", "sandals")
    article = await catalogue.make_product("hats")
    summer = catalogue.categories["sandals"][1]

    await catalogue.write(
        lambda session: session.execute(
            update(ProductCategory).where(ProductCategory.slug == "hats").values(group_id=summer)
        )
    )

    assert await catalogue.walk(group="summer") == [article]


@pytest.mark.parametrize(
    "wrong",
    [{"remains": -1}, {"article": 1001}, {"discount_bp": 10_001, "effective_minor": 0}, {"effective_minor": 200_00},
     {"status": "sold"}, {"group_id": 99}],
)  # fmt: skip
async def test_the_database_refuses_a_product_that_cannot_be(catalogue: Catalogue, wrong: dict[str, Any]) -> None:
    await catalogue.make_product()

    with pytest.raises(IntegrityError):
        await catalogue.make_product(**wrong)


async def test_a_picture_is_served_for_ever_and_may_run_nothing(catalogue: Catalogue) -> None:
    name = "0123456789abcdef0123456789abcdef.svg"
    (catalogue.data / "images").mkdir()
    (catalogue.data / "images" / name).write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")

    response = await catalogue.client.get(f"/images/{name}")

    assert response.status == 200
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "f" * 32 + ".svg",
        "notes.txt",
        "..%2FPRODUCTS.db",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "0123456789ABCDEF0123456789ABCDEF.svg",
        "a" * 32 + ".svg%00",
        "a" * 32 + ".html",
    ],
)
async def test_only_pictures_are_served(catalogue: Catalogue, name: str) -> None:
    (catalogue.data / "images").mkdir()
    for other in ("notes.txt", "0123456789ABCDEF0123456789ABCDEF.svg", "a" * 32 + ".html"):
        (catalogue.data / "images" / other).write_text("not a picture of ours")

    assert (await catalogue.client.get(f"/images/{name}")).status == 404
