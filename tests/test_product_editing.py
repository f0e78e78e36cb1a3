"""Products as staff keep them: added, changed, shown and archived; what is refused, and what the history says."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.keys import DATABASES
from app.services.store_events import CatalogueChanged, ProductChanged
from tests.conftest import Person, Shop
from tests.keeping import API, EDITOR, change, deeds, epoch, etag, make_category, make_group, make_place, make_product

FULL = {
    "article": 4711,
    "name": "Шапка «Север»",
    "category": "shapki",
    "price": {"amount": 359_990, "currency": "RUB"},
    "discount": 12.5,
    "remains": 7,
    "tags": ["тёплая", "зимняя"],
    "specifications": {
        "brand": "Север", "colors": ["синий", "белый"], "materials": ["шерсть"], "sizes": ["56", "58"],
        "season": "зима",
    },
    "country_origin": "Россия",
    "description": "Тёплая шапка.\nСтирать вручную.",
}  # fmt: skip


@pytest.fixture
async def owner(shop: Shop) -> Person:
    owner = await shop.owner()
    await make_place(owner)
    return owner


@pytest.fixture
async def editor(shop: Shop, owner: Person) -> Person:
    """Someone who may edit, and nothing else."""
    return await shop.staff(allows=EDITOR)


async def see(person: Person, article: int, status: int = 200) -> Any:
    return await person.call("GET", f"{API}/products/{article}", status=status)


# Adding


async def test_a_product_has_all_that_was_said_of_it(shop: Shop, editor: Person) -> None:
    async with editor.request("POST", f"{API}/products", json=FULL) as response:
        product = await response.json()
        assert response.status == 201, product
        assert response.headers["Location"] == f"{API}/products/4711"
        assert response.headers["ETag"] == await etag(editor, "/products/4711")

    same = ("article", "name", "discount", "remains", "tags", "specifications", "country_origin", "description")
    assert {name: product[name] for name in same} == {name: FULL[name] for name in same}
    assert (product["price"]["amount"], product["old_price"]["amount"]) == (314_991, 359_990)
    assert (product["status"], product["version"]) == ("draft", 1)
    assert (product["group"]["slug"], product["category"]["slug"]) == ("zima", "shapki")
    assert await see(editor, 4711) == product
    await see(await shop.visitor(), 4711, status=404)


async def test_its_stock_and_its_price_have_a_beginning(editor: Person) -> None:
    await make_product(editor, article=4711, remains=7)

    ledger = await editor.call("GET", f"{API}/products/4711/stock", status=200)

    [move] = ledger["items"]
    assert (ledger["remains"], move["delta"], move["remains"], move["reason"]) == (7, 7, 7, "opening")
    assert move["service_person_id"] == editor.me["id"]


async def test_a_product_without_an_article_gets_the_next_free_one(editor: Person) -> None:
    offered = await editor.call("GET", f"{API}/next-article", status=200)
    articles = [(await make_product(editor))["article"] for _ in range(2)]
    await make_product(editor, article=200_000)

    assert articles == [offered["article"], offered["article"] + 1]
    assert (await make_product(editor))["article"] == 200_001


async def test_there_is_a_free_article_also_when_somebody_took_the_last(editor: Person) -> None:
    last = 2**53 - 1
    for article in (4711, last, last - 1):
        await make_product(editor, article=article)

    assert (await make_product(editor))["article"] == 4712
    assert (await editor.call("GET", f"{API}/next-article", status=200)) == {"article": 4713}


async def test_an_article_that_exists_is_refused_with_a_free_one(shop: Shop, editor: Person) -> None:
    await make_product(editor, article=4711, name="Первая")
    known = await deeds(shop)

    problem = await editor.call("POST", f"{API}/products", json=FULL, status=409)

    assert (problem["code"], problem["field"], problem["next_article"]) == ("conflict", "article", 4712)
    assert (await see(editor, 4711))["name"] == "Первая"
    assert await deeds(shop) == known


async def test_an_archived_product_keeps_its_article(editor: Person) -> None:
    await make_product(editor, article=4711)
    await change(editor, "DELETE", "/products/4711", status=204)

    assert (await editor.call("POST", f"{API}/products", json=FULL, status=409))["field"] == "article"


async def test_twenty_at_once_get_twenty_articles(editor: Person) -> None:
    products = await asyncio.gather(*(make_product(editor) for _ in range(20)))

    assert len({product["article"] for product in products}) == 20


async def test_the_same_key_adds_one_product(editor: Person) -> None:
    keyed = {"headers": {"Idempotency-Key": "k1"}}
    form = {"name": "Шапка", "category": "shapki", "price": {"amount": 1}}

    first = await editor.call("POST", f"{API}/products", json=form, status=201, **keyed)
    again = await editor.call("POST", f"{API}/products", json=form, status=201, **keyed)
    await editor.call("POST", f"{API}/products", json=form | {"name": "Кепка"}, status=409, **keyed)

    assert again == first
    drafts = await editor.call("GET", f"{API}/products?status=draft", status=200)
    assert [item["article"] for item in drafts["items"]] == [first["article"]]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"price": {"amount": -1}}, "/price/amount"),
        ({"price": {"amount": 99.5}}, "/price/amount"),
        ({"price": {"amount": 10**12 + 1}}, "/price/amount"),
        ({"price": {"amount": 10**400}}, "/price/amount"),
        ({"price": {"amount": "100"}}, "/price/amount"),
        ({"price": {"amount": 100, "currency": "USD"}}, "/price/currency"),
        ({"price": 100}, "/price"),
        ({"remains": -1}, "/remains"),
        ({"remains": 1.5}, "/remains"),
        ({"remains": 10**9 + 1}, "/remains"),
        ({"discount": -0.01}, "/discount"),
        ({"discount": 100.01}, "/discount"),
        ({"discount": 12.345}, "/discount"),
        ({"article": 0}, "/article"),
        ({"article": 2**53}, "/article"),
        ({"article": "4711"}, "/article"),
        ({"name": " "}, "/name"),
        ({"name": "а" * 201}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"category": "nobody"}, "/category"),
        ({"category": "Шапки"}, "/category"),
        ({"tags": "тёплая"}, "/tags"),
        ({"tags": ["а"] * 31}, "/tags"),
        ({"tags": ["тёплая", ""]}, "/tags/1"),
        ({"specifications": {"colors": "синий"}}, "/specifications/colors"),
        ({"specifications": {"colors": ["синий", 5]}}, "/specifications/colors/1"),
        ({"specifications": {"Season": "зима"}}, "/specifications/Season"),
        ({"specifications": {"season": ["зима"]}}, "/specifications/season"),
        ({"specifications": {"season": "а" * 201}}, "/specifications/season"),
        ({"specifications": {f"k{n}": "x" for n in range(21)}}, "/specifications"),
        ({"description": "а" * 20_001}, "/description"),
        ({"sold": 5}, "/sold"),
        ({"status": "published"}, "/status"),
    ],
)
async def test_a_product_that_makes_no_sense_is_invalid(
    shop: Shop, editor: Person, wrong: dict[str, Any], pointer: str
) -> None:
    known = await deeds(shop)

    problem = await editor.call("POST", f"{API}/products", json=FULL | wrong, status=422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    await see(editor, 4711, status=404)
    assert await deeds(shop) == known


async def test_only_whoever_may_publish_adds_what_is_shown_at_once(shop: Shop, editor: Person, owner: Person) -> None:
    publisher = await shop.staff(allows=("products.edit", "products.publish"))

    assert (await editor.call("POST", f"{API}/products", json=FULL | {"publish": True}, status=403))["code"]
    assert (await make_product(publisher))["status"] == "draft"
    shown = await make_product(publisher, publish=True)

    assert (await see(await shop.visitor(), shown["article"]))["status"] == "published"
    free = FULL | {"publish": True, "price": {"amount": 0}}
    problem = await owner.call("POST", f"{API}/products", json=free, status=422)
    assert [error["pointer"] for error in problem["errors"]] == ["/price"]
    await see(owner, 4711, status=404)


# Changing


async def test_what_a_patch_names_changes_and_the_rest_stays(shop: Shop, editor: Person) -> None:
    product = await make_product(editor, **FULL)
    await make_category(editor, "Варежки", "zima")
    before = await epoch(shop)
    shop.clock.advance(60)

    patched = await change(
        editor, "PATCH", "/products/4711",
        {"name": "Варежка", "category": "varezhki", "tags": ["мягкая"], "description": "Пара."},
    )  # fmt: skip

    told = {"name": "Варежка", "tags": ["мягкая"], "description": "Пара."}
    moved = {"category": {"slug": "varezhki", "name": "Варежки"}}
    kept = product | told | moved
    assert patched == kept | {name: patched[name] for name in ("version", "rev", "edit_time")}
    assert (patched["version"], patched["rev"]) == (2, product["rev"] + 1)
    assert patched["edit_time"] > product["edit_time"]
    assert await see(editor, 4711) == patched
    assert await epoch(shop) > before


async def test_null_clears(owner: Person) -> None:
    await make_product(owner, **FULL)
    cleared = ("tags", "specifications", "country_origin", "description")

    patched = await change(owner, "PATCH", "/products/4711", dict.fromkeys(cleared))

    assert [patched[name] for name in cleared] == [[], {}, "", ""]
    for name in ("name", "category"):
        problem = await change(owner, "PATCH", "/products/4711", {name: None}, status=422)
        assert problem["errors"][0]["pointer"] == f"/{name}"


async def test_specifications_are_merged_one_by_one(editor: Person) -> None:
    await make_product(editor, **FULL)

    patch = {"specifications": {"brand": None, "colors": ["красный", "Красный"], "season": None, "lining": "хлопок"}}
    patched = await change(editor, "PATCH", "/products/4711", patch)

    assert patched["specifications"] == {
        "colors": ["красный"], "materials": ["шерсть"], "sizes": ["56", "58"], "lining": "хлопок",
    }  # fmt: skip


@pytest.mark.parametrize(
    "field",
    [{"price": {"amount": 1}}, {"discount": 5}, {"remains": 5}, {"article": 5}, {"status": "published"}],
)
async def test_what_has_a_route_of_its_own_is_no_field_of_a_patch(editor: Person, field: dict[str, Any]) -> None:
    product = await make_product(editor, **FULL)

    await change(editor, "PATCH", "/products/4711", field, status=422)

    assert await see(editor, 4711) == product


async def test_whoever_saw_an_older_product_is_told_the_present_version(editor: Person) -> None:
    await make_product(editor, **FULL)
    old = await etag(editor, "/products/4711")
    present = await change(editor, "PATCH", "/products/4711", {"name": "Новая"})

    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", "", {"json": {"name": "Моя"}}), ("DELETE", "", {}), ("DELETE", "/publication", {}),
        ("PUT", "/publication", {"json": {"status": "review"}}), ("PATCH", "/images", {"json": {"images": []}}),
        ("DELETE", "/images/" + "0" * 32 + ".webp", {}),
    ]  # fmt: skip
    for method, path, options in attempts:
        url = f"{API}/products/4711{path}"
        problem = await editor.call(method, url, headers={"If-Match": old}, status=412, **options)
        assert (problem["code"], problem["version"]) == ("stale", 2)
        await editor.call(method, url, headers={"If-Match": '"nonsense"'}, status=412, **options)
        assert (await editor.call(method, url, status=428, **options))["code"] == "if_match_required"

    assert await see(editor, 4711) == present


async def test_a_sale_in_between_is_no_reason_to_begin_anew(shop: Shop, owner: Person) -> None:
    await make_product(owner, **FULL)
    seen = {"If-Match": await etag(owner, "/products/4711")}
    form, keyed = {"delta": -2, "reason": "correction"}, {"Idempotency-Key": "k1"}
    await owner.call("POST", f"{API}/products/4711/stock", json=form, headers=keyed, status=201)

    patched = await owner.call("PATCH", f"{API}/products/4711", json={"name": "Новая"}, headers=seen, status=200)

    assert (patched["name"], patched["remains"]) == ("Новая", 5)


async def test_of_two_who_saw_the_same_one_is_told(editor: Person) -> None:
    await make_product(editor, **FULL)
    seen = {"If-Match": await etag(editor, "/products/4711")}

    async def patch(name: str) -> int:
        options: dict[str, Any] = {"json": {"name": name}, "headers": seen}
        async with editor.request("PATCH", f"{API}/products/4711", **options) as response:
            return int(response.status)

    assert sorted(await asyncio.gather(*(patch(f"Шапка {n}") for n in range(6)))) == [200] + [412] * 5


async def test_what_changes_nothing_has_the_version_it_had(shop: Shop, editor: Person) -> None:
    product = await make_product(editor, **FULL)
    known, before = await deeds(shop), await epoch(shop)

    patch = {"name": FULL["name"], "tags": FULL["tags"], "specifications": {"brand": "Север"}, "category": "shapki"}

    assert await change(editor, "PATCH", "/products/4711", patch) == product
    assert (await deeds(shop), await epoch(shop)) == (known, before)


async def test_a_product_that_nobody_has_is_not_found(editor: Person) -> None:
    for method, path, options in (
        ("PATCH", "", {"json": {"name": "Моя"}}), ("DELETE", "", {}), ("DELETE", "/publication", {}),
        ("PUT", "/publication", {"json": {"status": "review"}}),
    ):  # fmt: skip
        await editor.call(method, f"{API}/products/4711{path}", headers={"If-Match": '"1"'}, status=404, **options)


# Publication


async def test_a_draft_goes_through_review_into_the_shop(shop: Shop, editor: Person, owner: Person) -> None:
    await make_product(editor, **FULL)
    visitor, path = await shop.visitor(), "/products/4711/publication"

    sent = await change(editor, "PUT", path, {"status": "review"}, of="/products/4711")
    await change(editor, "PUT", path, {"status": "published"}, of="/products/4711", status=403)
    await see(visitor, 4711, status=404)
    before = await epoch(shop)
    shown = await change(owner, "PUT", path, {"status": "published"}, of="/products/4711")

    assert (sent["status"], shown["status"], shown["version"]) == ("review", "published", 3)
    assert (await see(visitor, 4711))["name"] == FULL["name"]
    assert await epoch(shop) > before
    assert [deed["kind"] for deed in await deeds(shop)][-2:] == ["send_to_review", "publish_product"]


async def test_a_review_is_sent_back_with_a_note(shop: Shop, editor: Person) -> None:
    await make_product(editor, **FULL)
    await change(editor, "PUT", "/products/4711/publication", {"status": "review"}, of="/products/4711")

    path = "/products/4711/publication?note=Нет%20размеров"
    back = await change(editor, "DELETE", path, of="/products/4711")

    assert back["status"] == "draft"
    told = (await deeds(shop))[-1]
    assert (told["kind"], told["before"]) == ("withdraw_product", {"status": "review"})
    assert told["after"] == {"status": "draft", "note": "Нет размеров"}


async def test_what_is_shown_leaves_the_shop_only_by_whoever_may_publish(
    shop: Shop, editor: Person, owner: Person
) -> None:
    await make_product(owner, **FULL, publish=True)
    visitor = await shop.visitor()

    await change(editor, "DELETE", "/products/4711/publication", of="/products/4711", status=403)
    await change(editor, "DELETE", "/products/4711", status=403)
    assert (await see(visitor, 4711))["status"] == "published"
    await change(owner, "DELETE", "/products/4711/publication", of="/products/4711")

    await see(visitor, 4711, status=404)


async def test_what_nobody_could_buy_is_not_shown(owner: Person) -> None:
    await make_product(owner, article=1, price={"amount": 0})

    for status in ("review", "published"):
        form = {"status": status}
        problem = await change(owner, "PUT", "/products/1/publication", form, of="/products/1", status=422)
        assert [error["pointer"] for error in problem["errors"]] == ["/price"]
    assert (await see(owner, 1))["status"] == "draft"


async def test_a_product_of_an_archived_category_needs_another_first(owner: Person) -> None:
    await make_product(owner, article=1)
    await change(owner, "DELETE", "/products/1", status=204)
    await change(owner, "DELETE", "/categories/shapki", status=204)
    await make_category(owner, "Кепки", "zima")
    await change(owner, "DELETE", "/products/1/publication", of="/products/1")  # out of the archive

    form = {"status": "published"}
    problem = await change(owner, "PUT", "/products/1/publication", form, of="/products/1", status=422)
    assert [error["pointer"] for error in problem["errors"]] == ["/category"]
    await change(owner, "PATCH", "/products/1", {"category": "kepki"})
    assert (await change(owner, "PUT", "/products/1/publication", form, of="/products/1"))["status"] == "published"


async def test_no_step_is_skipped_backwards(owner: Person) -> None:
    await make_product(owner, article=1, publish=True)
    path, of = "/products/1/publication", "/products/1"

    problem = await change(owner, "PUT", path, {"status": "review"}, of=of, status=409)
    assert (problem["code"], problem["from"]) == ("conflict", "published")
    again = await change(owner, "PUT", path, {"status": "published"}, of=of)
    assert again["version"] == 1  # published already
    await change(owner, "DELETE", "/products/1", status=204)
    for status in ("review", "published"):
        assert (await change(owner, "PUT", path, {"status": status}, of=of, status=409))["from"] == "archived"
    await change(owner, "PUT", path, {"status": "sold"}, of=of, status=422)


async def test_an_archived_product_is_out_of_the_lists_and_may_come_back(shop: Shop, owner: Person) -> None:
    await make_product(owner, **FULL, publish=True)
    visitor = await shop.visitor()

    await change(owner, "DELETE", "/products/4711", status=204)

    assert (await visitor.call("GET", f"{API}/products", status=200))["items"] == []
    await see(visitor, 4711, status=404)
    assert (await see(owner, 4711))["status"] == "archived"
    assert (await change(owner, "PATCH", "/products/4711", {"name": "Моя"}, status=409))["reason"] == "archived"
    back = await change(owner, "DELETE", "/products/4711/publication", of="/products/4711")
    assert (back["status"], back["name"]) == ("draft", FULL["name"])


# Who did it


async def test_the_work_history_tells_what_was_before_and_after(shop: Shop, owner: Person, editor: Person) -> None:
    known = len(await deeds(shop))
    await make_product(editor, **FULL)
    shop.clock.advance(timedelta(minutes=1).total_seconds())
    await change(editor, "PATCH", "/products/4711", {"name": "Новая", "tags": ["новая"], "description": None})
    await change(owner, "DELETE", "/products/4711", status=204)

    made, edited, removed = (await deeds(shop))[known:]

    assert [deed["kind"] for deed in (made, edited, removed)] == ["create_product", "edit_product", "remove_product"]
    assert {(deed["object_kind"], deed["object_id"]) for deed in (made, edited, removed)} == {("product", 4711)}
    assert [deed["by"] for deed in (made, edited, removed)] == [editor.me["id"]] * 2 + [owner.me["id"]]
    assert (made["before"], made["after"]["name"], made["after"]["remains"]) == (None, FULL["name"], 7)
    assert edited["before"] == {name: FULL[name] for name in ("name", "tags", "description")}
    assert edited["after"] == {"name": "Новая", "tags": ["новая"], "description": ""}
    assert edited["time"] > made["time"]
    assert (removed["before"], removed["after"]) == ({"status": "draft"}, {"status": "archived"})


async def test_a_category_of_another_group_is_the_products_group_too(owner: Person) -> None:
    await make_group(owner, "Лето")
    await make_category(owner, "Панамы", "leto")
    await make_product(owner, article=1)

    patched = await change(owner, "PATCH", "/products/1", {"category": "panamy"})

    assert patched["group"]["slug"] == "leto"


async def test_whoever_listens_hears_of_each_change_and_of_nothing_else(shop: Shop, owner: Person) -> None:
    heard: list[Any] = []
    shop.app[DATABASES].products.publish = heard.extend
    await make_product(owner, **FULL)
    await change(owner, "PATCH", "/products/4711", {"name": "Кепка"})
    await change(owner, "PATCH", "/products/4711", {"name": "Кепка"})  # as it is
    await change(owner, "PATCH", "/products/4711", {"category": "nobody"}, status=422)
    await change(owner, "PATCH", "/categories/shapki", {"name": "Кепки"})

    assert [event for event in heard if isinstance(event, ProductChanged)] == [
        ProductChanged(4711, 1), ProductChanged(4711, 2),
    ]  # fmt: skip
    assert [event for event in heard if isinstance(event, CatalogueChanged)] == [CatalogueChanged()]
