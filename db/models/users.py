"""USERS: customers with their carts, service staff, and what lets either of them in."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, MetaData, String, UniqueConstraint, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates

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

RIGHTS = (
    "products.edit",
    "products.publish",
    "prices",
    "stock",
    "promotions",
    "announcements",
    "comments",
    "orders",
    "chats.answer",
    "chats.assign",
    "customers.view",
    "customers.block",
    "redact",
    "import",
    "export",
    "reports",
)
"""What a manager may be allowed to do. The owner may do all of it, and alone manages staff, hours and settings."""


class UsersBase(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class Outbox(OutboxColumns, UsersBase):
    pass


class AppliedEvent(AppliedEventColumns, UsersBase):
    pass


class IdempotencyKey(IdempotencyKeyColumns, UsersBase):
    pass


class Meta(MetaColumns, UsersBase):
    pass


class Counter(UsersBase):
    """Named counters. ``sessions`` numbers changes of sessions in commit order: every process follows them by it."""

    __tablename__ = "Counter"
    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[int] = mapped_column(Id)


class User(UsersBase):
    """A customer. A guest is a row without credentials, made when first needed, upgraded in place by registering."""

    __tablename__ = "User"
    __table_args__ = (
        CheckConstraint("role IN ('guest', 'user')", name="role"),
        CheckConstraint("role = 'user' OR (username IS NULL AND hashed_password IS NULL)", name="guest"),
        Index("ix_User_role", "role", "id"),
        Index("ix_User_creation_time", "creation_time", "id"),
        {"sqlite_autoincrement": True},  # an id stands in other databases too: it is never given twice
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    username: Mapped[str | None] = mapped_column(String(32))  # as typed; Login has what must be unique
    email: Mapped[str | None] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(5), default="guest")
    name: Mapped[str | None] = mapped_column(String(100))
    lastname: Mapped[str | None] = mapped_column(String(100))
    image: Mapped[str | None] = mapped_column(String(255))
    sex: Mapped[str | None] = mapped_column(String(6))
    language: Mapped[str | None] = mapped_column(String(8))
    hashed_password: Mapped[str | None] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    blocked_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    merged_into: Mapped[int | None] = mapped_column(Id, ForeignKey("User.id"))  # the account a guest signed in to
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)


class UserCart(UsersBase):
    """The cart of one guest or user. ``version`` rises with every change."""

    __tablename__ = "UserCart"
    __table_args__ = (
        UniqueConstraint("owner_id"),
        CheckConstraint("version >= 0", name="version"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    owner_id: Mapped[int] = mapped_column(Id, ForeignKey("User.id"))
    version: Mapped[int] = mapped_column(Id, default=0)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)


class CartLine(UsersBase):
    """One product in a cart. A removed line stays thirty days, so that it can be put back."""

    __tablename__ = "CartLine"
    __table_args__ = (
        UniqueConstraint("cart_id", "article"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("price_minor >= 0", name="price_minor"),
        CheckConstraint("source IN ('shop', 'chat', 'proposal')", name="source"),
        Index("ix_CartLine_removed_time", "removed_time"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    cart_id: Mapped[int] = mapped_column(Id, ForeignKey("UserCart.id"))
    article: Mapped[int] = mapped_column(Id)  # Product.article in PRODUCTS
    quantity: Mapped[int] = mapped_column(Id)
    price_minor: Mapped[int] = mapped_column(Id)  # when it was added, to tell the customer that it changed
    source: Mapped[str] = mapped_column(String(8), default="shop")
    chat_id: Mapped[int | None] = mapped_column(Id)  # UserChat.id in MESSANGER: where the product was recommended
    chat_seq: Mapped[int | None] = mapped_column(Id)
    service_person_id: Mapped[int | None] = mapped_column(Id, ForeignKey("ServicePerson.id"))
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ServicePerson(UsersBase):
    """A manager or the owner. Addressed by ``uuid`` outside; ``allows`` lists a manager's rights."""

    __tablename__ = "ServicePerson"
    __table_args__ = (
        UniqueConstraint("uuid"),
        CheckConstraint("role IN ('manager', 'owner')", name="role"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(String(36))
    username: Mapped[str] = mapped_column(String(32))
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(7))
    allows: Mapped[list[str]] = mapped_column(JsonText, default=list)
    name: Mapped[str | None] = mapped_column(String(100))
    lastname: Mapped[str | None] = mapped_column(String(100))
    image: Mapped[str | None] = mapped_column(String(255))
    sex: Mapped[str | None] = mapped_column(String(6))
    hashed_password: Mapped[str] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime] = mapped_column(UtcDateTime)

    @validates("allows")
    def _check_allows(self, key: str, allows: list[str]) -> list[str]:
        unknown = set(allows) - set(RIGHTS)
        if unknown:
            raise ValueError(f"There is no such right: {', '.join(sorted(unknown))}.")
        return sorted(set(allows), key=RIGHTS.index)


class Login(UsersBase):
    """A name to sign in by: usernames and e-mails of users and staff, so that no customer takes a manager's."""

    __tablename__ = "Login"
    __table_args__ = (
        CheckConstraint("kind IN ('user', 'staff')", name="kind"),
        Index("ix_Login_person", "kind", "person_id"),
    )
    name_normal: Mapped[str] = mapped_column(String(254), primary_key=True)
    kind: Mapped[str] = mapped_column(String(5))
    person_id: Mapped[int] = mapped_column(Id)  # User.id or ServicePerson.id, by kind


class SessionRow(UsersBase):
    """A session: a browser or an app that came in. Only the hash of its token is kept."""

    __tablename__ = "Session"
    __table_args__ = (
        CheckConstraint("audience IN ('shop', 'staff')", name="audience"),
        CheckConstraint("(person_kind IS NULL) = (person_id IS NULL)", name="person"),
        CheckConstraint("person_kind IN ('user', 'staff')", name="person_kind"),
        CheckConstraint("(audience = 'staff') = (COALESCE(person_kind, '') = 'staff')", name="staff"),
        CheckConstraint("guest_user_id IS NULL OR person_id IS NULL", name="guest"),
        Index("ix_Session_person", "person_kind", "person_id"),
        Index("ix_Session_guest_user_id", "guest_user_id"),
        Index("ix_Session_rev", "rev", "token_hash"),
        Index("ix_Session_expiry_time", "expiry_time"),
    )
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    audience: Mapped[str] = mapped_column(String(5))
    person_kind: Mapped[str | None] = mapped_column(String(5))  # 'user' or 'staff'; none for a guest
    person_id: Mapped[int | None] = mapped_column(Id)
    guest_user_id: Mapped[int | None] = mapped_column(Id, ForeignKey("User.id"))  # none until the guest's row is needed
    data: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)  # what pages keep by aiohttp_session
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_time: Mapped[datetime] = mapped_column(UtcDateTime)
    expiry_time: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    replaced_by: Mapped[str | None] = mapped_column(String(64))  # the session that followed at sign-in or registration
    rev: Mapped[int] = mapped_column(Id, default=0)  # Counter 'sessions' of the last change; 0 for one never changed


class PasswordReset(UsersBase):
    """A one-time permission to choose a new password. Only the hash of its token is kept."""

    __tablename__ = "PasswordReset"
    __table_args__ = (
        CheckConstraint("person_kind IN ('user', 'staff')", name="person_kind"),
        Index("ix_PasswordReset_person", "person_kind", "person_id"),
    )
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_kind: Mapped[str] = mapped_column(String(5))
    person_id: Mapped[int] = mapped_column(Id)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    expiry_time: Mapped[datetime] = mapped_column(UtcDateTime)
    used_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffAction(UsersBase):
    """Who did what when, before and after. Only ever added to; the seed's ``action_history``."""

    __tablename__ = "StaffAction"
    __table_args__ = (
        Index("ix_StaffAction_person", "service_person_id", "id"),
        Index("ix_StaffAction_object", "object_kind", "object_id", "id"),
        Index("ix_StaffAction_kind", "kind", "id"),
        Index("ix_StaffAction_creation_time", "creation_time", "id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    service_person_id: Mapped[int | None] = mapped_column(Id, ForeignKey("ServicePerson.id"))  # none: the command line
    kind: Mapped[str] = mapped_column(String(32))  # such as create_staff, set_rights, price_drop
    object_kind: Mapped[str] = mapped_column(String(16))
    object_id: Mapped[int | None] = mapped_column(Id)
    before: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    after: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
