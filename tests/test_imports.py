"""Products by the file: what is taken, what is refused and where, and that everything leaves and comes back the same."""

import asyncio
import csv
import io
import json
import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select

from app.cells import plain_cell, safe_cell
from app.keys import DATABASES, IMPORTS
from app.services.imports import FOLDER
from db.database import Done
from db.models.products import ImportRow, PriceLog, Product, StockMove
from tests.conftest import PASSWORD, MakeChat, Person, Shop, open_shop
from tests.faults.server_process import ServerProcess
from tests.goods import add_goods, audit, opened
from tests.keeping import API, deeds, epoch, etag, make_category, make_group, make_place, make_product
from tests.pictures import make_picture, upload
from tests.terminal import Terminal
from tests.visitors import visiting

DONE_S = 60
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
        ["Артикул", "Наименование", "Группа", "Категория", "Цена", "Скидка", "Остаток", "Статус", "Теги", "Бренд"],
        ["4711", "Шапка «Зима»", "Зима", "Шапки", "1\u00a0299,90", "12,5", "1 200", "Опубликован", "тёплое; новое", "Ёлка"],
    ]  # fmt: skip
    cells[0] += ["Цвета", "Материалы", "Размеры", "Свойства", "Страна", "Описание"]
    cells[1] += ["красный, синий", "шерсть", "[\"56,5\"]", '{"season": "зима"}', "Россия", 'Мягкая;\r\nс "помпоном", да']
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
    assert await errors_of(owner, lines) == [(3, None, [("", "json_invalid")]), (4, None, [("/colour", "extra_forbidden")])]
    assert (await product(owner, 1))["price"] == (await product(owner, 2))["price"]


async def test_a_broken_row_costs_itself_and_says_where_it_stands(owner: Person) -> None:
    rows = [
        HEAD,
        '1;"Шапка\r\nс переносом";Шапки;5;1\r\n',  # a quote in a name that runs on: broken, and the line after it too
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
        (3, None, [("", "broken_row")]),
        (5, None, [("", "broken_row")]),
        (7, 5, [("/price", "money"), ("/remains", "whole_number")]),
        (8, None, [("", "wrong_width")]),
        (11, None, [("/article", "whole_number")]),
        (12, 7, [("/category", "unknown")]),
        (13, 8, [("/name", "missing")]),
        (14, 9, [("/name", "string_too_long")]),
    ]
