"""Groups and categories as staff keep them: names, slugs, moves, removal, and who was faster."""

import asyncio
from typing import Any

import pytest

from app.services.naming import make_slug, same_name
from tests.conftest import Person, Shop
from tests.keeping import API, EDITOR, change, deeds, epoch, etag, make_category, make_group, make_place, make_product


@pytest.fixture
async def editor(shop: Shop) -> Person:
    return await shop.staff(allows=EDITOR)


async def slugs(person: Person, path: str) -> list[str]:
    return [item["slug"] for item in (await person.call("GET", API + path, status=200))["items"]]


# Names and slugs


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Зима", "zima"),
        ("Ёлочные игрушки", "elochnye-igrushki"),
        ("Щётки, вьюги и объезд!", "shchetki-vyugi-i-obezd"),
        ("Café & Crème", "cafe-creme"),
        ("№ 1 — 2026", "no-1-2026"),
        ("冬", "group"),
        ("а" * 100, "a" * 60),
        ("Шапки " * 16, ("shapki-" * 16)[:60].strip("-")),
    ],
)
def test_a_slug_is_made_from_the_name(name: str, slug: str) -> None:
    assert make_slug(name, (), "group") == slug


def test_a_slug_that_is_taken_gets_a_number() -> None:
    assert make_slug("Зима", {"zima", "zima-2"}, "group") == "zima-3"


@pytest.mark.parametrize("other", ["зима", "  ЗИМА ", "ЗимА"])
def test_a_name_is_the_same_in_another_spelling(other: str) -> None:
    assert same_name("Зима") == same_name(other)
    assert same_name("Ёлка и\u00a0мёд") == same_name("елка  и мед")
    assert same_name("Кофе й") == same_name("Кофе и\u0306")
    assert same_name("Зима") != same_name("Лето")


async def test_a_group_is_there_for_everybody_with_its_categories(shop: Shop, editor: Person) -> None:
    group = await make_group(editor, "  Зима  и\u00a0снег ", description="Тёплое")
    category = await make_category(editor, "Шапки", group["slug"])
    visitor = await shop.visitor()

    shown = await visitor.call("GET", f"{API}/groups/{group['slug']}", status=200)

    assert shown == {
        "slug": "zima-i-sneg", "name": "Зима и снег", "image": None, "description": "Тёплое", "position": 0,
        "categories": [{"slug": "shapki", "name": "Шапки"}],
    }  # fmt: skip
    assert await visitor.call("GET", f"{API}/categories/shapki", status=200) == category
    assert category["group"] == {"slug": "zima-i-sneg", "name": "Зима и снег"}
    assert await slugs(visitor, "/groups") == ["zima-i-sneg"]


@pytest.mark.parametrize("name", ["зима", " ЗИМА ", "Зима"])
async def test_a_group_of_the_same_name_is_refused(editor: Person, name: str) -> None:
    await make_group(editor, "Зима")

    problem = await editor.call("POST", f"{API}/groups", json={"name": name}, status=409)

    assert (problem["code"], problem["field"], problem["slug"]) == ("conflict", "name", "zima")
    assert await slugs(editor, "/groups") == ["zima"]


async def test_a_category_has_its_name_once_in_its_group_and_its_slug_once_in_the_shop(editor: Person) -> None:
    for group in ("Зима", "Лето"):
        await make_group(editor, group)
    first = await make_category(editor, "Головные уборы", "zima")
    second = await make_category(editor, "Головные уборы", "leto")

    assert (first["slug"], second["slug"]) == ("golovnye-ubory", "golovnye-ubory-2")
    form = {"name": "головные  УБОРЫ", "group": "zima"}
    assert (await editor.call("POST", f"{API}/categories", json=form, status=409))["field"] == "name"


async def test_a_category_of_no_group_is_refused(editor: Person) -> None:
    problem = await editor.call("POST", f"{API}/categories", json={"name": "Шапки", "group": "nobody"}, status=422)

    assert problem["errors"][0] | {"detail": ""} == {"pointer": "/group", "code": "unknown", "detail": ""}


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": " \u00a0 "}, "/name"),
        ({"name": "а" * 101}, "/name"),
        ({"name": "Зима\nлето"}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "Зима", "slug": "mine"}, "/slug"),
        ({"name": "Зима", "position": -1}, "/position"),
        ({"name": "Зима", "position": 32_768}, "/position"),
        ({"name": "Зима", "description": "а" * 5001}, "/description"),
    ],
)
async def test_a_group_that_makes_no_sense_is_invalid(editor: Person, form: dict[str, Any], pointer: str) -> None:
    problem = await editor.call("POST", f"{API}/groups", json=form, status=422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await slugs(editor, "/groups") == []


async def test_the_same_key_makes_one_group(editor: Person) -> None:
    options = {"json": {"name": "Зима"}, "headers": {"Idempotency-Key": "k1"}}

    first = await editor.call("POST", f"{API}/groups", status=201, **options)
    async with editor.request("POST", f"{API}/groups", **options) as response:
        assert (response.status, response.headers["Idempotent-Replay"]) == (201, "true")
        assert await response.json() == first
    other = await editor.call("POST", f"{API}/groups", status=409, **(options | {"json": {"name": "Лето"}}))

    assert other["reason"] == "key_reused"
    assert await slugs(editor, "/groups") == ["zima"]


# Changing


async def test_a_new_name_keeps_the_slug_and_is_seen_on_the_products(shop: Shop, editor: Person) -> None:
    await make_place(editor)
    product = await make_product(editor)
    seen = await etag(editor, f"/products/{product['article']}")
    before = await epoch(shop)

    group = await change(editor, "PATCH", "/groups/zima", {"name": "Морозы", "description": "Тёплое"})
    category = await change(editor, "PATCH", "/categories/shapki", {"name": "Ушанки"})

    assert (group["slug"], group["name"], group["description"]) == ("zima", "Морозы", "Тёплое")
    assert (category["slug"], category["name"]) == ("shapki", "Ушанки")
    shown = await editor.call(
        "GET", f"{API}/products/{product['article']}", headers={"If-None-Match": seen}, status=200
    )
    assert (shown["group"]["name"], shown["category"]["name"]) == ("Морозы", "Ушанки")
    assert shown["version"] == product["version"]  # whoever edits the product need not begin anew
    assert await epoch(shop) > before


async def test_null_clears_and_what_is_absent_stays(editor: Person) -> None:
    await make_group(editor, description="Тёплое", position=7)

    group = await change(editor, "PATCH", "/groups/zima", {"description": None})

    assert (group["description"], group["position"], group["name"]) == ("", 7, "Зима")
    for form in ({"name": None}, {"position": None}, {"image": "/images/x.webp"}):
        await change(editor, "PATCH", "/groups/zima", form, status=422)


async def test_a_name_that_another_has_is_refused_but_ones_own_is_not(editor: Person) -> None:
    await make_group(editor, "Зима")
    await make_group(editor, "Лето")

    assert (await change(editor, "PATCH", "/groups/leto", {"name": "ЗИМА"}, status=409))["field"] == "name"
    assert (await change(editor, "PATCH", "/groups/leto", {"name": "лето"}))["name"] == "лето"


@pytest.mark.parametrize("path", ["/groups/zima", "/categories/shapki"])
async def test_whoever_saw_an_older_one_is_told_so(editor: Person, path: str) -> None:
    await make_place(editor)
    old = await etag(editor, path)
    await change(editor, "PATCH", path, {"description": "Тёплое"})
    present = await etag(editor, path)

    for method, options in (("PATCH", {"json": {"description": "Моё"}}), ("DELETE", {})):
        problem = await editor.call(method, API + path, headers={"If-Match": old}, status=412, **options)
        assert (problem["code"], f'"{problem["etag"]}"') == ("stale", present)
        await editor.call(method, API + path, headers={"If-Match": f"W/{present}"}, status=412, **options)
        for headers in ({}, {"If-Match": "*"}):
            assert (await editor.call(method, API + path, headers=headers, status=428, **options))["code"]

    assert (await editor.call("GET", API + path, status=200))["description"] == "Тёплое"


async def test_what_changes_nothing_is_nothing_to_tell(shop: Shop, editor: Person) -> None:
    await make_place(editor)
    before, known = await epoch(shop), await deeds(shop)

    await change(editor, "PATCH", "/groups/zima", {"name": "Зима", "description": None})

    assert (await epoch(shop), await deeds(shop)) == (before, known)


async def test_a_category_takes_its_products_to_another_group(shop: Shop, editor: Person) -> None:
    await make_place(editor)
    await make_group(editor, "Лето")
    article = (await make_product(editor))["article"]

    moved = await change(editor, "PATCH", "/categories/shapki", {"group": "leto"})

    assert moved["group"]["slug"] == "leto"
    assert (await editor.call("GET", f"{API}/products/{article}", status=200))["group"]["slug"] == "leto"
    assert await change(editor, "PATCH", "/categories/shapki", {"group": "nobody"}, status=422)


async def test_a_category_may_move_under_another_name_where_its_own_is_taken(editor: Person) -> None:
    await make_place(editor)
    await make_group(editor, "Лето")
    await make_category(editor, "Шапки", "leto")
    await make_category(editor, "Кепки", "zima")

    assert (await change(editor, "PATCH", "/categories/shapki", {"group": "leto"}, status=409))["field"] == "group"
    taken = {"group": "leto", "name": "шапки"}
    assert (await change(editor, "PATCH", "/categories/shapki", taken, status=409))["field"] == "name"
    moved = await change(editor, "PATCH", "/categories/shapki", {"group": "leto", "name": "Кепки"})
    assert (moved["name"], moved["group"]["slug"]) == ("Кепки", "leto")  # its old group has one of that name, too


# Removing


async def test_a_category_with_products_stays_until_they_have_somewhere_to_go(shop: Shop, editor: Person) -> None:
    await make_place(editor)
    await make_group(editor, "Лето")
    await make_category(editor, "Панамы", "leto")
    product = await make_product(editor)
    before = await epoch(shop)

    problem = await change(editor, "DELETE", "/categories/shapki", status=409)
    assert (problem["reason"], problem["products"]) == ("not_empty", 1)
    for nowhere in ("nobody", "shapki"):
        problem = await change(editor, "DELETE", f"/categories/shapki?move_to={nowhere}", status=422)
        assert problem["errors"][0]["pointer"] == "/move_to"
    assert await epoch(shop) == before

    await change(editor, "DELETE", "/categories/shapki?move_to=panamy", status=204)

    moved = await editor.call("GET", f"{API}/products/{product['article']}", status=200)
    assert (moved["category"]["slug"], moved["group"]["slug"]) == ("panamy", "leto")
    assert moved["rev"] > product["rev"]
    await editor.call("GET", f"{API}/categories/shapki", status=404)
    assert await epoch(shop) > before


async def test_a_group_with_categories_stays_until_they_have_somewhere_to_go(editor: Person) -> None:
    await make_place(editor)
    await make_group(editor, "Лето")
    article = (await make_product(editor))["article"]

    problem = await change(editor, "DELETE", "/groups/zima", status=409)
    assert (problem["reason"], problem["categories"]) == ("not_empty", 1)
    await change(editor, "DELETE", "/groups/zima?move_to=leto", status=204)

    assert (await editor.call("GET", f"{API}/categories/shapki", status=200))["group"]["slug"] == "leto"
    assert (await editor.call("GET", f"{API}/products/{article}", status=200))["group"]["slug"] == "leto"
    assert await slugs(editor, "/groups") == ["leto"]


async def test_a_group_whose_category_is_also_in_the_other_moves_nothing(editor: Person) -> None:
    await make_place(editor)
    await make_category(editor, "Варежки", "zima")
    await make_group(editor, "Лето")
    await make_category(editor, "варежки", "leto")

    problem = await change(editor, "DELETE", "/groups/zima?move_to=leto", status=409)

    assert (problem["field"], problem["name"]) == ("move_to", "варежки")
    zima = await editor.call("GET", f"{API}/groups/zima", status=200)
    assert [each["slug"] for each in zima["categories"]] == ["shapki", "varezhki"]  # not even the first


async def test_what_is_empty_goes_and_leaves_its_name_and_slug(editor: Person) -> None:
    await make_place(editor)

    await change(editor, "DELETE", "/categories/shapki", status=204)
    await change(editor, "DELETE", "/groups/zima", status=204)

    await make_place(editor)
    assert await slugs(editor, "/categories") == ["shapki"]


async def test_what_archived_products_belong_to_is_archived_and_leaves_its_name(editor: Person) -> None:
    await make_place(editor)
    article = (await make_product(editor))["article"]
    await change(editor, "DELETE", f"/products/{article}", status=204)

    await change(editor, "DELETE", "/categories/shapki", status=204)
    await change(editor, "DELETE", "/groups/zima", status=204)

    assert await slugs(editor, "/groups") == await slugs(editor, "/categories") == []
    for path in ("/groups/zima", "/categories/shapki"):
        await editor.call("GET", API + path, status=404)
    assert (await editor.call("GET", f"{API}/products/{article}", status=200))["category"]["slug"] == "shapki"
    group = await make_group(editor, "Зима")
    assert group["slug"] == "zima-2"  # the old links go on meaning the old one
    assert (await make_category(editor, "Шапки", "zima-2"))["slug"] == "shapki-2"


# Who did it


async def test_the_work_history_tells_what_was_before_and_after(shop: Shop, editor: Person) -> None:
    await make_place(editor)
    await change(editor, "PATCH", "/groups/zima", {"name": "Морозы"})
    await change(editor, "DELETE", "/categories/shapki", status=204)

    told = await deeds(shop)

    assert [deed["kind"] for deed in told] == ["create_group", "create_category", "edit_group", "remove_category"]
    assert {deed["by"] for deed in told} == {editor.me["id"]}
    assert (told[2]["before"], told[2]["after"]) == ({"name": "Зима"}, {"name": "Морозы"})
    assert told[3]["before"]["name"] == "Шапки"
    assert told[3]["after"] == {"archived": False, "move_to": None}


async def test_the_same_group_made_at_once_is_made_once(shop: Shop, editor: Person) -> None:
    async def make() -> int:
        async with editor.request("POST", f"{API}/groups", json={"name": "Зима"}) as response:
            return int(response.status)

    assert sorted(await asyncio.gather(*(make() for _ in range(8)))) == [201] + [409] * 7
    assert await slugs(editor, "/groups") == ["zima"]
