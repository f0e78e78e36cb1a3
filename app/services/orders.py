"""Orders: placing, finding, moving on, taking back, and the end of those that were not paid in time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.cursors import Cursors
from app.errors import Busy, Conflict, Forbidden, Invalid, NotFound, Stale
from app.schemas.base import image_url
from app.schemas.orders import (
    HOLD_ENDED,
    CancellationIn,
    ContactOut,
    DeliveryOut,
    OrderIn,
    OrderLineOut,
    OrderOut,
    OrderPage,
    OrderPatch,
    OrdersQuery,
    PaymentOut,
    PaymentPatch,
    normal_phone,
)
from app.schemas.products import Money
from app.services.once import Keyed, Once, once
from app.services.order_book import MOVES, Changed, Wanted, already_ordered, move, sell, set_payment
from app.services.order_effects import empty_cart, is_cart_behind, tell
from app.services.payments import make_methods, require_method
from app.services.pricing import PriceBook
from app.settings import Settings
from db.database import Databases, Done
from db.queries import carts as cart_queries
from db.queries import orders as queries
from db.queries.orders import OrderFilter

logger = logging.getLogger(__name__)

RIGHT = "orders"
EFFECTS_S = 2.0
"""How long an answer waits for its effects. Those that are late come by the relay."""
HOT_LIMIT = 24
HOLDS_AT_ONCE = 50
LONGEST_WAIT_S = 30.0
"""Between two looks for holds that have ended: others may place orders, and clocks may be set."""


class OrderService:
    """Orders of customers, for themselves and for staff with the right."""

    def __init__(
        self,
        databases: Databases,
        settings: Settings,
        clock: Clock,
        prices: PriceBook,
        after_effects: Callable[[], Awaitable[object]],
    ) -> None:
        self._products, self._users = databases.products, databases.users
        self._clock, self._prices, self._after_effects = clock, prices, after_effects
        self._methods = make_methods(timedelta(hours=settings.order_hold_h))
        self._time_zone = ZoneInfo(settings.time_zone)
        self._cursors = Cursors(settings.secret)

    # Placing

    async def place(self, actor: Actor, form: OrderIn, keyed: Keyed) -> Once[OrderOut]:
        """Order what is in the cart: all of it, or the lines named.

        Raises:
            Invalid: a line that is not in the cart, or a way to pay that there is not.
            Conflict: ``reason`` already_ordered, cart_changed (with its ``version``), empty, price_changed (with
                ``total`` and ``lines``), or key_reused.
            OutOfStock: ``lines`` says of what fewer are left, and how many.
            Busy: the order before is still on its way out of the cart.
        """
        method = require_method(self._methods, form.payment.method)
        user_id = _id_of(actor)
        last, is_behind = await self._products.read(lambda connection: _look_back(connection, user_id), hot=True)
        if is_behind:
            await self._settle()
            last, is_behind = await self._products.read(lambda connection: _look_back(connection, user_id), hot=True)
        cart = await self._users.read(lambda connection: cart_queries.get_cart(connection, user_id), hot=True)

        def work(session: Session) -> Done[OrderOut]:
            now = self._clock.now()
            if queries.find_by_cart(session, user_id, form.cart_version) is not None:
                raise already_ordered(session, user_id, form.cart_version)
            if is_behind:
                raise Busy
            if queries.last_order_of(session.connection(), user_id) != last:  # the cart was read with its lines in it
                raise Conflict("The cart has changed since you looked.", reason="cart_changed")
            wanted = _wanted(form, *cart)
            changed = sell(
                session, user_id, form, wanted,
                now=now,
                day=now.astimezone(self._time_zone).date(),
                hold_until=method.hold_until(now),
                price_of=lambda row: self._prices.current_price(row, now).effective_minor,
                cart_version=form.cart_version,
            )  # fmt: skip
            empty_cart(session, user_id, {line.article: line.quantity for line in wanted})
            tell(session, changed.order, "placed")
            return self._done(session, actor, changed)

        placed = await self._products.write(once(keyed, OrderOut, self._clock.now(), work))
        await self._settle()
        return placed

    # Finding

    async def list_orders(self, actor: Actor, query: OrdersQuery) -> OrderPage:
        """A page of orders, newest first: the user's own, or everybody's for staff.

        Raises:
            BadRequest: the cursor is damaged or belongs to another filter.
            Forbidden: a filter that is for staff.
        """
        wanted = self._filter(actor, query)
        place = f"orders {wanted}"
        before = None if query.cursor is None else self._cursors.open(place, query.cursor)[1]

        def read(connection: Connection) -> OrderPage:
            rows = queries.list_orders(connection, wanted, before, query.limit + 1)
            shown = rows[: query.limit]
            items = self._out(connection, actor, shown)
            following = self._cursors.seal(place, (0, shown[-1].id)) if len(rows) > len(shown) else None
            return OrderPage(items=items, next=following)

        return await self._products.read(read, hot=actor.is_customer and query.limit <= HOT_LIMIT)

    async def get_order(self, actor: Actor, order_id: int) -> OrderOut:
        """One order. Raises NotFound: there is none, or it is somebody else's."""

        def read(connection: Connection) -> OrderOut:
            return self._out(connection, actor, [_access(actor, queries.get_order(connection, order_id))])[0]

        return await self._products.read(read, hot=True)

    # Moving on

    async def move_order(self, actor: Actor, order_id: int, form: OrderPatch, version: int) -> OrderOut:
        """A step further, by staff.

        Raises:
            NotFound. Stale: it was changed; ``version`` says what it is now.
            Conflict: ``reason`` status, and in ``legal`` where it may go from here.
        """

        def work(session: Session) -> Done[OrderOut]:
            order = _access(actor, queries.lock_order(session, order_id))
            if order.version != version:
                raise Stale(version=order.version)
            changed = move(session, order, form.status, actor, self._clock.now(), form.reason)
            tell(session, changed.order, form.status)
            return self._done(session, actor, changed)

        moved = await self._products.write(work)
        await self._settle()
        return moved

    async def cancel(self, actor: Actor, order_id: int, form: CancellationIn, keyed: Keyed | None) -> Once[OrderOut]:
        """Take an order back: its user until it is packed, staff until it is shipped. Its stock is there again.

        Raises:
            NotFound. Conflict: ``reason`` status: it is too late, or has been done.
        """

        def work(session: Session) -> Done[OrderOut]:
            order = _access(actor, queries.lock_order(session, order_id))
            if "cancelled" not in _moves(actor, order.status):
                raise Conflict(
                    f"An order that is {order.status} cannot be cancelled.",
                    reason="status", status_now=order.status, legal=_moves(actor, order.status),
                )  # fmt: skip
            changed = move(session, order, "cancelled", actor, self._clock.now(), form.reason)
            tell(session, changed.order, "cancelled")
            return self._done(session, actor, changed)

        cancelled = await self._products.write(once(keyed, OrderOut, self._clock.now(), work))
        await self._settle()
        return cancelled

    async def set_payment(self, actor: Actor, order_id: int, form: PaymentPatch, keyed: Keyed | None) -> Once[OrderOut]:
        """Note that an order was paid, or the money given back.

        Raises:
            NotFound. Conflict: ``reason`` payment, and in ``legal`` what may be noted.
        """

        def work(session: Session) -> Done[OrderOut]:
            order = _access(actor, queries.lock_order(session, order_id))
            changed = set_payment(session, order, form.status, actor, self._clock.now())
            tell(session, changed.order, form.status)
            return self._done(session, actor, changed)

        noted = await self._products.write(once(keyed, OrderOut, self._clock.now(), work))
        await self._settle()
        return noted

    # Holds

    async def run_holds(self) -> None:
        """For as long as the server runs: cancel what was not paid in time."""
        while True:
            wait_s = LONGEST_WAIT_S
            try:
                wait_s = await self.end_holds()
            except Exception:
                logger.exception("ending holds failed and will be tried again")
            await self._clock.sleep(wait_s)

    async def end_holds(self) -> float:
        """Cancel the orders whose hold has ended; returns in how many seconds to look again."""
        while ended := await self._products.read(
            lambda connection: queries.list_ended_holds(connection, self._clock.now(), HOLDS_AT_ONCE), hot=True
        ):
            for order_id in ended:
                await self._products.write(lambda session, one=order_id: self._end_hold(session, one), background=True)  # type: ignore[misc]
            await self._settle()
        following = await self._products.read(queries.next_hold, hot=True)
        if following is None:
            return LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, max(0.0, (following - self._clock.now()).total_seconds()))

    def _end_hold(self, session: Session, order_id: int) -> Done[None]:
        now = self._clock.now()
        order = queries.lock_order(session, order_id)
        if order is None or order.hold_until is None or order.hold_until > now:
            return Done(None)  # paid, packed or cancelled while we looked
        changed = move(session, order, "cancelled", None, now, HOLD_ENDED)
        tell(session, changed.order, "cancelled")
        return Done(None, changed.events)

    # Within

    def _done(self, session: Session, actor: Actor, changed: Changed) -> Done[OrderOut]:
        return Done(self._out(session.connection(), actor, [changed.order])[0], changed.events)

    async def _settle(self) -> None:
        """Try the effects elsewhere at once, so that whoever gets the answer finds them done."""
        try:
            async with asyncio.timeout(EFFECTS_S):
                await self._after_effects()
        except TimeoutError:
            pass  # it goes on by itself, however long it takes
        except Exception:  # whatever it was: what was asked for is done, and the answer must say so
            logger.exception("effects of an order are late and will be tried again")

    def _out(self, connection: Connection, actor: Actor, rows: Sequence[Any]) -> list[OrderOut]:
        lines: dict[int, list[Any]] = {row.id: [] for row in rows}
        for line in queries.list_lines(connection, list(lines)):
            lines[line.order_id].append(line)
        return [_order_out(row, lines[row.id], _moves(actor, row.status)) for row in rows]

    def _filter(self, actor: Actor, query: OrdersQuery) -> OrderFilter:
        if not actor.is_staff and (query.q is not None or query.user is not None):
            raise Forbidden("Only staff look for other people's orders.")
        number = phone = None
        if query.q is not None:
            phone = normal_phone(query.q)
            number, phone = (None, phone) if phone.lstrip("+").isdecimal() else (query.q.strip().upper(), None)
        user_id = query.user if actor.is_staff else _id_of(actor)
        return OrderFilter(user_id, query.status, query.payment_status, number, phone)


# Shapes and checks


def order_tag(order: OrderOut) -> str:
    """What an order's ETag says, and If-Match compares."""
    return str(order.version)


def _id_of(actor: Actor) -> int:
    assert actor.id is not None, "users have a row"
    return actor.id


def _look_back(connection: Connection, user_id: int) -> tuple[int, bool]:
    """The user's newest order, and whether what was ordered may still be in the cart: nobody shall order it twice."""
    return queries.last_order_of(connection, user_id), is_cart_behind(connection, user_id)


def _access(actor: Actor, order: Any) -> Any:
    """The one door: somebody else's order is as absent as one that never was."""
    if order is None or not (actor.is_staff or (actor.kind == "user" and order.user_id == actor.id)):
        raise NotFound
    return order


def _moves(actor: Actor, status: str) -> list[Any]:
    """Where this actor may move an order. A customer may take it back until somebody has packed it."""
    if actor.is_staff:
        return list(MOVES[status])
    return ["cancelled"] if status == "placed" else []


def _wanted(form: OrderIn, version: int, lines: Sequence[Any]) -> list[Wanted]:
    """The cart's lines that are to be ordered."""
    if version != form.cart_version:
        raise Conflict("The cart has changed since you looked.", reason="cart_changed", version=version)
    articles = {line.article for line in lines} if form.lines is None else set(form.lines)
    absent = articles - {line.article for line in lines}
    if absent:
        raise Invalid(
            errors=[
                {"pointer": f"/lines/{place}", "code": "not_in_cart", "detail": "This is not in the cart"}
                for place, article in enumerate(form.lines or ())
                if article in absent
            ]
        )
    if not articles:
        raise Conflict("The cart is empty.", reason="empty")
    return [
        Wanted(
            line.article, line.quantity, line.price_minor, line.source, line.chat_id, line.chat_seq,
            line.service_person_id,
        )
        for line in lines
        if line.article in articles
    ]  # fmt: skip


def _order_out(row: Any, lines: Sequence[Any], moves: list[Any]) -> OrderOut:
    return OrderOut(
        id=row.id,
        number=row.number,
        user_id=row.user_id,
        status=row.status,
        moves=moves,
        lines=[
            OrderLineOut(
                article=line.article,
                name=line.name,
                image=None if line.image is None else image_url(line.image),
                price=Money(amount=line.price_minor),
                quantity=line.quantity,
                total=Money(amount=line.price_minor * line.quantity),
                source=line.source,
            )
            for line in lines
        ],
        total=Money(amount=row.total_minor),
        contact=ContactOut(name=row.contact_name, phone=row.contact_phone, email=row.contact_email),
        delivery=DeliveryOut(method=row.delivery_method, address=row.delivery_address, note=row.delivery_note),
        payment=PaymentOut(
            method=row.payment_method, status=row.payment_status, paid_at=row.paid_at, hold_until=row.hold_until
        ),
        cancel_reason=row.cancel_reason,
        creation_time=row.creation_time,
        edit_time=row.edit_time,
        version=row.version,
    )
