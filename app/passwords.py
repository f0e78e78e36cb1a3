"""Passwords: hashed and verified by argon2id, in threads of their own and never on the loop."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Busy

T = TypeVar("T")

# 23 ms a hash, so two threads do some eighty a second; a longer queue would outlast the patience of those in it.
THREADS = 2
QUEUE_LENGTH = 64
RETRY_AFTER_MS = 1000

COSTS = {
    "standard": PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),  # OWASP's first choice
    "test": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
}


class Passwords:
    """Hashes and verifies. Every call raises Busy when too many wait."""

    def __init__(self, cost: Literal["standard", "test"] = "standard") -> None:
        self.verifications = 0
        self._hasher = COSTS[cost]
        self._waiting = 0
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        # What the password of a name that nobody has is compared with: such an answer must take as long as any other.
        self._nobody: Future[str] = self._pool.submit(self._hasher.hash, secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether ``password`` is the one behind ``hashed``. None is nobody's: false, in the same time."""
        self.verifications += 1
        matches = await self._run(lambda: self._matches(hashed or self._nobody.result(), password))
        return matches and hashed is not None

    def needs_rehash(self, hashed: str) -> bool:
        """Whether ``hashed`` was made at another cost than today's."""
        return self._hasher.check_needs_rehash(hashed)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= QUEUE_LENGTH:
            raise Busy(RETRY_AFTER_MS)
        self._waiting += 1
        # Counted until the thread is done with it, also when the caller has gone: the work is not cancelled by that.
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._forget)
        return await asyncio.shield(future)

    def _forget(self, future: "asyncio.Future[T]") -> None:
        self._waiting -= 1


def _normal(password: str) -> str:
    """One spelling of letters with marks, whichever keyboard they come from (RFC 8265)."""
    return unicodedata.normalize("NFC", password)
