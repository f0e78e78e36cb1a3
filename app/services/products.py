"""The catalogue as shoppers and staff see it."""

import base64
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct
from struct import error as StructError
from typing import Any

from sqlalchemy import Connection

from app.actor import Actor
from app.clock import Clock
from app.errors import BadRequest, Forbidden, NotFound
from app.images import THUMBNAILS, thumbnail
from app.schemas.products import (
    CategoryRef,
    GroupRef,
    Money,
    ProductOut,
    ProductPage,
    ProductQuery,
    PromotionRef,
)
from app.services.pricing import Price, PriceBook
from app.services.ratings import mean_rating
from db.database import Databases
from db.queries import products as queries
from db.queries.prices import get_lowest_price

IMAGES_PATH = "/images/"
CACHED_PAGES = 64
HOT_LIMIT = 24
"""A page of so many takes a millisecond; a longer one is read and put together in a thread."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POSITION = Struct(">qq8s")  # creation_time in microseconds, id, seal


class ProductService:
    """Reads of the catalogue. ``secret`` seals cursors, so that one of another filter or shop is refused."""

    def __init__(self, databases: Databases, prices: PriceBook, clock: Clock, secret: str = "") -> None:
        self._products, self._prices, self._clock = databases.products, prices, clock
        self._key = blake2b(secret.encode()).digest()
        self._pages: OrderedDict[str, ProductPage] = OrderedDict()

    async def list_products(self, actor: Actor, query: ProductQuery) -> ProductPage:
        """One page of products, newest first.

        Raises:
            BadRequest: the cursor is damaged or belongs to another filter.
            Forbidden: a status that only staff may see.
        """
        tag = await self.page_tag(actor, query)
        page = self._pages.get(tag)
        if page is None:
            page = await self._read_page(query)
            if query.cursor is None:  # the pages that everybody opens
                self._pages[tag] = page
                if len(self._pages) > CACHED_PAGES:
                    self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(tag)
        return page

    async def page_tag(self, actor: Actor, query: ProductQuery) -> str:
        """What a page's ETag says: the catalogue's epoch, which promotions run, and which page it is.

        Raises:
            Forbidden: a status that only staff may see.
        """
        if query.status != "published" and not actor.is_staff:
            raise Forbidden("Only published products are shown to everybody.")
        epoch = await self._products.read(queries.get_epoch, hot=True)
        asked = repr((query.limit, query.cursor, query.group, query.category, query.status)).encode()
        prices = self._prices.stamp(self._clock.now())
        return f"{epoch}-{prices}-{blake2b(asked, digest_size=9).hexdigest()}"

    async def get_product(self, actor: Actor, article: int) -> ProductOut:
        """One product. Raises NotFound: there is none, or it is not published and the actor is not staff."""
        row = await self._products.read(lambda connection: queries.get_product(connection, article), hot=True)
        if row is None or (row.status != "published" and not actor.is_staff):
            raise NotFound
        now = self._clock.now()
        price = self._prices.current_price(row, now)
        lowest = None
        if price.effective_minor < row.price_minor:
            lowest = await self._products.read(lambda c: get_lowest_price(c, row.id, now), hot=True)
        return product_out(row, price, lowest)

    async def _read_page(self, query: ProductQuery) -> ProductPage:
        after = None if query.cursor is None else self._open_cursor(query, query.cursor)
        now = self._clock.now()

        def read(connection: Connection) -> ProductPage:
            rows = queries.list_products(
                connection,
                query.status,
                query.group,
                query.category,
                after,
                query.limit + 1,  # one more tells whether there is a next page
            )
            shown = rows[: query.limit]
            following = self._cursor(query, shown[-1]) if len(rows) > query.limit else None
            return ProductPage(
                items=[product_out(row, self._prices.current_price(row, now)) for row in shown], next=following
            )

        return await self._products.read(read, hot=query.limit <= HOT_LIMIT)

    def _cursor(self, query: ProductQuery, last: Any) -> str:
        micros = (last.creation_time - _EPOCH) // timedelta(microseconds=1)
        packed = _POSITION.pack(micros, last.id, self._seal(query, micros, last.id))
        return base64.urlsafe_b64encode(packed).decode()

    def _open_cursor(self, query: ProductQuery, cursor: str) -> queries.Position:
        try:
            micros, last_id, seal = _POSITION.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
            position = _EPOCH + timedelta(microseconds=micros), last_id
        except (ValueError, OverflowError, StructError):
            raise BadRequest("This cursor is damaged.") from None
        if not compare_digest(seal, self._seal(query, micros, last_id)):
            raise BadRequest("This cursor belongs to another list.")
        return position

    def _seal(self, query: ProductQuery, micros: int, last_id: int) -> bytes:
        """Ties a position to the filter and order that it was given for."""
        place = repr((query.group, query.category, query.status, "-created", micros, last_id))
        return blake2b(place.encode(), digest_size=8, key=self._key).digest()


def product_tag(product: ProductOut) -> str:
    """What a product's ETag says: version (the part If-Match compares), rev, and what the clock makes of the price."""
    priced = repr((product.price, product.promotion, product.valid_until)).encode()
    return f"{product.version}.{product.rev}.{blake2b(priced, digest_size=6).hexdigest()}"


def product_out(row: Any, price: Price, lowest_minor: int | None = None) -> ProductOut:
    """A row of `db.queries.products.get_product` as it is shown at that price."""
    histogram = [row.r1, row.r2, row.r3, row.r4, row.r5]
    return ProductOut(
        article=row.article,
        name=row.name,
        status=row.status,
        group=GroupRef(slug=row.group_slug, name=row.group_name),
        category=CategoryRef(slug=row.category_slug, name=row.category_name),
        price=Money(amount=price.effective_minor),
        old_price=Money(amount=row.price_minor) if price.effective_minor < row.price_minor else None,
        lowest_price=None if lowest_minor is None else Money(amount=lowest_minor),
        discount=row.discount_bp / 100,
        promotion=PromotionRef.model_validate(price.promotion) if price.promotion else None,
        valid_until=price.valid_until,
        in_stock=row.remains > 0,
        remains=row.remains,
        rating=mean_rating(histogram),
        rating_count=sum(histogram),
        tags=row.tags,
        specifications=row.specifications,
        country_origin=row.country_origin,
        description=row.description,
        images=[image_url(name) for name in row.images],
        thumbnails=[image_url(thumbnail(name, THUMBNAILS[0])) for name in row.images],
        creation_time=row.creation_time,
        edit_time=row.edit_time,
        version=row.version,
        rev=row.rev,
    )


def image_url(name: str) -> str:
    """Where a picture is to be had."""
    return IMAGES_PATH + name
