"""Databases of earlier versions, with data in them, opened by the program of today: everybody finds their things."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.keys import DATABASES
from db.models.products import PriceLog, Product, StockMove
from db.models.users import CartLine
from tests.conftest import HandClock, Person, Shop, open_shop

FOLDERS = sorted((Path(__file__).parent / "upgrade").glob("[0-9]*"))


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def former(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The data folder of an earlier version, and who is in it."""
    folder: Path = request.param
    data = tmp_path / "data"
    data.mkdir()
    for dump in folder.glob("*.sql"):
        with closing(sqlite3.connect(data / f"{dump.stem}.db")) as connection:
            connection.executescript(dump.read_text(encoding="utf-8"))
    return {"data": data, **json.loads((folder / "tokens.json").read_text())}


@pytest.fixture
async def shop(former: dict[str, Any]) -> AsyncIterator[Shop]:
    """Opened an hour after the earlier version was stopped, and once before: the second start finds nothing to do."""
    clock = HandClock()
    clock.ahead = datetime.fromisoformat(former["time"]) + timedelta(hours=1) - datetime.now(UTC)
    async with open_shop(former["data"], clock):
        pass
    async with open_shop(former["data"], clock) as shop:
        yield shop


def person(shop: Shop, token: str) -> Person:
    return Person(shop.url, shop.http, {}, token)


async def test_a_guest_finds_the_conversation_and_goes_on(shop: Shop, former: dict[str, Any]) -> None:
    guest = person(shop, former["guest"])
    [chat] = (await guest.call("GET", "/api/v1/chats", status=200))["items"]
    entries = (await guest.call("GET", f"/api/v1/chats/{chat['id']}/messages?after=0", status=200))["items"]
    said = [entry["data"]["text"] for entry in entries if entry["kind"] == "message" and entry["data"]]

    assert said == ["Здравствуйте, это guest", *(f"Вопрос {n} 👋" for n in range(5)), "Отвечаю подробно"]
    assert [entry["seq"] for entry in entries] == list(range(1, chat["last_seq"] + 1))

    async with guest.socket(epoch="unknown", chats={}) as socket:
        sent = await socket.command("message.send", chat=chat["id"], client_id="new", text="Я вернулся")
        again = await socket.command("message.send", chat=chat["id"], client_id="m4", text="Вопрос 4 👋")
    assert sent["seq"] == chat["last_seq"] + 1
    assert again["seq"] < sent["seq"]  # a retry of what the earlier version has acknowledged is the same message


async def test_staff_sign_in_with_their_passwords_and_see_the_inbox(shop: Shop) -> None:
    owner = await shop.sign_in("owner", audience="staff")

    async with owner.socket() as socket:
        rows = (await socket.command("inbox.list", filter="all"))["rows"]
        closed = (await socket.command("inbox.list", filter="closed"))["rows"]

    assert owner.me["role"] == "owner"
    assert len(rows) == 1 and len(closed) == 1


async def test_a_customer_keeps_the_cart(shop: Shop, former: dict[str, Any]) -> None:
    await person(shop, former["anna"]).call("GET", "/api/v1/users/me", status=200)

    lines = await shop.app[DATABASES].users.read(
        lambda connection: connection.execute(select(CartLine.quantity).order_by(CartLine.id)).scalars().all()
    )
    assert lines == [1, 2]


async def test_the_ledger_and_the_price_log_begin_with_what_is_there(shop: Shop) -> None:
    def read(connection: Any) -> list[Any]:
        moved = select(func.coalesce(func.sum(StockMove.delta), 0)).where(StockMove.product_id == Product.id)
        logged = select(func.max(PriceLog.effective_minor)).where(PriceLog.product_id == Product.id)
        each = select(Product.remains, moved.scalar_subquery(), Product.effective_minor, logged.scalar_subquery())
        return list(connection.execute(each).all())

    rows = await shop.app[DATABASES].products.read(read)

    assert len(rows) == 12
    assert all(remains == moved and price == logged for remains, moved, price, logged in rows)
