"""What the catalogue accepts and sends: products, groups, categories, money."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from app.schemas.base import OutModel

Slug = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
ProductStatus = Literal["draft", "review", "published", "archived"]


class Money(OutModel):
    """An amount in minor units (kopecks for RUB); never a float."""

    amount: int
    currency: Literal["RUB"] = "RUB"


class GroupRef(OutModel):
    """A group as its products and categories name it."""

    slug: str
    name: str


class CategoryRef(GroupRef):
    """A category as its products and its group name it."""


class PromotionRef(OutModel):
    """The promotion that makes a product's price."""

    id: int
    name: str
    ends_at: datetime


class ProductOut(OutModel):
    """A product as the shop shows it."""

    article: int
    name: str
    status: ProductStatus
    group: GroupRef
    category: CategoryRef
    price: Money = Field(description="What one piece costs now.")
    old_price: Money | None = Field(description="Price without the discount; null when there is none.")
    lowest_price: Money | None = Field(
        description="On the product's own route: the lowest price of the 30 days before it was reduced."
    )
    discount: float = Field(description="Percent taken off the old price, at most two decimals.")
    promotion: PromotionRef | None = Field(description="What made the price; null when it is the product's own.")
    valid_until: datetime | None = Field(description="When the price changes by itself; null if it does not.")
    in_stock: bool
    remains: int
    rating: float | None = Field(description="Mean of the stars, 1 to 5; null while nobody has rated.")
    rating_count: int
    tags: list[str]
    specifications: dict[str, JsonValue]
    country_origin: str
    description: str
    images: list[str] = Field(description="Addresses of pictures, the main one first.")
    thumbnails: list[str] = Field(description="The same pictures, 320 pixels at most: for cards and lists.")
    creation_time: datetime
    edit_time: datetime
    version: int = Field(description="Rises with each edit by staff; the If-Match part of the ETag.")
    rev: int = Field(description="Rises with any change, a sale among them.")
