"""What a piece costs: the one rounding rule, and the one place that writes effective prices."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.actor import Actor
from app.services.store_events import ProductChanged
from db.queries import prices as queries
from db.queries.products import raise_epoch


def discounted(price_minor: int, discount_bp: int) -> int:
    """What one piece costs after the discount, in minor units, rounded half up. A line is this times the quantity."""
    return (price_minor * (10_000 - discount_bp) + 5_000) // 10_000


def reprice(
    session: Session, product_ids: Sequence[int], now: datetime, by: Actor | None = None
) -> list[ProductChanged]:
    """Put what these products cost now into their rows, and log what has changed.

    For every write that touches a price, a discount, or what decides about them; at most some hundreds at once.
    """
    changed, logged, events = [], [], []
    for row in queries.list_priced(session, product_ids):
        effective = discounted(row.price_minor, row.discount_bp)
        if effective == row.effective_minor:
            continue
        changed.append({"wanted": row.id, "effective": effective, "until": None, "by": None})
        logged.append(
            {
                "product_id": row.id,
                "price_minor": row.price_minor,
                "effective_minor": effective,
                "service_person_id": by.id if by else None,
                "promotion_id": None,
            }
        )
        events.append(ProductChanged(row.article, row.rev + 1))
    queries.set_prices(session, changed)
    queries.add_price_log(session, logged, now)
    if changed:
        raise_epoch(session)
    return events
