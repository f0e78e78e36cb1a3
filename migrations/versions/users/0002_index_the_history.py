"""Index the history and the customers."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_StaffAction_creation_time", "StaffAction", ["creation_time", "id"], unique=False)
    op.create_index("ix_StaffAction_kind", "StaffAction", ["kind", "id"], unique=False)
    op.create_index("ix_User_creation_time", "User", ["creation_time", "id"], unique=False)
    op.create_index("ix_User_role", "User", ["role", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_User_role", table_name="User")
    op.drop_index("ix_User_creation_time", table_name="User")
    op.drop_index("ix_StaffAction_kind", table_name="StaffAction")
    op.drop_index("ix_StaffAction_creation_time", table_name="StaffAction")
