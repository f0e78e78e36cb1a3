"""The job that brings the prices in the rows up to date when a promotion starts, ends or changes.

What the shop shows does not wait for it: `app.services.pricing` decides at read. Lists sort and filter by the rows,
and whoever watches a product hears of its new price from here.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from app.clock import Clock
from app.services.pricing import PriceBook, Promotions, Reduction, reprice
from db.database import Busy, Database, Done
from db.queries.prices import list_touched
from db.queries.products import get_epoch

logger = logging.getLogger(__name__)

CHUNK = 250
"""Products written at once: the writer belongs to customers again after some milliseconds."""
POLL_S = 1.0
"""How late a promotion is noticed that another process has changed, or a clock that was set."""


class Boundaries:
    """Started and stopped with the application. What it has not finished when it stops, the next start finds."""

    def __init__(self, products: Database, prices: PriceBook, clock: Clock) -> None:
        self._products, self._prices, self._clock = products, prices, clock
        self._epoch = -1
        # What the rows are known to agree with: these promotions, as of that time.
        self._settled, self._until = Promotions(), datetime.min.replace(tzinfo=UTC)
        self._is_started = False
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._prices.refresh()
        self._task = asyncio.create_task(self._run(), name="boundaries")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def promotions_changed(self) -> None:
        """Show the prices that follow from a change just committed, and get to work."""
        await self._prices.refresh()
        self._changed.set()

    async def catch_up(self) -> None:
        """Bring the rows up to date with the promotions and the clock."""
        epoch = await self._products.read(get_epoch, hot=True)
        if epoch != self._epoch:
            await self._prices.refresh()
            self._epoch = epoch
        now, promotions = self._clock.now(), self._prices.promotions
        if not self._is_started:
            await self._reprice("stale", ())
            self._is_started = True
        for scope, targets in _scopes(self._touched(promotions, now)).items():
            await self._reprice(scope, targets)
        self._settled, self._until = promotions, now

    def _touched(self, promotions: Promotions, now: datetime) -> set[Reduction]:
        """The promotions that came, changed or went, and those that started or ended, since the rows agreed."""
        passed = {one for one in promotions.all if self._until < one.starts_at <= now or one.ends_at <= now}
        # What had ended by then is in nobody's price any more; the book forgets it some time later.
        return {one for one in passed | (set(promotions.all) ^ set(self._settled.all)) if one.ends_at > self._until}

    async def _reprice(self, scope: str, targets: Iterable[Any]) -> None:
        after, given = 0, sorted(targets)
        while ids := await self._products.read(lambda c: list_touched(c, scope, given, after, CHUNK)):  # noqa: B023
            await self._products.write(
                lambda session: Done(None, reprice(session, ids, self._clock.now())),
                background=True,
            )
            after = ids[-1]

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self.catch_up()
            except Busy:
                logger.warning("prices wait until they can be written")
            except Exception:
                logger.exception("bringing prices up to date failed; it is tried again")
            await self._pause()

    async def _pause(self) -> None:
        """Until the next boundary, a change, or a second has gone by."""
        now = self._clock.now()
        boundary = self._prices.promotions.next_boundary(now)
        left_s = POLL_S if boundary is None else (boundary - now).total_seconds()
        waits = [
            asyncio.ensure_future(self._clock.sleep(min(POLL_S, left_s))),
            asyncio.ensure_future(self._changed.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _scopes(touched: Iterable[Reduction]) -> dict[str, set[Any]]:
    """What to go through, by scope: the whole catalogue at most once."""
    scopes: defaultdict[str, set[Any]] = defaultdict(set)
    for one in touched:
        scopes[one.scope].update(one.targets)
    return {"all": set()} if {"all", "tags"} & scopes.keys() else scopes
