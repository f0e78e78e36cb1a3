"""The catalogue as shoppers and staff see it."""

from hashlib import blake2b
from typing import Any

from app.actor import Actor
from app.clock import Clock
from app.errors import NotFound
from app.images import THUMBNAILS, thumbnail
from app.schemas.base import image_url
from app.schemas.products import (
    CategoryRef,
    GroupRef,
    Money,
    ProductOut,
    PromotionRef,
)
from app.services.pricing import Price, PriceBook
from app.services.ratings import mean_rating
from db.database import Databases
from db.queries import products as queries
from db.queries.prices import get_lowest_price


class ProductService:
    """Reads of the catalogue by name; `app.services.finding` has the lists."""

    def __init__(self, databases: Databases, prices: PriceBook, clock: Clock) -> None:
        self._products, self._prices, self._clock = databases.products, prices, clock

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
