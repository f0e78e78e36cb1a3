"""The rules of orders, inside one transaction of PRODUCTS: what is sold, what comes back, and what is counted where.

Everything that sells something or gives it back goes through `sell` and `move`, whether a customer, the staff, the end
of a hold or the demo does it. Stock, ledger, order and the days' sales change together or not at all.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.actor import Actor
from app.errors import Conflict, OutOfStock
from app.schemas.orders import OrderIn, PriceThen, Shortage
from app.schemas.products import Money
from app.services.history import record
from app.services.store_events import OrderChanged, ProductChanged
from db.queries import orders as queries
from db.queries.stock import Reason, move_stock

MOVES: Mapping[str, tuple[str, ...]] = {
    "placed": ("packed", "cancelled"),
    "packed": ("shipped", "cancelled"),
    "shipped": ("delivered", "returned"),
    "delivered": ("returned",),
    "cancelled": (),
    "returned": (),
}
"""Where an order may go from where it is."""
PAYMENTS: Mapping[str, tuple[str, ...]] = {"unpaid": ("paid",), "paid": ("refunded",), "refunded": ()}
DEEDS = {
    "packed": "pack_order",
    "shipped": "ship_order",
    "delivered": "deliver_order",
    "cancelled": "cancel_order",
    "returned": "return_order",
    "paid": "mark_paid",
    "refunded": "mark_refunded",
}
"""What the work history calls it."""
_GIVES_BACK: Mapping[str, Reason] = {"cancelled": "cancellation", "returned": "return"}

# Digits and letters that are not mistaken for each other, read out or typed (Crockford's base 32).
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_LETTERS = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line of the cart: what is wanted, the price of a piece when it was put there, and where it came from."""

    article: int
    quantity: int
    price_minor: int
    source: str = "shop"
    chat_id: int | None = None
    chat_seq: int | None = None
    service_person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """An order after a change, and what to tell of it."""

    order: Any
    events: list[OrderChanged | ProductChanged]


def sell(
    session: Session,
    user_id: int,
    form: OrderIn,
    wanted: Sequence[Wanted],
    *,
    now: datetime,
    day: date,
    hold_until: datetime | None,
    price_of: Callable[[Any], int],
    cart_version: int | None,
) -> Changed:
    """Make an order of ``wanted``.

    day: of ``now`` in the shop's time zone. price_of: what a piece of a product (a row) costs at ``now``.
    cart_version: of which an order is made only once; None if there was no cart.

    Raises:
        OutOfStock: fewer are left than wanted; ``lines`` says of what and how many.
        Conflict: ``reason`` price_changed, with ``total`` and every line's price then and now; already_ordered, with
            the order of that cart version.
    """
    products = {row.article: row for row in queries.lock_products(session, [line.article for line in wanted])}
    _require_left(products, wanted)
    prices = {article: price_of(row) for article, row in products.items()}
    total = sum(prices[line.article] * line.quantity for line in wanted)
    if total != form.expected_total.amount:
        _refuse_price(products, prices, wanted, total)
    order_id = queries.add_order(
        session,
        {
            "number": _new_number(session, day),
            "user_id": user_id,
            "cart_version": cart_version,
            "contact_name": form.contact.name,
            "contact_phone": form.contact.phone,
            "contact_email": form.contact.email,
            "delivery_method": form.delivery.method,
            "delivery_address": form.delivery.address,
            "delivery_note": form.delivery.note,
            "payment_method": form.payment.method,
            "hold_until": hold_until,
            "total_minor": total,
            "sold_on": day,
            "creation_time": now,
            "edit_time": now,
        },
    )
    if order_id is None:
        raise already_ordered(session, user_id, form.cart_version)
    queries.add_lines(session, [_line(order_id, line, products[line.article], prices) for line in wanted])
    sold = {products[line.article].id: line.quantity for line in wanted}
    for product_id in sorted(sold):
        left = move_stock(
            session, product_id, -sold[product_id], "order", now, sold=sold[product_id], order_id=order_id
        )
        assert left is not None, "the products are locked, and enough was left"
    sales = [
        (products[line.article].id, line.quantity, prices[line.article] * line.quantity) for line in wanted
    ]  # fmt: skip
    queries.add_sales(session, day, sales)
    queries.add_to_day(session, day, placed=1, revenue_minor=total)
    order = queries.lock_order(session, order_id)
    assert order is not None
    moved = [ProductChanged(row.article, row.rev + 1) for row in products.values()]
    return Changed(order, [OrderChanged(order.id, user_id, order.version), *moved])


def move(session: Session, order: Any, status: str, by: Actor | None, now: datetime, reason: str = "") -> Changed:
    """Take a locked order a step further. ``by`` None is the shop itself, when a hold ends.

    Raises:
        Conflict: not from here; ``legal`` says where it may go.
    """
    if status not in MOVES[order.status]:
        raise Conflict(
            f"An order that is {order.status} cannot be {status}.",
            reason="status", status_now=order.status, legal=list(MOVES[order.status]),
        )  # fmt: skip
    values: dict[str, Any] = {"status": status, "hold_until": None}  # who packs it unpaid waits no longer
    products: list[ProductChanged] = []
    if status in _GIVES_BACK:
        values["cancel_reason"] = reason
        products = _give_back(session, order, _GIVES_BACK[status], by, now)
    return _change(session, order, values, by, now, {"status": order.status}, DEEDS[status], products)


def set_payment(session: Session, order: Any, status: str, by: Actor, now: datetime) -> Changed:
    """Note that a locked order was paid, or its money given back.

    Raises:
        Conflict: not from here; ``legal`` says what may be noted.
    """
    legal = PAYMENTS[order.payment_status]
    if order.payment_status == "unpaid" and order.status in _GIVES_BACK:
        legal = ()
    if status not in legal:
        raise Conflict(
            f"An order that is {order.payment_status} cannot be {status}.",
            reason="payment", status_now=order.payment_status, legal=list(legal),
        )  # fmt: skip
    values: dict[str, Any] = {"payment_status": status, "hold_until": None}
    if status == "paid":
        values["paid_at"] = now
    return _change(session, order, values, by, now, {"payment_status": order.payment_status}, DEEDS[status])


def already_ordered(session: Session, user_id: int, cart_version: int) -> Conflict:
    """The refusal to order the same cart a second time."""
    found = queries.find_by_cart(session, user_id, cart_version)
    assert found is not None
    return Conflict("This cart has been ordered.", reason="already_ordered", order=found.id, number=found.number)


def _change(
    session: Session, order: Any, values: dict[str, Any], by: Actor | None, now: datetime, before: dict[str, Any],
    deed: str, products: Sequence[ProductChanged] = (),
) -> Changed:  # fmt: skip
    queries.set_order(session, order.id, now, values)
    if by is not None and by.is_staff:
        after = {name: values[name] for name in (*before, "cancel_reason") if values.get(name)}
        record(session, by, deed, "order", order.id, now, before=before, after=after)
    changed = queries.lock_order(session, order.id)
    assert changed is not None
    return Changed(changed, [OrderChanged(order.id, order.user_id, changed.version), *products])


def _give_back(session: Session, order: Any, reason: Reason, by: Actor | None, now: datetime) -> list[ProductChanged]:
    """The pieces go back to the shelf, and out of the day on which they were sold."""
    lines = queries.list_lines(session.connection(), [order.id])
    products = queries.lock_products(session, [line.article for line in lines])
    quantities = {line.product_id: line.quantity for line in lines}
    staff_id = by.id if by is not None and by.is_staff else None
    for product in products:
        quantity = quantities[product.id]
        move_stock(session, product.id, quantity, reason, now, sold=-quantity, order_id=order.id, staff_id=staff_id)
    taken = [(line.product_id, -line.quantity, -line.price_minor * line.quantity) for line in lines]
    queries.add_sales(session, order.sold_on, taken)
    queries.add_to_day(session, order.sold_on, cancelled=1, revenue_minor=-order.total_minor)
    return [ProductChanged(product.article, product.rev + 1) for product in products]


def _require_left(products: Mapping[int, Any], wanted: Sequence[Wanted]) -> None:
    short = []
    for line in wanted:
        row = products.get(line.article)
        left = row.remains if row is not None and row.status == "published" else 0  # what is not shown is not sold
        if left < line.quantity:
            name = "" if row is None else row.name
            short.append(Shortage(article=line.article, name=name, wanted=line.quantity, remains=left))
    if short:
        raise OutOfStock(lines=[line.model_dump() for line in short])


def _refuse_price(products: Mapping[int, Any], prices: Mapping[int, int], wanted: Sequence[Wanted], total: int) -> None:
    lines = [
        PriceThen(
            article=line.article, name=products[line.article].name, quantity=line.quantity,
            then=Money(amount=line.price_minor), now=Money(amount=prices[line.article]),
        )
        for line in wanted
    ]  # fmt: skip
    raise Conflict(
        "Prices have changed since you looked.", reason="price_changed",
        total=Money(amount=total).model_dump(), lines=[line.model_dump() for line in lines],
    )  # fmt: skip


def _line(order_id: int, line: Wanted, product: Any, prices: Mapping[int, int]) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "product_id": product.id,
        "article": line.article,
        "name": product.name,
        "image": product.images[0] if product.images else None,
        "price_minor": prices[line.article],
        "quantity": line.quantity,
        "source": line.source,
        "chat_id": line.chat_id,
        "chat_seq": line.chat_seq,
        "service_person_id": line.service_person_id,
    }


def _new_number(session: Session, day: date) -> str:
    """The day, and letters that tell nothing of the orders before and after."""
    while True:
        number = f"{day:%y%m%d}-" + "".join(secrets.choice(_LETTERS) for _ in range(_NUMBER_LETTERS))
        if not queries.has_number(session, number):
            return number
