"""What one can watch of the store, and what one is shown of it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import ApiModel, Id, OutModel
from app.schemas.carts import CartOut
from app.schemas.orders import PaymentStatus, Status
from app.schemas.products import Money, ProductStatus, PromotionRef

MOST_WATCHED = 100


class WatchIn(ApiModel):
    """What somebody wants to hear of, all of it: what was watched before and is not here is watched no more."""

    products: Annotated[list[Id], Field(max_length=MOST_WATCHED)] = Field([])
    cart: bool = False
    customer: Id | None = None
    orders: bool = False
    catalogue: bool = False


class ProductState(OutModel):
    """What changes about a product while somebody looks at it: price and stock, as its card shows them."""

    article: int
    status: ProductStatus
    price: Money
    old_price: Money | None
    promotion: PromotionRef | None
    valid_until: datetime | None
    in_stock: bool
    remains: int
    version: int
    rev: int


class ProductGone(OutModel):
    """A product that is no longer shown to everybody."""

    article: int
    status: Literal["archived"] = "archived"


class OrderState(OutModel):
    """How far an order is."""

    id: int
    number: str
    user_id: int
    status: Status
    payment_status: PaymentStatus
    version: int


class StoreOut(OutModel):
    """Everything that is watched, as it is at ``time``. What was not asked for is null."""

    products: list[ProductState] = Field(description="Those of the products asked for that the asker may see.")
    cart: CartOut | None
    orders: list[OrderState] | None = Field(description="The newest ones, newest first.")
    catalogue: int | None
    time: datetime
