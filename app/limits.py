"""How often somebody may do something: many token buckets in bounded memory, and the address of a client."""

from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import hdrs, web

from app.clock import Clock
from app.errors import RateLimited
from ws.limits import Rate, TokenBucket

MOST_KEYS = 50_000


class Throttle:
    """A bucket per key: per login name, per address. Beyond ``most_keys`` the one used least recently is forgotten."""

    def __init__(self, rate: Rate, clock: Clock, most_keys: int = MOST_KEYS) -> None:
        self._rate, self._clock, self._most_keys = rate, clock, most_keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def check(self, key: str) -> None:
        """Count one more for ``key``. Raises RateLimited when it is one too many."""
        now = self._clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, now)
            if len(self._buckets) > self._most_keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        wait_s = bucket.take(now)
        if wait_s:
            raise RateLimited(retry_after_ms=int(min(wait_s, 3600) * 1000) + 1)

    def give_back(self, key: str) -> None:
        """Do not count the last one for ``key`` after all."""
        if bucket := self._buckets.get(key):
            bucket.give_back()


def client_address(request: web.Request, trusted_proxies: tuple[str, ...]) -> str:
    """The address that a request comes from: the peer, or what trusted proxies say of theirs.

    X-Forwarded-For is read from the right, where our own proxies write, up to the first address that is not one of
    them; what stands further left the client may have made up.
    """
    address = request.remote or ""
    if trusted_proxies:
        networks = _networks(trusted_proxies)
        forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
        while hops and _is_within(address, networks):
            address = hops.pop()
    return address


def address_key(address: str) -> str:
    """What to count an address by: an IPv6 household has 2^64 of them, so their network stands for them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return str(IPv6Network((int(parsed), 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(proxy, strict=False) for proxy in proxies)


def _is_within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
