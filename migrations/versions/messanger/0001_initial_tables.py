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
        "DeskState",
        sa.Column(
            "staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("capacity", sa.SmallInteger(), nullable=False),
        sa.Column("open_count", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("state IN ('online', 'busy', 'away', 'off')", name=op.f("ck_DeskState_state")),
        sa.CheckConstraint("open_count >= 0", name=op.f("ck_DeskState_open_count")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_DeskState")),
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
        "MergedCustomer",
        sa.Column(
            "guest_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merged_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("guest_id", name=op.f("pk_MergedCustomer")),
    )
    op.create_index(op.f("ix_MergedCustomer_user_id"), "MergedCustomer", ["user_id"], unique=False)
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
        "UserChat",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("labels", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("contact", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("last_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_note_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rev", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_customer_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_staff_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_entry_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("preview", sa.String(length=120), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_reply_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("continued_in", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("rating_text", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'active', 'snoozed', 'closed')", name=op.f("ck_UserChat_status")),
        sa.CheckConstraint("last_seq >= 0 AND last_note_seq >= 0", name=op.f("ck_UserChat_heads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_UserChat")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_UserChat_closed",
        "UserChat",
        ["last_entry_time", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'closed'"),
        postgresql_where=sa.text("status = 'closed'"),
    )
    op.create_index(
        "ix_UserChat_desk",
        "UserChat",
        ["service_person_id"],
        unique=False,
        sqlite_where=sa.text("status <> 'closed'"),
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(
        "ix_UserChat_recent",
        "UserChat",
        ["last_entry_time", "id"],
        unique=False,
        sqlite_where=sa.text("status <> 'closed'"),
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index("ix_UserChat_rev", "UserChat", ["rev"], unique=True)
    op.create_index("ix_UserChat_user_id", "UserChat", ["user_id", "id"], unique=False)
    op.create_index(
        "ix_UserChat_waiting",
        "UserChat",
        ["waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("status <> 'closed'"),
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(
        "uq_UserChat_open",
        "UserChat",
        ["user_id"],
        unique=True,
        sqlite_where=sa.text("status <> 'closed'"),
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_table(
        "ChatMember",
        sa.Column("chat_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("log", sa.String(length=5), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("read_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("delivered_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kind IN ('customer', 'staff')", name=op.f("ck_ChatMember_kind")),
        sa.CheckConstraint("read_seq >= 0 AND delivered_seq >= read_seq", name=op.f("ck_ChatMember_marks")),
        sa.ForeignKeyConstraint(["chat_id"], ["UserChat.id"], name=op.f("fk_ChatMember_chat_id")),
        sa.PrimaryKeyConstraint("chat_id", "log", "kind", "person_id", name=op.f("pk_ChatMember")),
    )
    op.create_index("ix_ChatMember_person", "ChatMember", ["kind", "person_id", "chat_id"], unique=False)
    op.create_table(
        "Message",
        sa.Column("chat_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("log", sa.String(length=5), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sender_kind", sa.String(length=8), nullable=False),
        sa.Column("sender_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("client_id", sa.String(length=96), nullable=True),
        sa.Column("body_hash", sa.String(length=32), nullable=True),
        sa.Column("target_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reply_to_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_time", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("log IN ('chat', 'notes')", name=op.f("ck_Message_log")),
        sa.CheckConstraint(
            "sender_kind IN ('customer', 'staff', 'system', 'bot')", name=op.f("ck_Message_sender_kind")
        ),
        sa.ForeignKeyConstraint(["chat_id"], ["UserChat.id"], name=op.f("fk_Message_chat_id")),
        sa.PrimaryKeyConstraint("chat_id", "log", "seq", name=op.f("pk_Message")),
    )
    op.create_index("uq_Message_client_id", "Message", ["sender_kind", "sender_id", "client_id"], unique=True)
    op.create_table(
        "MessageRevision",
        sa.Column("chat_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("log", sa.String(length=5), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("replaced_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["chat_id", "log", "seq"],
            ["Message.chat_id", "Message.log", "Message.seq"],
            name=op.f("fk_MessageRevision_chat_id_log_seq"),
        ),
        sa.PrimaryKeyConstraint("chat_id", "log", "seq", "number", name=op.f("pk_MessageRevision")),
    )


def downgrade() -> None:
    op.drop_table("MessageRevision")
    op.drop_table("Message")
    op.drop_table("ChatMember")
    op.drop_table("UserChat")
    op.drop_table("Outbox")
    op.drop_table("Meta")
    op.drop_index(op.f("ix_MergedCustomer_user_id"), table_name="MergedCustomer")
    op.drop_table("MergedCustomer")
    op.drop_table("IdempotencyKey")
    op.drop_table("DeskState")
    op.drop_table("Counter")
    op.drop_table("AppliedEvent")
