"""The baseline's shop: the catalogue of CTS read as the manuals of aiohttp and SQLAlchemy would have one do it.

An async ORM session per request, relationships loaded by ``selectinload``, filters as WHERE, JSON values by
``json_each``, search by LIKE, counts by GROUP BY, ``json_response``. It reads the very file that CTS made, so that the
data are the same; the indexes of CTS are there for it to use.
"""

import argparse
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import JSON, ForeignKey, event, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from tests.bench.baseline import BACKLOG, set_pragmas


class Base(DeclarativeBase):
    """The tables of the shop, as far as the routes need them."""


class Group(Base):
    """A group of categories."""

    __tablename__ = "ProductGroup"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]


class Category(Base):
    """A category of a group."""

    __tablename__ = "ProductCategory"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    group_id: Mapped[int] = mapped_column(ForeignKey("ProductGroup.id"))
    group: Mapped[Group] = relationship()


class Product(Base):
    """A product."""

    __tablename__ = "Product"
    id: Mapped[int] = mapped_column(primary_key=True)
    article: Mapped[int]
    name: Mapped[str]
    status: Mapped[str]
    category_id: Mapped[int] = mapped_column(ForeignKey("ProductCategory.id"))
    category: Mapped[Category] = relationship()
    price_minor: Mapped[int]
    discount_bp: Mapped[int]
    effective_minor: Mapped[int]
    tags: Mapped[list[Any]] = mapped_column(JSON)
    specifications: Mapped[dict[str, Any]] = mapped_column(JSON)
    country_origin: Mapped[str]
    description: Mapped[str]
    images: Mapped[list[Any]] = mapped_column(JSON)
    remains: Mapped[int]
    r1: Mapped[int]
    r2: Mapped[int]
    r3: Mapped[int]
    r4: Mapped[int]
    r5: Mapped[int]
    creation_time: Mapped[datetime]
    edit_time: Mapped[datetime]

    def as_dict(self) -> dict[str, Any]:
        """The product as clients see it."""
        count = self.r1 + self.r2 + self.r3 + self.r4 + self.r5
        stars = self.r1 + 2 * self.r2 + 3 * self.r3 + 4 * self.r4 + 5 * self.r5
        return {
            "article": self.article,
            "name": self.name,
            "group": {"slug": self.category.group.slug, "name": self.category.group.name},
            "category": {"slug": self.category.slug, "name": self.category.name},
            "price": self.effective_minor,
            "old_price": self.price_minor,
            "discount": self.discount_bp / 100,
            "in_stock": self.remains > 0,
            "remains": self.remains,
            "rating": round(stars / count, 2) if count else None,
            "rating_count": count,
            "tags": self.tags,
            "specifications": self.specifications,
            "country_origin": self.country_origin,
            "description": self.description,
            "images": self.images,
            "creation_time": self.creation_time.isoformat(),
            "edit_time": self.edit_time.isoformat(),
        }


SESSIONS = web.AppKey("sessions", async_sessionmaker[AsyncSession])
DATABASE = web.AppKey("database", str)
routes = web.RouteTableDef()
_whole = selectinload(Product.category).selectinload(Category.group)


def _has(member: str, value: str) -> Any:
    values = func.json_each(Product.specifications, f"$.{member}").table_valued("value")
    return select(values.c.value).where(values.c.value == value).exists()


@routes.get("/api/v1/products")
async def list_products(request: web.Request) -> web.Response:
    """A page of products: of a category, of a colour, whose name has all words; newest or cheapest first."""
    query = request.query
    statement = select(Product).where(Product.status == "published").options(_whole).limit(int(query.get("limit", 24)))
    if slug := query.get("category"):
        statement = statement.join(Product.category).where(Category.slug == slug)
    if color := query.get("color"):
        statement = statement.where(_has("colors", color))
    for word in query.get("q", "").split():
        # SQLite's LIKE does not fold Cyrillic.
        statement = statement.where(or_(Product.name.like(f"%{word}%"), Product.name.like(f"%{word.capitalize()}%")))
    order = Product.effective_minor if query.get("sort") == "price" else Product.creation_time.desc()
    async with request.app[SESSIONS]() as session:
        products = (await session.scalars(statement.order_by(order, Product.id.desc()))).all()
    return web.json_response({"items": [product.as_dict() for product in products]})


@routes.get("/api/v1/products/{article}")
async def get_product(request: web.Request) -> web.Response:
    """One product."""
    wanted = select(Product).where(Product.article == int(request.match_info["article"])).options(_whole)
    async with request.app[SESSIONS]() as session:
        product = await session.scalar(wanted)
    if product is None:
        raise web.HTTPNotFound
    return web.json_response(product.as_dict())


@routes.get("/api/v1/facets")
async def list_facets(request: web.Request) -> web.Response:
    """How many products of a category have which colour, material, tag, country."""
    chosen = select(Product.id, Product.specifications, Product.tags, Product.country_origin).where(
        Product.status == "published"
    )
    if slug := request.query.get("category"):
        chosen = chosen.join(Product.category).where(Category.slug == slug)
    scope, counts = chosen.subquery(), {}
    async with request.app[SESSIONS]() as session:
        for name, column, path in (
            ("color", scope.c.specifications, "$.colors"),
            ("material", scope.c.specifications, "$.materials"),
            ("tag", scope.c.tags, "$"),
        ):
            values = func.json_each(column, path).table_valued("value")
            statement = select(values.c.value, func.count()).select_from(scope, values).group_by(values.c.value)
            counts[name] = {row[0]: row[1] for row in await session.execute(statement)}
        statement = select(scope.c.country_origin, func.count()).group_by(scope.c.country_origin)
        counts["country"] = {row[0]: row[1] for row in await session.execute(statement)}
    return web.json_response(counts)


async def database(application: web.Application) -> AsyncIterator[None]:
    """The engine, for as long as the application runs."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{application[DATABASE]}", pool_size=2, max_overflow=0)
    event.listen(engine.sync_engine, "connect", set_pragmas)
    application[SESSIONS] = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", help="the SQLite file")
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    application = web.Application()
    application[DATABASE] = arguments.path
    application.cleanup_ctx.append(database)
    application.add_routes(routes)
    web.run_app(application, host="127.0.0.1", port=arguments.port, backlog=BACKLOG, access_log=None, print=None)
