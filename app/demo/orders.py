"""What the demo's customers have bought in the last weeks, by the very code that sells: stock and sales are right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.actor import Actor
from app.demo.generator import Goods
from app.demo.people import PEOPLE, Ids
from app.schemas.orders import ContactIn, DeliveryIn, DeliveryMethod, OrderIn, PaymentIn, PaymentMethod, TotalIn
from app.services.order_book import Wanted, move, sell, set_payment
from app.services.payments import make_methods
from app.services.pricing import discounted
from db.queries.orders import lock_order

CLERK = "anna"
CALM = 6
"""Pieces of a product from which on one may be bought without its running out."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order as it came to be. ``steps``: after how many hours it was what; "paid" and "refunded" are the money."""

    customer: str
    days: float
    goods: tuple[int, ...]  # quantities, each of another product
    delivery: DeliveryMethod
    address: str
    payment: PaymentMethod
    steps: tuple[tuple[float, str], ...] = ()
    reason: str = ""


PURCHASES = (
    Purchase("olga", 38, (1, 2), "courier", "Москва, ул. Лесная, 12, кв. 40", "on_delivery",
             ((3, "packed"), (22, "shipped"), (47, "delivered"), (47, "paid"))),
    Purchase("dmitry", 33, (1,), "post", "Тверь, Волжский проезд, 5", "transfer",
             ((5, "paid"), (20, "packed"), (44, "shipped"), (190, "delivered"))),
    Purchase("irina", 29, (2, 1, 1), "pickup", "", "on_delivery",
             ((2, "packed"), (21, "shipped"), (27, "delivered"), (27, "paid"))),
    Purchase("olga", 24, (1,), "courier", "Москва, ул. Лесная, 12, кв. 40", "on_delivery",
             ((4, "packed"), (23, "shipped"), (46, "delivered"), (46, "paid"), (120, "returned"), (121, "refunded")),
             "Не подошёл размер"),
    Purchase("sergey", 19, (1, 1), "post", "Казань, ул. Баумана, 33", "transfer",
             ((8, "paid"), (26, "packed"), (50, "shipped"), (210, "delivered"))),
    Purchase("irina", 15, (3,), "courier", "Москва, Ленинский пр-т, 70, кв. 8", "on_delivery",
             ((1, "cancelled"),), "Передумала"),
    Purchase("maria", 12, (1, 1), "courier", "Химки, ул. Мира, 3, кв. 15", "on_delivery",
             ((6, "packed"), (25, "shipped"), (50, "delivered"), (50, "paid"))),
    Purchase("dmitry", 8, (2,), "pickup", "", "on_delivery",
             ((3, "packed"), (20, "shipped"), (30, "delivered"), (30, "paid"))),
    Purchase("sergey", 4, (1, 2), "post", "Казань, ул. Баумана, 33", "transfer",
             ((7, "paid"), (24, "packed"), (48, "shipped"))),
    Purchase("olga", 2, (1,), "courier", "Москва, ул. Лесная, 12, кв. 40", "on_delivery", ((5, "packed"),)),
    Purchase("maria", 1, (1, 1, 1), "courier", "Химки, ул. Мира, 3, кв. 15", "transfer"),
    Purchase("irina", 0.1, (2,), "pickup", "", "on_delivery"),
)  # fmt: skip


def add_orders(
    session: Session, goods: Sequence[Goods], ids: Ids, now: datetime, zone: ZoneInfo, hold: timedelta
) -> int:
    """Write all purchases, the oldest first; returns how many. The products must be there already."""
    clerk = Actor("staff", ids.staff[CLERK], CLERK, "manager")
    methods = make_methods(hold)
    for number, purchase in enumerate(PURCHASES):
        placed = now - timedelta(days=purchase.days)
        wanted = _choose(purchase, goods, number)
        order = sell(
            session, ids.customers[purchase.customer], _form(purchase, wanted), wanted,
            now=placed,
            day=placed.astimezone(zone).date(),
            hold_until=methods[purchase.payment].hold_until(placed),
            price_of=lambda row: discounted(row.price_minor, row.discount_bp),
            cart_version=None,
        ).order  # fmt: skip
        for hours, step in purchase.steps:
            order, at = lock_order(session, order.id), placed + timedelta(hours=hours)
            if step in ("paid", "refunded"):
                set_payment(session, order, step, clerk, at)
            else:
                move(session, order, step, None if step == "cancelled" else clerk, at, purchase.reason)
    return len(PURCHASES)


def _choose(purchase: Purchase, goods: Sequence[Goods], number: int) -> list[Wanted]:
    """Products that were on sale by then and of which enough are left, others in each order."""
    age = timedelta(days=purchase.days)
    fitting = [one.row for one in goods if one.age > age and one.row["status"] == "published"]
    calm = [row for row in fitting if row["remains"] >= CALM]
    rows = [calm[(number * 17 + place * 5) % len(calm)] for place in range(len(purchase.goods))]
    return [
        Wanted(row["article"], quantity, discounted(row["price_minor"], row["discount_bp"]))
        for row, quantity in zip(rows, purchase.goods, strict=True)
    ]


def _form(purchase: Purchase, wanted: Sequence[Wanted]) -> OrderIn:
    person = next(person for person in PEOPLE if person.username == purchase.customer)
    return OrderIn(
        cart_version=0,
        expected_total=TotalIn(amount=sum(line.price_minor * line.quantity for line in wanted)),
        contact=ContactIn(name=person.display, phone="+7 900 000-00-00", email=person.email),
        delivery=DeliveryIn(method=purchase.delivery, address=purchase.address),
        payment=PaymentIn(method=purchase.payment),
    )
