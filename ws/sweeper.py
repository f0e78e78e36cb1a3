"""The net under the hub: finds in the database what was committed but never published.

A crash between commit and publish, or another process that wrote, leaves entries that no subscriber was given. The next
event would show the hole; when there is none, the sweeper finds it. It looks at rows in the order of their ``rev``,
which is commit order, so each look reads only what changed since the last.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ws.hub import Hub
from ws.protocol import LogKey

logger = logging.getLogger(__name__)

PAGE = 500


@dataclass(frozen=True, slots=True)
class Change:
    """A chat's row that changed: its place in commit order, its logs' heads, and the row for whoever wants it."""

    rev: int
    heads: Mapping[LogKey, int]
    row: Any


class Sweeper:
    """Call `sweep` once per second, or let `run` do it.

    changes: the rows with a higher rev, lowest first, at most ``PAGE``.
    fan_out: publishes a log's entries after one seq up to another through the hub.
    on_row: is shown every changed row, also those of this process.
    """

    def __init__(
        self,
        hub: Hub,
        changes: Callable[[int], Awaitable[Sequence[Change]]],
        fan_out: Callable[[LogKey, int, int], Awaitable[None]],
        on_row: Callable[[Any], None],
        rev: int,
    ) -> None:
        self.caught = 0  # entries that would have been lost to listeners
        self._hub, self._changes, self._fan_out, self._on_row = hub, changes, fan_out, on_row
        self._rev = rev
        self._suspects: dict[LogKey, int] = {}

    async def sweep(self) -> None:
        """Fan out what was missing at the last look and still is, then look again.

        What is missing for the first time has usually just been committed and is about to be published.
        """
        for key, head in list(self._suspects.items()):
            if self._is_missing(key, head):
                after = self._hub.last_fanned(key)
                if after is None:  # somebody is just joining; in a moment it is known from where on
                    continue
                try:
                    await self._fan_out(key, after, head)
                except Exception:
                    logger.exception("chat %s %s could not be fanned out and will be tried again", *key)
                    continue
                self.caught += head - after
                logger.warning("caught: chat %s %s, entries %s to %s were not published", *key, after + 1, head)
            del self._suspects[key]
        while changes := await self._changes(self._rev):
            for change in changes:
                self._rev = change.rev
                self._on_row(change.row)
                for key, head in change.heads.items():
                    self._hub.saw_head(key, head)
                    if self._is_missing(key, head):
                        self._suspects[key] = head
            if len(changes) < PAGE:
                return

    async def run(self, every_s: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        while True:
            await sleep(every_s)
            try:
                await self.sweep()
            except Exception:
                logger.exception("sweeping failed and will be tried again")

    def _is_missing(self, key: LogKey, head: int) -> bool:
        last = self._hub.last_fanned(key)
        return self._hub.is_followed(key) and (last is None or last < head)
