"""Who is at the desk. Staff say it themselves; leaving without a word counts after a grace: a reload does not blink."""

import asyncio
import logging
from typing import Any

from app.actor import Actor
from app.services.chat_reader import ChatReader
from app.services.chats import ChatService
from app.services.names import NameBook
from ws.hub import Hub

logger = logging.getLogger(__name__)

GRACE_S = 15.0


class Presence:
    """Sets somebody off whose last connection has gone and not come back."""

    def __init__(self, hub: Hub, chats: ChatService, reader: ChatReader, names: NameBook) -> None:
        self._hub, self._chats, self._reader, self._names = hub, chats, reader, names
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """After a crash nobody is there, whatever the table says: those who come back have the grace to do so."""
        for staff_id, state, _ in await self._reader.list_desk():
            if state != "off":
                await self._names.load([("staff", staff_id)])
                self._expect(Actor("staff", staff_id, self._names.get("staff", staff_id) or ""))

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def left(self, actor: Any) -> None:
        """A connection of ``actor`` is gone."""
        if isinstance(actor, Actor) and actor.is_staff and not self._is_there(actor.id):
            self._expect(actor)

    async def list_staff(self) -> list[dict[str, Any]]:
        """Everybody who has been at the desk: ``{id, name, state, version}``."""
        desk = await self._reader.list_desk()
        await self._names.load(("staff", staff_id) for staff_id, _, _ in desk)
        return [
            {"id": staff_id, "name": self._names.get("staff", staff_id) or "", "state": state, "version": version}
            for staff_id, state, version in desk
        ]

    def _is_there(self, staff_id: int | None) -> bool:
        return bool(self._hub.of_person(f"staff/{staff_id}"))

    def _expect(self, actor: Actor) -> None:
        """Begin the grace, anew if it had begun: it counts from the last leave."""
        assert actor.id is not None
        if actor.id in self._tasks:
            self._tasks[actor.id].cancel()
        self._tasks[actor.id] = asyncio.get_running_loop().create_task(self._wait(actor, actor.id))

    async def _wait(self, actor: Actor, staff_id: int) -> None:
        try:
            await asyncio.sleep(GRACE_S)
            if not self._is_there(staff_id):
                await self._chats.set_presence(actor, "off")
        except Exception:
            logger.exception("staff %s could not be set off", staff_id)
        finally:
            if self._tasks.get(staff_id) is asyncio.current_task():
                del self._tasks[staff_id]
