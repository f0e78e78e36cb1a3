"""What the orders accept and send."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, EmailStr, Field, model_validator
from pydantic_core import PydanticCustomError

from app.schemas.base import ApiModel, Count, FilledText, Id, Line, OutModel, Text
from app.schemas.products import Money

Status = Literal["placed", "packed", "shipped", "delivered", "cancelled", "returned"]
DeliveryMethod = Literal["courier", "pickup", "post"]
PaymentMethod = Literal["on_delivery", "transfer", "online"]
PaymentStatus = Literal["unpaid", "paid", "refunded"]
LineSource = Literal["shop", "chat", "proposal"]

MOST_LINES = 200
HOLD_ENDED = "hold_ended"
"""The ``cancel_reason`` of an order that was not paid in time."""

_PHONE = re.compile(r"\+?[0-9]{5,15}", re.ASCII)
_PHONE_AT_HOME = re.compile(r"[78]([0-9]{10})", re.ASCII)
_PHONE_MARKS = str.maketrans("", "", " ()-.\u00a0")


def normal_phone(phone: str) -> str:
    """The number without what people put between its digits, +7 for 8; what is no number stays as it is."""
    digits = phone.translate(_PHONE_MARKS)
    if not _PHONE.fullmatch(digits):
        return phone
    at_home = _PHONE_AT_HOME.fullmatch(digits)
    return f"+7{at_home[1]}" if at_home else digits


def _require_phone(phone: str) -> str:
    normal = normal_phone(phone)
    if not _PHONE.fullmatch(normal):
        raise PydanticCustomError("phone", "This is no telephone number")
    return normal


class TotalIn(ApiModel):
    """An amount in minor units (kopecks for RUB), larger than any price may be."""

    amount: Count
    currency: Literal["RUB"] = "RUB"


class ContactIn(ApiModel):
    """Whom to ask for and how to reach them."""

    name: Annotated[FilledText, Field(max_length=200)]
    phone: Annotated[Line, Field(max_length=32), AfterValidator(_require_phone)] = Field(
        description="Digits, with spaces, brackets and dashes as one likes."
    )
    email: Annotated[EmailStr, Field(max_length=254)] | None = None


class DeliveryIn(ApiModel):
    """How it gets there. ``address`` is required unless the customer picks it up."""

    method: DeliveryMethod
    address: Annotated[Text, Field(max_length=500)] = ""
    note: Annotated[Text, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def _require_address(self) -> "DeliveryIn":
        if self.method != "pickup" and not self.address.strip():
            raise PydanticCustomError("address_missing", "Say where to deliver it")
        return self


class PaymentIn(ApiModel):
    """How it will be paid."""

    method: PaymentMethod


class OrderIn(ApiModel):
    """An order of what is in the cart, at the prices the customer has seen."""

    cart_version: Count = Field(description="`version` of the cart that the customer has seen.")
    lines: Annotated[list[Id], Field(min_length=1, max_length=MOST_LINES)] | None = Field(
        default=None, description="Articles of the cart's lines to order; all of them unless given."
    )
    expected_total: TotalIn = Field(description="The total that the customer has seen.")
    contact: ContactIn
    delivery: DeliveryIn
    payment: PaymentIn


class OrderPatch(ApiModel):
    """The next step of an order. ``reason`` is kept with a cancellation or return."""

    status: Status
    reason: Annotated[Line, Field(max_length=200)] = ""


class CancellationIn(ApiModel):
    """Why an order is taken back."""

    reason: Annotated[Line, Field(max_length=200)] = ""


class PaymentPatch(ApiModel):
    """What has happened to the money."""

    status: Literal["paid", "refunded"]


class OrdersQuery(ApiModel):
    """Query of the list of orders, newest first. ``cursor`` is ``next`` of the page before, with the same filter."""

    limit: int = Field(default=24, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200)
    status: Status | None = None
    payment_status: PaymentStatus | None = None
    q: Annotated[Line, Field(min_length=1, max_length=40)] | None = Field(
        default=None, description="Staff only: the order's number, or the telephone number of its contact."
    )
    user: Id | None = Field(default=None, description="Staff only: the orders of this customer.")


class OrderLineOut(OutModel):
    """A product as it was sold."""

    article: int
    name: str
    image: str | None = Field(description="Address of a picture.")
    price: Money = Field(description="What one piece cost.")
    quantity: int
    total: Money
    source: LineSource


class ContactOut(OutModel):
    name: str
    phone: str
    email: str | None


class DeliveryOut(OutModel):
    method: DeliveryMethod
    address: str
    note: str


class PaymentOut(OutModel):
    """Goes its own way beside the order's status."""

    method: PaymentMethod
    status: PaymentStatus
    paid_at: datetime | None
    hold_until: datetime | None = Field(description="When the order ends if it is not paid by then.")


class OrderOut(OutModel):
    """An order with its prices as sold: the total is the sum of the lines."""

    id: int
    number: str = Field(description="What people say on the telephone.")
    user_id: int
    status: Status
    moves: list[Status] = Field(description="Where the asker may move it from here.")
    lines: list[OrderLineOut]
    total: Money
    contact: ContactOut
    delivery: DeliveryOut
    payment: PaymentOut
    cancel_reason: str | None = Field(description=f"`{HOLD_ENDED}`: it was not paid in time.")
    creation_time: datetime
    edit_time: datetime
    version: int = Field(description="Rises with each change; what If-Match compares.")


class OrderPage(OutModel):
    """One page of orders; ``next`` is null on the last one."""

    items: list[OrderOut]
    next: str | None


class PriceThen(OutModel):
    """A line of a refused order: what a piece cost when it was put in the cart, and now."""

    article: int
    name: str
    quantity: int
    then: Money
    now: Money


class Shortage(OutModel):
    """A line of a refused order, of which fewer pieces are left than were wanted."""

    article: int
    name: str
    wanted: int
    remains: int
