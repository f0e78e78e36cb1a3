"""Time, handed in, so that tests can move it."""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """The machine's clock. A test replaces it by one that it moves by hand."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC, cut to milliseconds, which is what crosses the wire."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        """Seconds that never jump, for timeouts and token buckets."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
