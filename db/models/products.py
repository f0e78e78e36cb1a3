"""PRODUCTS: groups, categories, products and their comments; and what shares a transaction with stock and price."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Date,
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


class ProductChange(ProductsBase):
    """When each product was changed last, counted in changes, so that what is derived from products can follow.

    Triggers write it (db/search/schema.py): nobody can forget to. ``seq`` rises with any change, ``text_seq`` with
    those that search sees. Rows stay when a product goes.
    """

    __tablename__ = "ProductChange"
    __table_args__ = (Index("ix_ProductChange_seq", "seq"), Index("ix_ProductChange_text_seq", "text_seq"))
    product_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Id)
    text_seq: Mapped[int] = mapped_column(Id)


class Comment(ProductsBase):
    """A review with a rating, one per user and product. Only an approved one counts in the product's r1..r5."""

    __tablename__ = "Comment"
    __table_args__ = (
        UniqueConstraint("product_id", "user_id"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
        CheckConstraint("status IN ('pending', 'approved', 'hidden')", name="status"),
        # One index for each order that the comments of a product are read in.
        Index("ix_Comment_product_newest", "product_id", "status", "creation_time", "id"),
        Index("ix_Comment_product_useful", "product_id", "status", "useful", "id"),
        Index("ix_Comment_product_rating", "product_id", "status", "rating", "id"),
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
    useful: Mapped[int] = mapped_column(Id, default=0, server_default="0")  # how many CommentVote rows it has


class CommentVote(ProductsBase):
    """Somebody found a comment useful."""

    __tablename__ = "CommentVote"
    comment_id: Mapped[int] = mapped_column(Id, ForeignKey("Comment.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, primary_key=True)  # User.id in USERS


class Order(ProductsBase):
    """What somebody bought, with contact, delivery and payment as they were given. Prices stand in its lines.

    ``status`` is the fulfilment; payment goes its own way. ``hold_until``: an order to be paid online gives its stock
    back if it is not paid by then.
    """

    __tablename__ = "Order"
    __table_args__ = (
        UniqueConstraint("number"),
        UniqueConstraint("user_id", "cart_version"),  # two tabs that order the same cart make one order
        CheckConstraint(
            "status IN ('placed', 'packed', 'shipped', 'delivered', 'cancelled', 'returned')", name="status"
        ),
        CheckConstraint("payment_method IN ('on_delivery', 'transfer', 'online')", name="payment_method"),
        CheckConstraint("payment_status IN ('unpaid', 'paid', 'refunded')", name="payment_status"),
        CheckConstraint("delivery_method IN ('courier', 'pickup', 'post')", name="delivery_method"),
        CheckConstraint("total_minor >= 0", name="total_minor"),
        Index("ix_Order_user", "user_id", "id"),
        Index("ix_Order_status", "status", "id"),
        Index("ix_Order_creation_time", "creation_time", "id"),
        Index("ix_Order_hold_until", "hold_until"),
        {"sqlite_autoincrement": True},  # the id stands in other databases too
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(20))  # what people say on the telephone; not to be guessed from another
    user_id: Mapped[int] = mapped_column(Id)  # User.id in USERS
    cart_version: Mapped[int | None] = mapped_column(Id)  # UserCart.version that was ordered
    status: Mapped[str] = mapped_column(String(9), default="placed")
    contact_name: Mapped[str] = mapped_column(String(200))
    contact_phone: Mapped[str] = mapped_column(String(32))
    contact_email: Mapped[str | None] = mapped_column(String(254))
    delivery_method: Mapped[str] = mapped_column(String(8))
    delivery_address: Mapped[str] = mapped_column(Text, default="")
    delivery_note: Mapped[str] = mapped_column(Text, default="")
    payment_method: Mapped[str] = mapped_column(String(11))
    payment_status: Mapped[str] = mapped_column(String(8), default="unpaid")
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hold_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    total_minor: Mapped[int] = mapped_column(Id)  # the sum of the lines
    cancel_reason: Mapped[str | None] = mapped_column(String(200))
    sold_on: Mapped[date] = mapped_column(Date)  # the day of the order in the shop's time zone: where it is counted
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Id, default=1)


class OrderLine(ProductsBase):
    """One product of an order: name and price as sold, and where the line came from."""

    __tablename__ = "OrderLine"
    __table_args__ = (
        UniqueConstraint("order_id", "product_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("price_minor >= 0", name="price_minor"),
        CheckConstraint("source IN ('shop', 'chat', 'proposal')", name="source"),
        Index("ix_OrderLine_product_id", "product_id", "order_id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(Id, ForeignKey("Order.id"))
    product_id: Mapped[int] = mapped_column(Id, ForeignKey("Product.id"))
    article: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(200))
    image: Mapped[str | None] = mapped_column(String(255))
    price_minor: Mapped[int] = mapped_column(Id)  # of one piece
    quantity: Mapped[int] = mapped_column(Id)
    source: Mapped[str] = mapped_column(String(8), default="shop")
    chat_id: Mapped[int | None] = mapped_column(Id)  # UserChat.id in MESSANGER
    chat_seq: Mapped[int | None] = mapped_column(Id)
    service_person_id: Mapped[int | None] = mapped_column(Id)  # ServicePerson.id in USERS


class StockMove(ProductsBase):
    """The ledger of stock: only ever added to; the sum of a product's moves is its ``remains``."""

    __tablename__ = "StockMove"
    __table_args__ = (
        CheckConstraint(
            "reason IN ('opening', 'receipt', 'correction', 'order', 'cancellation', 'return', 'import')",
            name="reason",
        ),
        CheckConstraint("remains >= 0", name="remains"),
        Index("ix_StockMove_product", "product_id", "id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    product_id: Mapped[int] = mapped_column(Id, ForeignKey("Product.id"))
    delta: Mapped[int] = mapped_column(Id)
    remains: Mapped[int] = mapped_column(Id)  # after the move
    reason: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(200), default="")
    order_id: Mapped[int | None] = mapped_column(Id)
    service_person_id: Mapped[int | None] = mapped_column(Id)  # ServicePerson.id in USERS
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)


class PriceLog(ProductsBase):
    """What a product cost from when on; also where the lowest price of thirty days comes from."""

    __tablename__ = "PriceLog"
    __table_args__ = (Index("ix_PriceLog_product", "product_id", "start_time", "id"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    product_id: Mapped[int] = mapped_column(Id, ForeignKey("Product.id"))
    price_minor: Mapped[int] = mapped_column(Id)
    effective_minor: Mapped[int] = mapped_column(Id)
    start_time: Mapped[datetime] = mapped_column(UtcDateTime)
    service_person_id: Mapped[int | None] = mapped_column(Id)  # ServicePerson.id in USERS; none: the clock
    promotion_id: Mapped[int | None] = mapped_column(Id)


class Promotion(ProductsBase):
    """A reduction for some time, exact to the clock at read. The best single one counts, they do not add up.

    ``targets``: articles, slugs or tags by ``scope``; none for all. ``value`` is in basis points or minor units.
    """

    __tablename__ = "Promotion"
    __table_args__ = (
        CheckConstraint("kind IN ('percent', 'fixed')", name="kind"),
        CheckConstraint("scope IN ('all', 'products', 'categories', 'groups', 'tags')", name="scope"),
        CheckConstraint("value > 0 AND (kind <> 'percent' OR value <= 10000)", name="value"),
        CheckConstraint("starts_at < ends_at", name="period"),
        Index("ix_Promotion_ends_at", "ends_at", "id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    image: Mapped[str | None] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(7))
    value: Mapped[int] = mapped_column(Id)
    scope: Mapped[str] = mapped_column(String(10))
    targets: Mapped[list[Any]] = mapped_column(JsonText, default=list)
    priority: Mapped[int] = mapped_column(SmallInteger, default=0)  # among equal reductions the higher is named
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Id, default=1)


class Announcement(ProductsBase):
    """Something the shop tells everybody for some time: a holiday, an event."""

    __tablename__ = "Announcement"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="period"),
        Index("ix_Announcement_ends_at", "ends_at", "id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text, default="")
    image: Mapped[str | None] = mapped_column(String(255))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Id, default=1)


class SalesDay(ProductsBase):
    """What a product sold on a day of the shop's time zone, changed in the transactions of orders: for statistics.

    A cancelled or returned order is taken out of the day on which it was placed.
    """

    __tablename__ = "SalesDay"
    __table_args__ = (Index("ix_SalesDay_product_id", "product_id", "day"),)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    product_id: Mapped[int] = mapped_column(Id, ForeignKey("Product.id"), primary_key=True)
    quantity: Mapped[int] = mapped_column(Id)
    revenue_minor: Mapped[int] = mapped_column(Id)


class OrdersDay(ProductsBase):
    """How many orders a day had, and how many of them were cancelled or returned since."""

    __tablename__ = "OrdersDay"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    placed: Mapped[int] = mapped_column(Id)
    cancelled: Mapped[int] = mapped_column(Id, default=0)
    revenue_minor: Mapped[int] = mapped_column(Id)  # without the cancelled and returned


class ImportJob(ProductsBase):
    """A file of products on its way into the catalogue. The file lies in <data>/imports while it is being read."""

    __tablename__ = "ImportJob"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'done', 'failed')", name="status"),
        CheckConstraint("format IN ('csv', 'ndjson')", name="format"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    status: Mapped[str] = mapped_column(String(7))
    format: Mapped[str] = mapped_column(String(6))
    dry_run: Mapped[bool] = mapped_column(default=False, server_default=false())
    file_name: Mapped[str] = mapped_column(String(200))
    bytes_total: Mapped[int] = mapped_column(Id)
    bytes_done: Mapped[int] = mapped_column(Id, default=0)
    rows: Mapped[int] = mapped_column(Id, default=0)
    added: Mapped[int] = mapped_column(Id, default=0)
    changed: Mapped[int] = mapped_column(Id, default=0)
    unchanged: Mapped[int] = mapped_column(Id, default=0)
    refused: Mapped[int] = mapped_column(Id, default=0)
    problem: Mapped[str | None] = mapped_column(String(64))  # the code of what ended it, if it failed
    service_person_id: Mapped[int | None] = mapped_column(Id)  # ServicePerson.id in USERS; none: the command line
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportRow(ProductsBase):
    """A row of an import that was refused, by the line it stands on in the file."""

    __tablename__ = "ImportRow"
    job_id: Mapped[int] = mapped_column(Id, ForeignKey("ImportJob.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Id, primary_key=True)
    article: Mapped[int | None] = mapped_column(Id)
    errors: Mapped[list[Any]] = mapped_column(JsonText)  # [{pointer, code, detail}]
