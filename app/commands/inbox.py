"""The inbox of the desk: pages in display order, and what changed since a cursor."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.commands.connect import SocketForm
from app.commands.registry import Call, Parts, command
from app.schemas.base import Count, Id
from app.services.broadcast import INBOX
from app.services.chat_reader import INBOX_ROWS


class InboxListForm(SocketForm):
    filter: Literal["all", "queue", "mine", "closed"] = "all"
    sort: Literal["waiting", "recent"] = "waiting"
    after: Id | None = None
    limit: Annotated[int, Field(ge=1, le=INBOX_ROWS)] = 50


class InboxSyncForm(SocketForm):
    cursor: Count


@command("inbox.list", InboxListForm, who="staff:chats.answer")
async def list_inbox(parts: Parts, call: Call, form: InboxListForm) -> dict[str, Any]:
    """Subscribed first, read after: a change between the two comes twice, and its version says so."""
    parts.hub.subscribe(call.connection, INBOX)
    return await parts.reader.list_inbox(call.actor, form.filter, form.sort, form.after, form.limit)


@command("inbox.sync", InboxSyncForm, who="staff:chats.answer")
async def sync_inbox(parts: Parts, call: Call, form: InboxSyncForm) -> dict[str, Any]:
    parts.hub.subscribe(call.connection, INBOX)
    return await parts.reader.sync_inbox(call.actor, form.cursor) or {"reset": True}
