"""Makes the demo's three databases and its pictures, and keeps the passwords so that they can be shown again."""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.clock import Clock
from app.demo.chats import add_chats
from app.demo.comments import add_comments, make_comments
from app.demo.generator import SEED, Catalogue, created, make_catalogue
from app.demo.mark import demo_mark
from app.demo.orders import add_orders
from app.demo.people import GUESTS, PEOPLE, Account, Ids, add_people, make_accounts
from app.images import folder
from app.passwords import Passwords
from app.settings import Settings
from db.database import Databases, Done
from db.models.products import Announcement
from db.queries import demo as queries
from db.queries import products
from db.queries.demo import has_mark, is_used, set_mark
from db.queries.promotions import add_planned

ACCOUNTS_FILE = "demo-accounts.json"


class NotADemo(Exception):
    """The databases hold a shop that is no demo; nothing was touched."""


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo has. ``accounts`` is empty when somebody has removed the file with the passwords."""

    accounts: tuple[Account, ...]
    groups: int
    categories: int
    products: int
    chats: int


async def build_demo(databases: Databases, settings: Settings, clock: Clock, seed: int = SEED) -> DemoReport:
    """Fill what is empty, leave what is full: a demo broken off in the middle is finished by the next start.

    Raises:
        NotADemo: a database has rows and no mark.
    """
    for database in databases:
        if await database.read(partial(is_used, name=database.name)):
            raise NotADemo(f"{database.name} holds a shop that is no demo.")
    if all((await demo_mark(databases)).values()):
        return await describe_demo(databases, settings)
    catalogue = await asyncio.to_thread(make_catalogue, seed)
    await asyncio.to_thread(_write_pictures, settings.data, catalogue.pictures)
    await _build_users(databases, settings, clock, seed)
    ids = await databases.users.read(_read_ids)
    await _build_products(databases, settings, clock, catalogue, ids, seed)
    await _build_chats(databases, clock, catalogue, ids, seed)
    return await describe_demo(databases, settings)


async def describe_demo(databases: Databases, settings: Settings) -> DemoReport:
    """What is there, for a second start: the accounts with their passwords, and how much of everything."""

    groups, categories, count = await databases.products.read(queries.count_catalogue)
    chats = await databases.messanger.read(queries.count_chats)
    accounts = await asyncio.to_thread(_read_accounts, settings.data / ACCOUNTS_FILE)
    return DemoReport(tuple(accounts), groups, categories, count, chats)


async def _build_users(databases: Databases, settings: Settings, clock: Clock, seed: int) -> None:
    if await databases.users.read(partial(has_mark, name="users")):
        return
    accounts = make_accounts()
    with closing(Passwords(settings.password_cost)) as passwords:
        hashes = await asyncio.gather(*(passwords.hash(account.password) for account in accounts))
    by_login = dict(zip((account.login for account in accounts), hashes, strict=True))
    # Before the commit: accounts that nobody knows the passwords of would be of no use.
    await asyncio.to_thread(_write_accounts, settings.data / ACCOUNTS_FILE, accounts)

    def work(session: Session) -> Done[None]:
        add_people(session, by_login, clock.now())
        set_mark(session, "users", seed)
        return Done(None)

    await databases.users.write(work)


async def _build_products(
    databases: Databases, settings: Settings, clock: Clock, catalogue: Catalogue, ids: Ids, seed: int
) -> None:
    zone, hold = ZoneInfo(settings.time_zone), timedelta(hours=settings.order_hold_h)

    def work(session: Session) -> Done[None]:
        if not has_mark(session.connection(), "products"):
            add_catalogue(session, catalogue, ids.managers, clock)
            add_orders(session, catalogue.goods, ids, clock.now(), zone, hold)
            add_comments(session, make_comments(catalogue.goods, seed), ids, clock.now())
            add_announcement(session, clock.now())
            set_mark(session, "products", seed)
        return Done(None)

    await databases.products.write(work)


async def _build_chats(databases: Databases, clock: Clock, catalogue: Catalogue, ids: Ids, seed: int) -> None:
    def work(session: Session) -> Done[None]:
        if not has_mark(session.connection(), "messanger"):
            add_chats(session, catalogue.goods, ids, clock.now())
            set_mark(session, "messanger", seed)
        return Done(None)

    await databases.messanger.write(work)


def add_announcement(session: Session, now: datetime) -> None:
    """Have something to tell on the home page, for as long as anybody looks at a demo."""
    words = {
        "title": "Примерка перед покупкой",
        "text": "Курьер подождёт, пока вы примеряете. Не подойдёт размер: заберёт обратно, ничего платить не нужно.",
    }
    times = {"starts_at": now, "ends_at": now + timedelta(days=365), "creation_time": now, "edit_time": now}
    add_planned(session, Announcement, {**words, **times})


def add_catalogue(session: Session, catalogue: Catalogue, managers: tuple[str, ...], clock: Clock) -> None:
    """Write groups, categories and products, oldest first."""
    now = clock.now()
    groups = products.add_groups(session, catalogue.groups)
    slugs = {row["slug"]: row["group"] for row in catalogue.categories}
    rows = [
        {"group_id": groups[row["group"]], **{key: value for key, value in row.items() if key != "group"}}
        for row in catalogue.categories
    ]
    categories = products.add_categories(session, rows)
    products.add_products(
        session,
        (
            {
                **{key: value for key, value in item.row.items() if key != "category"},
                "category_id": categories[item.row["category"]],
                "group_id": groups[slugs[item.row["category"]]],
                "creation_manager_uuid": managers[index % len(managers)] if managers else None,
                "creation_time": created(item, now),
                "edit_time": created(item, now),
            }
            for index, item in enumerate(catalogue.goods)
        ),
    )


def _read_ids(connection: Connection) -> Ids:
    staff = queries.list_staff(connection)
    users = queries.list_users(connection, [person.username for person in PEOPLE if person.role == "user"])
    guests = zip(GUESTS, queries.list_guests(connection, len(GUESTS)), strict=True)
    return Ids(
        {row.username: row.id for row in staff},
        {row.username: row.id for row in users} | dict(guests),
        tuple(row.uuid for row in staff if row.role == "manager"),
    )


def _write_pictures(data: Path, pictures: Mapping[str, bytes]) -> None:
    images = folder(data)
    images.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        if not (images / name).exists():
            part = images / f"{name}.part"  # renamed when whole: a name must never mean half a picture
            part.write_bytes(content)
            part.replace(images / name)


def _write_accounts(path: Path, accounts: list[Account]) -> None:
    text = json.dumps([asdict(account) for account in accounts], ensure_ascii=False, indent=2)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _read_accounts(path: Path) -> list[Account]:
    if not path.exists():
        return []
    return [Account(**account) for account in json.loads(path.read_text(encoding="utf-8"))]
