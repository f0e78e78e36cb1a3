"""The shop: 50,000 products and 200,000 comments; lists, one product, search, facets and purchases over real HTTP.

`tests.bench.buying` has the writes: carts and orders.
"""

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession, TCPConnector
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.demo.build import add_catalogue
from app.demo.generator import make_catalogue
from app.main import open_databases
from app.services.finding import FindingService
from app.services.pricing import PriceBook
from db.database import Done
from db.models.products import Comment, Product
from tests.bench.buying import BUYERS, buying
from tests.bench.load import LoadError
from tests.bench.measure import Meter, percentile
from tests.bench.scenarios import Figures, Size, cost
from tests.bench.targets import STAFF_PASSWORD, Baseline, Cts, Target, many, token_in
from tests.conftest import make_settings

PRODUCTS, COMMENTS = 50_000, 200_000
CLIENTS = 2
"""Connections that ask at once: as many as there are cores."""

CATEGORIES = ("zimnyaya-odezhda", "zimnyaya-obuv", "letnyaya-odezhda", "trikotazh", "aksessuary", "osennyaya-obuv")
COLORS = ("синий", "красный", "зелёный", "серый", "молочный", "бордовый", "горчичный")
# Each pair once with each colour: hardly any question comes twice, so that live means live.
WORDS = ("куртка", "шапка", "ботинки", "шарф", "рюкзак", "платье", "свитер", "кеды", "зонт", "палатка", "сумка", "плащ")
QUALITIES = ("тёплая", "зимняя", "лёгкая", "яркая", "городская", "мягкая", "спортивная", "классическая", "вязаная")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: what it asks the n-th time."""

    name: str
    path: Callable[[int, Sequence[int]], str]


def _live(number: int, articles: Sequence[int]) -> str:
    """Filtered and sorted, and never twice the same: each time another lowest price."""
    query = {"category": CATEGORIES[number % 6], "sort": "price", "limit": 24, "color": COLORS[number % 7]}
    return f"/api/v1/products?{urlencode(query)}" + f"&price_min={number}"


def _search(number: int, articles: Sequence[int]) -> str:
    words = f"{QUALITIES[number % 9]} {WORDS[number // 9 % 12]}"
    return f"/api/v1/products?{urlencode({'q': words, 'limit': 24})}" + f"&price_min={number}"


def _facets(number: int, articles: Sequence[int]) -> str:
    query = {"category": CATEGORIES[number % 6], "facets": "color,material,tag,country"}
    return f"/api/v1/facets?{urlencode(query)}" + f"&price_min={number}"


KINDS = (
    Kind("list", _live),
    Kind("cached", lambda number, articles: "/api/v1/products?limit=24"),
    Kind("product", lambda number, articles: f"/api/v1/products/{articles[number % len(articles)]}"),
    Kind("search", _search),
    Kind("facets", _facets),
)


async def fill(data: Path) -> None:
    """Make CTS's databases with the products, indexed, and the comments."""
    clock = Clock()
    databases = await open_databases(make_settings(data))
    catalogue = await asyncio.to_thread(make_catalogue, count=PRODUCTS)
    await databases.products.write(lambda session: Done(add_catalogue(session, catalogue, (), clock)))
    await FindingService(databases, PriceBook(databases.products, clock), clock, "").index_texts()
    await databases.products.write(_add_comments)
    await databases.close()


def _add_comments(session: Session) -> Done[None]:
    random, now = Random(1123), Clock().now()
    ids = session.execute(select(Product.id)).scalars().all()
    rows: Iterator[dict[str, Any]] = (
        {"product_id": product_id, "user_id": user, "data_text": f"Comment {user}", "rating": random.randrange(1, 6),
         "status": "approved", "creation_time": now, "edit_time": now}
        for user in range(COMMENTS // len(ids)) for product_id in ids
    )  # fmt: skip
    session.execute(insert(Comment), list(rows))
    return Done(None)


class ShopCts(Cts):
    """CTS with the catalogue and buyers."""

    async def prepare(self) -> None:
        await fill(self.template)
        await self._launch(self.template)
        try:
            async with ClientSession(f"http://127.0.0.1:{self.port}") as http:
                self.buyers = await many(BUYERS, 8, partial(self._register, http))
        finally:
            await self.end(signal.SIGTERM)

    async def _register(self, http: ClientSession, index: int) -> str:
        name = f"buyer{index}"
        form = {"username": name, "email": f"{name}@shop.example", "password": STAFF_PASSWORD, "token": True}
        async with http.post("/api/v1/users", json=form) as response:
            return await token_in(response)


class ShopBaseline(Baseline):
    """The baseline on the same PRODUCTS.db; CTS must be prepared first."""

    async def prepare(self) -> None:
        self.buyers = [f"buyer-{index}" for index in range(BUYERS)]  # it believes what they say
        self.template.mkdir(parents=True)
        shutil.copy(self.folder.parent / ShopCts.name / "template" / "PRODUCTS.db", self.template)

    def _command(self, data: Path) -> list[str]:
        return [sys.executable, "-m", "tests.bench.baseline_shop", str(data / "PRODUCTS.db"), str(self.port)]


async def shop(target: Target, size: Size) -> Figures:
    """Each kind of request in turn, ``run_s`` long: server CPU per request and p99 of the answers."""
    figures: Figures = {}
    async with ClientSession(f"http://127.0.0.1:{target.port}", connector=TCPConnector(limit=CLIENTS)) as http:
        async with http.get("/api/v1/products?limit=100") as response:  # waits until the shop is on the shelf
            articles = [item["article"] for item in (await response.json())["items"]]
        for kind in KINDS:
            numbers = count()
            await _ask(http, kind, articles, numbers, size.warm_s)
            meter = Meter(target.pid)
            took = await _ask(http, kind, articles, numbers, size.run_s)
            usage = meter.stop()
            figures[f"{kind.name}_cpu_us"] = usage.server_s / len(took) * 1e6
            figures[f"{kind.name}_p50"] = percentile(took, 50)
            figures[f"{kind.name}_p99"] = percentile(took, 99)
            figures |= {name: max(value, figures.get(name, 0)) for name, value in cost(usage).items()}
    assert isinstance(target, ShopCts | ShopBaseline)
    return figures | await buying(target, target.buyers, size)


async def _ask(
    http: ClientSession, kind: Kind, articles: Sequence[int], numbers: Iterator[int], run_s: float
) -> list[float]:
    """Ask one after another on each connection; how long each answer took, in ms."""
    took: list[float] = []
    end = time.perf_counter() + run_s

    async def client() -> None:
        while (begin := time.perf_counter()) < end:
            async with http.get(kind.path(next(numbers), articles)) as response:
                if response.status != 200 or not await response.read():
                    raise LoadError(f"{kind.name}: {response.status}")
            took.append((time.perf_counter() - begin) * 1e3)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return took
