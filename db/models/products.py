"""PRODUCTS: groups, categories, products and their comments."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.models.base import (
    NAMING,
    AppliedEventColumns,
    Id,
    IdempotencyKeyColumns,
    JsonText,
    MetaColumns,
    OutboxColumns,
    UtcDateTime,
)


class ProductsBase(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class Outbox(OutboxColumns, ProductsBase):
    pass


class AppliedEvent(AppliedEventColumns, ProductsBase):
    pass


class IdempotencyKey(IdempotencyKeyColumns, ProductsBase):
    pass


class Meta(MetaColumns, ProductsBase):
    pass


class ProductGroup(ProductsBase):
    """A group of categories, for example «Зима»."""

    __tablename__ = "ProductGroup"
    __table_args__ = (UniqueConstraint("name"), UniqueConstraint("slug"))
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(80))  # kept when the name changes: links live on
    image: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(SmallInteger, default=0)
    archived: Mapped[bool] = mapped_column(default=False, server_default=false())


class ProductCategory(ProductsBase):
    """A category inside one group; the same name may stand in two groups («Головные уборы»), a slug may not."""

    __tablename__ = "ProductCategory"
    __table_args__ = (
        UniqueConstraint("group_id", "name"),
        UniqueConstraint("slug"),
        UniqueConstraint("id", "group_id"),  # what Product's pair of keys refers to
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    group_id: Mapped[int] = mapped_column(Id, ForeignKey("ProductGroup.id"))
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(80))
    image: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(SmallInteger, default=0)
    archived: Mapped[bool] = mapped_column(default=False, server_default=false())


class Product(ProductsBase):
    """A thing on sale, known outside by its ``article``. Money is in minor units, the discount in basis points.

    ``version`` counts edits by staff (If-Match compares it), ``rev`` any change.
    """

    __tablename__ = "Product"
    __table_args__ = (
        UniqueConstraint("article"),
        # The group follows from the category, and the database sees to it: a category that moves takes its products
        # along. It stands here so that a group's page, like a category's, is one walk along one index.
        ForeignKeyConstraint(
            ["category_id", "group_id"], ["ProductCategory.id", "ProductCategory.group_id"], onupdate="CASCADE"
        ),
        CheckConstraint("status IN ('draft', 'review', 'published', 'archived')", name="status"),
        CheckConstraint("article > 0", name="article"),
        CheckConstraint("price_minor BETWEEN 0 AND 1000000000000", name="price_minor"),
        CheckConstraint("effective_minor BETWEEN 0 AND price_minor", name="effective_minor"),
        CheckConstraint("discount_bp BETWEEN 0 AND 10000", name="discount_bp"),
        CheckConstraint("remains >= 0", name="remains"),
        CheckConstraint("sold >= 0", name="sold"),
        CheckConstraint("r1 >= 0 AND r2 >= 0 AND r3 >= 0 AND r4 >= 0 AND r5 >= 0", name="ratings"),
        # One index for each list that a shopper pages through, ending in the order of the list.
        Index("ix_Product_newest", "status", "creation_time", "id"),
        Index("ix_Product_group_newest", "group_id", "status", "creation_time", "id"),
        Index("ix_Product_category_newest", "category_id", "status", "creation_time", "id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    article: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(9), default="draft")
    category_id: Mapped[int] = mapped_column(Id)
    group_id: Mapped[int] = mapped_column(Id)
    price_minor: Mapped[int] = mapped_column(Id)
    discount_bp: Mapped[int] = mapped_column(SmallInteger, default=0)
    effective_minor: Mapped[int] = mapped_column(Id)  # what a piece costs now, by the one rounding rule
    valid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when a promotion changes effective_minor
    promotion: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    tags: Mapped[list[str]] = mapped_column(JsonText, default=list)
    specifications: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)  # colors, materials, sizes …
    country_origin: Mapped[str] = mapped_column(String(80), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    images: Mapped[list[str]] = mapped_column(JsonText, default=list)  # file names below <data>/images
    sold: Mapped[int] = mapped_column(Id, default=0)
    remains: Mapped[int] = mapped_column(Id, default=0)
    r1: Mapped[int] = mapped_column(Id, default=0)  # how many approved comments gave one star
    r2: Mapped[int] = mapped_column(Id, default=0)
    r3: Mapped[int] = mapped_column(Id, default=0)
    r4: Mapped[int] = mapped_column(Id, default=0)
    r5: Mapped[int] = mapped_column(Id, default=0)
    family: Mapped[int | None] = mapped_column(Id)  # reserved for variants of one thing
    creation_manager_uuid: Mapped[str | None] = mapped_column(String(36))  # ServicePerson.uuid in USERS
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Id, default=1)
    rev: Mapped[int] = mapped_column(Id, default=1)


class Comment(ProductsBase):
    """A review with a rating, one per user and product. Only an approved one counts in the product's r1..r5."""

    __tablename__ = "Comment"
    __table_args__ = (
        UniqueConstraint("product_id", "user_id"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
        CheckConstraint("status IN ('pending', 'approved', 'hidden')", name="status"),
        Index("ix_Comment_product_newest", "product_id", "status", "creation_time", "id"),
        Index("ix_Comment_queue", "status", "creation_time", "id"),
        Index("ix_Comment_user_id", "user_id", "id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    product_id: Mapped[int] = mapped_column(Id, ForeignKey("Product.id"))
    user_id: Mapped[int] = mapped_column(Id)  # User.id in USERS; the author's name is looked up there
    data_text: Mapped[str] = mapped_column(Text, default="")
    images: Mapped[list[str]] = mapped_column(JsonText, default=list)
    rating: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(String(8), default="pending")
    verified_purchase: Mapped[bool] = mapped_column(default=False, server_default=false())
    reply_text: Mapped[str | None] = mapped_column(Text)
    reply_staff_id: Mapped[int | None] = mapped_column(Id)  # ServicePerson.id in USERS
    reply_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Id, default=1)
