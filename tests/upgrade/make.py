"""Writes a small shop as this version leaves it: ``python -m tests.upgrade.make tests/upgrade/0002``."""

import asyncio
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from app.clock import Clock
from app.demo.build import add_catalogue
from app.demo.generator import make_catalogue
from app.keys import DATABASES
from db.database import Done
from db.models.users import CartLine, UserCart
from db.urls import NAMES
from tests.conftest import Person, open_shop

PRODUCTS = 12


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as parent:
        data = Path(parent) / "data"
        async with open_shop(data) as shop:
            await shop.owner("owner")
            manager = await shop.staff("manager", allows=("chats.answer", "products.edit"))
            catalogue = make_catalogue(seed=7, count=PRODUCTS)

            def add_products(session: Session) -> Done[None]:
                add_catalogue(session, catalogue, (), Clock())
                return Done(None)

            await shop.app[DATABASES].products.write(add_products)
            anna, guest = await shop.user("anna"), await shop.guest()
            await shop.user("boris")
            await talk(anna, "anna", manager)
            await talk(guest, "guest", manager)

            def fill_cart(session: Session) -> Done[None]:
                now = datetime.now(UTC)
                cart = UserCart(owner_id=anna.me["id"], version=2, creation_time=now, edit_time=now)
                session.add(cart)
                session.flush()
                for quantity, item in enumerate(catalogue.goods[:2], start=1):
                    article, price = item.row["article"], item.row["effective_minor"]
                    session.add(
                        CartLine(
                            cart_id=cart.id, article=article, quantity=quantity, price_minor=price, creation_time=now
                        )
                    )
                return Done(None)

            await shop.app[DATABASES].users.write(fill_cart)
            known = {"time": datetime.now(UTC).isoformat(), "anna": anna.token, "guest": guest.token}
        folder.mkdir(parents=True)
        for name in map(str.upper, NAMES):
            with closing(sqlite3.connect(data / f"{name}.db")) as connection:
                dump = "\n".join(connection.iterdump())
                (folder / f"{name}.sql").write_text(f"{dump}\n", encoding="utf-8")
        (folder / "tokens.json").write_text(json.dumps(known, indent=1) + "\n")


async def talk(customer: Person, name: str, manager: Person) -> None:
    """A chat with an edit, a removal and a read mark; a user's is closed in the end."""
    form = {"client_id": "opening", "subject": "Доставка", "text": f"Здравствуйте, это {name}"}
    chat = (await customer.call("POST", "/api/v1/chats", json=form, status=201))["chat"]
    for number in range(5):
        message = {"client_id": f"m{number}", "text": f"Вопрос {number} 👋"}
        await customer.call("POST", f"/api/v1/chats/{chat}/messages", json=message, status=201)
    async with manager.socket() as socket:
        await socket.command("chat.watch", chat=chat)
        await socket.command("chat.claim", chat=chat)
        answer = await socket.command("message.send", chat=chat, client_id=f"a{chat}", text="Отвечаю")
        edit = {"target": answer["seq"], "client_id": f"e{chat}", "text": "Отвечаю подробно"}
        await socket.command("message.edit", chat=chat, **edit)
        slip = await socket.command("message.send", chat=chat, client_id=f"d{chat}", text="Лишнее")
        await socket.command("message.delete", chat=chat, target=slip["seq"], client_id=f"x{chat}")
        await socket.command("chat.read", chat=chat, seq=slip["seq"])
        if customer.me["kind"] == "user":
            await socket.command("chat.close", chat=chat, client_id="c1")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
