"""How orders are paid: the methods that work here, and the place of one that does not yet.

A provider of online payments joins as one more `PaymentMethod` in `make_methods`. Its page is opened for an order that
has been placed; its signed callback is a route of its own, which checks the signature and then does what a member of
staff does for a transfer: `OrderService.set_payment`, under the callback's id as key, so that it counts once.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from app.errors import Invalid


class PaymentMethod(Protocol):
    """What an order must know of how it is paid."""

    def hold_until(self, placed: datetime) -> datetime | None:
        """Until when an order keeps its stock unpaid. None: its payment is not waited for."""


class OnDelivery:
    """Paid to the courier, at the counter or at the post office."""

    def hold_until(self, placed: datetime) -> datetime | None:
        return None


class Transfer:
    """Paid to the shop's account; staff note when it has come."""

    def __init__(self, hold: timedelta) -> None:
        self._hold = hold

    def hold_until(self, placed: datetime) -> datetime | None:
        return placed + self._hold


def make_methods(hold: timedelta) -> Mapping[str, PaymentMethod]:
    """The methods that work, by name. ``hold``: how long an order that is paid beforehand is waited for."""
    return {"on_delivery": OnDelivery(), "transfer": Transfer(hold)}


def require_method(methods: Mapping[str, PaymentMethod], name: str) -> PaymentMethod:
    """The method of that name. Raises Invalid: it is not configured in this shop."""
    if name not in methods:
        problem = {
            "pointer": "/payment/method",
            "code": "payment_unavailable",
            "detail": "This shop does not take payments this way",
        }
        raise Invalid(errors=[problem])
    return methods[name]
