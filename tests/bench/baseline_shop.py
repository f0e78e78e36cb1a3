"""The baseline's shop: the catalogue of CTS read as the manuals of aiohttp and SQLAlchemy would have one do it.

An async ORM session per request, relationships loaded by ``selectinload``, filters as WHERE, JSON values by
``json_each``, search by LIKE, counts by GROUP BY, one commit an order, ``json_response``. It reads the very file that
CTS made, so that the data are the same; the indexes of CTS are there for it to use.
"""

import argparse
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import JSON, ForeignKey, delete, event, func, or_, select, update
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


class CartLine(Base):
    """A product in somebody's cart."""

    __tablename__ = "BaselineCartLine"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    article: Mapped[int]
    quantity: Mapped[int]


class Order(Base):
    """What somebody bought."""

    __tablename__ = "BaselineOrder"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    key: Mapped[str] = mapped_column(unique=True)
    total: Mapped[int]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    lines: Mapped[list["OrderLine"]] = relationship(cascade="all")


class OrderLine(Base):
    """A product of an order."""

    __tablename__ = "BaselineOrderLine"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("BaselineOrder.id"), index=True)
    article: Mapped[int]
    name: Mapped[str]
    price: Mapped[int]
    quantity: Mapped[int]


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


def _owner(request: web.Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


async def _cart(session: AsyncSession, owner: str) -> tuple[list[tuple[CartLine, Product]], int]:
    lines = (await session.scalars(select(CartLine).where(CartLine.owner == owner).order_by(CartLine.id))).all()
    wanted = select(Product).where(Product.article.in_([line.article for line in lines])).options(_whole)
    products = {product.article: product for product in await session.scalars(wanted)}
    priced = [(line, products[line.article]) for line in lines]
    return priced, sum(product.effective_minor * line.quantity for line, product in priced)


@routes.put("/api/v1/cart/lines/{article}")
async def put_line(request: web.Request) -> web.Response:
    """So many of a product are in the cart then."""
    owner, article = _owner(request), int(request.match_info["article"])
    quantity = (await request.json())["quantity"]
    async with request.app[SESSIONS]() as session:
        product = await session.scalar(select(Product).where(Product.article == article))
        if product is None or product.remains < quantity:
            return web.json_response({"code": "out_of_stock"}, status=409)
        line = await session.scalar(select(CartLine).where(CartLine.owner == owner, CartLine.article == article))
        if line is None:
            session.add(CartLine(owner=owner, article=article, quantity=quantity))
        else:
            line.quantity = quantity
        await session.commit()
        priced, total = await _cart(session, owner)
    shown = [{"quantity": line.quantity, **product.as_dict()} for line, product in priced]
    return web.json_response({"version": 1, "lines": shown, "total": {"amount": total}})


@routes.delete("/api/v1/cart")
async def clear_cart(request: web.Request) -> web.Response:
    """Take everything out."""
    async with request.app[SESSIONS]() as session:
        await session.execute(delete(CartLine).where(CartLine.owner == _owner(request)))
        await session.commit()
    return web.json_response({})


@routes.post("/api/v1/orders")
async def place_order(request: web.Request) -> web.Response:
    """Order what is in the cart, if it is still there at that price."""
    owner, form, key = _owner(request), await request.json(), request.headers["Idempotency-Key"]
    async with request.app[SESSIONS]() as session:
        if await session.scalar(select(Order).where(Order.key == key)):
            return web.json_response({"code": "conflict"}, status=409)
        priced, total = await _cart(session, owner)
        if total != form["expected_total"]["amount"]:
            return web.json_response({"code": "conflict"}, status=409)
        order = Order(owner=owner, key=key, total=total, details=form, lines=[])
        for line, product in priced:
            left = update(Product).where(Product.id == product.id, Product.remains >= line.quantity)
            sold = await session.execute(left.values(remains=Product.remains - line.quantity))
            if not sold.rowcount:  # type: ignore[attr-defined]
                return web.json_response({"code": "out_of_stock"}, status=409)
            order.lines.append(
                OrderLine(
                    article=line.article, name=product.name, price=product.effective_minor, quantity=line.quantity
                )
            )
            await session.delete(line)
        session.add(order)
        await session.commit()
        shown = [{"article": line.article, "price": line.price, "quantity": line.quantity} for line in order.lines]
        return web.json_response({"id": order.id, "total": total, "lines": shown}, status=201)


async def database(application: web.Application) -> AsyncIterator[None]:
    """The engine, for as long as the application runs."""
    # One connection: two that write would meet, and SQLite refuses the one that has read before.
    engine = create_async_engine(f"sqlite+aiosqlite:///{application[DATABASE]}", pool_size=1, max_overflow=0)
    event.listen(engine.sync_engine, "connect", set_pragmas)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
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
