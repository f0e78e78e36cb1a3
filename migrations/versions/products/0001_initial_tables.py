"""Initial tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "AppliedEvent",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("applied", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_AppliedEvent")),
    )
    op.create_table(
        "IdempotencyKey",
        sa.Column("principal", sa.String(length=64), nullable=False),
        sa.Column("route", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal", "route", "key", name=op.f("pk_IdempotencyKey")),
    )
    op.create_index(op.f("ix_IdempotencyKey_created"), "IdempotencyKey", ["created"], unique=False)
    op.create_table(
        "Meta",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_Meta")),
    )
    op.create_table(
        "Outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("payload", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_Outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_Outbox_event_id")),
    )
    op.create_index(
        "ix_Outbox_pending",
        "Outbox",
        ["position"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "ProductGroup",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("image", sa.String(length=255), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ProductGroup")),
        sa.UniqueConstraint("name", name=op.f("uq_ProductGroup_name")),
        sa.UniqueConstraint("slug", name=op.f("uq_ProductGroup_slug")),
    )
    op.create_table(
        "ProductCategory",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("image", sa.String(length=255), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["ProductGroup.id"], name=op.f("fk_ProductCategory_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ProductCategory")),
        sa.UniqueConstraint("group_id", "name", name=op.f("uq_ProductCategory_group_id_name")),
        sa.UniqueConstraint("id", "group_id", name=op.f("uq_ProductCategory_id_group_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_ProductCategory_slug")),
    )
    op.create_table(
        "Product",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("article", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("discount_bp", sa.SmallInteger(), nullable=False),
        sa.Column("effective_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("promotion", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("tags", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("specifications", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("country_origin", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("images", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("sold", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("remains", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("r1", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("r2", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("r3", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("r4", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("r5", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("family", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("creation_manager_uuid", sa.String(length=36), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rev", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("status IN ('draft', 'review', 'published', 'archived')", name=op.f("ck_Product_status")),
        sa.CheckConstraint("article > 0", name=op.f("ck_Product_article")),
        sa.CheckConstraint("discount_bp BETWEEN 0 AND 10000", name=op.f("ck_Product_discount_bp")),
        sa.CheckConstraint("effective_minor BETWEEN 0 AND price_minor", name=op.f("ck_Product_effective_minor")),
        sa.CheckConstraint("price_minor BETWEEN 0 AND 1000000000000", name=op.f("ck_Product_price_minor")),
        sa.CheckConstraint("r1 >= 0 AND r2 >= 0 AND r3 >= 0 AND r4 >= 0 AND r5 >= 0", name=op.f("ck_Product_ratings")),
        sa.CheckConstraint("remains >= 0", name=op.f("ck_Product_remains")),
        sa.CheckConstraint("sold >= 0", name=op.f("ck_Product_sold")),
        sa.ForeignKeyConstraint(
            ["category_id", "group_id"],
            ["ProductCategory.id", "ProductCategory.group_id"],
            name=op.f("fk_Product_category_id_group_id"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_Product")),
        sa.UniqueConstraint("article", name=op.f("uq_Product_article")),
    )
    op.create_index(
        "ix_Product_category_newest", "Product", ["category_id", "status", "creation_time", "id"], unique=False
    )
    op.create_index("ix_Product_group_newest", "Product", ["group_id", "status", "creation_time", "id"], unique=False)
    op.create_index("ix_Product_newest", "Product", ["status", "creation_time", "id"], unique=False)
    op.create_table(
        "Comment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("data_text", sa.Text(), nullable=False),
        sa.Column("images", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("verified_purchase", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reply_text", sa.Text(), nullable=True),
        sa.Column("reply_staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reply_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("status IN ('pending', 'approved', 'hidden')", name=op.f("ck_Comment_status")),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_Comment_rating")),
        sa.ForeignKeyConstraint(["product_id"], ["Product.id"], name=op.f("fk_Comment_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_Comment")),
        sa.UniqueConstraint("product_id", "user_id", name=op.f("uq_Comment_product_id_user_id")),
    )
    op.create_index(
        "ix_Comment_product_newest", "Comment", ["product_id", "status", "creation_time", "id"], unique=False
    )
    op.create_index("ix_Comment_queue", "Comment", ["status", "creation_time", "id"], unique=False)
    op.create_index("ix_Comment_user_id", "Comment", ["user_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("Comment")
    op.drop_table("Product")
    op.drop_table("ProductCategory")
    op.drop_table("ProductGroup")
    op.drop_table("Outbox")
    op.drop_table("Meta")
    op.drop_table("IdempotencyKey")
    op.drop_table("AppliedEvent")
