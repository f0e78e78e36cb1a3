"""Watching the store: products, the catalogue, a cart, orders."""

from typing import Any

from app.commands.connect import SocketForm
from app.commands.registry import Call, Parts, command
from app.schemas.store import WatchIn
from app.services.store_topics import require_may_watch


class StoreWatchForm(WatchIn, SocketForm):
    pass


@command("store.watch", StoreWatchForm, who="all")
async def watch_store(parts: Parts, call: Call, form: StoreWatchForm) -> dict[str, Any]:
    require_may_watch(call.actor, form)
    if form.customer is not None:
        await parts.users.require(form.customer)
    return dict(await parts.store.watch(call.connection, call.actor, form))
