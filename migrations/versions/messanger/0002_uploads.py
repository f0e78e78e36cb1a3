"""Uploads."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "Upload",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_kind", sa.String(length=8), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("creation_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_in", sa.String(length=64), nullable=True),
        sa.CheckConstraint("owner_kind IN ('customer', 'staff')", name=op.f("ck_Upload_owner_kind")),
        sa.CheckConstraint("(used_time IS NULL) = (used_in IS NULL)", name=op.f("ck_Upload_used")),
        sa.CheckConstraint("size > 0", name=op.f("ck_Upload_size")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_Upload")),
    )
    op.create_index("ix_Upload_name", "Upload", ["name"], unique=False)
    op.create_index(
        "ix_Upload_owner",
        "Upload",
        ["owner_kind", "owner_id"],
        unique=False,
        sqlite_where=sa.text("used_time IS NULL"),
        postgresql_where=sa.text("used_time IS NULL"),
    )
    op.create_index(
        "ix_Upload_unused",
        "Upload",
        ["creation_time", "id"],
        unique=False,
        sqlite_where=sa.text("used_time IS NULL"),
        postgresql_where=sa.text("used_time IS NULL"),
    )
    op.create_index("ix_Upload_used_in", "Upload", ["used_in"], unique=False)


def downgrade() -> None:
    op.drop_table("Upload")
