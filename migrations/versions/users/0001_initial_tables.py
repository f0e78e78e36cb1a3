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
        "Counter",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("value", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_Counter")),
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
        "Login",
        sa.Column("name_normal", sa.String(length=254), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kind IN ('user', 'staff')", name=op.f("ck_Login_kind")),
        sa.PrimaryKeyConstraint("name_normal", name=op.f("pk_Login")),
    )
    op.create_index("ix_Login_person", "Login", ["kind", "person_id"], unique=False)
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
        "PasswordReset",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person_kind", sa.String(length=5), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expiry_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_time", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("person_kind IN ('user', 'staff')", name=op.f("ck_PasswordReset_person_kind")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_PasswordReset")),
    )
    op.create_index("ix_PasswordReset_person", "PasswordReset", ["person_kind", "person_id"], unique=False)
    op.create_table(
        "ServicePerson",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=7), nullable=False),
        sa.Column("allows", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("lastname", sa.String(length=100), nullable=True),
        sa.Column("image", sa.String(length=255), nullable=True),
        sa.Column("sex", sa.String(length=6), nullable=True),
        sa.Column("hashed_password", sa.String(length=255), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('manager', 'owner')", name=op.f("ck_ServicePerson_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ServicePerson")),
        sa.UniqueConstraint("uuid", name=op.f("uq_ServicePerson_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "User",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("username", sa.String(length=32), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("role", sa.String(length=5), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("lastname", sa.String(length=100), nullable=True),
        sa.Column("image", sa.String(length=255), nullable=True),
        sa.Column("sex", sa.String(length=6), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("hashed_password", sa.String(length=255), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("blocked_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role = 'user' OR (username IS NULL AND hashed_password IS NULL)", name=op.f("ck_User_guest")
        ),
        sa.CheckConstraint("role IN ('guest', 'user')", name=op.f("ck_User_role")),
        sa.ForeignKeyConstraint(["merged_into"], ["User.id"], name=op.f("fk_User_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_User")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "Session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=5), nullable=False),
        sa.Column("person_kind", sa.String(length=5), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("guest_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expiry_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.String(length=64), nullable=True),
        sa.Column("rev", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(audience = 'staff') = (COALESCE(person_kind, '') = 'staff')", name=op.f("ck_Session_staff")
        ),
        sa.CheckConstraint("audience IN ('shop', 'staff')", name=op.f("ck_Session_audience")),
        sa.CheckConstraint("person_kind IN ('user', 'staff')", name=op.f("ck_Session_person_kind")),
        sa.CheckConstraint("(person_kind IS NULL) = (person_id IS NULL)", name=op.f("ck_Session_person")),
        sa.CheckConstraint("guest_user_id IS NULL OR person_id IS NULL", name=op.f("ck_Session_guest")),
        sa.ForeignKeyConstraint(["guest_user_id"], ["User.id"], name=op.f("fk_Session_guest_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_Session")),
    )
    op.create_index("ix_Session_expiry_time", "Session", ["expiry_time"], unique=False)
    op.create_index("ix_Session_guest_user_id", "Session", ["guest_user_id"], unique=False)
    op.create_index("ix_Session_person", "Session", ["person_kind", "person_id"], unique=False)
    op.create_index("ix_Session_rev", "Session", ["rev", "token_hash"], unique=False)
    op.create_table(
        "StaffAction",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("service_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("object_kind", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("before", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("after", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_person_id"], ["ServicePerson.id"], name=op.f("fk_StaffAction_service_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_StaffAction")),
    )
    op.create_index("ix_StaffAction_object", "StaffAction", ["object_kind", "object_id", "id"], unique=False)
    op.create_index("ix_StaffAction_person", "StaffAction", ["service_person_id", "id"], unique=False)
    op.create_table(
        "UserCart",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 0", name=op.f("ck_UserCart_version")),
        sa.ForeignKeyConstraint(["owner_id"], ["User.id"], name=op.f("fk_UserCart_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_UserCart")),
        sa.UniqueConstraint("owner_id", name=op.f("uq_UserCart_owner_id")),
    )
    op.create_table(
        "CartLine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("cart_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("chat_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("chat_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("service_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_time", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("source IN ('shop', 'chat', 'proposal')", name=op.f("ck_CartLine_source")),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_CartLine_price_minor")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_CartLine_quantity")),
        sa.ForeignKeyConstraint(["cart_id"], ["UserCart.id"], name=op.f("fk_CartLine_cart_id")),
        sa.ForeignKeyConstraint(
            ["service_person_id"], ["ServicePerson.id"], name=op.f("fk_CartLine_service_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_CartLine")),
        sa.UniqueConstraint("cart_id", "article", name=op.f("uq_CartLine_cart_id_article")),
    )
    op.create_index("ix_CartLine_removed_time", "CartLine", ["removed_time"], unique=False)


def downgrade() -> None:
    op.drop_table("CartLine")
    op.drop_table("UserCart")
    op.drop_table("StaffAction")
    op.drop_table("Session")
    op.drop_table("User")
    op.drop_table("ServicePerson")
    op.drop_table("PasswordReset")
    op.drop_table("Outbox")
    op.drop_table("Meta")
    op.drop_table("Login")
    op.drop_table("IdempotencyKey")
    op.drop_table("Counter")
    op.drop_table("AppliedEvent")
