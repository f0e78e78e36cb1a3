"""What tests of the catalogue do as staff, over REST: make groups, categories and products, and change them."""

from typing import Any

from sqlalchemy import select

from app.keys import DATABASES
from db.models.products import Outbox
from tests.conftest import Person, Shop

API = "/api/v1"
EDITOR = ("products.edit",)


async def make_group(person: Person, name: str = "Зима", **values: Any) -> Any:
    return await person.call("POST", f"{API}/groups", json={"name": name, **values}, status=201)


async def make_category(person: Person, name: str = "Шапки", group: str = "zima", **values: Any) -> Any:
    form = {"name": name, "group": group, **values}
    return await person.call("POST", f"{API}/categories", json=form, status=201)


async def make_place(person: Person) -> None:
    """The group «zima» with the category «shapki»."""
    await make_group(person)
    await make_category(person)


async def make_product(person: Person, **values: Any) -> Any:
    form = {"name": "Шапка", "category": "shapki", "price": {"amount": 100_00}, **values}
    return await person.call("POST", f"{API}/products", json=form, status=201)


async def etag(person: Person, path: str) -> str:
    async with person.request("GET", API + path) as response:
        assert response.status == 200, await response.text()
        return str(response.headers["ETag"])


async def change(person: Person, method: str, path: str, body: Any = None, *, status: int = 200, of: str = "") -> Any:
    """Change what is there now: its ETag is asked for and sent along. ``of`` has it if it is not ``path`` itself."""
    headers = {"If-Match": await etag(person, of or path.partition("?")[0])}
    return await person.call(method, API + path, headers=headers, status=status, **({"json": body} if body else {}))


async def deeds(shop: Shop) -> list[dict[str, Any]]:
    """What the work history gets from the catalogue, oldest first."""
    history = select(Outbox.payload).order_by(Outbox.position)
    return list(await shop.app[DATABASES].products.read(lambda connection: connection.execute(history).scalars().all()))


async def epoch(shop: Shop) -> str:
    """The part of a list's ETag that rises with the catalogue."""
    return (await etag(await shop.visitor(), "/products")).partition("-")[0]
