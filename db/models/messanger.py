"""MESSANGER: chats, their two logs, and who has read how far."""

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
    text,
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


class MessangerBase(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class Outbox(OutboxColumns, MessangerBase):
    pass


class AppliedEvent(AppliedEventColumns, MessangerBase):
    pass


class IdempotencyKey(IdempotencyKeyColumns, MessangerBase):
    pass


class Meta(MetaColumns, MessangerBase):
    pass


class Counter(MessangerBase):
    """Named counters. Changing ``rev`` is the first statement of every write: it orders commits on both engines."""

    __tablename__ = "Counter"
    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[int] = mapped_column(Id)


# The indexes of lists that change with each message are partial: a message writes only those its chat is in.
_OPEN = text("status <> 'closed'")
_CLOSED = text("status = 'closed'")


class UserChat(MessangerBase):
    """One conversation of one customer. Also the inbox row: everything a list of chats shows stands here."""

    __tablename__ = "UserChat"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'active', 'snoozed', 'closed')", name="status"),
        CheckConstraint("last_seq >= 0 AND last_note_seq >= 0", name="heads"),
        # One open chat per customer, guaranteed here and not by code that looks first.
        Index(
            "uq_UserChat_open",
            "user_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_UserChat_user_id", "user_id", "id"),
        Index("ix_UserChat_rev", "rev", unique=True),
        Index("ix_UserChat_waiting", "waiting_since", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_UserChat_recent", "last_entry_time", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_UserChat_closed", "last_entry_time", "id", sqlite_where=_CLOSED, postgresql_where=_CLOSED),
        Index("ix_UserChat_desk", "service_person_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        {"sqlite_autoincrement": True},  # a chat's id is never given twice
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    user_id: Mapped[int] = mapped_column(Id)  # User.id in USERS
    service_person_id: Mapped[int | None] = mapped_column(Id)  # ServicePerson.id in USERS: the assignee
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(200), default="")
    priority: Mapped[int] = mapped_column(SmallInteger, default=0)
    labels: Mapped[list[str]] = mapped_column(JsonText, default=list)
    contact: Mapped[dict[str, Any] | None] = mapped_column(JsonText)  # unverified {name, email, phone}
    last_seq: Mapped[int] = mapped_column(Id, default=0)
    last_note_seq: Mapped[int] = mapped_column(Id, default=0)
    state_version: Mapped[int] = mapped_column(Id, default=1)  # life-cycle, priority, labels: what if_version compares
    rev: Mapped[int] = mapped_column(Id)  # Counter 'rev' of the last change: commit order, the cursor of the inbox
    last_customer_seq: Mapped[int] = mapped_column(Id, default=0)
    last_staff_seq: Mapped[int] = mapped_column(Id, default=0)
    last_entry_time: Mapped[datetime] = mapped_column(UtcDateTime)
    preview: Mapped[str] = mapped_column(String(120), default="")
    waiting_since: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the first customer message not answered
    first_reply_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    continued_in: Mapped[int | None] = mapped_column(Id)  # the chat that goes on after a merge closed this one
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    rating_text: Mapped[str | None] = mapped_column(Text)


class Message(MessangerBase):
    """One entry of a chat's log ('chat') or of its staff-only log ('notes'). This table is also the replay log."""

    __tablename__ = "Message"
    __table_args__ = (
        CheckConstraint("log IN ('chat', 'notes')", name="log"),
        CheckConstraint("sender_kind IN ('customer', 'staff', 'system', 'bot')", name="sender_kind"),
        Index("uq_Message_client_id", "sender_kind", "sender_id", "client_id", unique=True),
    )
    chat_id: Mapped[int] = mapped_column(Id, ForeignKey("UserChat.id"), primary_key=True)
    log: Mapped[str] = mapped_column(String(5), primary_key=True)
    seq: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    sender_kind: Mapped[str] = mapped_column(String(8))
    sender_id: Mapped[int | None] = mapped_column(Id)  # User.id or ServicePerson.id in USERS, none for the system
    client_id: Mapped[str | None] = mapped_column(String(96))  # 64 characters and a merge's prefix
    body_hash: Mapped[str | None] = mapped_column(String(32))  # hex: it travels through a JSON parameter
    target_seq: Mapped[int | None] = mapped_column(Id)  # what an edit or delete changed, in the same log
    reply_to_seq: Mapped[int | None] = mapped_column(Id)
    data: Mapped[dict[str, Any] | None] = mapped_column(JsonText)  # {text, images}; none once deleted
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    edit_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MessageRevision(MessangerBase):
    """A former text of an edited or deleted entry. Only for staff; erasure covers it too."""

    __tablename__ = "MessageRevision"
    __table_args__ = (
        ForeignKeyConstraint(["chat_id", "log", "seq"], ["Message.chat_id", "Message.log", "Message.seq"]),
    )
    chat_id: Mapped[int] = mapped_column(Id, primary_key=True)
    log: Mapped[str] = mapped_column(String(5), primary_key=True)
    seq: Mapped[int] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(Id, primary_key=True)  # 1, 2, 3 … per entry
    data: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    replaced_time: Mapped[datetime] = mapped_column(UtcDateTime)
    replaced_by: Mapped[int | None] = mapped_column(Id)


class ChatMember(MessangerBase):
    """How far one person has read, and been shown, one log of one chat. Both only rise."""

    __tablename__ = "ChatMember"
    __table_args__ = (
        CheckConstraint("kind IN ('customer', 'staff')", name="kind"),
        CheckConstraint("read_seq >= 0 AND delivered_seq >= read_seq", name="marks"),
        Index("ix_ChatMember_person", "kind", "person_id", "chat_id"),
    )
    chat_id: Mapped[int] = mapped_column(Id, ForeignKey("UserChat.id"), primary_key=True)
    log: Mapped[str] = mapped_column(String(5), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, primary_key=True)
    read_seq: Mapped[int] = mapped_column(Id, default=0)
    delivered_seq: Mapped[int] = mapped_column(Id, default=0)


class MergedCustomer(MessangerBase):
    """A guest who signed in to an account. Every write maps its actor through this table."""

    __tablename__ = "MergedCustomer"
    guest_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(Id, index=True)
    merged_time: Mapped[datetime] = mapped_column(UtcDateTime)


class DeskState(MessangerBase):
    """A member of staff at the desk: presence and load, here because claiming changes both in one transaction."""

    __tablename__ = "DeskState"
    __table_args__ = (
        CheckConstraint("state IN ('online', 'busy', 'away', 'off')", name="state"),
        CheckConstraint("open_count >= 0", name="open_count"),
    )
    staff_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(8), default="off")
    version: Mapped[int] = mapped_column(Id, default=1)
    capacity: Mapped[int] = mapped_column(SmallInteger, default=5)
    open_count: Mapped[int] = mapped_column(SmallInteger, default=0)


_UNUSED = text("used_time IS NULL")


class Upload(MessangerBase):
    """A picture that somebody sent, until and while something shows it. Two rows may have the same file."""

    __tablename__ = "Upload"
    __table_args__ = (
        CheckConstraint("owner_kind IN ('customer', 'staff')", name="owner_kind"),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint("(used_time IS NULL) = (used_in IS NULL)", name="used"),
        Index("ix_Upload_owner", "owner_kind", "owner_id", sqlite_where=_UNUSED, postgresql_where=_UNUSED),
        Index("ix_Upload_unused", "creation_time", "id", sqlite_where=_UNUSED, postgresql_where=_UNUSED),
        Index("ix_Upload_name", "name"),
        Index("ix_Upload_used_in", "used_in"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # random: what stands in a request is not guessed
    owner_kind: Mapped[str] = mapped_column(String(8))
    owner_id: Mapped[int] = mapped_column(Id)  # User.id or ServicePerson.id in USERS
    name: Mapped[str] = mapped_column(String(64))  # file name below <data>/images
    size: Mapped[int] = mapped_column(Id)  # in bytes, as it was sent
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    used_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_in: Mapped[str | None] = mapped_column(String(64))  # comment/12: Comment.id in PRODUCTS
