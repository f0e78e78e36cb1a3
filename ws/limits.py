"""Token buckets: so many at once, and then as they come back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and then as they come back: ``burst`` tokens, ``per_s`` new ones a second."""

    per_s: float
    burst: float

    @classmethod
    def per_minutes(cls, count: int, minutes: float) -> "Rate":
        """``count`` in so many minutes, also all at once."""
        return cls(count / (minutes * 60), count)


class TokenBucket:
    """Tokens that come back with time. Takes the time as a number, so it needs no clock of its own."""

    __slots__ = ("_rate", "_time", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._tokens, self._time = rate, float(rate.burst), now

    def take(self, now: float, count: float = 1) -> float:
        """Take ``count`` tokens. Returns 0, or the seconds until there are enough and then takes none."""
        self._refill(now)
        if self._tokens >= count:
            self._tokens -= count
            return 0
        return (count - self._tokens) / self._rate.per_s if self._rate.per_s else float("inf")

    def give_back(self, count: float = 1) -> None:
        """Undo a `take`: what it was for turned out to be harmless."""
        self._tokens = min(self._rate.burst, self._tokens + count)

    def _refill(self, now: float) -> None:
        self._tokens = min(self._rate.burst, self._tokens + (now - self._time) * self._rate.per_s)
        self._time = now
