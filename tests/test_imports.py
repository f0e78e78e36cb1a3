"""Products by the file: what is taken, what is refused and where; what leaves comes back the same."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select

from app.cells import plain_cell, safe_cell
from app.keys import DATABASES, SETTINGS
from app.services.imports import FOLDER
from db.models.products import PriceLog, Product, StockMove
from tests.conftest import PASSWORD, MakeChat, Person, Shop, open_shop
from tests.faults.server_process import ServerProcess
from tests.goods import audit, opened
from tests.keeping import API, deeds, epoch, etag, make_category, make_group, make_place, make_product
from tests.pictures import make_picture, upload
from tests.terminal import Terminal
from tests.visitors import visiting

DONE_S = 150
HEAD = "Артикул;Наименование;Категория;Цена;Остаток\r\n"
ROW = "4711;Шапка «Зима»;Шапки;1 299,90;12\r\n"


@pytest.fixture
async def owner(shop: Shop) -> Person:
    """The owner of a shop with the category «Шапки»."""
    owner = await shop.owner()
    await make_place(owner)
    return owner


def form_of(content: bytes, name: str = "goods.csv") -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("file", BytesIO(content), filename=name)
    return form


async def send(
    person: Person, content: bytes | str, status: int = 202, headers: dict[str, str] | None = None, **params: str
) -> Any:
    content = content.encode() if isinstance(content, str) else content
    options = {"data": form_of(content), "params": params, "headers": headers or {}}
    return await person.call("POST", f"{API}/imports", status=status, **options)


async def ended(person: Person, job: int) -> Any:
    """The import once it has ended."""
    async with asyncio.timeout(DONE_S):
        while True:
            shown = await person.call("GET", f"{API}/imports/{job}", status=200)
            if shown["status"] in ("done", "failed"):
                return shown


async def take(person: Person, content: bytes | str, **params: str) -> Any:
    """Import and wait; returns the import."""
    return await ended(person, (await send(person, content, **params))["id"])


async def errors_of(person: Person, job: Any) -> list[tuple[int, int | None, list[tuple[str, str]]]]:
    """Lines, articles, and pointer and code of what is wrong there."""
    page = await person.call("GET", f"{API}/imports/{job['id']}/errors", params={"limit": "100"}, status=200)
    return [
        (row["line"], row["article"], [(error["pointer"], error["code"]) for error in row["errors"]])
        for row in page["items"]
    ]


def counts(job: Any) -> tuple[int, int, int, int]:
    return job["added"], job["changed"], job["unchanged"], job["refused"]


async def product(person: Person, article: int) -> Any:
    return await person.call("GET", f"{API}/products/{article}", status=200)


async def scalars(shop: Shop, statement: Any) -> list[Any]:
    return list(await shop.app[DATABASES].products.read(lambda c: c.execute(statement).scalars().all()))


async def export(person: Person, kind: str = "csv") -> bytes:
    await person.call("POST", f"{API}/session/confirmation", json={"password": PASSWORD}, status=200)
    async with person.request("GET", f"{API}/exports/products", params={"format": kind}) as response:
        assert response.status == 200, await response.text()
        return bytes(await response.read())


# Files as they are


@pytest.mark.parametrize("encoding", ["cp1251", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
async def test_a_russian_table_is_taken_as_it_is(owner: Person, encoding: str, separator: str) -> None:
    cells = [
        ["Артикул", "Наименование", "Группа", "Категория", "Цена", "Скидка", "Остаток", "Статус", "Теги"],
        ["4711", "Шапка «Зима»", "Зима", "Шапки", "1\u00a0299,90", "12,5", "1 200", "Опубликован", "тёплое; новое"],
    ]  # fmt: skip
    cells[0] += ["Бренд", "Цвета", "Материалы", "Размеры", "Свойства", "Страна", "Описание"]
    cells[1] += ["Ёлка", "красный, синий", "шерсть", '["56,5"]', '{"season": "зима"}', "Россия"]
    cells[1] += ['Мягкая;\r\nс "помпоном", да']
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(cells)

    job = await take(owner, text.getvalue().encode(encoding))

    assert (job["status"], counts(job), job["bytes_done"]) == ("done", (1, 0, 0, 0), job["bytes_total"])
    made = await product(owner, 4711)
    assert made["name"] == "Шапка «Зима»" and made["category"]["slug"] == "shapki" and made["status"] == "published"
    assert made["old_price"]["amount"] == 129990 and made["price"]["amount"] == 113741 and made["discount"] == 12.5
    assert made["remains"] == 1200 and made["tags"] == ["тёплое", "новое"] and made["country_origin"] == "Россия"
    assert made["description"] == 'Мягкая;\r\nс "помпоном", да'
    assert made["specifications"] == {
        "brand": "Ёлка", "colors": ["красный", "синий"], "materials": ["шерсть"], "sizes": ["56,5"], "season": "зима",
    }  # fmt: skip


async def test_english_names_and_json_lines_do_as_well(owner: Person) -> None:
    table = await take(owner, "article,name,category,price\n1,Hat,shapki,10.5\n")
    row = {"article": 2, "name": "Hat", "category": "shapki", "price": {"amount": 1050}, "remains": 3}
    lines = await take(owner, json.dumps(row) + "\n\n{oops}\n" + json.dumps({**row, "article": 3, "colour": 1}) + "\n")

    assert (table["format"], counts(table)) == ("csv", (1, 0, 0, 0))
    assert (lines["format"], counts(lines)) == ("ndjson", (1, 0, 0, 2))
    assert await errors_of(owner, lines) == [
        (3, None, [("", "json_invalid")]),
        (4, None, [("/colour", "extra_forbidden")]),
    ]
    assert (await product(owner, 1))["price"] == (await product(owner, 2))["price"]


async def test_a_broken_row_costs_itself_and_says_where_it_stands(owner: Person) -> None:
    rows = [
        HEAD,
        '1;"Шапка\r\nс переносом";Шапки;5;1\r\n',  # a name has no line breaks: both lines are refused
        "2;Шапка;Шапки;5;1\r\n",
        '3;"Шапка;Шапки;5;1\r\n',  # never closed
        '4;Монитор 24";Шапки;5;1\r\n',
        "5;Шапка;Шапки;-5;много\r\n",
        "6;Шапка;Шапки;5\r\n",
        ";;;;\r\n",
        "\r\n",
        "шесть;Шапка;Шапки;5;1\r\n",
        "7;Шапка;Носки;5;1\r\n",
        "8;;Шапки;5;1\r\n",
        f"9;{'ш' * 201};Шапки;5;1\r\n",
        "10;Шапка;Шапки;5;1;;\r\n",
        "11;Шапка;Шапки;5;1",
    ]

    job = await take(owner, "".join(rows))

    assert job["status"] == "done" and counts(job) == (4, 0, 0, 9)
    assert await errors_of(owner, job) == [
        (2, None, [("", "broken_row")]),
        (3, None, [("", "wrong_width")]),
        (5, None, [("", "broken_row")]),
        (7, 5, [("/price", "money"), ("/remains", "whole_number")]),
        (8, None, [("", "wrong_width")]),
        (11, None, [("/article", "whole_number")]),
        (12, 7, [("/category", "unknown")]),
        (13, 8, [("/name", "missing")]),
        (14, 9, [("/name", "too_long")]),
    ]
    made = [await product(owner, article) for article in (2, 4, 10, 11)]
    assert [one["name"] for one in made] == ["Шапка", 'Монитор 24"', "Шапка", "Шапка"]


UTF8 = (HEAD + ROW).encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n \r\n", "empty_file"),
        (HEAD.encode(), "no_rows"),
        ((HEAD + ";;;;\r\n\r\n").encode("cp1251"), "no_rows"),
        (make_picture(), "binary_file"),
        (UTF8 + b"\0", "binary_file"),
        ((HEAD + ROW).encode("utf-16"), "wrong_encoding"),
        (UTF8.replace("З".encode(), b"\x98"), "wrong_encoding"),
        (UTF8.replace("а".encode(), b"\xff"), "wrong_encoding"),
        (b"\xef\xbb\xbf" + (HEAD + ROW).encode("cp1251"), "wrong_encoding"),
        (b'{"article": 1, "name": "\xe0"}', "wrong_encoding"),
        (HEAD.encode("koi8-r") + b"4711;;;;", "missing_column"),
        ("Название;Цена\r\nШапка;5\r\n".encode(), "missing_column"),
        ("Артикул;Цена;price\r\n1;5;6\r\n".encode(), "repeated_column"),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_understood_changes_nothing(owner: Person, content: bytes, problem: str) -> None:
    before = await etag(owner, "/products")

    job = await take(owner, content)

    assert (job["status"], job["problem"], counts(job), job["rows"]) == ("failed", problem, (0, 0, 0, 0), 0)
    assert await etag(owner, "/products") == before
    if problem in ("missing_column", "repeated_column"):
        assert [(line, errors[0][1]) for line, _, errors in await errors_of(owner, job)] == [(1, problem)]


async def test_columns_that_are_not_known_are_ignored_and_named(owner: Person) -> None:
    job = await take(owner, "№;Артикул;Название;Категория;Цена;Ед.\n1;1;Шапка;Шапки;5;шт\n")

    assert counts(job) == (1, 0, 0, 0)
    assert await errors_of(owner, job) == [(1, None, [("/№", "unknown_column"), ("/Ед.", "unknown_column")])]


# What a row does


async def test_a_product_that_is_there_changes_in_the_columns_that_are(shop: Shop, owner: Person) -> None:
    article = (await make_product(owner, remains=5, tags=["новое"], description="Тёплая"))["article"]
    before = await product(owner, article)

    job = await take(owner, f"артикул;цена;остаток;теги;описание;название\n{article};120,50;7;;;\n")

    assert counts(job) == (0, 1, 0, 0)
    after = await product(owner, article)
    assert (after["price"]["amount"], after["remains"], after["tags"], after["description"]) == (12050, 7, [], "")
    assert (after["name"], after["category"]) == (before["name"], before["category"])  # an empty name says nothing
    assert after["version"] == before["version"] + 1 and after["rev"] > before["rev"]
    assert await scalars(shop, select(PriceLog.price_minor).order_by(PriceLog.id)) == [100_00, 120_50]
    assert await scalars(shop, select(StockMove.reason).order_by(StockMove.id)) == ["opening", "import"]
    await shop.app[DATABASES].products.read(audit)


async def test_a_row_that_says_what_is_so_changes_nothing(shop: Shop, owner: Person) -> None:
    await take(owner, HEAD + ROW)
    before, lists, told = await product(owner, 4711), await epoch(shop), await deeds(shop)

    job = await take(owner, HEAD + ROW)

    assert counts(job) == (0, 0, 1, 0)
    assert (await product(owner, 4711), await epoch(shop), await deeds(shop)) == (before, lists, told)


async def test_the_history_has_one_deed_for_an_import(shop: Shop, owner: Person) -> None:
    before = len(await deeds(shop))

    job = await take(owner, HEAD + ROW + ROW.replace("4711", "4712") + "нет;;;;\r\n")

    [deed] = (await deeds(shop))[before:]
    assert (deed["kind"], deed["object_kind"], deed["object_id"], deed["by"]) == (
        "import_products", "import", job["id"], owner.me["id"],
    )  # fmt: skip
    assert (deed["after"]["added"], deed["after"]["refused"]) == (2, 1)


async def test_the_later_of_two_rows_for_one_article_counts(shop: Shop, owner: Person) -> None:
    job = await take(owner, HEAD + ROW + ROW.replace("12\r\n", "7\r\n") + ROW.replace("12\r\n", "7\r\n"))

    assert counts(job) == (1, 1, 1, 0)
    assert (await product(owner, 4711))["remains"] == 7
    await shop.app[DATABASES].products.read(audit)


async def test_a_category_in_two_groups_needs_its_group(owner: Person) -> None:
    await make_group(owner, "Лето")
    other = await make_category(owner, group="leto")

    job = await take(owner, "артикул;название;группа;категория;цена\n1;Панама;;Шапки;5\n2;Панама;лето;шапки;5\n")

    assert counts(job) == (1, 0, 0, 1)
    assert await errors_of(owner, job) == [(2, 1, [("/category", "ambiguous")])]
    assert (await product(owner, 2))["category"]["slug"] == other["slug"]


async def test_pictures_are_named_that_are_there(owner: Person) -> None:
    article = (await make_product(owner))["article"]
    _, shown = await upload(owner, make_picture(), path=f"/products/{article}/images")
    name = shown["images"][0].rpartition("/")[2]

    job = await take(owner, f"артикул;название;категория;цена;картинки\n1;A;Шапки;5;{name}\n2;B;Шапки;5;../x.webp\n")

    assert (await product(owner, 1))["images"] == shown["images"]
    assert await errors_of(owner, job) == [(3, 2, [("/images", "unknown")])]


async def test_only_whoever_may_publish_shows_products(shop: Shop, owner: Person) -> None:
    importer = await shop.staff(allows=("import",))
    rows = "артикул;название;категория;цена;статус\n1;A;Шапки;5;опубликован\n2;B;Шапки;5;\n"

    by_importer = await take(importer, rows)
    by_owner = await take(owner, rows.replace("2;B;Шапки;5", "2;B;Шапки;0").replace(";\n", ";published\n"))

    assert await errors_of(importer, by_importer) == [(2, 1, [("/status", "forbidden")])]
    assert (await product(owner, 2))["status"] == "draft"
    assert counts(by_owner) == (1, 0, 0, 1) and (await product(owner, 1))["status"] == "published"
    assert await errors_of(owner, by_owner) == [(3, 2, [("/price", "missing")])]
    hidden = await take(importer, "артикул;статус\n1;архив\n")
    assert await errors_of(importer, hidden) == [(2, 1, [("/status", "forbidden")])]


async def test_an_archived_product_stays_as_it_is_without_another_status(owner: Person) -> None:
    await take(owner, HEAD + ROW)
    await take(owner, "артикул;статус\n4711;архив\n")

    changed = await take(owner, "артикул;цена\n4711;5\n")
    back = await take(owner, "артикул;цена;статус\n4711;5;черновик\n")

    assert await errors_of(owner, changed) == [(2, 4711, [("/article", "archived")])]
    assert counts(back) == (0, 1, 0, 0) and (await product(owner, 4711))["price"]["amount"] == 500


async def test_a_dry_run_counts_and_changes_nothing(shop: Shop, owner: Person) -> None:
    article = (await make_product(owner))["article"]
    before, lists, told = await product(owner, article), await epoch(shop), await deeds(shop)
    content = HEAD + ROW + f"{article};Другая;Шапки;5;1\r\n5;;;;\r\n"

    dry = await take(owner, content, dry_run="true")

    assert dry["dry_run"] and counts(dry) == (1, 1, 0, 1)
    assert await errors_of(owner, dry) == [(4, 5, [("/name", "missing")])]
    assert (await product(owner, article), await epoch(shop), await deeds(shop)) == (before, lists, told)
    await owner.call("GET", f"{API}/products/4711", status=404)
    assert counts(await take(owner, content)) == (1, 1, 0, 1)


# Jobs


def many(count: int, first: int = 1, filling: str = "") -> str:
    head = HEAD.replace("\r\n", ";Описание\r\n")
    return head + "".join(f"{first + one};Шапка {one};Шапки;1 299,90;{one % 50};{filling}\r\n" for one in range(count))


async def test_a_file_sent_again_under_its_key_is_one_import(shop: Shop, owner: Person) -> None:
    key = {"Idempotency-Key": "monday"}
    first = await send(owner, HEAD + ROW, headers=key)
    again = await send(owner, HEAD + ROW, headers=key)
    other = await send(owner, HEAD, headers=key, status=409)

    assert again["id"] == first["id"] and other["reason"] == "key_reused"
    await ended(owner, first["id"])
    page = await owner.call("GET", f"{API}/imports", status=200)
    assert [one["id"] for one in page["items"]] == [first["id"]] and page["next"] is None
    assert list((shop.app[SETTINGS].data / FOLDER).iterdir()) == []


async def test_a_file_that_is_too_large_leaves_nothing_behind(tmp_path: Path) -> None:
    async with open_shop(tmp_path / "data", import_max_mb=1) as shop:
        owner = await shop.owner()

        refused = await send(owner, b"x" * (2**20 + 1), status=413)

        assert refused["code"] == "too_large"
        assert list((tmp_path / "data" / FOLDER).iterdir()) == []
        assert (await owner.call("GET", f"{API}/imports", status=200))["items"] == []


async def test_what_is_no_upload_is_refused(owner: Person) -> None:
    path = f"{API}/imports"
    for options, status in (
        ({"json": {}}, 415),
        ({"data": form_of(b"x"), "params": {"dry_run": "maybe"}}, 422),
        ({"data": form_of(b"x"), "params": {"format": "xlsx"}}, 422),
        ({"data": aiohttp.FormData({"file": "x"}, default_to_multipart=True)}, 400),
    ):
        await owner.call("POST", path, status=status, **options)
    for path in ("/imports/7", "/imports/7/errors"):
        await owner.call("GET", API + path, status=404)
    await owner.call("POST", f"{API}/imports/7/cancellation", status=404)


async def test_an_import_can_be_ended_and_keeps_what_it_did(shop: Shop, owner: Person) -> None:
    job = await send(owner, many(20_000))
    second = await send(owner, HEAD + ROW)
    async with asyncio.timeout(DONE_S):
        while (await owner.call("GET", f"{API}/imports/{job['id']}"))["rows"] == 0:
            pass

    waiting = await owner.call("POST", f"{API}/imports/{second['id']}/cancellation", status=200)
    ended_now = await owner.call("POST", f"{API}/imports/{job['id']}/cancellation", status=200)
    again = await owner.call("POST", f"{API}/imports/{job['id']}/cancellation", status=200)

    assert (waiting["status"], waiting["problem"], waiting["rows"]) == ("failed", "cancelled", 0)
    assert again == ended_now and 0 < ended_now["rows"] < 20_000
    third = await take(owner, HEAD + ROW.replace("4711", "999999"))
    assert (await owner.call("GET", f"{API}/imports/{job['id']}"))["rows"] == ended_now["rows"]
    assert await scalars(shop, select(func.count()).select_from(Product)) == [ended_now["added"] + 1]
    await owner.call("POST", f"{API}/imports/{third['id']}/cancellation", status=409)
    first_page = await owner.call("GET", f"{API}/imports", params={"limit": "2"}, status=200)
    rest = await owner.call("GET", f"{API}/imports", params={"before": str(first_page["next"])}, status=200)
    assert [one["id"] for one in first_page["items"] + rest["items"]] == [third["id"], second["id"], job["id"]]


async def test_refused_rows_are_read_page_by_page(owner: Person) -> None:
    job = await take(owner, HEAD + "x;Шапка;Шапки;5;1\r\n" * 5)

    lines, after = [], "1"
    while after:
        query = {"limit": "2", "after": after}
        page = await owner.call("GET", f"{API}/imports/{job['id']}/errors", params=query, status=200)
        lines.append([row["line"] for row in page["items"]])
        after = str(page["next"] or "")

    assert lines == [[2, 3], [4, 5], [6]]


async def test_two_imports_of_one_catalogue_come_one_after_the_other(shop: Shop, owner: Person) -> None:
    sent = await asyncio.gather(send(owner, many(300)), send(owner, many(300).replace("1 299,90", "5")))

    jobs = [await ended(owner, one["id"]) for one in sorted(sent, key=lambda one: int(one["id"]))]

    assert counts(jobs[0]) == (300, 0, 0, 0) and counts(jobs[1]) == (0, 300, 0, 0)
    await shop.app[DATABASES].products.read(audit)


async def test_the_shop_goes_on_beside_an_import(owner: Person, shop: Shop, make_chat: MakeChat) -> None:
    guest = await shop.guest()
    chat = await make_chat(guest)
    job, answered = await send(owner, many(3_000)), 0

    async with guest.socket() as socket:
        while (await owner.call("GET", f"{API}/imports/{job['id']}"))["status"] != "done":
            await socket.command("message.send", chat=chat, client_id=f"m{answered}", text="Есть в наличии?")
            answered += 1

    assert answered > 3


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_long_file_is_never_in_memory_as_a_whole(owner: Person, shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(many(3_000, filling="Тёплая и мягкая. " * 340))
    assert path.stat().st_size > 29 * 2**20
    before = reset_peak()

    with path.open("rb") as file:
        form = aiohttp.FormData()
        form.add_field("file", file, filename="long.csv")
        job = await owner.call("POST", f"{API}/imports", data=form, status=202)
    job = await ended(owner, job["id"])

    assert counts(job) == (3_000, 0, 0, 0)
    assert peak() - before < MEMORY
    before, size = reset_peak(), 0
    await owner.call("POST", f"{API}/session/confirmation", json={"password": PASSWORD}, status=200)
    async with owner.request("GET", f"{API}/exports/products") as response:
        async for chunk in response.content.iter_chunked(2**16):
            size += len(chunk)
    assert size > 29 * 2**20 and peak() - before < MEMORY


# The page caches of SQLite (twice 64 MB at most) grow with what is written; the file's text would be 60 MB more.
MEMORY = (2 * 64 + 30) * 2**20


def reset_peak() -> int:
    """Forget the most memory that this process has had; returns what it has."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The most memory that this process has had since, in bytes."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.mark.timeout(180)
async def test_an_import_survives_a_crash_and_a_restart(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    await server.add_owner()
    total = 2_000
    async with server, visiting(server.url) as shop:
        owner = await shop.sign_in("owner", "staff")
        await make_place(owner)
        job = await send(owner, many(total // 2) + many(total // 2).partition("\r\n")[2].replace(";1 299,90", ";5"))
        for rows in (100, total // 2 + 100):
            async with asyncio.timeout(DONE_S):
                while (await owner.call("GET", f"{API}/imports/{job['id']}"))["rows"] < rows:
                    pass
            await server.kill()
            await server.start()
        job = await ended(owner, job["id"])

    assert (job["status"], job["rows"], counts(job)) == ("done", total, (total // 2, total // 2, 0, 0))
    assert list((tmp_path / "data" / FOLDER).iterdir()) == []
    async with opened(tmp_path / "data") as databases:
        await databases.products.read(audit)
        logged = await databases.products.read(lambda c: c.execute(select(func.count(PriceLog.id))).scalar_one())
    assert logged == total


# There and back


AWKWARD = ["=1+1", "+7", "-5", "@SUM", "'=x", "''", "'", "простой", "a;b", 'к"в"ы', "[1]"]


@pytest.mark.parametrize("text", [*AWKWARD, "\tx", "''=x", ""])
def test_a_cell_that_was_made_safe_is_the_same_again(text: str) -> None:
    safe = safe_cell(text)

    assert plain_cell(safe) == text
    assert not safe.startswith(("=", "+", "-", "@", "\t"))


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
async def test_what_leaves_comes_back_without_a_change(shop: Shop, owner: Person, kind: str) -> None:
    await make_group(owner, "Лето")
    await make_category(owner, group="leto")
    for text in AWKWARD:
        specifications = {"brand": text, "colors": [text, "a, b"], "season": text}
        await make_product(
            owner, name=text, description=f"{text}\nдва", tags=[text, "x;y"], specifications=specifications, remains=3,
            discount=12.5, country_origin=text, publish=True,
        )  # fmt: skip
    await take(owner, "артикул;статус\n100001;архив\n")
    before, lists = await scalars(shop, select(Product.rev)), await epoch(shop)

    content = await export(owner, kind)
    job = await take(owner, content)

    assert await errors_of(owner, job) == [] and counts(job) == (0, 0, len(AWKWARD), 0)
    assert (await scalars(shop, select(Product.rev)), await epoch(shop)) == (before, lists)
    assert (await deeds(shop))[-1]["kind"] == "export_products"
    if kind == "csv":
        head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
        assert content.startswith(b"\xef\xbb\xbf") and head[:5] == [
            "артикул",
            "название",
            "группа",
            "категория",
            "цена",
        ]
        assert {row[4] for row in rows} == {"100,00"}
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


async def test_an_export_asks_for_the_password_and_its_right(shop: Shop, owner: Person) -> None:
    importer = await shop.staff(allows=("import",))

    unconfirmed = await owner.call("GET", f"{API}/exports/products", status=403)
    await importer.call("GET", f"{API}/exports/products", status=403)

    assert unconfirmed["reason"] == "password_needed"


# The command line


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    """Somebody at a terminal beside a running shop with the category «Шапки»."""
    server = ServerProcess(tmp_path / "data")
    await server.add_owner()
    async with server, visiting(server.url) as shop:
        await make_place(await shop.sign_in("owner", "staff"))
        yield Terminal(tmp_path, {"CTS_URL": server.url})


@pytest.mark.timeout(180)
async def test_the_command_line_imports_beside_a_running_shop(terminal: Terminal) -> None:
    file, back = terminal.folder / "goods.csv", terminal.folder / "back.csv"
    file.write_bytes((HEAD + ROW + "5;Шапка;Носки;5;1\r\n").encode("cp1251"))

    dry = await terminal.run("import", str(file), "--dry-run")
    real = await terminal.run("import", str(file))
    exported = await terminal.run("export", str(back))
    again = await terminal.run("import", str(back))

    assert dry.status == 1 and "nothing was written" in dry.out
    assert real.status == 1 and "2 rows: 1 added, 0 changed, 0 as they were, 1 refused." in real.out
    assert "line 3: /category unknown: There is no such category" in real.err
    assert exported.status == 0 and again.status == 0
    assert "1 rows: 0 added, 0 changed, 1 as they were, 0 refused." in again.out
    async with visiting(terminal.env["CTS_URL"]) as shop:
        owner = await shop.sign_in("owner", "staff")
        assert (await product(owner, 4711))["remains"] == 12
        jobs = (await owner.call("GET", f"{API}/imports", status=200))["items"]
        assert [(job["staff_id"], job["dry_run"], job["status"]) for job in jobs] == [
            (None, False, "done"), (None, False, "done"), (None, True, "done"),
        ]  # fmt: skip


async def test_the_command_line_says_what_is_wrong_with_a_file(terminal: Terminal) -> None:
    file = terminal.folder / "goods.csv"
    file.write_text("Название;Цена\nШапка;5\n")

    refused = await terminal.refusal("import", str(file))
    absent = await terminal.refusal("import", str(terminal.folder / "other.csv"))
    elsewhere = await terminal.refusal("export", str(file), "--data", str(terminal.folder / "nowhere"))

    assert "missing_column" in refused and "артикул" in refused
    assert "No such file" in absent and "There is no shop" in elsewhere
    assert file.read_text().startswith("Название")
