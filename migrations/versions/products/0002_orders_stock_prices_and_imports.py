"""Orders, stock, prices and imports; what is in the shop already begins its ledger and its price log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "Announcement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("image", sa.String(length=255), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_Announcement_period")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_Announcement")),
    )
    op.create_index("ix_Announcement_ends_at", "Announcement", ["ends_at", "id"], unique=False)
    op.create_table(
        "ImportJob",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("status", sa.String(length=7), nullable=False),
        sa.Column("format", sa.String(length=6), nullable=False),
        sa.Column("dry_run", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("bytes_total", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bytes_done", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rows", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("added", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("changed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unchanged", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("refused", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("problem", sa.String(length=64), nullable=True),
        sa.Column("service_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("format IN ('csv', 'ndjson')", name=op.f("ck_ImportJob_format")),
        sa.CheckConstraint("status IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_ImportJob_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ImportJob")),
    )
    op.create_table(
        "Order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cart_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("contact_name", sa.String(length=200), nullable=False),
        sa.Column("contact_phone", sa.String(length=32), nullable=False),
        sa.Column("contact_email", sa.String(length=254), nullable=True),
        sa.Column("delivery_method", sa.String(length=8), nullable=False),
        sa.Column("delivery_address", sa.Text(), nullable=False),
        sa.Column("delivery_note", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.String(length=11), nullable=False),
        sa.Column("payment_status", sa.String(length=8), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("total_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cancel_reason", sa.String(length=200), nullable=True),
        sa.Column("sold_on", sa.Date(), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("delivery_method IN ('courier', 'pickup', 'post')", name=op.f("ck_Order_delivery_method")),
        sa.CheckConstraint(
            "payment_method IN ('on_delivery', 'transfer', 'online')", name=op.f("ck_Order_payment_method")
        ),
        sa.CheckConstraint("payment_status IN ('unpaid', 'paid', 'refunded')", name=op.f("ck_Order_payment_status")),
        sa.CheckConstraint(
            "status IN ('placed', 'packed', 'shipped', 'delivered', 'cancelled', 'returned')",
            name=op.f("ck_Order_status"),
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_Order_total_minor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_Order")),
        sa.UniqueConstraint("number", name=op.f("uq_Order_number")),
        sa.UniqueConstraint("user_id", "cart_version", name=op.f("uq_Order_user_id_cart_version")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_Order_creation_time", "Order", ["creation_time", "id"], unique=False)
    op.create_index("ix_Order_hold_until", "Order", ["hold_until"], unique=False)
    op.create_index("ix_Order_status", "Order", ["status", "id"], unique=False)
    op.create_index("ix_Order_user", "Order", ["user_id", "id"], unique=False)
    op.create_table(
        "OrdersDay",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("placed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cancelled", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_OrdersDay")),
    )
    op.create_table(
        "Promotion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("image", sa.String(length=255), nullable=True),
        sa.Column("kind", sa.String(length=7), nullable=False),
        sa.Column("value", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("targets", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kind IN ('percent', 'fixed')", name=op.f("ck_Promotion_kind")),
        sa.CheckConstraint(
            "scope IN ('all', 'products', 'categories', 'groups', 'tags')", name=op.f("ck_Promotion_scope")
        ),
        sa.CheckConstraint("value > 0 AND (kind <> 'percent' OR value <= 10000)", name=op.f("ck_Promotion_value")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_Promotion_period")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_Promotion")),
    )
    op.create_index("ix_Promotion_ends_at", "Promotion", ["ends_at", "id"], unique=False)
    op.create_table(
        "ImportRow",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("errors", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["ImportJob.id"], name=op.f("fk_ImportRow_job_id")),
        sa.PrimaryKeyConstraint("job_id", "line", name=op.f("pk_ImportRow")),
    )
    op.create_table(
        "OrderLine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("image", sa.String(length=255), nullable=True),
        sa.Column("price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("chat_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("chat_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("service_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("source IN ('shop', 'chat', 'proposal')", name=op.f("ck_OrderLine_source")),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_OrderLine_price_minor")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_OrderLine_quantity")),
        sa.ForeignKeyConstraint(["order_id"], ["Order.id"], name=op.f("fk_OrderLine_order_id")),
        sa.ForeignKeyConstraint(["product_id"], ["Product.id"], name=op.f("fk_OrderLine_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_OrderLine")),
        sa.UniqueConstraint("order_id", "product_id", name=op.f("uq_OrderLine_order_id_product_id")),
    )
    op.create_index("ix_OrderLine_product_id", "OrderLine", ["product_id", "order_id"], unique=False)
    op.create_table(
        "PriceLog",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("effective_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("promotion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["Product.id"], name=op.f("fk_PriceLog_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_PriceLog")),
    )
    op.create_index("ix_PriceLog_product", "PriceLog", ["product_id", "start_time", "id"], unique=False)
    op.create_table(
        "SalesDay",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["Product.id"], name=op.f("fk_SalesDay_product_id")),
        sa.PrimaryKeyConstraint("day", "product_id", name=op.f("pk_SalesDay")),
    )
    op.create_index("ix_SalesDay_product_id", "SalesDay", ["product_id", "day"], unique=False)
    op.create_table(
        "StockMove",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("delta", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("remains", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("service_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('opening', 'receipt', 'correction', 'order', 'cancellation', 'return', 'import')",
            name=op.f("ck_StockMove_reason"),
        ),
        sa.CheckConstraint("remains >= 0", name=op.f("ck_StockMove_remains")),
        sa.ForeignKeyConstraint(["product_id"], ["Product.id"], name=op.f("fk_StockMove_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_StockMove")),
    )
    op.create_index("ix_StockMove_product", "StockMove", ["product_id", "id"], unique=False)
    op.create_table(
        "CommentVote",
        sa.Column("comment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["Comment.id"], name=op.f("fk_CommentVote_comment_id")),
        sa.PrimaryKeyConstraint("comment_id", "user_id", name=op.f("pk_CommentVote")),
    )
    with op.batch_alter_table("Comment", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "useful", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default="0", nullable=False
            )
        )
        batch_op.create_index("ix_Comment_product_useful", ["product_id", "status", "useful", "id"], unique=False)
        batch_op.create_index("ix_Comment_product_rating", ["product_id", "status", "rating", "id"], unique=False)
    op.execute(
        'INSERT INTO "StockMove" (product_id, delta, remains, reason, note, creation_time) '
        "SELECT id, remains, remains, 'opening', '', edit_time FROM \"Product\" WHERE remains > 0"
    )
    op.execute(
        'INSERT INTO "PriceLog" (product_id, price_minor, effective_minor, start_time) '
        'SELECT id, price_minor, effective_minor, creation_time FROM "Product"'
    )


def downgrade() -> None:
    with op.batch_alter_table("Comment", schema=None) as batch_op:
        batch_op.drop_index("ix_Comment_product_rating")
        batch_op.drop_index("ix_Comment_product_useful")
        batch_op.drop_column("useful")

    op.drop_table("CommentVote")
    op.drop_table("StockMove")
    op.drop_table("SalesDay")
    op.drop_table("PriceLog")
    op.drop_table("OrderLine")
    op.drop_table("ImportRow")
    op.drop_table("Promotion")
    op.drop_table("OrdersDay")
    op.drop_table("Order")
    op.drop_table("ImportJob")
    op.drop_table("Announcement")
