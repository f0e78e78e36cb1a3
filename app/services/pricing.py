"""What a piece costs: the one rounding rule, the promotions that run, and the one place that writes effective prices.

The clock decides at read: whoever shows a price asks `PriceBook.current_price`. What stands in the rows serves lists,
which sort and filter by it; `app.services.boundaries` brings it up to date as promotions start and end.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.services.store_events import ProductChanged
from db.database import Database
from db.queries import prices as queries
from db.queries import promotions as promotion_queries
from db.queries.products import raise_epoch


def discounted(price_minor: int, discount_bp: int) -> int:
    """What one piece costs after the discount, in minor units, rounded half up. A line is this times the quantity."""
    return (price_minor * (10_000 - discount_bp) + 5_000) // 10_000


class Priced(Protocol):
    """What decides the price of a product: a row with these columns."""

    @property
    def article(self) -> int: ...
    @property
    def price_minor(self) -> int: ...
    @property
    def discount_bp(self) -> int: ...
    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def category_slug(self) -> str: ...
    @property
    def group_slug(self) -> str: ...


@dataclass(frozen=True)
class Reduction:
    """A promotion as far as prices go. It runs from ``starts_at`` up to, and no longer at, ``ends_at``."""

    id: int
    version: int
    name: str
    kind: str
    value: int
    scope: str
    targets: tuple[int | str, ...]
    priority: int
    starts_at: datetime
    ends_at: datetime

    @cached_property
    def json(self) -> dict[str, Any]:
        """As the rows of the products keep it that it reduces."""
        return {"id": self.id, "name": self.name, "ends_at": self.ends_at.isoformat()}

    def of(self, price_minor: int) -> int:
        """What a piece of this price costs under the promotion."""
        if self.kind == "percent":
            return discounted(price_minor, self.value)
        return max(0, price_minor - self.value)


@dataclass(frozen=True, slots=True)
class Price:
    """What a piece costs. ``promotion``: what made it so, if it is not the product's own price and discount.

    ``valid_until``: when the next promotion that touches the product starts or ends.
    """

    effective_minor: int
    promotion: Reduction | None = None
    valid_until: datetime | None = None

    @property
    def promotion_json(self) -> dict[str, Any] | None:
        return None if self.promotion is None else self.promotion.json


class Promotions:
    """Some promotions, found by what they touch. Never changes, so that any thread may ask."""

    def __init__(self, reductions: Iterable[Reduction] = ()) -> None:
        self.all = tuple(reductions)
        self.boundaries = sorted({moment for one in self.all for moment in (one.starts_at, one.ends_at)})
        self.digest = blake2b(repr([(one.id, one.version) for one in self.all]).encode(), digest_size=6).hexdigest()
        self._by_target: defaultdict[tuple[str, int | str | None], list[Reduction]] = defaultdict(list)
        for one in self.all:
            for target in one.targets if one.scope != "all" else (None,):
                self._by_target[one.scope, target].append(one)

    def next_boundary(self, now: datetime) -> datetime | None:
        """When the next of them starts or ends, after ``now``."""
        index = bisect_right(self.boundaries, now)
        return self.boundaries[index] if index < len(self.boundaries) else None

    def touching(self, row: Priced) -> Iterator[Reduction]:
        """Those in whose scope the product is, whenever they run; one may come twice, by two tags."""
        found = self._by_target
        yield from found.get(("all", None), ())
        yield from found.get(("products", row.article), ())
        yield from found.get(("categories", row.category_slug), ())
        yield from found.get(("groups", row.group_slug), ())
        for tag in row.tags:
            yield from found.get(("tags", tag), ())


def current_price(row: Priced, now: datetime, promotions: Promotions) -> Price:
    """What a piece costs at ``now``: the best single reduction counts, they do not add up.

    Between equal promotions the higher priority is named, then the older; the product's own discount goes before them.
    """
    best, winner, until = discounted(row.price_minor, row.discount_bp), None, None
    for one in promotions.touching(row) if promotions.all else ():
        if one.ends_at <= now:
            continue
        boundary = one.starts_at if one.starts_at > now else one.ends_at
        until = boundary if until is None else min(until, boundary)
        if one.starts_at > now:
            continue
        offered = one.of(row.price_minor)
        if offered < best or (offered == best and winner and (-one.priority, one.id) < (-winner.priority, winner.id)):
            best, winner = offered, one
    return Price(best, winner, until)


class PriceBook:
    """The promotions that run or will, held in memory: what the shop shows is right to the clock, however late a row.

    `refresh` after each change of a promotion; `app.services.boundaries` does it for those of other processes.
    """

    def __init__(self, products: Database, clock: Clock) -> None:
        self._products, self._clock = products, clock
        self.promotions = Promotions()

    def current_price(self, row: Priced, now: datetime) -> Price:
        """What a piece costs at ``now``; see `current_price`. May be called from any thread."""
        return current_price(row, now, self.promotions)

    def stamp(self, now: datetime) -> str:
        """Another text after each change of a promotion and each start or end: what a list's ETag needs to say."""
        promotions = self.promotions
        return f"{promotions.digest}{bisect_right(promotions.boundaries, now)}" if promotions.all else "0"

    async def refresh(self) -> None:
        """Read the promotions that have not ended."""
        now = self._clock.now()
        rows = await self._products.read(lambda connection: promotion_queries.list_since(connection, now), hot=True)
        self.promotions = _promotions(rows)


def price_in(session: Session, row: Priced, now: datetime) -> Price:
    """What a piece costs at ``now`` by the promotions that the transaction sees."""
    return current_price(row, now, _promotions(promotion_queries.list_since(session.connection(), now)))


def reprice(
    session: Session, product_ids: Sequence[int], now: datetime, by: Actor | None = None
) -> list[ProductChanged]:
    """Put what these products cost now into their rows, and log what has changed.

    For every write that moves or tags a product, and for promotions; at most some hundreds at once. `set_price` is for
    a price or discount. A boundary that passed unnoticed is logged as of its own time.
    """
    rows = queries.list_priced(session, product_ids)
    since = min((row.valid_until for row in rows if row.valid_until is not None), default=now)
    promotions = _promotions(promotion_queries.list_since(session.connection(), min(since, now)))
    changed, logged, events = [], [], []
    for row in rows:
        price, steps = _follow(row, now, promotions)
        kept = row.effective_minor, row.valid_until, row.promotion
        if (price.effective_minor, price.valid_until, price.promotion_json) == kept:
            continue
        changed.append((row.id, price.effective_minor, price.valid_until, price.promotion_json))
        logged += [_entry(row, step, moment, by) for moment, step in steps]
        events.append(ProductChanged(row.article, row.rev + 1))
    queries.set_prices(session, changed)
    queries.add_price_log(session, logged)
    if changed:
        raise_epoch(session)
    return events


def set_price(
    session: Session, product_id: int, price_minor: int, discount_bp: int, now: datetime, by: Actor | None = None
) -> list[ProductChanged]:
    """Give a product another price and discount of its own: effective price, log, epoch. ``version`` is the caller's.

    For every write that sets them.
    """
    return set_prices(session, {product_id: (price_minor, discount_bp)}, now, by)


def set_prices(
    session: Session, own: Mapping[int, tuple[int, int]], now: datetime, by: Actor | None = None
) -> list[ProductChanged]:
    """`set_price` for many products: their prices and discounts by id. At most some hundreds at once."""
    events = reprice(session, list(own), now)  # what the clock has changed is not this write's doing
    rows = queries.list_priced(session, list(own))
    differing = {row.id: own[row.id] for row in rows if (row.price_minor, row.discount_bp) != own[row.id]}
    if not differing:
        return events
    queries.set_own_prices(session, [(one, *values) for one, values in differing.items()])
    promotions = _promotions(promotion_queries.list_since(session.connection(), now))
    rows = queries.list_priced(session, list(differing))
    prices = [current_price(row, now, promotions) for row in rows]
    priced = list(zip(rows, prices, strict=True))
    columns = [(row.id, price.effective_minor, price.valid_until, price.promotion_json) for row, price in priced]
    queries.set_prices(session, columns)
    queries.add_price_log(session, [_entry(row, price, now, by) for row, price in priced])
    raise_epoch(session)
    others = [event for event in events if event.article not in {row.article for row in rows}]
    return [*others, *(ProductChanged(row.article, row.rev + 1) for row in rows)]


def _follow(row: Any, now: datetime, promotions: Promotions) -> tuple[Price, list[tuple[datetime, Price]]]:
    """The price at ``now``, and each price on the way there since the row was written, with its time."""
    steps: list[tuple[datetime, Price]] = []
    last, boundary = row.effective_minor, row.valid_until
    while True:
        moment = now if boundary is None else min(boundary, now)
        price = current_price(row, moment, promotions)
        if price.effective_minor != last:
            steps.append((moment, price))
            last = price.effective_minor
        if moment == now:
            return price, steps
        boundary = price.valid_until


def _entry(row: Any, price: Price, moment: datetime, by: Actor | None) -> tuple[Any, ...]:
    promotion_id = price.promotion.id if price.promotion else None
    return row.id, row.price_minor, price.effective_minor, moment, by.id if by else None, promotion_id


def _promotions(rows: Iterable[Any]) -> Promotions:
    return Promotions(
        Reduction(
            row.id, row.version, row.name, row.kind, row.value, row.scope, tuple(row.targets), row.priority,
            row.starts_at, row.ends_at,
        )
        for row in rows
    )  # fmt: skip
