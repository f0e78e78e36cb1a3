"""Chats on the wire: what commands and routes accept, and what both send."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from app.schemas.base import ApiModel, ClientId, Count, FilledText, Id, Line, OutModel

Log = Literal["chat", "notes"]
MessageText = FilledText
Subject = Annotated[Line, StringConstraints(max_length=200)]
Reason = Annotated[Line, StringConstraints(max_length=200)]


# What comes in. The length of a text is a setting, so the service checks it.


class MessageIn(ApiModel):
    """A message. ``client_id`` is the sender's own id for it: sending it again changes nothing."""

    client_id: ClientId
    text: MessageText
    reply_to: Id | None = None
    seen: Count | None = Field(None, description="Staff: the highest seq on the writer's screen.")
    force: bool = Field(False, description="Staff: send although somebody else has answered meanwhile.")


class ChatIn(ApiModel):
    """Open a chat, or find the open one. ``text`` is its first message, or the next one."""

    client_id: ClientId
    subject: Subject = ""
    text: MessageText | None = None
    customer: Id | None = Field(None, description="Staff: whose chat.")


class ChatPatch(ApiModel):
    """Close, reopen or assign a chat; one of them."""

    status: Literal["closed", "open"] | None = None
    assignee: Id | Literal["me"] | None = Field(None, description="A member of staff; null gives it back to the queue.")
    reason: Reason = ""
    if_version: Count | None = None
    client_id: ClientId | None = None

    @model_validator(mode="after")
    def _one_of(self) -> "ChatPatch":
        if ("assignee" in self.model_fields_set) == (self.status is not None):
            raise ValueError("either status or assignee")
        return self


class ChatsQuery(ApiModel):
    """``before`` pages through one's own chats; ``filter``, ``sort`` and ``after`` are for staff."""

    limit: Annotated[int, Field(ge=1, le=100)] = 24
    before: Id | None = None
    filter: Literal["all", "queue", "mine", "closed"] = "all"
    sort: Literal["waiting", "recent"] = "waiting"
    after: Id | None = None


class MessagesQuery(ApiModel):
    """Entries after a seq, or before one; without either the newest."""

    log: Log = "chat"
    after: Count | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


# What goes out.


class SenderOut(OutModel):
    """A person in a chat. ``name`` is "" for a guest; ``id`` is null for the system."""

    kind: Literal["customer", "staff", "system", "bot"]
    id: int | None
    name: str


class PersonOut(OutModel):
    id: int
    name: str


class CustomerOut(OutModel):
    kind: Literal["guest", "user"]
    id: int
    name: str


class MessageOut(OutModel):
    """One entry of a log, everywhere the same: REST answers, live events, batches."""

    chat: int
    log: Log
    seq: int
    kind: str
    client_id: str | None
    sender: SenderOut
    creation_time: datetime
    edit_time: datetime | None
    deleted: bool
    target: int | None
    reply_to: int | None
    data: dict[str, Any] | None


class MessagesOut(OutModel):
    """Entries, oldest first. ``more``: there are further ones in the direction that was asked for."""

    items: list[MessageOut]
    head: int
    more: bool


class ChatOut(OutModel):
    """A chat without its entries. ``last_note_seq`` is for staff only."""

    id: int
    status: Literal["queued", "active", "snoozed", "closed"]
    subject: str
    customer: CustomerOut
    assignee: PersonOut | None
    state_version: int
    rev: int
    last_seq: int
    last_note_seq: int | None = None
    priority: int
    labels: list[str]
    creation_time: datetime
    closed_time: datetime | None
    continued_in: int | None


class ChatsOut(OutModel):
    items: list[ChatOut]
    next: int | None


class OpenedOut(OutModel):
    """``seq`` is the entry that answers the ``client_id``, or the last one of a chat that was open already."""

    chat: int
    seq: int
    duplicate: bool
    state: ChatOut


class InboxRow(OutModel):
    """What a list of chats shows of one of them."""

    chat: int
    rev: int
    status: Literal["queued", "active", "snoozed", "closed"]
    subject: str
    customer: CustomerOut
    assignee: PersonOut | None
    preview: str
    last_seq: int
    last_customer_seq: int
    last_staff_seq: int
    last_entry_time: datetime
    waiting_since: datetime | None
    state_version: int
    priority: int
    labels: list[str]
